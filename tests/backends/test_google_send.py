"""Google RBM outwards: each content as its JSON, each answer as its error, tokens, capabilities, files."""

import logging
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from rcs_backends.google_rbm import GoogleOptions, auth, limits
from rcs_backends.google_rbm.render import MAX_TTL, agent_message
from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    Dial,
    File,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Suggestion,
    Text,
)
from rcs_router.contract import SendResult, Traffic
from rcs_router.errors import (
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreadable,
)
from tests.backends.cases import ID, PHONE, Outgoing, outbound
from tests.backends.google import AGENT, TOKEN, google, key_file, private_key, public_key, token
from tests.backends.stub import Behaviour, Stub, answer, cut, hang, raw
from tests.backends.test_conformance_google import BLOCKED, NAME, error

CHIPS: list[tuple[Suggestion, dict[str, Any]]] = [
    (Reply("Yes", "home:yes"), {"reply": {"text": "Yes", "postbackData": "home:yes"}}),
    (Reply("Yes"), {"reply": {"text": "Yes", "postbackData": "Yes"}}),
    (
        Dial("Call", "call", phone="1011", fallback_url="https://shop.example/help"),
        {
            "action": {
                "text": "Call",
                "postbackData": "call",
                "fallbackUrl": "https://shop.example/help",
                "dialAction": {"phoneNumber": "1011"},
            }
        },
    ),
    (
        OpenUrl("Track", url="https://shop.example/t"),
        {
            "action": {
                "text": "Track",
                "postbackData": "Track",
                "openUrlAction": {"url": "https://shop.example/t", "application": "BROWSER"},
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
KEEP, KEEP_JSON = CHIPS[0]
CASES = [
    Outgoing("text", Text("Hi é 😀"), {"text": "Hi é 😀"}),
    Outgoing("text with a chip", Text("Hi", (KEEP,)), {"text": "Hi", "suggestions": [KEEP_JSON]}),
    Outgoing(
        "file by url",
        File("https://cdn.example/m.pdf", thumbnail_url="https://cdn.example/t.jpg", force_refresh=True),
        {
            "contentInfo": {
                "fileUrl": "https://cdn.example/m.pdf",
                "thumbnailUrl": "https://cdn.example/t.jpg",
                "forceRefresh": True,
            }
        },
    ),
    Outgoing(
        "uploaded file",
        File(uploaded="files/vid", uploaded_thumbnail="files/img", suggestions=(KEEP,)),
        {
            "uploadedRbmFile": {"fileName": "files/vid", "thumbnailName": "files/img"},
            "suggestions": [KEEP_JSON],
        },
    ),
    Outgoing(
        "card",
        Card(
            "Boots",
            "New",
            Media("https://cdn.example/b.jpg", "short", "Brown boots"),
            (KEEP,),
            chips=(Reply("Stop"),),
        ),
        {
            "richCard": {
                "standaloneCard": {
                    "cardOrientation": "VERTICAL",
                    "cardContent": {
                        "title": "Boots",
                        "description": "New",
                        "media": {
                            "height": "SHORT",
                            "contentDescription": "Brown boots",
                            "contentInfo": {"fileUrl": "https://cdn.example/b.jpg"},
                        },
                        "suggestions": [KEEP_JSON],
                    },
                }
            },
            "suggestions": [{"reply": {"text": "Stop", "postbackData": "Stop"}}],
        },
    ),
    Outgoing(
        "horizontal card",
        Card("Boots", orientation="horizontal", alignment="right", media=Media(uploaded="files/b")),
        {
            "richCard": {
                "standaloneCard": {
                    "cardOrientation": "HORIZONTAL",
                    "thumbnailImageAlignment": "RIGHT",
                    "cardContent": {
                        "title": "Boots",
                        "media": {"height": "MEDIUM", "uploadedRbmFile": {"fileName": "files/b"}},
                    },
                }
            }
        },
    ),
    Outgoing(
        "carousel",
        Carousel((Card("A", suggestions=(KEEP,)), Card(description="B")), (Reply("More"),), width="small"),
        {
            "richCard": {
                "carouselCard": {
                    "cardWidth": "SMALL",
                    "cardContents": [{"title": "A", "suggestions": [KEEP_JSON]}, {"description": "B"}],
                }
            },
            "suggestions": [{"reply": {"text": "More", "postbackData": "More"}}],
        },
    ),
    *(
        Outgoing(type(chip).__name__, Text("x", (chip,)), {"text": "x", "suggestions": [json]})
        for chip, json in CHIPS
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_content_as_json(stub: Stub, case: Outgoing) -> None:
    stub.script.append(answer(200, NAME))
    backend = google(stub)
    assert backend.check(case.content) == []
    assert backend.send(outbound(case.content)) == SendResult()
    assert stub.last().json == {"messageTrafficType": "TRANSACTION", "contentMessage": case.expected}


def test_request_line(stub: Stub) -> None:
    stub.script.append(answer(200, NAME))
    google(stub, agent_id=f"{AGENT}@rbm.goog").send(outbound(Text("x"), traffic=Traffic.SERVICE_REQUEST))
    request = stub.last()
    assert request.method == "POST"
    assert request.target.startswith(f"/v1/phones/{PHONE}/agentMessages?")
    assert request.query == {"messageId": str(ID), "agentId": AGENT}
    assert request.headers["authorization"] == "Bearer t1"
    assert request.headers["content-type"] == "application/json"
    assert request.json["messageTrafficType"] == "SERVICEREQUEST"


def test_strange_identity_stays_inside_its_path_segment(stub: Stub) -> None:
    stub.script.append(answer(200, NAME))
    google(stub).send(outbound(Text("x"), to="+372/../../files?x=1#"))
    assert stub.last().target.startswith(
        "/v1/phones/+372%2F..%2F..%2Ffiles%3Fx%3D1%23/agentMessages?messageId="
    )


NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TTLS = [
    (timedelta(minutes=30), "1800s"),
    (timedelta(seconds=59.9), "59s"),
    (timedelta(seconds=0.2), "1s"),
    (timedelta(seconds=-5), "1s"),
    (timedelta(days=15), f"{MAX_TTL}s"),
    (timedelta(days=20), f"{MAX_TTL}s"),
]


@pytest.mark.parametrize(("left", "ttl"), TTLS)
def test_ttl_is_what_is_left_when_it_is_sent(left: timedelta, ttl: str) -> None:
    assert agent_message(outbound(Text("x"), expires_at=NOW + left), NOW)["ttl"] == ttl


@pytest.mark.parametrize("traffic", Traffic)
def test_every_traffic_type_has_googles_name(traffic: Traffic) -> None:
    name = agent_message(outbound(Text("x"), traffic=traffic), NOW)["messageTrafficType"]
    assert name == traffic.name.replace("_", "")


def test_what_is_allowed_of_extra_is_merged_last_and_null_removes() -> None:
    extra = {
        "ttl": None,
        "expireTime": "2026-11-24T18:00:00Z",
        "contentMessage": {"text": "other", "suggestions": None, "new": {"a": 1}},
    }
    message = agent_message(
        outbound(Text("x", (KEEP,)), expires_at=NOW + timedelta(hours=1), extra=extra), NOW
    )
    assert message == {
        "messageTrafficType": "TRANSACTION",
        "ttl": "3600s",
        "contentMessage": {"text": "other", "new": {"a": 1}},
    }


# Answers.


MALFORMED = [b"", b"<html>ok</html>", b'{"name": ', b"[]", b"{}", b'{"name": 7}', b'{"name": "x"}', b"null"]


@pytest.mark.parametrize("body", MALFORMED)
def test_success_that_cannot_be_read_is_doubted(stub: Stub, body: bytes) -> None:
    stub.script.append(answer(200, body))
    with pytest.raises(Unreadable):
        google(stub).send(outbound(Text("x")))


def test_success_that_breaks_off_is_one_if_its_name_can_be_read(stub: Stub) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
    stub.script.extend([raw(head + b'{"name": "phones/'), raw(head + answer(200, NAME).body)])
    with pytest.raises(Unreadable):
        google(stub).send(outbound(Text("x")))
    assert google(stub).send(outbound(Text("x"))) == SendResult()


def test_error_reads_as_a_sentence_without_number_or_text(
    stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"Bad field 'Your code is 482913' for {PHONE} with Bearer t1-secret-token and {TOKEN}"
    stub.script.append(error(400, echo, "INVALID_ARGUMENT"))
    backend = google(stub)
    with pytest.raises(Refused) as caught:
        backend.send(outbound(Text("Your code is 482913")))
    assert caught.value.detail.startswith("HTTP 400 INVALID_ARGUMENT Bad field")
    told = f"{caught.value!r}{caplog.text}{backend!r}{backend.options!r}"
    for hidden in ("482913", "55501234", "t1-secret", TOKEN, "PRIVATE KEY", private_key()[40:80]):
        assert hidden not in told


# Tokens.


def test_token_is_fetched_once_for_all_threads(stub: Stub) -> None:
    backend = google(stub)
    stub.default = answer(200, NAME)
    threads = [threading.Thread(target=lambda: backend.send(outbound(Text("x")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = [request.path for request in stub.requests]
    assert paths.count("/token") == 1
    assert len(paths) == 9


def test_token_request_is_a_signed_assertion(stub: Stub) -> None:
    from urllib.parse import parse_qs

    from google.auth import jwt

    stub.default = answer(200, NAME)
    google(stub).send(outbound(Text("x")))
    form = parse_qs(stub.requests[0].body.decode())
    claims = jwt.decode(form["assertion"][0], certs=public_key())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert claims["iss"] == "rcs@acme.example"
    assert claims["aud"] == stub.url + "/token"
    assert claims["scope"] == "https://www.googleapis.com/auth/rcsbusinessmessaging"
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.parametrize(
    ("lifetime", "age", "fetched"), [(3600, 3000, 1), (3600, 3400, 2), (100, 40, 1), (100, 60, 2)]
)
def test_token_is_renewed_before_its_end(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, lifetime: int, age: float, fetched: int
) -> None:
    backend = google(stub)
    stub.routes["/token"] = token("t1", lifetime)
    stub.default = answer(200, NAME)
    backend.send(outbound(Text("x")))
    now = auth.time.monotonic()
    monkeypatch.setattr(auth.time, "monotonic", lambda: now + age)
    backend._tokens.get()
    assert [request.path for request in stub.requests].count("/token") == fetched


def test_refused_token_is_renewed_once(stub: Stub) -> None:
    backend = google(stub)
    backend._tokens.get()
    stub.routes["/token"] = token("t2")
    stub.script.extend([answer(401), answer(200, NAME)])
    assert backend.send(outbound(Text("x"))) == SendResult()
    assert [request.headers.get("authorization") for request in stub.requests[1:]] == [
        "Bearer t1",
        None,
        "Bearer t2",
    ]


def test_token_refused_twice_is_our_mistake(stub: Stub) -> None:
    stub.default = answer(401)
    with pytest.raises(Misconfigured):
        google(stub).send(outbound(Text("x")))
    assert len(stub.requests) == 4


TOKEN_FAILURES: list[tuple[str, Behaviour, type[SendError]]] = [
    ("invalid_grant", answer(400, {"error": "invalid_grant"}), Misconfigured),
    ("forbidden", answer(403, "no"), Misconfigured),
    ("gone", answer(404, "no"), Misconfigured),
    ("busy", answer(503, "no"), Unavailable),
    ("too fast", answer(429, "no"), Throttled),
    ("cut", cut, Unavailable),
    ("hang", hang, Unavailable),
    ("HTML", answer(200, "<html>"), Unavailable),
    ("no token", answer(200, {}), Unavailable),
    ("no object", answer(200, b"[]"), Unavailable),
    ("login page", answer(200, "<html>", Content_Type="text/html"), Unavailable),
    ("page for 404", answer(404, "<html>"), Unavailable),
    ("no bearer token", answer(200, {"access_token": "a\r\nb", "expires_in": 9}), Unavailable),
    ("no ASCII token", answer(200, {"access_token": "t\u00f6ken", "expires_in": 9}), Unavailable),
    ("odd life", answer(200, {"access_token": "x", "expires_in": "soon"}), Unavailable),
]


@pytest.mark.parametrize(
    ("behaviour", "kind"), [f[1:] for f in TOKEN_FAILURES], ids=[f[0] for f in TOKEN_FAILURES]
)
def test_token_failure_means_that_nothing_was_sent(
    stub: Stub, behaviour: Behaviour, kind: type[SendError]
) -> None:
    backend = google(stub, timeout=0.5)
    stub.routes["/token"] = behaviour
    with pytest.raises(SendError) as caught:
        backend.send(outbound(Text("x")))
    assert type(caught.value) is kind
    assert caught.value.unknown is False
    assert {request.path for request in stub.requests} == {"/token"}
    assert len(stub.requests) == 1, "retrying is for the router to decide"


# Revoking, events, capabilities, files.


@pytest.mark.parametrize(("behaviour", "result"), [(answer(200, {}), True), (error(404, "delivered"), False)])
def test_revoke(stub: Stub, behaviour: Behaviour, result: bool) -> None:
    stub.script.append(behaviour)
    assert google(stub).revoke(ID, PHONE) is result
    assert stub.last().method == "DELETE"
    assert stub.last().path == f"/v1/phones/{PHONE}/agentMessages/{ID}"
    assert stub.last().query == {"agentId": AGENT}


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer(503), Unavailable),
        *((answer(200, body), Unavailable) for body in (b"", b"<html>", b"[]", b'{"ok": true}')),
        (answer(404), Unavailable),
        (answer(404, "<html>"), Unavailable),
        (answer(404, "404 page not found"), Unavailable),
        (answer(403), Unavailable),
        (error(403, "The caller does not have permission"), Forbidden),
    ],
)
def test_revoke_that_fails_says_so(stub: Stub, behaviour: Behaviour, kind: type[SendError]) -> None:
    """Neither taken back nor too late: that is believed by Google's own answer only."""
    stub.script.append(behaviour)
    with pytest.raises(kind):
        google(stub).revoke(ID, PHONE)


def test_typing_and_read(stub: Stub) -> None:
    backend = google(stub)
    backend.typing(PHONE)
    backend.mark_read(PHONE, "MxUser1")
    typing, read = stub.requests[1:]
    assert typing.path == read.path == f"/v1/phones/{PHONE}/agentEvents"
    assert (typing.json, read.json) == (
        {"eventType": "IS_TYPING"},
        {"eventType": "READ", "messageId": "MxUser1"},
    )
    assert typing.query["eventId"] != read.query["eventId"]


def test_capabilities_one_by_one(stub: Stub) -> None:
    stub.script.extend(
        [
            answer(200, {"features": ["RICHCARD_STANDALONE", "SOMETHING_NEW", 7]}),
            answer(200, {}),
            error(404, "no"),
            error(403, BLOCKED),
        ]
    )
    numbers = ["+3725550100", "+3725550101", "+3725550102", "+3725550103", "+3725550100"]
    found = google(stub, region="europe").check_capabilities(numbers)
    assert list(found.values()) == [
        frozenset({"RICHCARD_STANDALONE", "SOMETHING_NEW"}),
        frozenset(),
        None,
        None,
    ]
    ids = [request.query["requestId"] for request in stub.requests[1:]]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    "behaviour",
    [
        *(answer(200, body) for body in (b"", b"<html>", b"[]", b'{"features": 7}')),
        *(answer(404), answer(404, "<html>")),
        *(error(403, "wrong key"), answer(503)),
    ],
)
def test_capability_answers_that_say_nothing_are_errors_not_absence(stub: Stub, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    with pytest.raises(SendError):
        google(stub).check_capabilities([PHONE])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"reachableUsers": "+372"}'])
def test_bulk_answer_that_says_nothing_is_not_nobody(stub: Stub, body: bytes) -> None:
    stub.default = answer(200, body)
    with pytest.raises(Unavailable):
        google(stub, region="europe").check_capabilities([f"+3725{n:07}" for n in range(500)])


def test_capabilities_in_bulk_come_in_batches_that_google_takes(stub: Stub) -> None:
    numbers = [f"+3725{n:07}" for n in range(10_001)]
    stub.script.extend(
        [answer(200, {"reachableUsers": [numbers[0]]}), answer(200, {"reachableUsers": [numbers[1]]})]
    )
    found = google(stub, region="europe").check_capabilities(numbers + numbers[:5])
    batches = [request.json for request in stub.requests[1:]]
    assert [len(batch["users"]) for batch in batches] == [5001, 5000]
    assert {user for batch in batches for user in batch["users"]} == set(numbers)
    assert batches[0]["agentId"] == AGENT
    assert {number for number, features in found.items() if features is not None} == set(numbers[:2])
    assert len(found) == 10_001


def test_bulk_answer_for_many_phones_is_read_to_its_end(stub: Stub) -> None:
    numbers = [f"+3725{n:07}" for n in range(10_000)]
    stub.script.append(answer(200, {"reachableUsers": numbers}))
    found = google(stub, region="us").check_capabilities(numbers)
    assert None not in found.values()


def test_bulk_needs_a_region_and_500_numbers(stub: Stub) -> None:
    google(stub).check_capabilities([f"+3725{n:07}" for n in range(500)])
    google(stub, region="asia").check_capabilities([f"+3725{n:07}" for n in range(499)])
    assert not [request for request in stub.requests if request.path.endswith("batchGet")]


def test_broken_bulk_answer_is_not_nobody(stub: Stub) -> None:
    stub.script.append(raw(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"reachableUsers": []}'))
    with pytest.raises(Unavailable):
        google(stub, region="us").check_capabilities([f"+1202555{n:04}" for n in range(500)])


def test_upload(stub: Stub) -> None:
    stub.script.extend([answer(200, {"name": "files/1"}), answer(200, {"name": "files/2"}), answer(200, {})])
    backend = google(stub)
    assert backend.upload(b"\x89PNG", "image/png") == "files/1"
    assert stub.last().path == "/upload/v1/files"
    assert (stub.last().body, stub.last().headers["content-type"]) == (b"\x89PNG", "image/png")
    assert backend.upload_url("https://cdn.example/a.jpg", "https://cdn.example/t.jpg") == "files/2"
    assert stub.last().path == "/v1/files"
    assert stub.last().json == {
        "fileUrl": "https://cdn.example/a.jpg",
        "thumbnailUrl": "https://cdn.example/t.jpg",
        "agentId": AGENT,
    }
    with pytest.raises(Unavailable):
        backend.upload_url("https://cdn.example/a.jpg")


# Limits.


def cards(count: int, **kwargs: Any) -> tuple[Card, ...]:
    return tuple(Card("x", **kwargs) for _ in range(count))


def replies(count: int) -> tuple[Reply, ...]:
    return tuple(Reply(str(number)) for number in range(count))


LONG = CalendarEvent(
    "Add",
    start=NOW,
    end=NOW + timedelta(hours=1),
    title="t" * 101,
    description="d" * 501,
    fallback_url="https://x.example",
)
TALL = Media("https://x.example/a.jpg", "tall")
BROKEN: list[tuple[Content, list[str]]] = [
    (Text("x" * 3073), ["text: 3073 characters, Google RBM allows 3072"]),
    (Text("x", replies(12)), ["suggestions: 12 suggestions, Google RBM allows 11"]),
    (
        Text("x", (Reply("l" * 26, "p" * 2049),)),
        [
            "suggestions[0].label: 26 characters, Google RBM allows 25",
            "suggestions[0].postback: 2049 characters, Google RBM allows 2048",
        ],
    ),
    (
        Text("x", (OpenUrl("a", url="https://x.example/" + "u" * 2040),)),
        ["suggestions[0].url: 2058 characters, Google RBM allows 2048"],
    ),
    (
        Text("x", (Dial("a", phone="1", fallback_url="https://x.example/" + "u" * 2040),)),
        ["suggestions[0].fallback_url: 2058 characters, Google RBM allows 2048"],
    ),
    (
        Text("x", (LONG,)),
        [
            "suggestions[0].title: 101 characters, Google RBM allows 100",
            "suggestions[0].description: 501 characters, Google RBM allows 500",
        ],
    ),
    (
        Card("t" * 201, "d" * 2001, suggestions=replies(5), chips=replies(12)),
        [
            "title: 201 characters, Google RBM allows 200",
            "description: 2001 characters, Google RBM allows 2000",
            "suggestions: 5 suggestions, Google RBM allows 4",
            "chips: 12 suggestions, Google RBM allows 11",
        ],
    ),
    (
        Carousel((*cards(3), Card("x", suggestions=(Reply("l" * 31),)))),
        ["cards[3].suggestions[0].label: 31 characters, Google RBM allows 25"],
    ),
    (Carousel(cards(11)), ["cards: 11 cards, Google RBM allows 10"]),
    (
        Carousel((*cards(1), Card("x", media=TALL)), width="small"),
        ["cards[1].media.height: tall does not fit in a carousel of small cards"],
    ),
    (
        Carousel((*cards(1), Card("x", chips=(KEEP,)))),
        ["cards[1].chips: a carousel has one row of chips: its own suggestions"],
    ),
    (
        Carousel((*cards(1), Card("x", orientation="horizontal"))),
        ["cards[1].orientation: cards of a carousel are vertical"],
    ),
    (
        File(uploaded="files/1", thumbnail_url="https://x.example"),
        ["thumbnail_url: an uploaded file takes an uploaded_thumbnail"],
    ),
    (
        Card(media=Media("https://x.example", uploaded_thumbnail="files/1")),
        ["media.uploaded_thumbnail: a file by url takes a thumbnail_url"],
    ),
    (File("https://x.example/" + "x" * 260_000), ["message: 260111 bytes of JSON, Google RBM allows 250000"]),
]


@pytest.mark.parametrize(("content", "problems"), BROKEN)
def test_broken_limits_are_named_with_their_path(content: Content, problems: list[str]) -> None:
    assert google().check(content) == problems


FITTING: list[Content] = [
    Text("x" * 3072, replies(11)),
    Card("t" * 200, "d" * 2000, TALL, replies(4), chips=replies(11)),
    Carousel(cards(10, suggestions=replies(4)), replies(11), width="small"),
    Carousel(cards(2, media=TALL)),
    Text("😀" * 3072, (Reply("ä" * 25, "p" * 2048),)),
    Text("\ud800", (Reply("x"),)),
]


@pytest.mark.parametrize("content", FITTING, ids=lambda content: type(content).__name__)
def test_content_at_its_limits_passes(content: Content) -> None:
    assert google().check(content) == []


def test_docs_show_every_limit() -> None:
    page = (Path(__file__).parents[2] / "docs/backends/google_rbm.md").read_text()
    for name, value in limits.LIMITS.most.items():
        assert f"| {name} | {value:,} |" in page
    assert limits.LIMITS.as_of in page


# Options.


@pytest.mark.parametrize(
    ("region", "host"), [("", "rcsbusinessmessaging"), ("europe", "europe-rcsbusinessmessaging")]
)
def test_region_is_the_host(region: str, host: str) -> None:
    assert google(region=region, base_url="").options.base == f"https://{host}.googleapis.com"


def test_healthy_options_have_no_problems(tmp_path: Path) -> None:
    import json

    (tmp_path / "key.json").write_text(json.dumps(key_file()))
    assert google(service_account=str(tmp_path / "key.json"), base_url="").problems() == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"agent_id": "@rbm.goog"}, "agent_id is empty"),
    ({"client_token": ""}, "client_token is empty: no webhook can be verified"),
    ({"client_token": ()}, "client_token is empty: no webhook can be verified"),
    ({"client_token": ("a", "")}, "client_token is empty: no webhook can be verified"),
    ({"base_url": "http://rbm.example"}, "base_url must begin with https://"),
    (
        {"service_account": "/nowhere/key.json"},
        "service_account: /nowhere/key.json cannot be read (No such file",
    ),
    ({"service_account": {}}, "service_account: not the key of a service account"),
    ({"service_account": {**key_file(), "token_uri": ""}}, "service_account: the key lacks 'token_uri'"),
    (
        {"service_account": {**key_file(), "private_key": "x"}},
        "service_account: its private_key is not an RSA key",
    ),
]


@pytest.mark.parametrize(("options", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_wrong_options_are_sentences(options: dict[str, Any], problem: str) -> None:
    assert [p[: len(problem)] for p in google(**options).problems()] == [problem]


@pytest.mark.parametrize("text", ["", "<html>", "[]", "[" * 99_999])
def test_key_file_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "key.json").write_text(text)
    backend = google(service_account=str(tmp_path / "key.json"))
    assert len(backend.problems()) == 1
    with pytest.raises(Misconfigured) as caught:
        backend.send(outbound(Text("x")))
    assert caught.value.code == "bad_key"


def test_missing_google_auth_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.auth", None)
    assert google().problems() == ["google-auth is not installed: pip install 'django-rcs-router[google]'"]
    with pytest.raises(Misconfigured, match="rcs-router"):
        google().send(outbound(Text("x")))


def test_secrets_stay_out_of_repr() -> None:
    options = google(client_token=("first-token", "second-token")).options
    assert isinstance(options, GoogleOptions)
    assert "token" not in repr(options)
    assert "PRIVATE" not in repr(options)
    assert {"first-token", "second-token", private_key()} <= set(options.secrets())
