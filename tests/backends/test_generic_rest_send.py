"""The generic REST API outwards: each content as its JSON, each answer as its result or error, a look-alike's names."""

import logging
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from rcs_backends.generic_rest import LIMITS, GenericREST, GenericRESTOptions
from rcs_backends.generic_rest.render import message
from rcs_router.content import (
    Audio,
    CalendarEvent,
    Card,
    Carousel,
    ComposeText,
    Content,
    Dial,
    File,
    Form,
    FormField,
    Location,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Suggestion,
    Text,
)
from rcs_router.contract import SendResult
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    ConfigError,
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreachable,
    Unreadable,
)
from tests.backends.cases import ID, PHONE, Outgoing, outbound
from tests.backends.stub import Behaviour, Stub, answer, cut, hang, raw

TOKEN = "rest-token-1"
SECRET = "rcs-secret"
NAME = {
    "name": f"conversations/{PHONE}/messages/{ID}",
    "createTime": "2024-12-27T10:30:00Z",
    "state": "QUEUED",
}


def rest(stub: Stub | None = None, **options: Any) -> GenericREST:
    given = {
        "url": f"{stub.url if stub else 'http://127.0.0.1:9'}/v1/messages",
        "token": TOKEN,
        "webhook_secret": SECRET,
        "timeout": 2.0,
    }
    return GenericREST("rest", GenericRESTOptions.read("rest", {**given, **options}))


