"""Signals for other code. Every signal is sent after the commit, by the process that made the change."""

from typing import Any

from django.dispatch import Signal

from rcs_router import database

message_sent = Signal()  # message: send() has stored it and its transmissions
transmission_failed = Signal()  # transmission, reason: it went into review, failed or expired
receipt_received = Signal()  # transmission, receipt
incoming_received = Signal()  # message: it has been routed
interaction_received = Signal()  # message: a tap that answers one of our transmissions (`message.answers`)
# connection (models.Connection), active (bool; False: typing ended), at (datetime by the provider, or None)
typing_received = Signal()
# connection (models.Connection, the one used from now on), others (list of Connection), contact
# (models.Contact of all of them), at (datetime by the provider, or None)
identities_linked = Signal()
file_reported = Signal()  # backend (alias), file (contract.FileReport): a file that the provider keeps for us
media_fetched = Signal()  # file (models.InboundFile): a file that a person sent is now in our own storage
consent_changed = Signal()  # subject, brand, opted_out, source
backend_degraded = Signal()  # backend (alias), reason, until: an outage has begun; once per outage
backend_recovered = Signal()  # backend (alias), since: the outage that began at `since` is over
alarm = Signal()  # kind, backend (alias or empty), detail, since: a fault has begun; once per fault
alarm_ended = Signal()  # kind, backend, since: the fault is over


def after_commit(signal: Signal, sender: Any, **kwargs: Any) -> None:
    """Send `signal` once the change is committed. Django logs a receiver that raises, and calls the others."""
    if signal.receivers:
        database.on_commit(lambda: signal.send_robust(sender, **kwargs))
