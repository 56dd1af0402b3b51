"""What a MaaP platform answers: messages, revoking, statuses, capabilities, typing, read reports, files."""

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rcs_backends.gsma_maap import GSMAMaaP, StoredFile
from rcs_router.content import Text
from rcs_router.contract import Receipt, ReceiptKind, SendResult
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreachable,
    Unreadable,
)
from tests.backends.cases import ID, PHONE, outbound
from tests.backends.stub import Behaviour, Stub, answer, cut, hang, raw
from tests.backends.test_gsma_maap import ACCEPTED, SECRET, TOKEN, gsma

BASE = "/root/rcs/bot/v1/sip:acme@bot.example"
NO_USER = {"error": {"code": 404, "message": "User is not RCS capable", "status": "NOT_FOUND"}}


def reason(status: int, code: Any = None, words: str = "no") -> Behaviour:
    return answer(status, {"reason": {"text": words, **({} if code is None else {"code": code})}})


# Messages: every answer as its error.

FAILURES: list[tuple[str, Behaviour, type[SendError], str]] = [
    ("no RCS", reason(404), Unreachable, "unreachable"),
    ("bare 404", answer(404), Unreachable, "unreachable"),
    ("web page", answer(404, "<html>"), Unavailable, "not_the_provider"),
    ("404 of somebody else", answer(404, "default backend - 404"), Unavailable, "not_the_provider"),
    ("404 in an error", answer(404, NO_USER), Unreachable, "unreachable"),
    (
        "404 in an error with a reason",
        answer(404, {"error": {"code": 404, "reason": {"text": "x"}}}),
        Unreachable,
        "unreachable",
    ),
    ("200 with an error", answer(200, NO_USER), Unreachable, "unreachable"),
    ("200 with an error of no status", answer(200, {"error": {"message": "x"}}), Refused, "refused"),
    ("200 with an error about speed", answer(200, {"error": {"code": 429}}), Throttled, "throttled"),
    ("bare 400", answer(400), Refused, "refused"),
    ("unknown code", reason(400, "42999"), Refused, "refused"),
    ("unknown code of the server", reason(500, "49999"), Unavailable, "unavailable"),
    ("reason as a string", answer(400, {"reason": "no"}), Refused, "refused"),
    ("reason as a list", answer(400, {"reason": ["no"]}), Refused, "refused"),
    ("error as a string", answer(403, {"error": "forbidden"}), Forbidden, "forbidden"),
    ("a list", answer(400, b'[{"reason": {}}]'), Refused, "refused"),
    ("bare 401", answer(401), Misconfigured, "misconfigured"),
    ("bare 403", answer(403), Forbidden, "forbidden"),
    ("redirect", answer(302, Location="https://elsewhere.example/"), Misconfigured, "misconfigured"),
    ("duplicate", answer(409), Ambiguous, "ambiguous"),
    ("too large", answer(413), Refused, "refused"),
    ("wrong type", answer(415), Refused, "refused"),
    ("too fast", answer(429), Throttled, "throttled"),
    ("broken", answer(500, "<html>"), Unavailable, "unavailable"),
    ("busy", answer(503), Unavailable, "unavailable"),
    ("cut", cut, Ambiguous, "ambiguous"),
    ("hang", hang, Ambiguous, "ambiguous"),
    *(
        (str(code), reason(status, str(code)), kind, str(code))
        for status, kind, codes in [
            (401, Misconfigured, (40001, 40002, 40003, 40004, 40005)),
            (403, Misconfigured, (40006, 40007)),
            (400, Misconfigured, (42001, 42006)),
            (500, Unavailable, (41000, 41001, 41004, 41005, 41006)),
            (400, Throttled, (41003, 42601)),
            (400, Unreachable, (41110, 41200, 41201, 41210, 41211, 41212, 41240)),
            (400, Refused, (41002, 41007, 41008, 41009, 41010, 41011, 41300)),
            (400, BadAddress, (42005,)),
            (400, Refused, (42002, 42007, 42008, 42015, 42031, 42049, 42060)),
            (400, Refused, (42100, 42108, 42201, 42208, 42401, 42402)),
            (400, Ambiguous, (42514,)),
        ]
        for code in codes
    ),
    ("a code beats its status", reason(404, "42001"), Misconfigured, "42001"),
    ("404 beats a code that says less", reason(404, "42002"), Unreachable, "unreachable"),
    ("code as a number", reason(400, 41210), Unreachable, "41210"),
    ("code in an error", answer(400, {"error": {"code": "41210"}}), Unreachable, "41210"),
    (
        "code in the reason of an error",
        answer(400, {"error": {"code": 400, "reason": {"code": "41210"}}}),
        Unreachable,
        "41210",
    ),
]


