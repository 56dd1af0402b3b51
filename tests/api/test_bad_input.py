"""Wrong bodies, parameters and headers in; one defined answer each: status, code and path."""

import json
from typing import Any

import pytest

from rcs_router.models import Connection, Message
from tests.api.client import API
from tests.api.core import ALICE, CARD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]

TO = {"backend": "rcs", "identities": [ALICE]}
DEEP: Any = "x"
for _ in range(40):
    DEEP = [DEEP]
FAR = "00000000-0000-4000-8000-000000000000"


def sending(**changes: Any) -> dict[str, Any]:
    return {"content": "Hello", "recipients": TO, **changes}


SENDS: list[tuple[str, Any, str, str]] = [
    ("a list", [], "wrong_type", ""),
    ("a string", "Hello", "wrong_type", ""),
    ("null", None, "wrong_type", ""),
    ("nothing", {}, "required", "content"),
    ("no recipients", {"content": "Hello"}, "required", "recipients"),
    ("no content", {"recipients": TO}, "required", "content"),
    ("an unknown field", sending(colour="red"), "unknown_field", "colour"),
    (
        "no identities",
        sending(recipients={"backend": "rcs", "identities": []}),
        "too_short",
        "recipients.identities",
    ),
    (
        "too many identities",
        sending(recipients={"backend": "rcs", "identities": [ALICE] * 10_001}),
        "too_long",
        "recipients.identities",
    ),
    (
        "a bare string",
        sending(recipients={"backend": "rcs", "identities": ALICE}),
        "wrong_type",
        "recipients.identities",
    ),
    (
        "a number that is a number",
        sending(recipients={"backend": "rcs", "identities": [37255501234]}),
        "wrong_type",
        "recipients.identities[0]",
    ),
    (
        "no phone number",
        sending(recipients={"backend": "rcs", "identities": [ALICE, "hello", "12"]}),
        "identity_invalid",
        "recipients.identities[1]",
    ),
    ("no backend", sending(recipients={"identities": [ALICE]}), "required", "recipients.backend"),
    (
        "a foreign backend",
        sending(recipients={**TO, "backend": "nix"}),
        "unknown_backend",
        "recipients.backend",
    ),
    ("two kinds", sending(recipients={**TO, "contacts": [1]}), "ambiguous", "recipients"),
    ("no kind", sending(recipients={"backend": "rcs"}), "required", "recipients.identities"),
    ("recipients as a list", sending(recipients=[ALICE]), "wrong_type", "recipients"),
    ("foreign contact", sending(recipients={"contacts": [999]}), "not_found", "recipients.contacts[0]"),
    (
        "foreign connection",
        sending(recipients={"connections": [999]}),
        "not_found",
        "recipients.connections[0]",
    ),
    ("an id as text", sending(recipients={"connections": ["1"]}), "wrong_type", "recipients.connections[0]"),
    ("an id of zero", sending(recipients={"connections": [0]}), "out_of_range", "recipients.connections[0]"),
    (
        "an id without end",
        sending(recipients={"contacts": [10**30]}),
        "out_of_range",
        "recipients.contacts[0]",
    ),
    ("content of no type", sending(content={"text": "Hello"}), "content_invalid", ""),
    ("content of a foreign type", sending(content={"type": "fax"}), "content_invalid", ""),
    ("content as a list", sending(content=["Hello"]), "content_invalid", ""),
    ("content as null", sending(content=None), "content_invalid", ""),
    ("an empty text", sending(content=""), "content_invalid", "text"),
    ("an empty card", sending(content={"type": "card"}), "content_invalid", ""),
    (
        "text for a number",
        sending(content={"type": "location", "latitude": "1", "longitude": 2}),
        "content_invalid",
        "latitude",
    ),
    ("an unknown field in it", sending(content={**CARD, "colour": "red"}), "unknown_field", "content.colour"),
    (
        "deep in a carousel",
        sending(content={"type": "carousel", "cards": [CARD, {**CARD, "title": 5}]}),
        "content_invalid",
        "cards[1].title",
    ),
    (
        "a chip without a label",
        sending(content={**CARD, "suggestions": [{"type": "reply", "label": " "}]}),
        "content_invalid",
        "suggestions[0].label",
    ),
    ("too long for the backend", sending(content="x" * 3001), "content_invalid", "text"),
    (
        "strict, and an SMS",
        sending(content=CARD, strict=True, recipients={**TO, "backend": "sms"}),
        "content_invalid",
        "",
    ),
    ("a NUL", sending(content="a\0b"), "invalid_character", "content"),
    ("half a pair", sending(fields={"a": ["\ud800"]}), "invalid_character", "fields.a[0]"),
    ("a NUL in a name", sending(fields={"a\0": 1}), "invalid_character", "fields"),
    ("too deep", sending(fields={"a": DEEP}), "too_deep", "fields.a" + "[0]" * 29),
    ("traffic", sending(traffic="spam"), "not_a_choice", "traffic"),
    ("ttl of zero", sending(ttl=0), "out_of_range", "ttl"),
    ("ttl as text", sending(ttl="60"), "wrong_type", "ttl"),
    ("ttl of centuries", sending(ttl=10**10), "out_of_range", "ttl"),
    ("half a second", sending(ttl=0.5), "wrong_type", "ttl"),
    ("a time without a zone", sending(send_at="2026-12-24T08:00:00"), "invalid", "send_at"),
    ("no time", sending(send_at="tomorrow"), "invalid", "send_at"),
    ("the last year there is", sending(send_at="9999-12-31T23:59:59Z"), "invalid", "send_at"),
    ("truth as text", sending(time_critical="yes"), "wrong_type", "time_critical"),
    ("truth as a number", sending(strict=1), "wrong_type", "strict"),
    ("fields as a list", sending(fields=[]), "wrong_type", "fields"),
    ("a reserved field", sending(fields={"api": 1}), "reserved", "fields.api"),
    ("extra for a foreign backend", sending(fields={"extra": {"nix": {}}}), "invalid", "fields"),
    ("extra as text", sending(fields={"extra": "x"}), "invalid", "fields"),
    ("an answer to nothing", sending(in_response_to=FAR), "not_found", "in_response_to"),
    ("an answer to no id", sending(in_response_to="7"), "invalid", "in_response_to"),
    ("a long fallback", sending(fallback_text="x" * 10_001), "too_long", "fallback_text"),
]


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize(("body", "code", "path"), [pytest.param(*rest, id=name) for name, *rest in SENDS])
def test_a_send_is_refused(api: API, body: Any, code: str, path: str) -> None:
    raw = json.dumps(body).encode()
    status, answer = api.post("messages/", raw)
    assert (status, answer["code"], answer["path"]) == (400, code, path), answer
    assert answer["detail"]
    assert not Message.objects.exists()


