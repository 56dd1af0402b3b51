"""Messente outwards: each content as its JSON, chains, times, each answer as its error, cancelling, the status."""

import base64
import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rcs_backends.messente import Messente, MessenteOptions
from rcs_backends.messente.render import omnimessage
from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
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
from rcs_router.content.fitting import Fitting
from rcs_router.contract import Receipt, ReceiptKind, SendResult, Traffic
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
    Unreadable,
)
from tests.backends.cases import ID, PHONE, Outgoing, outbound
from tests.backends.stub import Behaviour, Stub, answer, cut, hang, raw

PASSWORD = "emu-pass"
INBOUND = "shared-secret"
WEBHOOK = "https://shop.example/rcs/webhooks/acme/"
NAME = "6b0f1f5e-5d0e-4b0a-9d0e-3f0a8c1b2d3e"
SENT = {
    "omnimessage_id": NAME,
    "to": PHONE,
    "messages": [{"channel": "rcs", "message_id": "m-1", "sender": "Acme Agent"}],
}
SMS = {"channel": "sms", "sender": "ACME"}
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def messente(stub: Stub | None = None, *, webhook_url: str = WEBHOOK, **options: Any) -> Messente:
    given = {
        "username": "user",
        "password": PASSWORD,
        "inbound_secret": INBOUND,
        "sender": "Acme Agent",
        "base_url": f"{stub.url if stub else 'http://127.0.0.1:9'}/v1",
        "timeout": 2.0,
    }
    return Messente("acme", MessenteOptions.read("acme", {**given, **options}), webhook_url=webhook_url)


def message(content: Content | str = "x", *, options: Any = None, **kwargs: Any) -> dict[str, Any]:
    """The body of the request, as of NOW."""
    said = Text(content) if isinstance(content, str) else content
    return omnimessage(outbound(said, **kwargs), messente(**(options or {})).options, WEBHOOK, NOW)


def failure(status: int, *errors: dict[str, Any], **headers: str) -> Behaviour:
    return answer(status, {"errors": list(errors)}, **headers)


def problem(
    code: Any, detail: str = "what is wrong", source: Any = None, title: str = "Title"
) -> dict[str, Any]:
    return {"code": code, "title": title, "detail": detail, "source": source}


# Content.

COMMON = {"text": "Go", "postback_data": "go"}
FALLBACK = "https://shop.example/help"
START, END = (
    datetime(2026, 11, 27, 19, tzinfo=timezone(timedelta(hours=2))),
    datetime(2026, 11, 27, 19, tzinfo=UTC),
)
EVENT = {"start_time": "2026-11-27T17:00:00Z", "end_time": "2026-11-27T19:00:00Z", "title": "Dinner"}


def action(fallback: str = "", **said: Any) -> dict[str, Any]:
    return {"action": {**COMMON, **({"fallback_url": fallback} if fallback else {}), **said}}


