"""Twilio: the addresses of its Messages, its dials, and how it tells an account what a person writes."""

from django.urls import path, re_path

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import sms_text
from rcs_backends.emulator.wire.twilio import accounts, callbacks, messages
from rcs_backends.emulator.wire.twilio.store import VERSION, Record, new_sid, records
from rcs_backends.emulator.wires import Delivered, Problem, Said, Wire

ACCOUNT = f"twilio/{VERSION}/Accounts/<str:account>/"


API = messages.TwilioApi()


class Twilio(Wire):
    """SMS and MMS. Statuses go to each message's StatusCallback, what people write to their account's `sms_url`.

    Twilio's own confirmation of a STOP is not emulated, and neither are answers in TwiML.
    """

    provider = "twilio"
    channel = "sms"
    methods = ("Messages",)
    addresses = {"Twilio (base_url)": "twilio/"}
    dials: Json = {
        # sid → {auth_token, api_keys: {key: secret}, numbers: [who may send; none: anybody],
        # messaging_services: {sid: [numbers]}, sms_url}
        "accounts": {"AC" + "0" * 32: {"auth_token": "emulator-token"}},
        "outcome": "delivered",  # delivered · undelivered (after sent) · failed
        "error_code": 30003,  # what comes with undelivered and failed
        "link": "up",  # up · down (messages stay queued)
        "advanced_opt_out": True,  # False: STOP blocks all the same, but the webhook has no OptOutType
        "schedule_minimum": 300,  # seconds from now that SendAt must at least be
        "callback_retries": 0,  # how often a failed webhook is tried again, after 5 s times retry_scale
    }
    open_dials = ("accounts",)
    entries = {"accounts": accounts.KEYS}
    choices = {"outcome": ("delivered", "undelivered", "failed"), "link": ("up", "down")}
    urlpatterns = (
        path(ACCOUNT + "Messages.json", API.by_verb("Messages", POST=messages.create, GET=messages.page)),
        path(
            ACCOUNT + "Messages/<str:sid>.json",
            API.by_verb("Messages", GET=messages.fetch, POST=messages.update, DELETE=messages.delete),
        ),
        re_path("^twilio/", API.unknown),
    )

    def check(self, dials: Json) -> None:
        for sid, account in dials["accounts"].items():
            accounts.check(sid, account)

    def agents(self) -> list[str]:
        return accounts.senders()

    def is_up(self) -> bool:
        return bool(world.config["twilio"]["link"] == "up")

    def new_id(self) -> str:
        return new_sid()

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        """Tell a text, or a file by MMS. STOP and START also change the opt-out list."""
        if said.kind not in ("text", "file", "audio"):
            raise Problem("An SMS carries only text, an MMS files.")
        account = accounts.owner(message.agent)
        if not account:
            raise Problem(f"No account of Twilio listens at {message.agent}.")
        record = Record(
            message.id,
            account,
            message.agent,
            said.text,
            "received",
            sender=message.number,
            service=accounts.service_of(account, message.agent),
            direction="inbound",
            segments=sms_text.segments(said.text),
            media=[said.url] if said.url else [],
            message=message,
        )
        records()[record.sid] = record
        opt_out_type = callbacks.opt_out_type(account, message.agent, message.number, said.text)
        callbacks.incoming(record, opt_out_type, [said.media_type] * len(record.media), delivered)


WIRE = Twilio()
