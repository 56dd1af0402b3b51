"""Send messages and track their status: the only writer of a transmission's status.

`enqueue` stores messages, `drain` sends them, and `lease` claims rows and settles them. `screening`, `policy` and
`pace` decide what may leave, what follows an error, and how fast. `receipts` applies what providers report. `fallback`
opens the next backend's transmission, and `deadline` does so for messages that cannot wait. `expiry`, `revoke` and
`silence` end late messages and ask about silent ones. `operate` does what a person decides.
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