CHIPS: list[tuple[str, Suggestion, dict[str, Any]]] = [
    ("reply", Reply("Go", "go"), {"reply": COMMON}),
    ("reply without postback", Reply("Yes"), {"reply": {"text": "Yes", "postback_data": "Yes"}}),
    (
        "browser",
        OpenUrl("Go", "go", url="https://a.example", fallback_url=FALLBACK),
        action(FALLBACK, open_url_action={"url": "https://a.example", "application": "BROWSER"}),
    ),
    (
        "browser with a description",
        OpenUrl("Go", "go", url="https://a.example", description="Shop"),
        action(open_url_action={"url": "https://a.example", "application": "BROWSER", "description": "Shop"}),
    ),
    *(
        (
            f"{size} webview",
            OpenUrl(
                "Go",
                "go",
                url="https://a.example",
                application="webview",
                webview_size=size,
                description="Form",
            ),
            action(
                open_url_action={
                    "url": "https://a.example",
                    "application": "WEBVIEW",
                    "webview_view_mode": size.upper(),
                    "description": "Form",
                }
            ),
        )
        for size in ("full", "half", "tall")
    ),
    (
        "dial",
        Dial("Go", "go", phone="+3725550100", fallback_url=FALLBACK),
        action(FALLBACK, dial_action={"phone_number": "+3725550100"}),
    ),
    (
        "place",
        ShowLocation("Go", "go", latitude=59.437, longitude=0, place="Bistro", fallback_url=FALLBACK),
        action(
            FALLBACK,
            view_location_action={"lat_long": {"latitude": 59.437, "longitude": 0}, "label": "Bistro"},
        ),
    ),
    (
        "place without a name",
        ShowLocation("Go", "go", latitude=-1.5, longitude=2),
        action(view_location_action={"lat_long": {"latitude": -1.5, "longitude": 2}}),
    ),
    (
        "search on the map",
        ShowLocation("Go", "go", query="bistro near me"),
        action(view_location_action={"query": "bistro near me"}),
    ),
    (
        "position",
        RequestLocation("Go", "go", fallback_url=FALLBACK),
        action(FALLBACK, share_location_action={}),
    ),
    (
        "calendar",
        CalendarEvent(
            "Go", "go", start=START, end=END, title="Dinner", description="For two", fallback_url=FALLBACK
        ),
        action(FALLBACK, create_calendar_event_action={**EVENT, "description": "For two"}),
    ),
    (
        "calendar without a description",
        CalendarEvent("Go", "go", start=START, end=END, title="Dinner"),
        action(create_calendar_event_action={**EVENT, "description": "Dinner"}),
    ),
]
PICTURE = {"file_url": "https://cdn.example/b.jpg", "force_refresh": False}


def holders(chip: Suggestion, json: dict[str, Any]) -> list[tuple[str, Content, dict[str, Any]]]:
    """Every place where a chip may stand."""
    card, card_json = Card("A", suggestions=(chip,)), {"title": "A", "suggestions": [json]}
    return [
        ("text", Text("x", (chip,)), {"text": "x", "suggestions": [json]}),
        (
            "file",
            File("https://cdn.example/b.jpg", suggestions=(chip,)),
            {"content_info": PICTURE, "suggestions": [json]},
        ),
        ("button", card, standalone(card_json)),
        ("card", Card("A", chips=(chip,)), {**standalone({"title": "A"}), "suggestions": [json]}),
        (
            "carousel",
            Carousel((card, Card("B")), (chip,)),
            {**carousel("MEDIUM", card_json, {"title": "B"}), "suggestions": [json]},
        ),
    ]


def standalone(content: Any, orientation: str = "VERTICAL", alignment: str = "LEFT") -> dict[str, Any]:
    card = {
        "card_orientation": orientation,
        "thumbnail_image_alignment": alignment,
        "card_content": content,
    }
    return {"rich_card": {"standalone_card": card}}


def carousel(width: str, *contents: Any) -> dict[str, Any]:
    return {"rich_card": {"carousel_card": {"card_width": width, "card_contents": list(contents)}}}


