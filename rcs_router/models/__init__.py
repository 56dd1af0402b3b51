"""The models: people, messages, events, stored webhooks, media, consent, capability checks and workers' state."""

from rcs_router.models.consent import Consent, ConsentRecord, Tally
from rcs_router.models.event import Event
from rcs_router.models.intake import StoredWebhook
from rcs_router.models.media import InboundFile
from rcs_router.models.message import PRIORITY, STOPPED_BY, TAKEN_OUT, Message, RevokeFor, Transmission
from rcs_router.models.people import Backend, Connection, Contact, first_connections
from rcs_router.models.question import Question
from rcs_router.models.state import Alarm, BackendMinute, BackendState, DrainSlot, LastRun

__all__ = [
    "PRIORITY",
    "STOPPED_BY",
    "TAKEN_OUT",
    "Alarm",
    "Backend",
    "BackendMinute",
    "BackendState",
    "Connection",
    "Consent",
    "ConsentRecord",
    "Contact",
    "DrainSlot",
    "Event",
    "InboundFile",
    "LastRun",
    "Message",
    "Question",
    "RevokeFor",
    "StoredWebhook",
    "Tally",
    "Transmission",
    "first_connections",
]
