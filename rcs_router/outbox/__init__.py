"""Where messages wait and what became of them: the only writer of a transmission's status.

`enqueue` stores, `lease` claims and settles, `receipts` applies what providers say, `fallback` opens the next road,
`revoke` ends what is late or taken back, `operate` does what a person decides.
"""

from rcs_router.outbox.enqueue import enqueue
from rcs_router.outbox.fallback import cancel_waiting, open_fallback
from rcs_router.outbox.lease import Move, claim, facts, reap, settle
from rcs_router.outbox.receipts import apply_receipts
from rcs_router.outbox.revoke import expire, expire_unsent, looked_up, revoke_answered

__all__ = [
    "Move",
    "apply_receipts",
    "cancel_waiting",
    "claim",
    "enqueue",
    "expire",
    "expire_unsent",
    "facts",
    "looked_up",
    "open_fallback",
    "reap",
    "revoke_answered",
    "settle",
]