CASES = [
    Outgoing("text", Text("Hi é 😀"), {"text": "Hi é 😀"}),
    Outgoing("file", File("https://cdn.example/b.jpg"), {"content_info": PICTURE}),
    Outgoing(
        "file with everything",
        File("https://cdn.example/b.jpg", thumbnail_url="https://cdn.example/t.jpg", force_refresh=True),
        {
            "content_info": {
                "file_url": "https://cdn.example/b.jpg",
                "thumbnail_url": "https://cdn.example/t.jpg",
                "force_refresh": True,
            }
        },
    ),
    *(
        Outgoing(
            f"{height} {orientation} card {alignment}",
            Card(
                "Boots",
                "New",
                Media("https://cdn.example/b.jpg", height, thumbnail_url="https://cdn.example/t.jpg"),
                orientation=orientation,
                alignment=alignment,
            ),
            standalone(
                {
                    "title": "Boots",
                    "description": "New",
                    "media": {
                        "height": height.upper(),
                        "content_info": {**PICTURE, "thumbnail_url": "https://cdn.example/t.jpg"},
                    },
                },
                orientation.upper(),
                alignment.upper(),
            ),
        )
        for height, orientation, alignment in [
            ("short", "vertical", "left"),
            ("medium", "horizontal", "right"),
            ("tall", "horizontal", "left"),
        ]
    ),
    Outgoing(
        "small carousel",
        Carousel((Card("A"), Card(description="B")), width="small"),
        carousel("SMALL", {"title": "A"}, {"description": "B"}),
    ),
    *(
        Outgoing(f"{name} in {where}", content, expected)
        for name, chip, json in CHIPS
        for where, content, expected in holders(chip, json)
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_content_as_json(case: Outgoing) -> None:
    assert messente().check(case.content) == []
    assert message(case.content)["messages"] == [{"channel": "rcs", "sender": "Acme Agent", **case.expected}]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_of_it_needs_fitting(case: Outgoing) -> None:
    able = messente().capabilities
    fitting = Fitting(able.content, able.suggestions, able.features, able.fallback_urls)
    assert fitting.fit(case.content) == case.content
    assert fitting.lost == ()


def test_content_that_was_not_fitted_is_a_bug() -> None:
    for content in (Location(1, 2), Form("Title", (FormField("a", "A"),))):
        with pytest.raises(ValueError, match="fitted before"):
            message(content)


TOO_MUCH = [
    (Text("x" * 3073), "text: 3073 characters, Messente allows 3072"),
    (Card("x" * 201), "title: 201 characters, Messente allows 200"),
    (Card("x", "y" * 2001), "description: 2001 characters, Messente allows 2000"),
    (Card("x", suggestions=(Reply("a"),) * 5), "suggestions: 5 suggestions, Messente allows 4"),
    (Text("x", (Reply("a"),) * 12), "suggestions: 12 suggestions, Messente allows 11"),
    (Text("x", (Reply("a" * 26),)), "suggestions[0].label: 26 characters, Messente allows 25"),
    (Text("x", (Reply("a", "b" * 2049),)), "suggestions[0].postback: 2049 characters, Messente allows 2048"),
    (Carousel((Card("x"),) * 11), "cards: 11 cards, Messente allows 10"),
]


@pytest.mark.parametrize(("content", "complaint"), TOO_MUCH, ids=[c for _, c in TOO_MUCH])
def test_limits(content: Content, complaint: str) -> None:
    assert complaint in messente().check(content)
    assert messente(channel="sms").check(content) == [], "Messente cuts an SMS into parts by itself"


# The request.


def test_request(stub: Stub) -> None:
    stub.script.append(answer(201, SENT))
    assert messente(stub).send(outbound(Text("Hi"))) == SendResult(provider_id=NAME)
    request = stub.last()
    assert (request.method, request.target) == ("POST", "/v1/omnimessage")
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'user:emu-pass').decode()}"
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    assert request.json == {
        "to": PHONE,
        "messages": [{"channel": "rcs", "sender": "Acme Agent", "text": "Hi"}],
        "dlr_url": f"{WEBHOOK}?id={ID}",
    }


def test_no_report_is_asked_for_while_our_address_is_unknown(stub: Stub) -> None:
    stub.script.append(answer(201, SENT))
    messente(stub, webhook_url="").send(outbound(Text("Hi")))
    assert "dlr_url" not in stub.last().json


def test_the_first_of_several_passwords_is_sent(stub: Stub) -> None:
    stub.script.append(answer(201, SENT))
    messente(stub, password=("new", "old")).send(outbound(Text("Hi")))
    assert stub.last().headers["authorization"] == f"Basic {base64.b64encode(b'user:new').decode()}"


PRIORITIES: list[tuple[dict[str, str] | None, Traffic, str | None]] = [
    (None, Traffic.AUTHENTICATION, "high"),
    (None, Traffic.PROMOTION, "low"),
    (None, Traffic.TRANSACTION, None),
    (None, Traffic.SERVICE_REQUEST, None),
    (None, Traffic.ACKNOWLEDGEMENT, None),
    ({}, Traffic.AUTHENTICATION, None),
    ({"transaction": "regular"}, Traffic.TRANSACTION, "regular"),
]


