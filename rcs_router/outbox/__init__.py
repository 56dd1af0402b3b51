"""Where messages wait and what became of them: the only writer of a transmission's status.

`enqueue` stores, `lease` claims and settles, `receipts` applies what providers say, `fallback` opens the next backend's
transmission, `deadline` does that for what cannot wait, `revoke` ends what is late or taken back, `silence` looks into
what nobody reports, `operate` does what a person decides.
"""

from rcs_router.outbox.deadline import divert, meet_deadlines, urgent_of
from rcs_router.outbox.enqueue import enqueue
from rcs_router.outbox.fallback import cancel_waiting, open_fallback
from rcs_router.outbox.lease import Move, claim, facts, reap, settle
from rcs_router.outbox.receipts import apply_receipts
from rcs_router.outbox.revoke import expire, expire_unsent, looked_up, revoke_answered
from rcs_router.outbox.silence import look

__all__ = [
    "Move",
    "apply_receipts",
    "cancel_waiting",
    "claim",
    "divert",
    "enqueue",
    "expire",
    "expire_unsent",
    "facts",
    "look",
    "looked_up",
    "meet_deadlines",
    "open_fallback",
    "reap",
    "revoke_answered",
    "settle",
    "urgent_of",
]
