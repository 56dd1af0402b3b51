"""Google RBM: the addresses of its API, its dials, and how it tells an agent what a person does."""

from collections.abc import Callable

from django.urls import path, re_path

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google import files, rbm, request, webhooks
from rcs_backends.emulator.wire.google.request import API
from rcs_backends.emulator.wires import Delivered, Problem, Said, Wire

PHONE = "google/v1/phones/<str:phone>/"
AGENT_KEYS = {
    "webhook": str,
    "client_token": str,
    "launched": bool,
    "use_case": str,
    "testers": list,
    "service_account": str,
}
USE_CASES = ("otp", "transactional", "promotional", "multi")
FILE_SIZE = 248_113  # bytes, where the phone names none


class GoogleWire(Wire):
    """An agent's partner calls google/v1/…; what happens on phones is posted to the agent's webhook."""

    provider = "google"
    channel = "rcs"
    methods = ("agentMessages", "revoke", "agentEvents", "capabilities", "batchGet", "files")
    addresses = {
        "Google RBM (base_url)": "google/",
        "Google service account (key file)": "google/service-account.json",
    }
    dials: Json = {
        "agents": {},  # id → {webhook, client_token, launched, use_case, testers, service_account}; none: any id
        "webhook": "",  # the partner's own, for agents without one
        "client_token": "",
        "verify_tokens": True,  # False: no bearer token is asked for
        "token_life": 3599,  # seconds that a new access token is good for
        "strict_uuids": False,
        "strict_traffic": False,  # True: refuse a traffic type that the agent's use case does not allow
        "batch_minimum": False,  # True: users:batchGet refuses fewer than 500 numbers
        "region": "",  # us, europe or asia: users:batchGet refuses numbers of another one
        "action_tap_style": "full",  # full · event (type ACTION, eventId, no text) · bare (only postbackData)
        "unsubscribe_order": "message_first",  # or event_first
        "expiry": "revoked",  # revoked · revoke_failed · both (delivered all the same) · neither (no event)
        "revoke": "honest",  # honest · always_200 (as older documents say) · lost_race (200, delivered all the same)
    }
    open_dials = ("agents",)
    entries = {"agents": AGENT_KEYS}
    choices = {
        "region": ("", "us", "europe", "asia"),
        "action_tap_style": ("full", "event", "bare"),
        "unsubscribe_order": ("message_first", "event_first"),
        "expiry": ("revoked", "revoke_failed", "both", "neither"),
        "revoke": ("honest", "always_200", "lost_race"),
    }
    urlpatterns = (
        path("google/service-account.json", request.service_account),
        path("google/token", request.TokenApi().by_verb("token")),
        path(PHONE + "agentMessages", API.by_verb("agentMessages", POST=rbm.create_message)),
        path(PHONE + "agentMessages/<str:message_id>", API.by_verb("revoke", DELETE=rbm.delete_message)),
        path(PHONE + "agentEvents", API.by_verb("agentEvents", POST=rbm.create_event)),
        path(PHONE + "capabilities", API.by_verb("capabilities", GET=rbm.capabilities)),
        path("google/v1/users:batchGet", API.by_verb("batchGet", POST=rbm.batch_get)),
        path("google/v1/files", API.by_verb("files", POST=files.create)),
        path("google/upload/v1/files", API.by_verb("files", POST=files.upload)),
        path("google/files/<str:uid>", files.show, name="google-file"),
        re_path("^google/", API.unknown),
    )

    def check(self, dials: Json) -> None:
        for name, agent in dials["agents"].items():
            if agent.get("use_case", "multi") not in USE_CASES:
                raise Problem(f"google.agents.{name}.use_case must be one of {', '.join(USE_CASES)}.")

    def agents(self) -> list[str]:
        return list(world.config["google"]["agents"])

    def new_id(self) -> str:
        return webhooks.user_id()

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        agent, number = message.agent, message.number
        if said.kind == "action":
            webhooks.tapped_action(agent, number, said.label, said.postback)
            return
        build = CONTENT.get(said.kind)
        if build is None:
            raise Problem(f"Google has nothing like {said.kind}.")
        webhooks.said(agent, number, build(said), message.id, delivered)

    def typing(self, agent: str, number: str, active: bool) -> None:
        if active:  # that the person stops is not told
            webhooks.event(agent, number, "IS_TYPING")

    def subscription(self, agent: str, number: str, subscribed: bool) -> None:
        webhooks.event(agent, number, "SUBSCRIBE" if subscribed else "UNSUBSCRIBE")

    def subscription_comes_first(self) -> bool:
        return bool(world.config["google"]["unsubscribe_order"] == "event_first")

    def verify(self, agent: str) -> Json:
        return webhooks.verify(agent)


def _reply(said: Said) -> Json:
    return {"suggestionResponse": {"postbackData": said.postback, "text": said.label, "type": "REPLY"}}


def _file(said: Said) -> Json:
    payload = {
        "mimeType": said.media_type,
        "fileSizeBytes": said.size or FILE_SIZE,
        "fileName": said.name,
        "fileUri": said.url,
    }
    return {"userFile": {"payload": payload}}


CONTENT: dict[str, Callable[[Said], Json]] = {  # what a UserMessage holds, by what was said
    "text": lambda said: {"text": said.text},
    "reply": _reply,
    "file": _file,
    "audio": _file,
    "location": lambda said: {"location": {"latitude": said.latitude, "longitude": said.longitude}},
}


WIRE = GoogleWire()
