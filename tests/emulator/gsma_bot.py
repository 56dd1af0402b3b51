"""A bot on the emulated MaaP platform, which sends for tests and keeps the platform's answers and events."""

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER, Receiver

ID, TOKEN, SECRET = "bot77", "tok-77", "hook-77"
ROOT = "/emulator/gsma/rcs/bot/v1"
TO = {"userContact": NUMBER}
TEXT = {"textMessage": "Your table is ready"}
URL = "https://shop.example/a"
REPLY = {"reply": {"displayText": "Yes", "postback": {"data": "yes"}}}


@dataclass
class Bot:
    """Calls the API as this bot."""

    client: Client
    id: str = ID
    token: str = TOKEN

    def call(self, verb: str, path: str, body: Any = None, **more: Any) -> Any:
        """`path` is below the bot's own."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.client.generic(
            verb,
            f"{more.pop('root', ROOT)}/{self.id}/{path}",
            body if isinstance(body, str) else "" if body is None else json.dumps(body),
            content_type=more.pop("content_type", "application/json"),
            headers=headers,
        )

    def send(self, message: Any = None, to: Any = None, **more: Any) -> Any:
        body = {"RCSMessage": TEXT if message is None else message, "messageContact": to or TO, **more}
        return self.call("POST", "messages", body)

    def sent(self, message: Any = None, to: Any = None, **more: Any) -> str:
        """Send what must be taken; its id."""
        answer = self.send(message, to, **more)
        assert answer.status_code == 202, answer.content
        return answer.json()["RCSMessage"]["msgId"]

    def status(self, message_id: str) -> str:
        return self.call("GET", f"messages/{message_id}/status").json()["RCSMessage"]["status"]

    def set_status(self, message_id: str, status: Any) -> Any:
        return self.call("PUT", f"messages/{message_id}/status", {"RCSMessage": {"status": status}})


def connected(client: Client, receiver: Receiver | None = None, **settings: Any) -> Bot:
    """A bot that is set up, with its webhook at the receiver."""
    webhook = {"webhook": f"{receiver.url}/maap", "webhook_secret": SECRET} if receiver else {}
    bot = {"token": TOKEN, "client_secret": "shh", **webhook, **settings}
    world.configure({"gsma": {"bots": {ID: bot, "other": {"token": "tok-other"}}}})
    return Bot(client)


def dial(**changes: Any) -> None:
    world.configure({"gsma": changes})


def reason(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal, which always says why."""
    found = answer.json()["reason"]
    assert found["text"]
    return answer.status_code, found["code"]


def events(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    """The first `count` events, in the order in which they came."""
    return [json.loads(request.body) for request in receiver.wait(count)[:count]]


def chips(*suggestions: Any) -> dict[str, Any]:
    return {**TEXT, "suggestedChipList": {"suggestions": list(suggestions)}}


def reply(label: str = "Yes", **more: Any) -> dict[str, Any]:
    return {"reply": {"displayText": label, **more}}


def action(group: str, name: str, fields: Any = None, *, label: str = "Do", data: str | None = "d") -> Any:
    postback = {} if data is None else {"postback": {"data": data}}
    return {"action": {group: {name: fields or {}}, "displayText": label, **postback}}


def card(layout: Any = None, **content: Any) -> dict[str, Any]:
    layout = {"cardOrientation": "VERTICAL"} if layout is None else layout
    return {"richcardMessage": {"message": {"generalPurposeCard": {"layout": layout, "content": content}}}}


def carousel(*cards: Any, width: Any = "MEDIUM_WIDTH") -> dict[str, Any]:
    inner = {"layout": {"cardWidth": width}, "content": list(cards)}
    return {"richcardMessage": {"message": {"generalPurposeCardCarousel": inner}}}
