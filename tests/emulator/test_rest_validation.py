"""What the REST API takes and what it refuses: a table of bodies, faults first, and nothing ends in a 500."""

import json
from copy import deepcopy
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER
from tests.searches import examples

MESSAGES = "/emulator/rest/v1/messages"
TOKEN = {"Authorization": "Bearer emulator-token"}
BOOTS = "https://example.com/boots.jpg"
TIMES = {"startTime": "2026-12-01T10:00:00Z", "endTime": "2026-12-01T11:00:00Z"}
CARD = {
    "media": {"height": "MEDIUM", "contentUrl": BOOTS, "forceRefresh": False},
    "title": "Boots",
    "description": "Warm and dry",
    "suggestions": [{"action": {"text": "See details", "postbackData": "product_123"}}],
}
FORM = {
    "id": "sizes",
    "title": "Your size",
    "fields": [
        {"name": "size", "label": "Size", "type": "select", "required": True, "options": ["41", "42"]},
        {"name": "mail", "label": "E-mail", "type": "email"},
    ],
    "submitText": "Send",
    "postbackData": "sizes_7",
}


def post(client: Client, body: Any, headers: dict[str, str] | None = None, **more: Any) -> Any:
    return client.post(
        MESSAGES, body, content_type="application/json", headers=TOKEN if headers is None else headers, **more
    )