def test_every_problem_is_named(api: API) -> None:
    to = {"backend": "rcs", "identities": ["x", ALICE, "y"]}
    _, answer = api.post("messages/", sending(recipients=to))
    assert [one["path"] for one in answer["errors"]] == [
        "recipients.identities[0]",
        "recipients.identities[2]",
    ]
    _, answer = api.post("messages/", {"content": {"type": "fax"}, "ttl": "x", "a": 1})
    found = {(one["code"], one["path"]) for one in answer["errors"]}
    assert found == {
        ("content_invalid", ""),
        ("required", "recipients"),
        ("wrong_type", "ttl"),
        ("unknown_field", "a"),
    }
    to = {"backend": "rcs", "identities": ["x"] * 200}
    _, answer = api.post("messages/", sending(recipients=to))
    assert len(answer["errors"]) == 100
    assert not Connection.objects.exists()


NOT_JSON: list[tuple[str, bytes]] = [
    ("nothing at all", b""),
    ("half of it", b'{"content": '),
    ("not UTF-8", b'{"content": "\xff"}'),
    ("not a number", b'{"content": NaN}'),
    ("without end", b'{"content": -Infinity}'),
    ("nested without end", b"[" * 100_000),
    ("digits without end", b'{"ttl": ' + b"9" * 5000 + b"}"),
]


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in NOT_JSON])
def test_what_is_no_json(api: API, raw: bytes) -> None:
    status, answer = api.post("messages/", raw)
    assert status == 400
    assert answer["code"] in {"malformed_json", "too_deep", "required"}


