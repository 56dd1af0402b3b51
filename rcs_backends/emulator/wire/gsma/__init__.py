"""GSMA's MaaP API: the addresses of its endpoints, its dials, and how it tells a bot what a person does."""

from django.urls import re_path

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma import files, messages, people, request, webhooks
from rcs_backends.emulator.wire.gsma.request import API
from rcs_backends.emulator.wires import Delivered, Problem, Said, Wire

# A bot's id is one segment, but arrives decoded, and so may hold slashes; clients double those before it.
BOT = r"^gsma/+(?:rcs/+)?bot/+v1/+(?P<bot_id>[^/].*?)/"
BOT_KEYS = {
    "token": str,  # a fixed access token
    "client_id": str,  # for the token endpoint; the bot's id where there is none
    "client_secret": str,
    "webhook": str,
    "webhook_secret": str,  # the whole Authorization header of its webhooks
    "launched": bool,
    "testers": list,  # numbers that an unlaunched bot may write to
}


class GsmaWire(Wire):
    """A bot calls gsma/rcs/bot/v1/{botId}/…; what happens on phones is posted to the bot's webhook."""

    provider = "gsma"
    channel = "rcs"
    methods = ("messages", "status", "contactCapabilities", "files")
    addresses = {
        "GSMA MaaP (api_url)": "gsma/rcs/bot/v1",
        "GSMA MaaP token endpoint": "gsma/oauth2/v1/token",
    }
    dials: Json = {
        "bots": {},  # id → BOT_KEYS; none: any id, and any token that is not empty
        "webhook": "",  # of bots without one
        "webhook_secret": "",
        "token_life": 3600,  # seconds that a new access token is good for
        "put_status_answer": "204",  # or 200, with a body
        "text_limit": 2500,  # characters; GSMA sets none
        "carousel_limit": 10,  # cards; 12 in newer schemas
        "traffic_types": [],  # accepted besides the five known ones
        "both_identities": "accept",  # (the number counts) or refuse: userContact and chatId in one contact
        "client_ids": False,  # True: RCSMessage.msgId of a request becomes the message's id, once
        "unreachable": "failed",  # a phone without RCS: 202 and a failed status, or a 404
        "outcome": "delivered",  # or failed: every message
        "displayed_notifications": "always",  # asked: only after a tap on enableDisplayedNotifications
    }
    open_dials = ("bots",)
    entries = {"bots": BOT_KEYS}
    choices = {
        "put_status_answer": ("204", "200"),
        "both_identities": ("accept", "refuse"),
        "unreachable": ("failed", "404"),
        "outcome": ("delivered", "failed"),
        "displayed_notifications": ("always", "asked"),
    }
    actions = {"start": people.start, "alias": people.alias, "reset": people.reset}
    urlpatterns = (
        re_path(r"^gsma/+oauth2/+v1/+token$", API.by_verb("token", POST=request.token)),
        re_path(r"^gsma/files/(?P<file_id>[^/]+)$", files.content, name="gsma-file"),
        re_path(
            BOT + r"+messages/+(?P<message_id>[^/]+)/+status$",
            API.by_verb("status", GET=messages.show_status, PUT=messages.change_status),
        ),
        re_path(BOT + r"+messages(?:/+async)?$", API.by_verb("messages", POST=messages.create)),
        re_path(
            BOT + r"+contactCapabilities$", API.by_verb("contactCapabilities", GET=messages.show_capabilities)
        ),
        re_path(BOT + r"+files$", API.by_verb("files", POST=files.upload)),
        re_path(
            BOT + r"+files/+(?P<file_id>[^/]+)$",
            API.by_verb("files", GET=files.show, DELETE=files.delete),
        ),
        re_path(r"^gsma/", API.unknown),
    )

    def check(self, dials: Json) -> None:
        if not all(isinstance(one, str) for one in dials["traffic_types"]):
            raise Problem("gsma.traffic_types must hold strings.")

    def agents(self) -> list[str]:
        return list(world.config["gsma"]["bots"])

    def new_id(self) -> str:
        return webhooks.user_id()

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        people.say(message, said, delivered)

    def typing(self, agent: str, number: str, active: bool) -> None:
        people.typing(agent, number, active)

    def verify(self, agent: str) -> Json:
        return webhooks.verify(agent)


WIRE = GsmaWire()