@pytest.mark.parametrize(
    ("behaviour", "kind", "code"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES]
)
def test_failure(stub: Stub, behaviour: Behaviour, kind: type[SendError], code: str) -> None:
    backend = gsma(stub, timeout=0.5)
    stub.default = behaviour
    with pytest.raises(SendError) as caught:
        backend.send(outbound(Text("x")))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(stub.requests) == 1, "repeating is for the router to decide"


SENTENCES: list[tuple[dict[str, Any], str]] = [
    ({"reason": {"text": "bad card", "code": "42035"}}, "HTTP 400 bad card"),
    ({"reason": "bad card"}, "HTTP 400 bad card"),
    ({"error": {"code": 400, "reason": {"text": "bad card"}, "status": "BAD"}}, "HTTP 400 bad card"),
    ({"error": {"code": 400, "message": "bad card"}}, "HTTP 400 bad card"),
    ({"error": {"code": 400, "status": "BAD_REQUEST"}}, "HTTP 400 BAD_REQUEST"),
    ({"title": "bad card"}, 'HTTP 400 {"title": "bad card"}'),
]


@pytest.mark.parametrize(("body", "detail"), SENTENCES)
def test_error_reads_as_a_sentence(stub: Stub, body: dict[str, Any], detail: str) -> None:
    backend = gsma(stub)
    stub.default = answer(400, body)
    with pytest.raises(Refused) as caught:
        backend.send(outbound(Text("x")))
    assert caught.value.detail == detail