@pytest.mark.parametrize(("option", "traffic", "priority"), PRIORITIES)
def test_priority_by_traffic(option: dict[str, str] | None, traffic: Traffic, priority: str | None) -> None:
    options = {} if option is None else {"priority": option}
    assert message(options=options, traffic=traffic).get("priority") == priority


@pytest.mark.parametrize("store", ["nostore", "plaintext", "sha256"])
def test_text_store(store: str) -> None:
    assert message(options={"text_store": store})["text_store"] == store
    assert "text_store" not in message()


def test_what_is_allowed_of_extra_is_merged_last_and_null_removes() -> None:
    extra = {"time_to_send": "2030-06-22T09:05:07Z", "dlr_url": None, "priority": None, "to": "+1"}
    said = message(extra=extra, traffic=Traffic.PROMOTION)
    plain = message(traffic=Traffic.PROMOTION)
    assert said.pop("time_to_send") == "2030-06-22T09:05:07Z"
    assert plain.pop("priority") == "low"
    assert said == plain


# Channels and times.

TIMES: list[tuple[str, list[int | None], float | None, list[dict[str, int]]]] = [
    ("none", [None], None, [{}]),
    ("minutes", [5], None, [{"validity": 5}]),
    ("seconds", [None], 90.9, [{"ttl": 90}]),
    ("the shorter one: minutes", [1], 90, [{"ttl": 60}]),
    ("the shorter one: seconds", [5], 90, [{"ttl": 90}]),
    ("over", [None], -5, [{"ttl": 1}]),
    ("nearly over", [5], 0.2, [{"ttl": 1}]),
    ("chain without times", [None, None], None, [{}, {}]),
    ("chain with minutes", [5, 60], None, [{"validity": 5}, {"validity": 60}]),
    ("chain that shares", [None, None], 300, [{"ttl": 150}, {"ttl": 150}]),
    ("chain of three that shares", [None, None, None], 301, [{"ttl": 100}, {"ttl": 100}, {"ttl": 101}]),
    ("chain, the rest for the last", [1, None], 300, [{"ttl": 60}, {"ttl": 240}]),
    ("chain that leaves a second", [60, None], 300, [{"ttl": 299}, {"ttl": 1}]),
    ("chain whose last may take less", [None, 1], 300, [{"ttl": 150}, {"ttl": 60}]),
    ("chain that is over", [None, None], -5, [{"ttl": 1}, {"ttl": 1}]),
]


@pytest.mark.parametrize(("validities", "left", "times"), [t[1:] for t in TIMES], ids=[t[0] for t in TIMES])
def test_times(validities: list[int | None], left: float | None, times: list[dict[str, int]]) -> None:
    """Exactly one of ttl and validity, and no channel begins when the message has expired."""
    first, *others = validities
    channels = ("sms", "viber")
    chain = [{"channel": name, "validity": own} for name, own in zip(channels, others, strict=False)]
    expires = None if left is None else NOW + timedelta(seconds=left)
    said = message(options={"validity": first, "chain": chain}, expires_at=expires)["messages"]
    found = [{name: one[name] for name in ("ttl", "validity") if name in one} for one in said]
    assert found == times


def test_chain() -> None:
    content = Card("Boots", suggestions=(Reply("Keep", "k"),))
    chain = [
        {"channel": "whatsapp", "validity": 10},
        {"channel": "viber", "sender": "Acme"},
        {"channel": "sms", "sender": "ACME", "autoconvert": "full", "udh": "0A"},
    ]
    rcs, *others = message(content, options={"chain": chain, "validity": 5})["messages"]
    assert (rcs["channel"], rcs["validity"]) == ("rcs", 5)
    assert rcs["rich_card"]["standalone_card"]["card_content"]["title"] == "Boots"
    words = "Boots\n1) Keep"
    assert others == [
        {"channel": "whatsapp", "text": {"body": words}, "validity": 10},
        {"channel": "viber", "sender": "Acme", "text": words},
        {"channel": "sms", "sender": "ACME", "text": words, "autoconvert": "full", "udh": "0A"},
    ]