def wrapped(message: Any, **changes: Any) -> dict[str, Any]:
    body = {
        "conversationId": NUMBER,
        "messageId": "m1",
        "message": message,
        "fallbackText": "Boots",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def card(**changes: Any) -> dict[str, Any]:
    content = {name: value for name, value in {**CARD, **changes}.items() if value is not None}
    return {"richCard": {"standaloneCard": {"cardContent": content}}}


def carousel(count: int, **more: Any) -> dict[str, Any]:
    return {"richCard": {"carouselCard": {"cardContents": [{"title": "A"}] * count, **more}}}


def chip(**action: Any) -> dict[str, Any]:
    return {"text": "Hi", "suggestions": [{"action": {"text": "Go", "postbackData": "go", **action}}]}


def form(**changes: Any) -> dict[str, Any]:
    return {"form": {name: value for name, value in {**FORM, **changes}.items() if value is not None}}


def asked(**changes: Any) -> dict[str, Any]:
    return form(fields=[{"name": "a", "label": "A", "type": "text", **changes}])


REPLY = {"reply": {"text": "Yes", "postbackData": "yes"}}


@pytest.mark.parametrize(
    ("body", "blamed"),
    [
        ({}, "conversationId"),
        (wrapped({"text": "Hi"}, conversationId=None), "conversationId"),
        (wrapped({"text": "Hi"}, conversationId=7), "conversationId"),
        (wrapped({"text": "Hi"}, conversationId="a b"), "conversationId"),
        (wrapped({"text": "Hi"}, messageId=None), "messageId"),
        (wrapped({"text": "Hi"}, messageId=""), "messageId"),
        (wrapped({"text": "Hi"}, messageId="a/b"), "messageId"),
        (wrapped({"text": "Hi"}, messageId="m" * 201), "messageId"),
        (wrapped(None), "message"),
        (wrapped("Hi"), "message"),
        (wrapped({}), "message"),
        (wrapped({"suggestions": [REPLY]}), "message"),
        (wrapped({"text": "Hi"}, ttl=60), "ttl"),
        (wrapped({"text": "Hi"}, fallbackText=""), "fallbackText"),
        (wrapped({"text": "Hi"}, fallbackText=7), "fallbackText"),
        (wrapped(card(), fallbackText=None), "fallbackText"),
        (wrapped({"file": {"contentUrl": BOOTS}}, fallbackText=None), "fallbackText"),
        (wrapped(form(), fallbackText=None), "fallbackText"),
        (wrapped({"text": ""}), "message.text"),
        (wrapped({"text": None}), "message.text"),
        (wrapped({"text": "x" * 3073}), "message.text"),
        (wrapped({"text": "\ud800"}), "message.text"),
        (wrapped({"body": "Hi"}), "message.body"),
        (wrapped({"rich_card": card()["richCard"]}), "message.rich_card"),
        (wrapped({**card(), **form()}), "message.form"),
        (wrapped({"richCard": {}}), "message.richCard"),
        (wrapped({"richCard": {"standaloneCard": {}}}), "cardContent"),
        (wrapped({"richCard": {**card()["richCard"], **carousel(2)["richCard"]}}), "carouselCard"),
        (wrapped(card(title=None, description=None, media=None)), "cardContent"),
        (wrapped(card(title="x" * 201)), "cardContent.title"),
        (wrapped(card(description="x" * 2001)), "cardContent.description"),
        (wrapped(card(suggestions=[REPLY] * 5)), "cardContent.suggestions"),
        (wrapped(card(media={"height": "MEDIUM"})), "media.contentUrl"),
        (wrapped(card(media={"contentUrl": "boots.jpg"})), "media.contentUrl"),
        (wrapped(card(media={"contentUrl": "ftp://example.com/a"})), "media.contentUrl"),
        (wrapped(card(media={"contentUrl": BOOTS, "height": "HUGE"})), "media.height"),
        (wrapped(card(media={"contentUrl": BOOTS, "forceRefresh": "no"})), "media.forceRefresh"),
        (wrapped(card(media={"contentInfo": {"fileUrl": BOOTS}})), "media.contentInfo"),
        (wrapped(carousel(1)), "cardContents"),
        (wrapped(carousel(11)), "cardContents"),
        (wrapped(carousel(2, cardWidth="LARGE")), "cardWidth"),
        (wrapped({"text": "Hi", "suggestions": [REPLY] * 12}), "message.suggestions"),
        (wrapped({"text": "Hi", "suggestions": [{}]}), "suggestions[0]"),
        (wrapped({"text": "Hi", "suggestions": [{"reply": {"text": "x" * 26}}]}), "reply.text"),
        (wrapped({"text": "Hi", "suggestions": [{"reply": {"postbackData": "a"}}]}), "reply.text"),
        (
            wrapped({"text": "Hi", "suggestions": [{"reply": {"text": "A", "postback": "a"}}]}),
            "reply.postback",
        ),
        (wrapped(chip(postbackData="x" * 2049)), "action.postbackData"),
        (wrapped(chip(openUrlAction={"url": "no address"})), "openUrlAction.url"),
        (wrapped(chip(openUrlAction={"url": BOOTS, "application": "TAB"})), "openUrlAction.application"),
        (wrapped(chip(openUrlAction={"url": BOOTS}, dialAction={"phoneNumber": "1"})), "action.dialAction"),
        (wrapped(chip(dialAction={"phoneNumber": "call me"})), "dialAction.phoneNumber"),
        (wrapped(chip(viewLocationAction={})), "viewLocationAction"),
        (wrapped(chip(viewLocationAction={"latLong": {"latitude": 91, "longitude": 0}})), "latLong.latitude"),
        (
            wrapped(chip(viewLocationAction={"latLong": {"latitude": "1", "longitude": 0}})),
            "latLong.latitude",
        ),
        (wrapped(chip(viewLocationAction={"latLong": {"latitude": 1}})), "latLong.longitude"),
        (wrapped(chip(createCalendarEventAction=TIMES)), "createCalendarEventAction.title"),
        (wrapped(chip(createCalendarEventAction={**TIMES, "title": "A", "endTime": "noon"})), "endTime"),
        (wrapped(chip(shareLocationAction={"a": 1})), "shareLocationAction.a"),
        (wrapped({"file": {}}), "file.contentUrl"),
        (wrapped({"file": {"contentUrl": BOOTS, "mimeType": "jpeg"}}), "file.mimeType"),
        (wrapped({"file": {"contentInfo": {}}}), "file.contentInfo"),
        (wrapped(form(id=None)), "form.id"),
        (wrapped(form(title=None)), "form.title"),
        (wrapped(form(fields=[])), "form.fields"),
        (wrapped(form(fields=FORM["fields"] * 2)), "form.fields"),
        (wrapped(form(submitText="x" * 26)), "form.submitText"),
        (wrapped(asked(type="colour")), "fields[0].type"),
        (wrapped(asked(type="select")), "fields[0].options"),
        (wrapped(asked(type="select", options=[])), "fields[0].options"),
        (wrapped(asked(options=["a"])), "fields[0].options"),
        (wrapped(asked(required=1)), "fields[0].required"),
        (wrapped(asked(name="")), "fields[0].name"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_name(client: Client, body, blamed):
    answer = post(client, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert blamed in error["message"]
    assert not world.ledger.accepted


@pytest.mark.parametrize(
    "message",
    [
        {"text": "x" * 3072},
        {"text": "Hi", "suggestions": [REPLY] * 11},
        {"text": "See our new boots", **card()},
        card(suggestions=[REPLY] * 4),
        card(title=None, description=None),
        {"richCard": {"standaloneCard": {"cardContent": {"title": "A"}, "cardOrientation": "HORIZONTAL"}}},
        carousel(2, cardWidth="SMALL"),
        {**carousel(10), "suggestions": [REPLY]},
        {"file": {"contentUrl": BOOTS, "thumbnailUrl": BOOTS, "fileName": "b.jpg", "mimeType": "image/jpeg"}},
        form(),
        form(submitText=None, postbackData=None),
        *(asked(type=one) for one in ("number", "email", "phone", "date", "checkbox")),
        chip(),
        chip(
            openUrlAction={
                "url": BOOTS,
                "application": "WEBVIEW",
                "webviewViewMode": "TALL",
                "description": "Shop",
            }
        ),
        chip(dialAction={"phoneNumber": "+3726000000"}),
        chip(viewLocationAction={"latLong": {"latitude": 59.4, "longitude": 24}, "label": "Shop"}),
        chip(viewLocationAction={"query": "shoe shops"}),
        chip(createCalendarEventAction={**TIMES, "title": "Fitting", "description": "Bring socks"}),
        chip(shareLocationAction={}),
    ],
)
def test_what_keeps_the_rules_is_taken(client: Client, message):
    answer = post(client, wrapped(message))
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "QUEUED"
    assert len(world.ledger.accepted) == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b'{"a": NaN}', "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"{}", "text/plain"),
        (b"a=1", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_json_object_is_refused(client: Client, body, content_type):
    answer = client.generic("POST", MESSAGES, body, content_type, headers=TOKEN)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_body_larger_than_the_server_takes_is_refused(client: Client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert post(client, wrapped({"text": "x" * 2000})).status_code == 400


@pytest.mark.parametrize("verb", ["get", "put", "patch", "delete"])
def test_the_address_takes_post_only(client: Client, verb):
    answer = getattr(client, verb)(MESSAGES, headers=TOKEN)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("verb", "path"), [("get", "messages/m1"), ("delete", "messages/m1"), ("post", "other")]
)
def test_nothing_else_is_there(client: Client, verb, path):
    answer = getattr(client, verb)(f"/emulator/rest/v1/{path}", headers=TOKEN)
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic emulator-token"},
        {"Authorization": "emulator-token"},
        {"Authorization": "Bearer é"},
    ],
)
def test_a_token_must_be_there_and_known(client: Client, headers):
    answer = post(client, {}, headers)
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_two_tokens_are_good_while_one_replaces_the_other(client: Client):
    def statuses() -> list[int]:
        bodies = [wrapped({"text": "Hi"}, messageId=token) for token in ("old", "new")]
        return [
            post(client, body, {"Authorization": f"Bearer {body['messageId']}"}).status_code
            for body in bodies
        ]

    world.configure({"rest": {"tokens": ["old", "new"]}})
    assert statuses() == [200, 200]
    world.configure({"rest": {"tokens": ["new"]}})
    assert statuses() == [401, 200]


@pytest.mark.parametrize(
    "dials",
    [
        {"tokens": [7]},
        {"tokens": [""]},
        {"tokens": "a"},
        {"conversations": {"user_1": 7}},
        {"renamed": {"messageId": ""}},
        {"renamed": {"messageId": "id", "conversationId": "id"}},
        {"rate": -1},
        {"own_fallback": "no"},
        {"unknown": 1},
    ],
)
def test_a_dial_that_makes_no_sense_is_refused(client: Client, dials):
    answer = client.post("/emulator/config/", {"rest": dials}, content_type="application/json")
    assert answer.status_code == 400
    assert "rest" in answer.json()["error"]


# Fuzz

WORDS = (
    *("conversationId", "messageId", "message", "fallbackText", "text", "richCard", "standaloneCard"),
    *("carouselCard", "cardContents", "cardContent", "media", "contentUrl", "height", "suggestions", "reply"),
    *("action", "postbackData", "openUrlAction", "url", "dialAction", "phoneNumber", "viewLocationAction"),
    *("latLong", "latitude", "longitude", "query", "createCalendarEventAction", "startTime", "endTime"),
    *("shareLocationAction", "file", "form", "fields", "name", "label", "type", "options", "required"),
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from((NUMBER, "https://a.example/", "2026-11-27T17:00:00Z", "MEDIUM", "select"))
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


@quickly
@given(body=anything)
def test_any_body_is_answered(body: Any):
    answer = post(Client(), body)
    assert answer.status_code in (200, 400, 404)
    assert answer.json()


@quickly
@given(message=anything, fallback=leaves, conversation=leaves, renamed=st.booleans())
def test_any_message_is_taken_or_refused(message: Any, fallback: Any, conversation: Any, renamed: bool):
    world.forget(config=True)
    if renamed:
        world.configure({"rest": {"renamed": {"conversationId": "to"}}})
    body = {"conversationId": conversation, "messageId": "m1", "message": message, "fallbackText": fallback}
    assert post(Client(), body).status_code in (200, 400, 404)


@quickly
@given(data=st.data())
def test_a_good_message_with_one_thing_changed_is_answered(data: st.DataObject):
    """Changes one leaf or branch of a body that is right everywhere else, so that the fuzz comes deep."""
    body = wrapped(
        {"text": "Hi", **card(), "suggestions": [chip(openUrlAction={"url": BOOTS})["suggestions"][0]]}
    )
    place: Any = (body := deepcopy(body))
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(anything)
    world.forget(config=True)
    assert post(Client(), json.loads(json.dumps(body))).status_code in (200, 400, 404)
