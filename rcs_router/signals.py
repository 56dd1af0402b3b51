"""What other code may listen to. Every signal is sent after the commit, by the process that made the change."""

from typing import Any

from django.dispatch import Signal

from rcs_router import database

message_sent = Signal()  # message: send() has stored it and its transmissions
transmission_failed = Signal()  # transmission, reason: it ended in review, failed or expired
receipt_received = Signal()  # transmission, receipt
incoming_received = Signal()  # message: it has been routed
interaction_received = Signal()  # message: a tap that answers one of our transmissions (`message.answers`)
# connection (models.Connection), active (bool; False: they have stopped), at (datetime by the provider, or None)
typing_received = Signal()
# connection (models.Connection, by which they are known from now on), others (list of Connection), contact
# (models.Contact, of them all), at (datetime by the provider, or None)
identities_linked = Signal()
file_reported = Signal()  # backend (alias), file (contract.FileReport): a file that the provider keeps for us
media_fetched = Signal()  # file (models.InboundFile): what a person sent lies in our own storage now
consent_changed = Signal()  # subject, brand, opted_out, source
backend_degraded = Signal()  # backend (alias), reason, until: an outage has begun; once for each
backend_recovered = Signal()  # backend (alias), since: the outage that began then is over
alarm = Signal()  # kind, backend (alias or empty), detail, since: trouble has begun; once for each
alarm_ended = Signal()  # kind, backend, since: it is over


def after_commit(signal: Signal, sender: Any, **kwargs: Any) -> None:
    """Send once what we know is true for others too. A receiver that raises is logged by Django and stops nobody."""
    if signal.receivers:
        database.on_commit(lambda: signal.send_robust(sender, **kwargs))