def test_an_alias_may_be_plain_sms(stub: Stub) -> None:
    stub.script.append(answer(201, SENT))
    backend = messente(stub, channel="sms", sender="", autoconvert="on", udh="050003", validity=60)
    backend.send(outbound(Card("Boots", suggestions=(Reply("Keep", "k"),))))
    assert backend.problems() == []
    assert stub.last().json["messages"] == [
        {"channel": "sms", "text": "Boots\n1) Keep", "autoconvert": "on", "udh": "050003", "validity": 60}
    ]


def test_capabilities_follow_the_options() -> None:
    rcs, sms, chained = messente(), messente(channel="sms"), messente(chain=[SMS])
    assert sms.capabilities.content == {Text}
    assert not sms.capabilities.suggestions | sms.capabilities.features | sms.capabilities.fallback_urls
    assert [one.capabilities.own_fallback for one in (rcs, sms, chained)] == [False, False, True]
    assert {one.capabilities.bulk for one in (rcs, sms, chained)} == {1000}
    assert rcs.capabilities == Messente.capabilities, "no instance may change the class"


# Options.


def test_options_that_are_fine() -> None:
    assert messente().problems() == []
    assert messente(chain=[SMS, {"channel": "viber"}, {"channel": "whatsapp"}]).problems() == []
    assert messente(inbound_secret=("a", "b"), base_url="https://api.messente.com/v1/").problems() == []
    assert MessenteOptions.read("a", {"username": "u", "password": "p"}).base == "https://api.messente.com/v1"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"username": ""}, "username is empty"),
    ({"password": ""}, "password is empty: nothing can be sent, and no delivery report can be verified"),
    (
        {"password": ("new", "")},
        "password is empty: nothing can be sent, and no delivery report can be verified",
    ),
    ({"password": ()}, "password is empty: nothing can be sent, and no delivery report can be verified"),
    ({"sender": ""}, "sender is empty: an RCS message needs the name of its agent"),
    (
        {"base_url": "http://api.messente.com/v1"},
        "base_url must begin with https://, since every request carries the password",
    ),
    (
        {"base_url": "https://["},
        "base_url must begin with https://, since every request carries the password",
    ),
    ({"base_url": "api"}, "base_url must begin with https://, since every request carries the password"),
    ({"chain": [SMS, SMS]}, "chain: sms is used twice, and Messente takes each channel once"),
    (
        {"channel": "sms", "chain": [SMS]},
        "chain: sms is used twice, and Messente takes each channel once",
    ),
    ({"channel": "sms", "chain": [{"channel": "rcs"}]}, "chain: rcs can only be the first channel"),
    ({"validity": 0}, "validity of rcs must be at least 1 minute"),
    ({"chain": [{**SMS, "validity": -5}]}, "validity of sms must be at least 1 minute"),
    ({"autoconvert": "on"}, "autoconvert and udh are for sms, not for rcs"),
    ({"chain": [{"channel": "viber", "udh": "00"}]}, "autoconvert and udh are for sms, not for viber"),
    ({"chain": [{**SMS, "udh": "0"}]}, "udh must be hexadecimal digits, two for each byte"),
    ({"channel": "sms", "udh": "0G"}, "udh must be hexadecimal digits, two for each byte"),
]


@pytest.mark.parametrize(("options", "complaint"), WRONG)
def test_wrong_options(options: dict[str, Any], complaint: str) -> None:
    assert messente(**options).problems() == [complaint]


@pytest.mark.parametrize(
    "options",
    [
        {"channel": "viber"},
        {"validity": "soon"},
        {"text_store": "yes"},
        {"priority": {"transaction": "urgent"}},
        {"priority": {"gossip": "low"}},
        {"chain": [{"channel": "telegram"}]},
        {"chain": [{"sender": "ACME"}]},
        {"chain": [{**SMS, "validity": "soon"}]},
        {"chain": [{**SMS, "txt": "x"}]},
        {"chain": SMS},
        {"autoconvert": "true"},
        {"password": 7},
        {"dlr_text": "x"},
    ],
)
def test_options_of_a_wrong_type(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r'^RCS_BACKENDS\["acme"\]\["OPTIONS"\]'):
        messente(**options)