def sent(stub: Stub, content: Any, *, options: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
    """The body of the request that goes out."""
    stub.script.append(answer(200, NAME))
    assert rest(stub, **(options or {})).send(outbound(content, **kwargs)).code == ""
    body: dict[str, Any] = stub.last().json
    return body


# Errors first.


def refusal(status: int, word: str = "", code: Any = None, **headers: str) -> Behaviour:
    error = {"code": code or status, "status": word, "message": f"about {PHONE} and Your code is 482913"}
    return answer(status, {"error": error}, **headers)


FAILURES: list[tuple[Behaviour, type[SendError], str]] = [
    (refusal(400, "INVALID_ARGUMENT"), Refused, "refused"),
    (refusal(400, "DEVICE_NOT_SUPPORTED"), Unreachable, "device_not_supported"),
    (refusal(400, "RCS_NOT_SUPPORTED"), Unreachable, "rcs_not_supported"),
    (refusal(403, "RCS_DISABLED"), Unreachable, "rcs_disabled"),
    (refusal(400, "", "RCS_DISABLED"), Unreachable, "rcs_disabled"),
    (refusal(400, "INVALID_PHONE_NUMBER"), BadAddress, "invalid_phone_number"),
    (refusal(401, "UNAUTHENTICATED"), Misconfigured, "misconfigured"),
    (refusal(403, "PERMISSION_DENIED"), Forbidden, "forbidden"),
    (refusal(404, "NOT_FOUND"), Unreachable, "unreachable"),
    (refusal(409, "ALREADY_EXISTS"), Refused, "id_reused"),
    (refusal(429, "RESOURCE_EXHAUSTED"), Throttled, "throttled"),
    (refusal(500, "INTERNAL"), Unavailable, "unavailable"),
    (refusal(503, "UNAVAILABLE"), Unavailable, "unavailable"),
    (answer(400, "<html>no JSON</html>"), Unavailable, "not_the_provider"),
    (answer(404, "404 page not found"), Unavailable, "not_the_provider"),
    (answer(404), Unreachable, "unreachable"),
    (answer(400, "[]"), Refused, "refused"),
    (answer(400, {"error": "a word"}), Refused, "refused"),
    (answer(302, "", Location="https://elsewhere.example/"), Misconfigured, "misconfigured"),
    (hang, Ambiguous, "ambiguous"),
    (cut, Ambiguous, "ambiguous"),
    (
        answer(200, {"state": "FAILED", "error": {"code": "INVALID_PHONE_NUMBER"}}),
        BadAddress,
        "invalid_phone_number",
    ),
    (answer(200, {"state": "FAILED", "error": {"code": "RCS_DISABLED"}}), Unreachable, "rcs_disabled"),
    (answer(200, {"state": "FAILED", "error": {"code": 17, "message": "carrier"}}), Unavailable, "failed"),
    (answer(200, {**NAME, "state": "FAILED"}), Unavailable, "failed"),
]


@pytest.mark.parametrize(("behaviour", "kind", "code"), FAILURES)
def test_failure(stub: Stub, behaviour: Behaviour, kind: type[SendError], code: str) -> None:
    stub.default = behaviour
    with pytest.raises(SendError) as caught:
        rest(stub, timeout=0.4).send(outbound(Text("x")))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(stub.requests) == 1


def test_no_connection() -> None:
    with pytest.raises(Unavailable):
        rest().send(outbound(Text("x")))


def test_retry_after_is_told(stub: Stub) -> None:
    stub.script.append(refusal(429, "RESOURCE_EXHAUSTED", Retry_After="7"))
    with pytest.raises(Throttled) as caught:
        rest(stub).send(outbound(Text("x")))
    assert caught.value.retry_after == 7


def test_nothing_secret_is_told(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {
        "error": {"status": "INVALID_ARGUMENT", "message": f"{TOKEN} {SECRET} {PHONE} Your code is 482913"}
    }
    stub.script.append(answer(400, echo))
    backend = rest(stub)
    with pytest.raises(Refused) as caught:
        backend.send(outbound(Text("Your code is 482913")))
    assert "invalid_argument" in caught.value.detail
    told = f"{caught.value!r}{caplog.text}{backend!r}{backend.options!r}"
    for hidden in (TOKEN, SECRET, "55501234", "482913"):
        assert hidden not in told


def test_stale_connection_is_repeated_since_the_platform_drops_repeats(stub: Stub) -> None:
    stub.script.extend([answer(200, NAME), cut, answer(200, NAME)])
    backend = rest(stub)
    backend.send(outbound(Text("x")))
    assert backend.send(outbound(Text("x"))) == SendResult()
    assert [request.json["messageId"] for request in stub.requests] == [str(ID)] * 3


# The request.

KEEP = Reply("Keep", "product_123")
KEEP_JSON = {"reply": {"text": "Keep", "postbackData": "product_123"}}
CHIPS: list[tuple[Suggestion, dict[str, Any]]] = [
    (KEEP, KEEP_JSON),
    (Reply("Yes"), {"reply": {"text": "Yes", "postbackData": "Yes"}}),
    (
        OpenUrl("See details", "product_123", url="https://example.com/p"),
        {
            "action": {
                "text": "See details",
                "postbackData": "product_123",
                "openUrlAction": {"url": "https://example.com/p"},
            }
        },
    ),
    (
        OpenUrl(
            "Edit",
            "e",
            url="https://b.example",
            application="webview",
            webview_size="tall",
            description="Form",
        ),
        {
            "action": {
                "text": "Edit",
                "postbackData": "e",
                "openUrlAction": {
                    "url": "https://b.example",
                    "application": "WEBVIEW",
                    "webviewViewMode": "TALL",
                    "description": "Form",
                },
            }
        },
    ),
    (
        Dial("Call", "c", phone="1011"),
        {"action": {"text": "Call", "postbackData": "c", "dialAction": {"phoneNumber": "1011"}}},
    ),
    (
        ShowLocation("Map", "m", latitude=59.437, longitude=24.7536, place="Bistro"),
        {
            "action": {
                "text": "Map",
                "postbackData": "m",
                "viewLocationAction": {
                    "latLong": {"latitude": 59.437, "longitude": 24.7536},
                    "label": "Bistro",
                },
            }
        },
    ),
    (
        ShowLocation("Map", "m", query="pharmacy"),
        {"action": {"text": "Map", "postbackData": "m", "viewLocationAction": {"query": "pharmacy"}}},
    ),
    (
        RequestLocation("Send mine", "loc"),
        {"action": {"text": "Send mine", "postbackData": "loc", "shareLocationAction": {}}},
    ),
    (
        CalendarEvent(
            "Add",
            "cal",
            start=datetime(2026, 11, 27, 19, tzinfo=timezone(timedelta(hours=2))),
            end=datetime(2026, 11, 27, 19, tzinfo=UTC),
            title="Dinner",
            description="For two",
        ),
        {
            "action": {
                "text": "Add",
                "postbackData": "cal",
                "createCalendarEventAction": {
                    "startTime": "2026-11-27T17:00:00Z",
                    "endTime": "2026-11-27T19:00:00Z",
                    "title": "Dinner",
                    "description": "For two",
                },
            }
        },
    ),
]
BOOTS = Media("https://example.com/boots.jpg")
BOOTS_JSON = {"height": "MEDIUM", "contentUrl": "https://example.com/boots.jpg", "forceRefresh": False}
CASES = [
    Outgoing("text", Text("Hi é 😀"), {"text": "Hi é 😀"}),
    Outgoing("text with a chip", Text("Hi", (KEEP,)), {"text": "Hi", "suggestions": [KEEP_JSON]}),
    Outgoing(
        "the guide's card",
        Card("Boots", "Warm and dry", BOOTS, (KEEP,)),
        {
            "richCard": {
                "standaloneCard": {
                    "cardContent": {
                        "media": BOOTS_JSON,
                        "title": "Boots",
                        "description": "Warm and dry",
                        "suggestions": [KEEP_JSON],
                    }
                }
            }
        },
    ),
    Outgoing(
        "horizontal card with chips below",
        Card("Boots", media=BOOTS, orientation="horizontal", alignment="right", chips=(KEEP,)),
        {
            "richCard": {
                "standaloneCard": {
                    "cardOrientation": "HORIZONTAL",
                    "thumbnailImageAlignment": "RIGHT",
                    "cardContent": {"media": BOOTS_JSON, "title": "Boots"},
                }
            },
            "suggestions": [KEEP_JSON],
        },
    ),
    Outgoing(
        "carousel",
        Carousel(
            (
                Card(
                    "A",
                    media=Media("https://e.example/a.mp4", "tall", thumbnail_url="https://e.example/a.jpg"),
                ),
                Card("B", suggestions=(KEEP,)),
            ),
            (KEEP,),
        ),
        {
            "richCard": {
                "carouselCard": {
                    "cardWidth": "MEDIUM",
                    "cardContents": [
                        {
                            "media": {
                                "height": "TALL",
                                "contentUrl": "https://e.example/a.mp4",
                                "thumbnailUrl": "https://e.example/a.jpg",
                                "forceRefresh": False,
                            },
                            "title": "A",
                        },
                        {"title": "B", "suggestions": [KEEP_JSON]},
                    ],
                }
            },
            "suggestions": [KEEP_JSON],
        },
    ),
    Outgoing(
        "file",
        File(
            "https://e.example/m.pdf",
            name="Menu.pdf",
            media_type="application/pdf",
            thumbnail_url="https://e.example/t.jpg",
            force_refresh=True,
            suggestions=(KEEP,),
        ),
        {
            "file": {
                "contentUrl": "https://e.example/m.pdf",
                "thumbnailUrl": "https://e.example/t.jpg",
                "forceRefresh": True,
                "fileName": "Menu.pdf",
                "mimeType": "application/pdf",
            },
            "suggestions": [KEEP_JSON],
        },
    ),
    Outgoing(
        "file of which nothing more is known",
        File("https://e.example/m.pdf"),
        {"file": {"contentUrl": "https://e.example/m.pdf", "forceRefresh": False}},
    ),
    Outgoing(
        "form",
        Form(
            "Your size",
            (
                FormField("size", "Size", "select", options=("M", "L"), required=True),
                FormField("mail", "Mail", "email"),
            ),
            text="We keep it for you",
            name="size_form",
            postback="size_1",
            submit="Go",
            suggestions=(KEEP,),
        ),
        {
            "text": "We keep it for you",
            "form": {
                "id": "size_form",
                "title": "Your size",
                "fields": [
                    {
                        "name": "size",
                        "label": "Size",
                        "type": "select",
                        "required": True,
                        "options": ["M", "L"],
                    },
                    {"name": "mail", "label": "Mail", "type": "email", "required": False},
                ],
                "submitText": "Go",
                "postbackData": "size_1",
            },
            "suggestions": [KEEP_JSON],
        },
    ),
    Outgoing(
        "form that says as little as it can",
        Form("Ask", (FormField("a", "A"),)),
        {
            "form": {
                "id": "form",
                "title": "Ask",
                "fields": [{"name": "a", "label": "A", "type": "text", "required": False}],
                "submitText": "Send",
                "postbackData": "form",
            }
        },
    ),
    *(
        Outgoing(f"chip {chip.type}", Text("x", (chip,)), {"text": "x", "suggestions": [json]})
        for chip, json in CHIPS
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_content(stub: Stub, case: Outgoing) -> None:
    assert sent(stub, case.content)["message"] == case.expected


def test_request(stub: Stub) -> None:
    body = sent(stub, Text("Your order has shipped"))
    assert body == {
        "conversationId": PHONE,
        "messageId": str(ID),
        "message": {"text": "Your order has shipped"},
        "fallbackText": "Your order has shipped",
    }
    request = stub.last()
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"


def test_fallback_text_holds_what_the_chips_say(stub: Stub) -> None:
    assert sent(stub, Card("Boots", suggestions=(KEEP,)))["fallbackText"] == "Boots\n1) Keep"


def test_fallback_text_can_be_left_out(stub: Stub) -> None:
    assert "fallbackText" not in sent(stub, Text("x"), options={"send_fallback_text": False})


def test_a_name_of_the_customers_is_a_conversation(stub: Stub) -> None:
    assert sent(stub, Text("x"), to="user_123")["conversationId"] == "user_123"


def test_what_is_allowed_of_extra_is_merged_last(stub: Stub) -> None:
    extra = {"fallbackText": None, "message": {"lang": "et"}, "tag": [1], "sender": "x"}
    body = sent(stub, Text("x"), extra=extra, options={"extra": ("tag",)})
    assert body["message"] == {"text": "x", "lang": "et"}
    assert body["tag"] == [1]
    assert body["fallbackText"] == "x"
    assert "sender" not in body


UNFITTED = [
    Audio("https://e.example/a.mp3"),
    Location(1, 2),
    Text("x", (ComposeText("A", phone="1", text="b"),)),
]


@pytest.mark.parametrize("content", UNFITTED, ids=lambda content: content.type)
def test_what_was_not_fitted_is_not_lost_without_a_word(content: Content) -> None:
    with pytest.raises(ValueError, match="content must be fitted before it is rendered"):
        message(content)


# The answer.

TAKEN: list[tuple[Behaviour, SendResult]] = [
    (answer(200, NAME), SendResult()),
    (answer(201, NAME), SendResult()),
    (answer(202, {**NAME, "state": "DELIVERED"}), SendResult()),
    (answer(200, {**NAME, "state": "FALLBACK"}), SendResult(code="fallback")),
    (answer(200, {**NAME, "name": "conversations/u/messages/their-1"}), SendResult("their-1")),
    (answer(200, {"name": str(ID)}), SendResult()),
    (answer(200, {"name": "m" * 300}), SendResult("m" * 200)),
]


@pytest.mark.parametrize(("behaviour", "expected"), TAKEN)
def test_taken(stub: Stub, behaviour: Behaviour, expected: SendResult) -> None:
    stub.script.append(behaviour)
    assert rest(stub).send(outbound(Text("x"))) == expected


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(200, ""),
        answer(204),
        answer(200, "<html>"),
        answer(200, "[]"),
        answer(200, {"name": 7}),
        answer(200, {"state": ["QUEUED"]}),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    ],
)
def test_success_that_cannot_be_read_is_doubted(stub: Stub, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    with pytest.raises(Unreadable):
        rest(stub).send(outbound(Text("x")))


# Tokens.


def test_the_next_token_is_tried_once_when_the_first_is_refused(stub: Stub) -> None:
    stub.script.extend([answer(401), answer(200, NAME)])
    assert rest(stub, token=("new", "old")).send(outbound(Text("x"))) == SendResult()
    assert [request.headers["authorization"] for request in stub.requests] == ["Bearer new", "Bearer old"]


def test_all_tokens_refused(stub: Stub) -> None:
    stub.default = answer(401)
    with pytest.raises(Misconfigured):
        rest(stub, token=("new", "old")).send(outbound(Text("x")))
    assert len(stub.requests) == 2


def test_another_error_asks_for_no_other_token(stub: Stub) -> None:
    stub.default = answer(403)
    with pytest.raises(Forbidden):
        rest(stub, token=("new", "old")).send(outbound(Text("x")))
    assert len(stub.requests) == 1


@pytest.mark.parametrize(("scheme", "value"), [("", TOKEN), ("Key", f"Key {TOKEN}")])
def test_token_in_another_header(stub: Stub, scheme: str, value: str) -> None:
    sent(stub, Text("x"), options={"auth_header": "X-Api-Key", "auth_scheme": scheme})
    assert stub.last().headers["x-api-key"] == value
    assert "authorization" not in stub.last().headers


# A look-alike.


def test_names_of_a_look_alike(stub: Stub) -> None:
    names = {
        "conversationId": "conversation_id",
        "messageId": "client_ref",
        "contentUrl": "url",
        "postbackData": "payload",
        "name": "id",
        "state": "phase",
    }
    theirs = answer(200, {"id": "abc", "phase": "sms"})
    stub.script.append(theirs)
    card = Card("Boots", media=BOOTS, suggestions=(OpenUrl("See", "p_1", url="https://a.example"),))
    result = rest(stub, names=names, states={"sms": "FALLBACK"}).send(outbound(card))
    assert result == SendResult("abc", code="fallback")
    body = stub.last().json
    assert (body["conversation_id"], body["client_ref"]) == (PHONE, str(ID))
    [chip] = body["message"]["richCard"]["standaloneCard"]["cardContent"].pop("suggestions")
    assert chip == {
        "action": {"text": "See", "payload": "p_1", "openUrlAction": {"url": "https://a.example"}}
    }
    media = body["message"]["richCard"]["standaloneCard"]["cardContent"]["media"]
    assert media == {"height": "MEDIUM", "url": "https://example.com/boots.jpg", "forceRefresh": False}


def test_error_of_a_look_alike(stub: Stub) -> None:
    stub.script.append(answer(422, {"problem": {"kind": "RCS_DISABLED", "why": "off"}}))
    names = {"error": "problem", "code": "kind", "message": "why"}
    with pytest.raises(Unreachable) as caught:
        rest(stub, names=names).send(outbound(Text("x")))
    assert caught.value.detail == "HTTP 422 rcs_disabled off"


# Options and limits.

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "rest.example/v1/messages"}, "url is not an http or https address"),
    (
        {"url": "http://rest.example/v1/messages"},
        "url must begin with https://, because every request carries the token",
    ),
    ({"token": ""}, "token is empty"),
    ({"token": ()}, "token is empty"),
    ({"token": ("a", "")}, "token is empty"),
    (
        {"webhook_secret": ""},
        "webhook_secret is empty and RCS_WEBHOOK_SECRET is not set: no webhook can be verified",
    ),
    (
        {"signature_header": "Signature"},
        "signature_header must begin with X-, because no other headers are kept",
    ),
    (
        {"own_fallback": True, "send_fallback_text": False},
        "own_fallback needs send_fallback_text, because the platform has no text to send otherwise",
    ),
    ({"names": {"mesageId": "id"}}, "names has 'mesageId', which is not a field of the API"),
    (
        {"names": {"title": "description"}},
        "names gives two fields of cardContent the same name: 'description'",
    ),
]


