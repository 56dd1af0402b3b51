"""Say what a person's phone can receive, and which code names what it lacks."""

from django.http import HttpRequest

from rcs_backends.emulator.phones import Handset, Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma.errors import MALFORMED, GsmaError
from rcs_backends.emulator.wire.gsma.schema import contact
from rcs_backends.emulator.wire.gsma.store import GsmaStore

NEEDS = {  # the API's names → what a phone of ours must have for it; None: every phone with RCS
    "chat": None,
    "fileTransfer": None,
    "videoCall": "ACTION_DIAL",
    "geolocationPush": "ACTION_SHARE_LOCATION",
    "callComposer": "ACTION_DIAL",
    "chatBotCommunication": "RICHCARD_STANDALONE",
}
LACKING = {"file": "41211", "audio": "41211", "card": "41212", "carousel": "41212"}  # by a message's kind
CARDS = {"card": "RICHCARD_STANDALONE", "carousel": "RICHCARD_CAROUSEL"}


def show(request: HttpRequest, bot_id: str, bot: Json) -> Json:
    """GET contactCapabilities. A phone without RCS, and a token that nobody has, are 404."""
    wanted = {name: value for name in ("userContact", "chatId") if (value := request.GET.get(name))}
    if len(wanted) != 1 or len(request.GET) != 1:
        raise GsmaError(MALFORMED, "Either userContact or chatId is needed, and nothing else.")
    if "userContact" in wanted:
        wanted["userContact"] = wanted["userContact"].replace(" ", "+", 1)  # a + that was not encoded
    contact(wanted, "")
    number = world.store(GsmaStore).number_of(bot_id, wanted)
    if number is None:
        raise GsmaError("41110", "The user was not found.")
    handset = world.known(number)
    if not handset.rcs:
        raise GsmaError("41200", "The user cannot be reached by RCS.")
    able = [name for name, feature in NEEDS.items() if feature is None or feature in handset.features]
    return {"capabilities": able}


def lacking(handset: Handset, message: Message) -> str:
    """Return the code of the first thing that the phone lacks for this message; empty when it can be shown."""
    if not handset.rcs:
        return LACKING.get(message.kind, "41210")
    card = CARDS.get(message.kind)
    if card and card not in handset.features:
        return LACKING[message.kind]
    asks = any(one.kind == "request_location" for one in message.all_suggestions())
    return "41240" if asks and NEEDS["geolocationPush"] not in handset.features else ""