def test_error_tells_neither_number_nor_token_nor_text(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = gsma(stub)
    stub.default = reason(400, "42002", f"Your code is 482913 to tk-7 with {TOKEN}, {SECRET}, {PHONE}")
    with pytest.raises(Refused) as caught:
        backend.send(outbound(Text("Your code is 482913"), to="tk-7"))
    told = f"{caught.value!r}{caplog.text}"
    for hidden in ("482913", "tk-7", TOKEN, SECRET, "55501234"):
        assert hidden not in told


def test_throttled_says_for_how_long(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(429, {"reason": {"text": "slow down"}}, Retry_After="12")
    with pytest.raises(Throttled) as caught:
        backend.send(outbound(Text("x")))
    assert caught.value.retry_after == 12


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_is_one(stub: Stub, status: int) -> None:
    backend = gsma(stub)
    stub.default = answer(status, {"RCSMessage": {"msgId": 77, "status": "sent"}})
    assert backend.send(outbound(Text("x"))) == SendResult("77")


MALFORMED = [
    b"",
    b"<html>ok</html>",
    b'{"RCSMessage": ',
    b"[]",
    b"{}",
    b"null",
    b'{"RCSMessage": {"msgId": {}}}',
]


@pytest.mark.parametrize("body", [*MALFORMED, b'{"error": null}'])
def test_success_that_cannot_be_read_is_doubted(stub: Stub, body: bytes) -> None:
    backend = gsma(stub)
    stub.default = answer(202, body)
    with pytest.raises(Unreadable):
        backend.send(outbound(Text("x")))


def test_success_that_breaks_off_is_one_if_its_id_can_be_read(stub: Stub) -> None:
    backend = gsma(stub)
    head = b"HTTP/1.1 202 OK\r\nContent-Length: 900\r\n\r\n"
    stub.script.extend([raw(head + b'{"RCSMessage": {"msgId"'), raw(head + answer(202, ACCEPTED).body)])
    with pytest.raises(Unreadable):
        backend.send(outbound(Text("x")))
    assert backend.send(outbound(Text("x"))) == SendResult("m-77")


def test_stale_connection_may_have_carried_a_message(stub: Stub) -> None:
    """The platform would send a repeat a second time, so we do not make it."""
    backend = gsma(stub)
    backend.send(outbound(Text("x")))
    stub.default = cut
    with pytest.raises(Ambiguous):
        backend.send(outbound(Text("x")))
    assert len(stub.requests) == 2


# Revoking and statuses.


def state(status: str) -> Behaviour:
    return answer(
        200, {"RCSMessage": {"msgId": "m-77", "status": status, "timestamp": "2026-11-21T09:31:05.120"}}
    )


GONE = answer(204)
REVOKES: list[tuple[str, list[Behaviour], bool | None]] = [
    ("done at once", [GONE, state("cancelled")], True),
    ("done, with one l", [GONE, state("canceled")], True),
    ("200 with a body", [answer(200, {"RCSMessage": {"msgId": "m-77"}}), state("CANCELLED")], True),
    ("asked", [GONE, state("pending")], None),
    ("asked, no status to be had", [GONE, answer(404)], None),
    ("asked, then trouble", [GONE, answer(503)], None),
    ("asked, then nonsense", [GONE, answer(200, "<html>")], None),
    ("too late", [reason(400, "42011"), state("delivered")], False),
    ("too late by status", [answer(409), state("displayed")], False),
    ("asked, {} to all", [answer(200, {}), answer(200, {})], None),
    ("done, by a PUT that cannot be read", [answer(200), state("cancelled")], True),
    ("not known", [reason(404), reason(404)], False),
    ("no such thing", [reason(400, "41009"), state("sent")], False),
    ("done before", [answer(409), state("cancelled")], True),
    ("done before, by its code", [reason(400, "41011")], True),
]


@pytest.mark.parametrize(("script", "result"), [r[1:] for r in REVOKES], ids=[r[0] for r in REVOKES])
def test_revoke(stub: Stub, script: list[Behaviour], result: bool | None) -> None:
    backend = gsma(stub)
    stub.script.extend(script)
    assert backend.revoke(ID, PHONE, "m/7 7") is result
    assert not stub.script
    put = stub.requests[0]
    assert (put.method, put.json) == ("PUT", {"RCSMessage": {"status": "cancelled"}})
    assert put.target.endswith("/messages/m%2F7%207/status")
    assert {request.method for request in stub.requests[1:]} <= {"GET"}


def test_revoke_without_an_id_is_too_late(stub: Stub) -> None:
    assert gsma(stub).revoke(ID, PHONE) is False
    assert stub.requests == []


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([answer(503)], Unavailable),
        ([answer(429)], Throttled),
        ([answer(401)], Misconfigured),
        ([answer(409), answer(503)], Unavailable),
        ([answer(404), answer(404)], Unavailable),
        ([answer(404, "<html>")], Unavailable),
        ([answer(200, "<html>"), state("pending")], Unavailable),
        ([answer(200), answer(200)], Unavailable),
        ([reason(403)], Forbidden),
        ([reason(404), reason(403)], Forbidden),
    ],
)
def test_revoke_that_fails_says_so(stub: Stub, script: list[Behaviour], kind: type[SendError]) -> None:
    backend = gsma(stub)
    stub.script.extend(script)
    with pytest.raises(kind):
        backend.revoke(ID, PHONE, "m-77")