@pytest.mark.parametrize(("options", "problem"), WRONG)
def test_wrong_options_are_sentences(
    options: dict[str, Any], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RCS_WEBHOOK_SECRET", raising=False)
    assert rest(**options).problems()[0] == problem


def test_unknown_state_is_named() -> None:
    [problem] = rest(states={"ok": "FINE"}).problems()
    assert problem.startswith("states maps 'ok' to 'FINE', which is not one of ACTION_TAPPED, ")


def test_healthy_options_have_no_problems() -> None:
    assert rest().problems() == []
    names = {"conversationId": "conversation_id", "messageId": "client_ref", "contentUrl": "url"}
    states = {"enroute": "SENT", "clicked": "ACTION_TAPPED"}
    assert rest(url="https://rest.example/v1/messages", names=names, states=states).problems() == []


def test_secret_from_the_environment_is_read_when_the_backend_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RCS_WEBHOOK_SECRET", "from-outside")
    assert rest(webhook_secret="").options.webhook_secrets == ("from-outside",)
    assert "from-outside" in rest(webhook_secret="").options.secrets()
    assert rest(webhook_secret="mine").options.webhook_secrets == ("mine",)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [({}, "'url'"), ({"url": "x", "token": 7}, "token"), ({"url": "x", "tokens": ""}, "'tokens'")],
)
def test_missing_or_mistyped_option_is_named(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        GenericRESTOptions.read("rest", options)


@pytest.mark.parametrize("own", [True, False])
def test_own_fallback_is_a_capability_of_the_instance(own: bool) -> None:
    assert rest(own_fallback=own).capabilities.own_fallback is own
    assert GenericREST.capabilities.own_fallback is False


LIMITED = [
    (Text("a" * 3072), []),
    (Text("a" * 3073), ["text: 3073 characters, the generic REST API allows 3072"]),
    (Card("a" * 201), ["title: 201 characters, the generic REST API allows 200"]),
    (Text("x", (Reply("a" * 26),)), ["suggestions[0].label: 26 characters, the generic REST API allows 25"]),
    (Text("x", (KEEP,) * 12), ["suggestions: 12 suggestions, the generic REST API allows 11"]),
    (Card("x", suggestions=(KEEP,) * 5), ["suggestions: 5 suggestions, the generic REST API allows 4"]),
    (Carousel((Card("x"),) * 11), ["cards: 11 cards, the generic REST API allows 10"]),
]


@pytest.mark.parametrize(("content", "problems"), LIMITED)
def test_limits(content: Any, problems: list[str]) -> None:
    assert rest().check(content) == problems
    assert rest().limits is LIMITS


def test_docs_show_every_limit_and_every_requirement() -> None:
    page = (Path(__file__).parents[2] / "docs/backends/generic_rest.md").read_text()
    for name, value in LIMITS.most.items():
        assert f"| {name} | {value:,} |" in page
    assert LIMITS.as_of in page
    assert [
        number for number in range(1, 45) if f"RG-{number} " not in page and f"RG-{number}," not in page
    ] == []
