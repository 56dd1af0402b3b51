"""For each provider: the shop's settings, the emulator's settings, and what a test must know about its API.

`example_project.providers` configures a shop and a provider for each other; this gives each alias an agent, bot
or account of its own.
"""

from dataclasses import dataclass
from typing import Any

from example_project.providers import AGENT, PROVIDERS
from example_project.providers import USERNAME as ACCOUNT
from rcs_backends.emulator import delivery as network
from rcs_backends.emulator.phones import Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import chain
from rcs_backends.emulator.wire.messente.store import MessenteStore
from rcs_router.models import Transmission

Json = dict[str, Any]
TWILIO_ACCOUNT = "AC" + "1" * 32
TWILIO_TOKEN = "acceptance-auth-token"
TWILIO_NUMBER = "+3725550000"


@dataclass(frozen=True)
class Side:
    """One wire for RCS. `send` is the name that a fault has for its one request."""

    name: str
    send: str
    second: bool = True  # may the provider have two agents of ours?
    finds_us: bool = True  # does a report find its message when the answer to send() was lost?
    signs: bool = True  # a changed webhook is noticed
    expires: bool = True  # the provider is told of the end of a message's time

    def backend(self, emulator: str, key: Json, alias: str, **options: Any) -> Json:
        """An entry of RCS_BACKENDS."""
        entry = PROVIDERS[self.name].backend(emulator, key)
        return {**entry, "OPTIONS": {**_named(entry["OPTIONS"], alias), **options}}

    def dials(self, webhook: str, alias: str) -> Json:
        """What the emulator must know of `alias`."""
        dials: Json = _named(PROVIDERS[self.name].dials(webhook), alias)
        return dials


SIDES = {
    side.name: side
    for side in (
        Side("google", "agentMessages"),
        Side("gsma", "messages", finds_us=False, signs=False),
        Side("messente", "omnimessage"),
        Side("rest", "messages", second=False, expires=False),
    )
}
TEXTS = ("kannel", "twilio")  # the wires for SMS
SEND = {"kannel": "sendsms", "twilio": "Messages"}


def _named(value: Any, alias: str) -> Any:
    """The agent, and the account, under the alias's name."""
    if isinstance(value, dict):
        return {_named(key, alias): _named(part, alias) for key, part in value.items()}
    return alias if value in (AGENT, ACCOUNT) else value


def twilio(emulator: str, **options: Any) -> Json:
    own = {
        "account_sid": TWILIO_ACCOUNT,
        "auth_token": TWILIO_TOKEN,
        "sender": TWILIO_NUMBER,
        "base_url": f"{emulator}twilio",
    }
    return {"BACKEND": "rcs_backends.twilio_sms.TwilioSMS", "OPTIONS": own | options}


def twilio_dials(webhook: str) -> Json:
    account = {"auth_token": TWILIO_TOKEN, "numbers": [TWILIO_NUMBER], "sms_url": webhook}
    return {"twilio": {"accounts": {TWILIO_ACCOUNT: account}, "callback_retries": 3}}


def merged(*dials: Json) -> Json:
    """Dials laid over each other, dict by dict."""
    result: Json = {}
    for some in dials:
        for key, value in some.items():
            old = result.get(key)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[key] = merged(old, value) if both else value
    return result


def expire(t: Transmission) -> None:
    """The time of a message is up by its provider's clock. Lock held."""
    if omnimessage := world.store(MessenteStore).omnimessages.get(t.provider_id):
        chain._time_out(omnimessage, omnimessage.legs[omnimessage.tried])
    else:
        network._expire(bubble(t))


def bubble(t: Transmission) -> Message:
    """The message on its phone; of wires whose id for it we know. Lock held."""
    messages = world.handset(t.connection.identity).messages
    return messages.get(t.provider_id) or messages[str(t.pk)]