# Answers.

SENDER = problem("105", "Invalid or disallowed sender", "payload[rcs][sender]")
NUMBER = problem("105", "Invalid recipient", "payload[to]")
FAILURES: list[tuple[str, Behaviour, type[SendError], str]] = [
    ("101", failure(404, problem("101")), Misconfigured, "not_found"),
    ("102", failure(403, problem("102")), Forbidden, "forbidden"),
    ("103", failure(401, problem("103")), Misconfigured, "unauthorized"),
    ("104", failure(500, problem("104")), Unavailable, "server_error"),
    ("105", failure(400, problem("105", source="payload[rcs][text]")), Refused, "invalid_data"),
    ("105 without source", failure(400, problem("105")), Refused, "invalid_data"),
    ("106", failure(400, problem("106", source="payload[messages]")), Refused, "missing_data"),
    ("107", failure(405, problem("107")), Misconfigured, "method_not_allowed"),
    ("number", failure(400, NUMBER), BadAddress, "bad_recipient"),
    ("no number", failure(400, problem("106", source="payload[to]")), BadAddress, "bad_recipient"),
    ("sender", failure(400, SENDER), Forbidden, "bad_sender"),
    ("SMS sender", failure(400, problem("105", source="payload[sms][sender]")), Forbidden, "bad_sender"),
    ("no sender", failure(400, problem("106", source="payload[rcs][sender]")), Forbidden, "bad_sender"),
    ("number among others", failure(400, problem("106"), SENDER, NUMBER), BadAddress, "bad_recipient"),
    ("sender among others", failure(400, problem("106"), SENDER), Forbidden, "bad_sender"),
    ("first of others", failure(400, problem("999"), problem("106")), Refused, "missing_data"),
    ("code as a number", failure(400, {**NUMBER, "code": 105}), BadAddress, "bad_recipient"),
    (
        "other code with a number",
        failure(403, problem("102", source="payload[to]")),
        Forbidden,
        "forbidden",
    ),
    ("unknown code", failure(400, problem("199")), Refused, "refused"),
    ("unknown code, 401", failure(401, problem("199")), Misconfigured, "misconfigured"),
    ("unknown code, 422", failure(422, problem("199")), Refused, "refused"),
    ("unknown code, 503", failure(503, problem("199")), Unavailable, "unavailable"),
    ("too fast", failure(429, problem("199")), Throttled, "throttled"),
    ("bare 404", answer(404), Misconfigured, "misconfigured"),
    ("web page 404", answer(404, "<html>"), Unavailable, "not_the_provider"),
    ("404 of somebody else", answer(404, "404 page not found"), Unavailable, "not_the_provider"),
    ("bare 403", answer(403), Forbidden, "forbidden"),
    ("bare 405", answer(405), Misconfigured, "misconfigured"),
    ("bare 500", answer(500, "<html>"), Unavailable, "unavailable"),
    ("bare 503", answer(503), Unavailable, "unavailable"),
    ("proxy 502", answer(502, "<html>"), Ambiguous, "ambiguous"),
    ("proxy 504", answer(504, "<html>"), Ambiguous, "ambiguous"),
    ("too fast, by a code of trouble", failure(429, problem("104")), Throttled, "throttled"),
    ("redirect", answer(301, Location="https://elsewhere.example/"), Misconfigured, "misconfigured"),
    ("errors no list", answer(400, {"errors": "x"}), Refused, "refused"),
    ("errors of odd things", answer(400, {"errors": [None, 7, "x", {}]}), Refused, "refused"),
    ("odd fields", failure(400, {"code": [1], "title": {}, "source": 7}), Refused, "refused"),
    ("a list", answer(400, b"[]"), Refused, "refused"),
    ("cut", cut, Ambiguous, "ambiguous"),
    ("hang", hang, Ambiguous, "ambiguous"),
]


