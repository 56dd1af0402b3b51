"""Whatever comes in, the emulator answers in its own words: no request ends in a 500."""

from typing import Any

from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_backends.emulator.config import defaults
from rcs_backends.emulator.phones import Message, Suggestion
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wires import wires
from tests.emulator.conftest import HELLO, MESSAGES, NUMBER
from tests.searches import examples

# fmt: off
WORDS = (
    "contentMessage", "content_message", "text", "richCard", "standaloneCard", "carouselCard",
    "cardContents", "cardContent", "title", "media", "suggestions", "reply", "action", "postbackData",
    "dialAction", "phoneNumber", "openUrlAction", "url", "viewLocationAction", "latLong", "latitude",
    "longitude", "shareLocationAction", "createCalendarEventAction", "startTime", "endTime", "contentInfo",
    "fileUrl", "height", "uploadedRbmFile", "fileName", "ttl", "expireTime", "messageTrafficType",
    "eventType", "messageId", "users", "agentId", "number", "rcs", "online", "features", "on", "kind",
    "times", "rate", "seconds", "google", "agents", "kannel", "delivery_delay", "to", "via", "suggestion",
)
# fmt: on
VALUES = (
    "TRANSACTION",
    "600s",
    "2026-11-27T17:00:00Z",
    "https://a.example/",
    "files/x",
    "READ",
    "text",
    "tap",
    NUMBER,
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(VALUES)
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner)
    ),
    max_leaves=15,
)
quickly = settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PATHS = (
    f"{MESSAGES}?messageId=m1&agentId=acme",
    f"/emulator/google/v1/phones/{NUMBER}/agentEvents?eventId=e1&agentId=acme",
    "/emulator/google/v1/users:batchGet",
    "/emulator/google/v1/files",
    "/emulator/handsets/",
    f"/emulator/handsets/{NUMBER}/actions/",
    "/emulator/faults/",
)


@quickly
@given(path=st.sampled_from(PATHS), body=anything)
def test_any_json_is_answered(path: str, body: Any):
    world.forget(config=True)
    world.configure({"google": {"verify_tokens": False}})
    answer = Client().post(path, body, content_type="application/json")
    assert answer.status_code in (200, 400, 403, 404)
    assert answer.json()


@quickly
@given(content=anything)
def test_any_content_is_taken_or_refused(content: Any):
    world.configure({"google": {"verify_tokens": False}})
    answer = Client().post(PATHS[0], {**HELLO, "contentMessage": content}, content_type="application/json")
    assert answer.status_code in (200, 400)


@quickly
@given(changes=anything)
def test_any_dial_is_set_or_refused(changes: Any):
    world.forget(config=True)
    answer = Client().post("/emulator/config/", changes, content_type="application/json")
    assert answer.status_code in (200, 400)
    assert set(world.config) == set(defaults())


ACTIONS = (
    "text",
    "tap",
    "read",
    "type",
    "file",
    "location",
    "form",
    "subscribe",
    "unsubscribe",
    "typing",
    "dance",
)
FORM = {
    "id": "f1",
    "title": "T",
    "text": "",
    "submit": "Go",
    "postback": "p",
    "fields": [
        {"name": kind, "label": "", "type": kind, "required": False, "options": ["a", "1"]}
        for kind in ("text", "number", "email", "phone", "date", "select", "checkbox")
    ],
}
DETAILS = {
    "via": st.sampled_from(("rcs", "sms", *wires())) | leaves,
    "to": st.sampled_from(("acme", "x")) | leaves,
    "data": st.dictionaries(st.sampled_from([field["name"] for field in FORM["fields"]]), leaves) | leaves,
    **dict.fromkeys(("latitude", "longitude", "size", "seconds", "active", "audio", "label", "name"), leaves),
    **dict.fromkeys(("suggestion", "message", "media_type"), leaves),
    "url": st.just("https://a.example/b.mp3") | leaves,
    "text": leaves,
}


@quickly
@given(
    action=st.sampled_from(ACTIONS), details=st.fixed_dictionaries({}, optional=DETAILS), rcs=st.booleans()
)
def test_any_action_is_done_or_refused(action: str, details: dict[str, Any], rcs: bool):
    world.forget(config=True)
    with world.change():
        phone = world.handset(NUMBER)
        phone.rcs = rcs
        chip = Suggestion("Keep", "request_location", "p", {})
        shown = Message(
            "f1", "google", "acme", NUMBER, kind="form", form={**FORM}, suggestions=[chip], state="read"
        )
        phone.messages["f1"] = shown
    body = {"action": action, **details}
    answer = Client().post(f"/emulator/handsets/{NUMBER}/actions/", body, content_type="application/json")
    assert answer.status_code in (200, 400)
    assert answer.status_code == 200 or answer.json()["error"].endswith(".")
    assert Client().get(f"/emulator/handsets/{NUMBER}/messages/").status_code == 200


NAMES = ("to", "from", "text", "coding", "charset", "dlr-mask", "dlr-url", "validity", "priority", "udh")


@quickly
@given(
    query=st.dictionaries(
        st.sampled_from(NAMES), st.text(max_size=6) | st.sampled_from(("1", "2", "latin-1", "hex"))
    )
)
def test_any_sendsms_is_answered(query: dict[str, str]):
    basic = {"username": "tester", "password": "foobar", "to": NUMBER, "from": "1"}
    answer = Client().get("/emulator/kannel/cgi-bin/sendsms", {**basic, **query})
    assert answer.status_code in (202, 400)
    assert answer.content