def test_a_number_that_overflows(api: API) -> None:
    status, answer = api.post("messages/", b'{"fields": {"a": 1e999}}')
    assert (status, answer["code"], answer["path"]) == (400, "out_of_range", "fields.a")


def test_a_body_that_is_too_large(api: API, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    status, answer = api.send("x" * 1000)
    assert (status, answer["code"]) == (413, "too_large")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    assert api.send("x" * 1000)[0] == 201


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_that_is_not_said_to_be_json(api: API, kind: str) -> None:
    response = api.raw("POST", "messages/", b'{"content": "Hello"}', headers={"Content-Type": kind})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("key", ["", "x" * 121, "ключ", "a\tb"])
def test_a_key_that_is_none(api: API, key: str) -> None:
    response = api.raw("POST", "messages/", sending(), headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["path"]) == (400, "Idempotency-Key")


QUERIES = [
    ("messages/", {"colour": "red"}, "unknown_parameter", "colour"),
    ("messages/", {"status": "gone"}, "invalid_parameter", "status"),
    ("messages/", {"direction": "up"}, "invalid_parameter", "direction"),
    ("messages/", {"kind": "fax"}, "invalid_parameter", "kind"),
    ("messages/", {"traffic": "spam"}, "invalid_parameter", "traffic"),
    ("messages/", {"since": "yesterday"}, "invalid_parameter", "since"),
    ("messages/", {"since": "2026-01-01T00:00:00"}, "invalid_parameter", "since"),
    ("messages/", {"until": "9999-12-31T23:59:59-05:00"}, "invalid_parameter", "until"),
    ("messages/", {"until": "0001-01-01T00:00:00+05:00"}, "invalid_parameter", "until"),
    ("messages/", {"contact": "ann"}, "invalid_parameter", "contact"),
    ("messages/", {"contact": 10**30}, "invalid_parameter", "contact"),
    ("messages/", {"identity": "a\0b"}, "invalid_parameter", "identity"),
    ("messages/", {"limit": 0}, "invalid_parameter", "limit"),
    ("messages/", {"limit": 501}, "invalid_parameter", "limit"),
    ("messages/", {"cursor": "abc"}, "invalid_cursor", "cursor"),
    ("messages/", {"cursor": "WzEsMl0="}, "invalid_cursor", "cursor"),  # [1,2]
    ("messages/", {"cursor": "WyIyMDI2LTAxLTAxIiwiMSJd"}, "invalid_cursor", "cursor"),  # ["2026-01-01","1"]
    ("contacts/", {"cursor": "WzFlMzAwLCIxIl0="}, "invalid_cursor", "cursor"),  # [1e300,"1"]
    ("contacts/", {"cursor": "WzEsIngiXQ=="}, "invalid_cursor", "cursor"),  # [1,"x"]
    ("contacts/", {"cursor": "ы"}, "invalid_cursor", "cursor"),
    ("transmissions/", {"message": "7"}, "invalid_parameter", "message"),
    ("interactions/", {"transmission": "7"}, "invalid_parameter", "transmission"),
    ("capabilities/", {"backend": "rcs"}, "invalid_parameter", "identity"),
    ("capabilities/", {"backend": "nix", "identity": ALICE}, "unknown_backend", "backend"),
    ("capabilities/", {"backend": "rcs", "identity": "hello"}, "identity_invalid", "identity[0]"),
    (f"messages/{FAR}/", {"status": "read"}, "unknown_parameter", "status"),
]


@pytest.mark.parametrize(("path", "query", "code", "where"), QUERIES)
def test_a_wrong_query(api: API, path: str, query: dict[str, Any], code: str, where: str) -> None:
    status, answer = api.get(path, **query)
    assert (status, answer["code"], answer["path"]) == (400, code, where), answer


def test_a_parameter_that_comes_twice(api: API) -> None:
    status, answer = api.get("messages/?limit=5&limit=6")
    assert (status, answer["code"]) == (400, "repeated_parameter")


OTHERS: list[tuple[str, str, Any, str, str]] = [
    ("contacts/", "POST", {"name": 5}, "wrong_type", "name"),
    ("contacts/", "POST", {"name": "x" * 201}, "too_long", "name"),
    ("contacts/", "POST", {"nom": "x"}, "unknown_field", "nom"),
    ("contacts/", "POST", {"connections": [{}]}, "required", "connections[0].backend"),
    (
        "contacts/",
        "POST",
        {"connections": [{"backend": "nix", "identity": ALICE}]},
        "unknown_backend",
        "connections[0].backend",
    ),
    (
        "contacts/",
        "POST",
        {"connections": [{"backend": "rcs", "identity": "x"}]},
        "identity_invalid",
        "connections[0].identity",
    ),
    ("connections/", "POST", {"backend": "nix", "identity": ALICE}, "unknown_backend", "backend"),
    ("connections/", "POST", {"backend": "rcs", "identity": "x"}, "identity_invalid", "identity"),
    ("connections/", "POST", {"backend": "rcs", "identity": ALICE, "contact": 99}, "not_found", "contact"),
    ("contacts/import/", "POST", {"contacts": []}, "too_short", "contacts"),
    ("contacts/import/", "POST", {"contacts": [{}] * 5001}, "too_long", "contacts"),
    ("contacts/import/", "POST", {"contacts": ["Ann"]}, "wrong_type", "contacts[0]"),
    ("capabilities/", "POST", {"backend": "asked", "identities": []}, "too_short", "identities"),
    ("capabilities/", "POST", {"backend": "asked", "identities": [ALICE] * 1001}, "too_long", "identities"),
    ("capabilities/", "POST", {"backend": "asked", "identities": ["5"]}, "identity_invalid", "identities[0]"),
    (f"consent/{ALICE}/opt-out/", "POST", {"words": 5}, "wrong_type", "words"),
    (f"consent/{ALICE}/opt-out/", "POST", {"acknowledge": True}, "required", "backend"),
    (f"consent/{ALICE}/opt-out/", "POST", {"backend": "nix"}, "unknown_backend", "backend"),
    (f"consent/{ALICE}/opt-in/", "POST", {"brand": "nix"}, "unknown_brand", "brand"),
    (f"consent/{ALICE}/opt-in/", "POST", {"said_at": "2026-01-01"}, "invalid", "said_at"),
    ("consent/12/opt-in/", "POST", {}, "identity_invalid", "subject"),
    ("consent/%00/opt-in/", "POST", {}, "identity_invalid", "subject"),
    (f"consent/{'x' * 101}/", "GET", None, "identity_invalid", "subject"),
]


@pytest.mark.parametrize(("path", "method", "body", "code", "where"), OTHERS)
def test_another_wrong_body(api: API, path: str, method: str, body: Any, code: str, where: str) -> None:
    status, answer = api.ask(method, path, body)
    assert (status, answer["code"], answer["path"]) == (400, code, where), answer


NOWHERE = [
    ("GET", "nix/"),
    ("POST", "nix/"),
    ("GET", "messages"),
    ("GET", "messages/7/"),
    ("GET", f"messages/{FAR}/"),
    ("GET", f"transmissions/{FAR}/"),
    ("POST", f"transmissions/{FAR}/retry/"),
    ("POST", f"transmissions/{FAR}/explode/"),
    ("GET", "contacts/99/"),
    ("GET", f"contacts/{'9' * 40}/"),
    ("DELETE", f"connections/{'9' * 40}/"),
    ("GET", "contacts/%00/"),
]


@pytest.mark.parametrize(("method", "path"), NOWHERE)
def test_a_place_that_there_is_not(api: API, method: str, path: str) -> None:
    status, answer = api.ask(method, path)
    assert (status, answer["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "messages/"), ("PUT", "contacts/"), ("GET", f"transmissions/{FAR}/retry/")],
)
def test_a_method_that_is_not_allowed(api: API, method: str, path: str) -> None:
    response = api.raw(method, path)
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert method not in response["Allow"]


def test_a_media_type_that_we_have_not(api: API) -> None:
    response = api.raw("GET", "messages/", headers={"Accept": "application/xml"})
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