@pytest.mark.parametrize(
    ("behaviour", "kind", "code"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES]
)
def test_failure(stub: Stub, behaviour: Behaviour, kind: type[SendError], code: str) -> None:
    stub.default = behaviour
    with pytest.raises(SendError) as caught:
        messente(stub, timeout=0.4).send(outbound(Text("x")))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(stub.requests) == 1


def test_throttled_says_for_how_long(stub: Stub) -> None:
    stub.script.append(failure(429, problem("199"), Retry_After="12"))
    with pytest.raises(Throttled) as caught:
        messente(stub).send(outbound(Text("x")))
    assert caught.value.retry_after == 12


def test_stale_connection_is_not_repeated_since_messente_would_send_twice(stub: Stub) -> None:
    stub.script.extend([answer(201, SENT), cut, answer(201, SENT)])
    backend = messente(stub)
    backend.send(outbound(Text("x")))
    with pytest.raises(Ambiguous):
        backend.send(outbound(Text("x")))
    assert len(stub.requests) == 2


MALFORMED = [b"", b"<html>", b'{"omnimessage_id": ', b"[]", b"{}", b'{"omnimessage_id": 7}', b"null"]


@pytest.mark.parametrize("body", MALFORMED)
def test_success_that_cannot_be_read_is_doubted(stub: Stub, body: bytes) -> None:
    stub.script.append(answer(201, body))
    with pytest.raises(Unreadable):
        messente(stub).send(outbound(Text("x")))


def test_success_that_breaks_off_is_one_if_its_id_can_be_read(stub: Stub) -> None:
    head = b"HTTP/1.1 201 OK\r\nContent-Length: 900\r\n\r\n"
    stub.script.extend([raw(head + b'{"omnimessage_id": "6b'), raw(head + answer(201, SENT).body)])
    with pytest.raises(Unreadable):
        messente(stub).send(outbound(Text("x")))
    assert messente(stub).send(outbound(Text("x"))).provider_id == NAME


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_2xx_with_an_id_counts(stub: Stub, status: int) -> None:
    stub.script.append(answer(status, SENT))
    assert messente(stub).send(outbound(Text("x"))).provider_id == NAME


def test_error_reads_as_a_sentence(stub: Stub) -> None:
    stub.script.append(
        failure(400, {**SENDER, "title": "Invalid data"}, problem("106", "text", title="Missing"))
    )
    with pytest.raises(Forbidden) as caught:
        messente(stub).send(outbound(Text("x")))
    assert caught.value.detail == (
        "HTTP 400 Invalid data: Invalid or disallowed sender (payload[rcs][sender]); Missing: text"
    )


def test_error_names_the_channel_and_the_sender(stub: Stub) -> None:
    what = problem("105", "Acme Agent is not allowed", "payload[whatsapp][text]")
    stub.script.append(failure(400, what))
    with pytest.raises(Refused, match=r"Title: Acme Agent is not allowed \(payload\[whatsapp\]\[text\]\)"):
        messente(stub, chain=[{"channel": "whatsapp"}]).send(outbound(Text("Hello there")))


