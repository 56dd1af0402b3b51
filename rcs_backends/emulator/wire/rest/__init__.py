"""The generic REST API: its address, its dials, and how it tells the client what a person does."""

from collections.abc import Callable, Mapping

from django.urls import path, re_path

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.rest import messages, webhooks
from rcs_backends.emulator.wire.rest.store import RestStore, conversation_of
from rcs_backends.emulator.wires import Delivered, Problem, Said, Wire

API = messages.RestApi()


class Rest(Wire):
    """The platform of the integration guide. It has no agents: one client sends, under the name of `sender`."""

    provider = "rest"
    methods = ("messages",)
    addresses: Mapping[str, str] = {"Generic REST (messages)": "rest/v1/messages"}
    dials: Json = {
        "tokens": ["emulator-token"],  # any of them is taken: two while one replaces the other
        "sender": "shop",  # what phones call the client
        "webhook": "",
        "webhook_secret": "emulator-secret",
        "conversations": {},  # conversationId → number; a number is its own conversation
        "own_fallback": True,  # False: a phone without RCS gets no SMS, and the message fails
        "rate": 0,  # requests a second; more are answered 429. 0: no limit
        "renamed": {},  # our field name → theirs, in requests, answers and webhooks
    }
    open_dials = ("conversations", "renamed")
    urlpatterns = (
        path("rest/v1/messages", API.by_verb("messages", POST=messages.create)),
        re_path("^rest/", API.unknown),
    )

    def check(self, dials: Json) -> None:
        if not all(isinstance(token, str) and token for token in dials["tokens"]):
            raise Problem("rest.tokens must be a list of strings.")
        for name in self.open_dials:
            if not all(isinstance(value, str) and value for value in dials[name].values()):
                raise Problem(f"rest.{name} must map names to strings.")
        if len(set(dials["renamed"].values())) < len(dials["renamed"]):
            raise Problem("rest.renamed gives two fields the same name.")

    def agents(self) -> list[str]:
        """Return the sender, once the client has a webhook."""
        dials = world.config["rest"]
        return [dials["sender"]] if dials["webhook"] else []

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        """Post an interaction. A tap or a form names the message that asked for it; everything else is new."""
        if said.kind not in INTERACTIONS:
            raise Problem("The REST platform does not tell of that.")
        kind, details = INTERACTIONS[said.kind]
        about = said.about.id if said.about else message.id
        sent = world.store(RestStore).sent.get(about)
        conversation = sent.conversation if sent else conversation_of(message.number)
        webhooks.interaction(conversation, message.number, about, kind, details(said), delivered)


def _tap(said: Said) -> Json:
    """Say what was tapped, and where it leads if it opens an address."""
    tapped = said.tapped() if said.kind == "action" else None
    uri = {"uri": tapped.detail["url"]} if tapped and tapped.kind == "open_url" else {}
    return {"action": {"postbackData": said.postback, "text": said.label, **uri}}


def _form(said: Said) -> Json:
    return {"form": {"postbackData": said.postback, "data": dict(said.data)}}


def _file(said: Said) -> Json:
    sized = {"sizeBytes": said.size} if said.size else {}
    return {"file": {"contentUrl": said.url, "mimeType": said.media_type, "fileName": said.name, **sized}}


def _location(said: Said) -> Json:
    label = {"label": said.text} if said.text else {}
    return {"location": {"latitude": said.latitude, "longitude": said.longitude, **label}}


INTERACTIONS: dict[str, tuple[str, Callable[[Said], Json]]] = {  # by what was said: interactionType, details
    "text": ("TEXT_RECEIVED", lambda said: {"text": said.text}),
    "reply": ("REPLY_TAPPED", _tap),
    "action": ("ACTION_TAPPED", _tap),
    "form": ("FORM_SUBMITTED", _form),
    "file": ("FILE_RECEIVED", _file),
    "audio": ("FILE_RECEIVED", _file),
    "location": ("LOCATION_RECEIVED", _location),
}
WIRE = Rest()
