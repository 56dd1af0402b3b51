"""What a person can receive: a contact comes in, the phone's capabilities or the code of what it lacks goes out."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Handset, Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma import identities
from rcs_backends.emulator.wire.gsma.errors import MALFORMED, GsmaError
from rcs_backends.emulator.wire.gsma.schema import contact

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


def show(request: HttpRequest, bot_id: str, bot: Json) -> HttpResponse:
    """GET contactCapabilities. A phone without RCS, and a token that nobody has, are 404."""
    wanted = {name: value for name in ("userContact", "chatId") if (value := request.GET.get(name))}
    if len(wanted) != 1 or len(request.GET) != 1:
        raise GsmaError(MALFORMED, "Either userContact or chatId is needed, and nothing else.")
    if "userContact" in wanted:
        wanted["userContact"] = wanted["userContact"].replace(" ", "+", 1)  # a + that was not encoded
    contact(wanted, "")
    with world.change():
        number = identities.number_of(bot_id, wanted)
        if number is None:
            raise GsmaError("41110", "The user was not found.")
        handset = phone(number)
        if not handset.rcs:
            raise GsmaError("41200", "The user cannot be reached by RCS.")
        able = [name for name, feature in NEEDS.items() if feature is None or feature in handset.features]
    return JsonResponse({"capabilities": able})


def phone(number: str) -> Handset:
    """The phone with this number, or what it would be like; asking about a number makes no phone. Lock held."""
    return world.handsets.get(number) or Handset(number, rcs=world.config["default_rcs"])


def lacking(handset: Handset, message: Message) -> str:
    """The code of the first thing that this message needs and the phone has not; empty when it can be shown."""
    if not handset.rcs:
        return LACKING.get(message.kind, "41210")
    card = CARDS.get(message.kind)
    if card and card not in handset.features:
        return LACKING[message.kind]
    asks = any(one.kind == "request_location" for one in message.all_suggestions())
    return "41240" if asks and NEEDS["geolocationPush"] not in handset.features else ""
