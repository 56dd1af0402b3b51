"""Messente: the addresses of its API, its dials, and how it tells a client what a person says."""

from django.urls import path, re_path

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import callbacks, messages, phonebook, reports
from rcs_backends.emulator.wire.messente.request import LOOKUP, OMNICHANNEL, STATISTICS, unknown
from rcs_backends.emulator.wires import Delivered, Problem, Said, Wire

API = "messente/v1/"
ACCOUNT_KEYS = {
    "password": str,
    "shared_secret": str,  # that inbound messages are signed with
    "dlr_url": str,  # for what names none
    "mo_url": str,
    "rcs_sender": str,  # for RCS messages that name none
    "sender": str,  # likewise for every other channel
    "senders": list,  # which names may send; empty: any
}
OUTCOMES = ("delivered", "undeliv", "failed", "rejectd", "nack", "expired", "unknown")


class MessenteWire(Wire):
    """A client POSTs chains of channels to messente/v1/omnimessage; what becomes of them is posted to its dlr_url."""

    provider = "messente"
    channel = "rcs"
    methods = (
        "omnimessage",
        "omnimessages",
        "status",
        "cancel",
        "blacklist",
        "contacts",
        "groups",
        "statistics",
        "lookup",
    )
    addresses = {"Messente (url)": API}
    dials: Json = {
        "accounts": {  # user name → {password, shared_secret, dlr_url, mo_url, rcs_sender, sender, senders}
            "tester": {"password": "emu-pass", "shared_secret": "emu-shared-secret", "sender": "Messente"}
        },
        # what becomes of a message: unknown is shown, but never reported as delivered
        "rcs_outcome": "delivered",
        "sms_outcome": "delivered",
        "viber_outcome": "undeliv",
        "whatsapp_outcome": "undeliv",
        "err": 0,  # of an outcome that is a failure; 0: the usual one
        "late": False,  # True: a channel that timed out may still show its message
        "time_scale": 1.0,  # what validity, ttl and the time until time_to_send are multiplied by
    }
    open_dials = ("accounts",)
    entries = {"accounts": ACCOUNT_KEYS}
    choices = {f"{channel}_outcome": OUTCOMES for channel in ("rcs", "sms", "viber", "whatsapp")}
    urlpatterns = (
        path(API + "omnimessage", OMNICHANNEL.by_verb("omnimessage", POST=messages.send)),
        path(API + "omnimessages", OMNICHANNEL.by_verb("omnimessages", POST=messages.send_bulk)),
        path(
            API + "omnimessage/<str:omnimessage_id>/status",
            OMNICHANNEL.by_verb("status", GET=messages.status),
        ),
        path(API + "omnimessage/<str:omnimessage_id>", OMNICHANNEL.by_verb("cancel", DELETE=messages.cancel)),
        *phonebook.urlpatterns,
        path(API + "statistics/reports", STATISTICS.by_verb("statistics", POST=reports.statistics)),
        path(API + "hlr/sync", LOOKUP.by_verb("lookup", POST=reports.lookup)),
        re_path("^messente/", unknown),
    )

    def check(self, dials: Json) -> None:
        for name, account in dials["accounts"].items():
            if not all(isinstance(sender, str) for sender in account.get("senders", ())):
                raise Problem(f"messente.accounts.{name}.senders must be names.")
        if dials["err"] not in callbacks.ERRORS:
            raise Problem(f"messente.err must be one of {', '.join(map(str, callbacks.ERRORS))}.")

    def agents(self) -> list[str]:
        """Return the RCS senders that are set up."""
        accounts = world.config["messente"]["accounts"].values()
        named = [name for one in accounts for name in (one.get("rcs_sender"), *one.get("senders", ()))]
        return list(dict.fromkeys(name for name in named if name))

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        callbacks.said(message, said, delivered)


WIRE = MessenteWire()