def test_nothing_secret_is_told(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"{PASSWORD} {INBOUND} 'Your code is 482913' 'Keep it' keep_7 for {PHONE}"
    stub.default = failure(400, problem("105", echo))
    backend = messente(stub, chain=[SMS])
    content = Text("Your code is 482913", (Reply("Keep it", "keep_7"),))
    with pytest.raises(Refused) as single:
        backend.send(outbound(content))
    [bulk] = backend.send_many([outbound(content)])
    assert isinstance(bulk, Refused)
    told = f"{single.value!r}{bulk!r}{caplog.text}{backend!r}{backend.options!r}"
    for hidden in (PASSWORD, INBOUND, "55501234", "482913", "Keep it", "keep_7"):
        assert hidden not in told


# Taking back, and asking.


@pytest.mark.parametrize(
    ("behaviour", "result"),
    [
        (answer(202, {}), True),
        (failure(404, problem("101")), False),
    ],
)
def test_cancel(stub: Stub, behaviour: Behaviour, result: bool) -> None:
    stub.default = behaviour
    backend = messente(stub)
    assert backend.cancel(NAME) is result
    assert backend.revoke(ID, PHONE, NAME) is result
    assert {(one.method, one.target) for one in stub.requests} == {("DELETE", f"/v1/omnimessage/{NAME}")}


@pytest.mark.parametrize(
    "behaviour",
    [
        *(answer(202, body) for body in (b"", b"<html>", b"[]", b'{"ok": true}')),
        *(answer(200, {}), answer(204), answer(404), answer(404, "<html>"), answer(404, "{}")),
    ],
)
def test_cancelling_is_believed_by_messentes_own_answer_only(stub: Stub, behaviour: Behaviour) -> None:
    stub.default = behaviour
    for ask in (lambda b: b.cancel(NAME), lambda b: b.revoke(ID, PHONE, NAME)):
        with pytest.raises(Unavailable):
            ask(messente(stub))


def test_what_has_no_id_cannot_be_taken_back(stub: Stub) -> None:
    assert messente(stub).revoke(ID, PHONE) is False
    assert messente(stub).status(ID, PHONE) == []
    assert stub.requests == []


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (failure(401, problem("103")), Misconfigured),
        (failure(403, problem("102")), Forbidden),
        (answer(503), Unavailable),
        (answer(404), Unavailable),
        (answer(404, "<html>"), Unavailable),
    ],
)
def test_asking_that_fails_says_so(stub: Stub, behaviour: Behaviour, kind: type[SendError]) -> None:
    stub.default = behaviour
    for ask in (messente(stub).revoke, messente(stub).status):
        with pytest.raises(kind):
            ask(ID, PHONE, NAME)


def stands(*statuses: Any) -> Behaviour:
    return answer(200, {"to": PHONE, "omnimessage_id": NAME, "statuses": list(statuses)})


UNDELIVERED = {
    "status": "UNDELIV",
    "channel": "rcs",
    "message_id": "m-1",
    "error": "Delivery failure",
    "err": 1,
    "timestamp": "2026-01-02T03:04:05.678901",
    "sender": "Acme Agent",
    "price_info": None,
}
WAITING = {**dict.fromkeys(UNDELIVERED), "channel": "sms", "message_id": "m-2", "sender": "ACME"}
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def test_status(stub: Stub) -> None:
    stub.script.append(
        stands(UNDELIVERED, WAITING, None, {"omnimessage_id": NAME, **WAITING, "status": "ACK"})
    )
    backend = messente(stub)
    assert backend.status(ID, PHONE, NAME) == [
        Receipt(ReceiptKind.FAILED, ID, NAME, AT, "m-1:UNDELIV", "delivery_failure", "Delivery failure"),
        Receipt(ReceiptKind.ACCEPTED, ID, NAME, None, "m-2:ACK"),
    ]
    assert (stub.last().method, stub.last().target) == ("GET", f"/v1/omnimessage/{NAME}/status")


def test_status_of_a_chain_that_goes_on(stub: Stub) -> None:
    stub.script.append(stands(UNDELIVERED, WAITING))
    [only] = messente(stub, chain=[SMS]).status(ID, PHONE, NAME)
    assert (only.kind, only.code) == (ReceiptKind.UNKNOWN, "rcs_undeliv")


def test_status_of_what_messente_does_not_know(stub: Stub) -> None:
    stub.script.append(failure(404, problem("101")))
    assert messente(stub).status(ID, PHONE, NAME) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"statuses": null}', b'{"statuses": {}}'])
def test_status_that_cannot_be_read_is_no_news(stub: Stub, body: bytes) -> None:
    stub.script.append(answer(200, body))
    with pytest.raises(Unavailable) as caught:
        messente(stub).status(ID, PHONE, NAME)
    assert caught.value.code == "malformed_reply"