STATUSES = [
    ("pending", ReceiptKind.ACCEPTED),
    ("sent", ReceiptKind.ACCEPTED),
    ("delivered", ReceiptKind.DELIVERED),
    ("Displayed", ReceiptKind.READ),
    ("cancelled", ReceiptKind.REVOKED),
    ("failed", ReceiptKind.FAILED),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_status(stub: Stub, status: str, kind: ReceiptKind) -> None:
    backend = gsma(stub)
    stub.script.append(state(status))
    at = datetime(2026, 11, 21, 9, 31, 5, 120_000, UTC)
    expected = Receipt(kind, transmission=ID, provider_id="m-77", at=at, event_id=f"m-77:{status.lower()}")
    assert backend.status(ID, PHONE, "m-77") == [expected]
    assert (stub.last().method, stub.last().path) == ("GET", f"{BASE}/messages/m-77/status")


NOTHING = [reason(404), reason(400, "42011"), answer(200, {"RCSMessage": {"status": None}})]


@pytest.mark.parametrize("behaviour", NOTHING)
def test_status_that_is_not_known(stub: Stub, behaviour: Behaviour) -> None:
    backend = gsma(stub)
    stub.script.append(behaviour)
    assert backend.status(ID, PHONE, "m-77") == []


def test_status_without_an_id_asks_nobody(stub: Stub) -> None:
    assert gsma(stub).status(ID, PHONE) == []
    assert stub.requests == []


@pytest.mark.parametrize(
    "behaviour",
    [
        *(answer(200, body) for body in (b"", b"<html>", b"[]", b"{}", b'{"RCSMessage": 7}')),
        *(answer(404), answer(400), answer(404, "<html>")),
    ],
)
def test_status_that_cannot_be_read_is_not_nothing_new(stub: Stub, behaviour: Behaviour) -> None:
    backend = gsma(stub)
    stub.script.append(behaviour)
    with pytest.raises(Unavailable):
        backend.status(ID, PHONE, "m-77")


# Typing, read reports, capabilities.


@pytest.mark.parametrize(("active", "word"), [(True, "active"), (False, "idle")])
@pytest.mark.parametrize("body", [b"", b'{"RCSMessage": {"msgId": "m-78", "status": "pending"}}'])
def test_typing(stub: Stub, active: bool, word: str, body: bytes) -> None:
    backend = gsma(stub)
    stub.default = answer(202, body)
    backend.typing("tk-1", active)
    assert (stub.last().method, stub.last().path) == ("POST", f"{BASE}/messages")
    assert stub.last().json == {"RCSMessage": {"isTyping": word}, "messageContact": {"chatId": "tk-1"}}


def test_mark_read(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(204)
    backend.mark_read(PHONE, "mo-1")
    assert (stub.last().method, stub.last().path) == ("PUT", f"{BASE}/messages/mo-1/status")
    assert stub.last().json == {"RCSMessage": {"status": "displayed"}}


def test_what_cannot_be_marked_as_read_is_refused(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(404)
    for name in ("", "mo-1"):
        with pytest.raises(Refused):
            backend.mark_read(PHONE, name)
    assert len(stub.requests) == 1


CHAT = {"capabilities": ["chat", "chatBotCommunication", 7]}
CAPABILITIES: list[tuple[Behaviour, frozenset[str] | None]] = [
    (answer(200, CHAT), frozenset({"chat", "chatBotCommunication"})),
    (answer(200, {"capabilities": []}), None),
    (answer(404, NO_USER), None),
    (answer(200, NO_USER), None),
    (reason(400, "41110"), None),
    (reason(404, "42002"), None),
]


@pytest.mark.parametrize(("behaviour", "found"), CAPABILITIES)
def test_capabilities(stub: Stub, behaviour: Behaviour, found: frozenset[str] | None) -> None:
    backend = gsma(stub)
    stub.default = behaviour
    assert backend.check_capabilities([PHONE, PHONE]) == {PHONE: found}
    [request] = stub.requests
    assert (request.method, request.path) == ("GET", f"{BASE}/contactCapabilities")
    assert request.target.endswith("?userContact=%2B37255501234")


def test_capabilities_of_somebody_anonymous(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(200, CHAT)
    assert backend.check_capabilities(["tk-7Q", PHONE]).keys() == {"tk-7Q", PHONE}
    assert [request.query for request in stub.requests] == [{"chatId": "tk-7Q"}, {"userContact": PHONE}]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer(200, "<html>"), Unavailable),
        *((answer(200, body), Unavailable) for body in (b"", b"{}", b'{"capabilities": "chat"}')),
        (answer(404), Unavailable),
        (answer(404, "<html>"), Unavailable),
        (answer(500), Unavailable),
        (reason(400), Refused),
        (answer(401), Misconfigured),
    ],
)
def test_capabilities_that_nobody_knows_are_no_answer(
    stub: Stub, behaviour: Behaviour, kind: type[SendError]
) -> None:
    backend = gsma(stub)
    stub.default = behaviour
    with pytest.raises(kind):
        backend.check_capabilities([PHONE])


# Files.

UNTIL = datetime(2026, 12, 21, 12, tzinfo=UTC)
READY = {
    "fileId": "f-9",
    "fileUrl": "https://files.example/f-9",
    "fileSize": 2048,
    "status": "ready",
    "validity": "2026-12-21T12:00:00.000Z",
}
STORED = StoredFile("f-9", "ready", "https://files.example/f-9", 2048, UNTIL)


def parts(stub: Stub) -> list[tuple[str, bytes]]:
    """Disposition (and type) and content of each part."""
    request = stub.last()
    match = re.fullmatch(r"multipart/form-data; boundary=(\w+)", request.headers["content-type"])
    assert match
    pieces = request.body.split(f"--{match[1]}".encode())
    assert pieces[-1] == b"--\r\n"
    split = [piece[2:-2].split(b"\r\n\r\n", 1) for piece in pieces[1:-1]]
    return [(head.decode().replace("\r\n", "; "), content) for head, content in split]


def field(name: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"'


def test_upload_of_bytes(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(202, {"file": {"fileId": "f-9", "status": "pending"}})
    data = b"\x89PNG\r\n\r\n\x00"
    assert backend.upload(data, "image/png", "up.png", UNTIL) == StoredFile("f-9", "pending")
    assert (stub.last().method, stub.last().path) == ("POST", f"{BASE}/files")
    assert stub.last().headers["authorization"] == f"Bearer {TOKEN}"
    assert parts(stub) == [
        (field("fileType"), b"image/png"),
        (field("until"), b"2026-12-21T12:00:00.000Z"),
        (f'{field("fileContent")}; filename="up.png"; Content-Type: image/png', data),
    ]


def test_upload_by_address(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(200, READY)
    assert backend.upload_url("https://cdn.example/a.png", "image/png", UNTIL) == STORED
    assert parts(stub)[2] == (field("fileUrl"), b"https://cdn.example/a.png")
    assert len(parts(stub)) == 3


def test_name_cannot_break_out_of_its_part(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(200, READY)
    backend.upload(b"x", "image/png", 'a"\r\nX-Evil: 1', UNTIL)
    assert len(parts(stub)) == 3
    assert b"\r\nX-Evil" not in stub.last().body


def test_file_is_kept_for_thirty_days_if_nobody_says(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(200, READY)
    before = datetime.now(UTC)
    backend.upload(b"x", "image/png", "x.png")
    until = datetime.fromisoformat(dict(parts(stub))[field("until")].decode())
    assert abs(until - before - timedelta(days=30)) < timedelta(minutes=1)


def test_time_without_a_zone_is_refused(stub: Stub) -> None:
    with pytest.raises(ValueError, match="time zone"):
        gsma(stub).upload(b"x", "image/png", "x.png", datetime(2026, 12, 1))


@pytest.mark.parametrize("body", [{"file": READY}, READY, {"file": {**READY, "fileId": None}}])
def test_file(stub: Stub, body: dict[str, Any]) -> None:
    backend = gsma(stub)
    stub.default = answer(200, body)
    assert backend.file("f-9") == STORED
    assert (stub.last().method, stub.last().path) == ("GET", f"{BASE}/files/f-9")


def test_delete_file(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = answer(204)
    backend.delete_file("f/9")
    assert stub.last().method == "DELETE"
    assert stub.last().target.endswith("/files/f%2F9")
    assert stub.last().body == b""


@pytest.mark.parametrize("call", [lambda b: b.file("f-9"), lambda b: b.delete_file("f-9")])
def test_file_that_is_not_there_is_refused(stub: Stub, call: Any) -> None:
    backend = gsma(stub)
    stub.default = answer(404, {"reason": {"text": "no such file"}})
    with pytest.raises(Refused):
        call(backend)


@pytest.mark.parametrize("call", [lambda b: b.file("f-9"), lambda b: b.delete_file("f-9")])
@pytest.mark.parametrize(
    "behaviour", [answer(200), answer(200, "<html>"), answer(404), answer(404, "<html>")]
)
def test_file_of_which_somebody_else_speaks(stub: Stub, behaviour: Behaviour, call: Any) -> None:
    backend = gsma(stub)
    stub.default = behaviour
    with pytest.raises(Unavailable):
        call(backend)


def upload(backend: GSMAMaaP) -> StoredFile:
    return backend.upload(b"x", "image/png", "x.png", UNTIL)


UPLOAD_FAILURES: list[tuple[Behaviour, type[SendError]]] = [
    (reason(400, "42401"), Refused),
    (reason(400, "42402"), Refused),
    (answer(413), Refused),
    (answer(503), Unavailable),
    (answer(202), Unavailable),
    (answer(202, {"file": {"status": "pending"}}), Unavailable),
]


@pytest.mark.parametrize(("behaviour", "kind"), UPLOAD_FAILURES)
def test_upload_that_fails(stub: Stub, behaviour: Behaviour, kind: type[SendError]) -> None:
    backend = gsma(stub)
    stub.default = behaviour
    with pytest.raises(kind):
        upload(backend)


def test_the_table_of_answers_begins_with_a_success(stub: Stub) -> None:
    assert gsma(stub).send(outbound(Text("x"))) == SendResult(ACCEPTED["RCSMessage"]["msgId"])
