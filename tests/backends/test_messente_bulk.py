"""Messente's whole-account calls: many messages in one request, and the blacklist with the names of consent."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from rcs_backends.messente import Messente
from rcs_router.content import Card, Reply, Text
from rcs_router.contract import Outbound, SendResult, Traffic
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreadable,
)
from tests.backends.cases import PHONE, outbound
from tests.backends.stub import Behaviour, Stub, answer, cut, raw
from tests.backends.test_messente_send import (
    NUMBER,
    SENDER,
    SMS,
    WEBHOOK,
    failure,
    messente,
    problem,
)

NUMBERS = [f"+3725550{n:04}" for n in range(1000)]


def many(count: int) -> list[Outbound]:
    return [
        outbound(Text(f"Offer {n}"), to=NUMBERS[n], id=UUID(int=n), traffic=Traffic.PROMOTION)
        for n in range(count)
    ]


def taken(n: int, **changes: Any) -> dict[str, Any]:
    part = {"channel": "rcs", "message_id": f"m-{n}", "sender": "Acme Agent"}
    return {"omnimessage_id": f"o-{n}", "to": NUMBERS[n], "messages": [part], **changes}


def bulk(*elements: Any) -> Behaviour:
    return answer(201, {"messages": list(elements)})


def told(result: SendResult | SendError) -> tuple[Any, ...]:
    if isinstance(result, SendResult):
        return (result.provider_id,)
    return type(result), result.code


# Many messages.


def test_bulk_request(stub: Stub) -> None:
    stub.script.append(bulk(taken(0), taken(1)))
    backend = messente(stub, chain=[SMS])
    results = backend.send_many(many(2))
    assert results == [SendResult(provider_id="o-0"), SendResult(provider_id="o-1")]
    assert (stub.last().method, stub.last().target) == ("POST", "/v1/omnimessages")
    assert stub.last().json == {
        "messages": [
            {
                "to": NUMBERS[n],
                "messages": [
                    {"channel": "rcs", "sender": "Acme Agent", "text": f"Offer {n}"},
                    {"channel": "sms", "sender": "ACME", "text": f"Offer {n}"},
                ],
                "dlr_url": f"{WEBHOOK}?id={UUID(int=n)}",
                "priority": "low",
            }
            for n in range(2)
        ]
    }


def test_a_full_batch(stub: Stub) -> None:
    """Its answer is longer than what is read of any other."""
    stub.script.append(bulk(*(taken(n) for n in range(Messente.capabilities.bulk))))
    results = messente(stub).send_many(many(Messente.capabilities.bulk))
    assert results == [SendResult(provider_id=f"o-{n}") for n in range(1000)]


def test_no_messages_are_no_request(stub: Stub) -> None:
    assert messente(stub).send_many([]) == []
    assert stub.requests == []


def errors(*entries: Any) -> dict[str, Any]:
    return {"errors": list(entries)}


UNSAID = (Unreadable, "malformed_reply")
ELEMENTS: list[tuple[str, Any, tuple[Any, ...]]] = [
    ("taken", taken(1), ("o-1",)),
    ("without number", {"omnimessage_id": "o-1"}, ("o-1",)),
    ("number without plus", taken(1, to=NUMBERS[1][1:]), ("o-1",)),
    ("empty errors beside an id", taken(1, errors=[]), ("o-1",)),
    ("number refused", errors(NUMBER), (BadAddress, "bad_recipient")),
    ("sender refused", errors(SENDER), (Forbidden, "bad_sender")),
    ("content refused", errors(problem("105", source="payload[rcs][text]")), (Refused, "invalid_data")),
    ("code as a number", errors(problem(106)), (Refused, "missing_data")),
    ("their trouble", errors(problem("104")), (Unavailable, "server_error")),
    ("unknown code", errors(problem("199")), (Refused, "refused")),
    ("errors of odd things", errors(None, 7), (Refused, "refused")),
    ("errors and an id", taken(1, errors=[NUMBER]), (BadAddress, "bad_recipient")),
    ("no id", {"to": NUMBERS[1]}, UNSAID),
    ("empty id", taken(1, omnimessage_id=""), UNSAID),
    ("id a number", taken(1, omnimessage_id=7), UNSAID),
    ("another number", taken(2), UNSAID),
    ("empty errors", errors(), UNSAID),
    ("errors no list", {"errors": "x"}, UNSAID),
    ("null", None, UNSAID),
    ("a list", [], UNSAID),
    ("a string", "o-1", UNSAID),
]


@pytest.mark.parametrize(("element", "expected"), [e[1:] for e in ELEMENTS], ids=[e[0] for e in ELEMENTS])
def test_each_message_has_its_own_outcome(stub: Stub, element: Any, expected: tuple[Any, ...]) -> None:
    stub.script.append(bulk(taken(0), element, taken(2)))
    assert [told(one) for one in messente(stub).send_many(many(3))] == [("o-0",), expected, ("o-2",)]


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (bulk(taken(0)), [("o-0",), UNSAID, UNSAID]),
        (bulk(), [UNSAID] * 3),
        (bulk(*map(taken, range(5))), [("o-0",), ("o-1",), ("o-2",)]),
        (bulk(taken(1), taken(2)), [UNSAID] * 3),
        (answer(201, {"messages": {}}), [UNSAID] * 3),
        (answer(201, b""), [UNSAID] * 3),
        (answer(201, b"[]"), [UNSAID] * 3),
        (answer(201, "<html>"), [UNSAID] * 3),
        (answer(200, "<html>"), [UNSAID] * 3),
        (raw(b'HTTP/1.1 201 OK\r\nContent-Length: 900\r\n\r\n{"messages": [{"omni'), [UNSAID] * 3),
    ],
    ids=[
        "short",
        "empty",
        "long",
        "shifted",
        "no list",
        "no body",
        "a list",
        "HTML",
        "HTML 200",
        "broken off",
    ],
)
def test_what_the_answer_leaves_out_is_ambiguous(
    stub: Stub, behaviour: Behaviour, expected: list[Any]
) -> None:
    stub.script.append(behaviour)
    assert [told(one) for one in messente(stub).send_many(many(3))] == expected


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (failure(401, problem("103")), Misconfigured),
        (answer(429), Throttled),
        (answer(503), Unavailable),
        (answer(404, "<html>"), Unavailable),
        (cut, Ambiguous),
    ],
)
def test_a_whole_call_that_fails_raises(stub: Stub, behaviour: Behaviour, kind: type[SendError]) -> None:
    stub.script.append(behaviour)
    with pytest.raises(SendError) as caught:
        messente(stub).send_many(many(2))
    assert type(caught.value) is kind
    assert len(stub.requests) == 1


def test_a_400_to_all_of_it_is_the_fault_of_those_that_are_refused_alone(stub: Stub) -> None:
    """Nothing of it was taken, so each half may be tried again."""
    bad = failure(400, problem("105", source="payload[to]"))
    names = [{"omnimessage_id": f"om-{n}", "to": one.to, "messages": []} for n, one in enumerate(many(4))]
    stub.script.extend([bad, bulk(*names[:2]), bad, bad, bulk(names[3])])
    outcomes = messente(stub).send_many(many(4))
    assert [getattr(one, "provider_id", type(one).__name__) for one in outcomes] == [
        *("om-0", "om-1"),
        *("BadAddress", "om-3"),
    ]


HALVES: list[tuple[Behaviour, tuple[Any, ...]]] = [
    (answer(503), (Unavailable, "unavailable")),
    (cut, (Ambiguous, "ambiguous")),
    (answer(429), (Throttled, "throttled")),
    (answer(404, "<html>"), (Unavailable, "not_the_provider")),
    (answer(201, "<html>"), UNSAID),
]


@pytest.mark.parametrize(("trouble", "expected"), HALVES)
def test_trouble_with_one_half_is_not_that_of_the_other(
    stub: Stub, trouble: Behaviour, expected: tuple[Any, ...]
) -> None:
    """Else what the other half took would be sent again."""
    bad = failure(400, problem("105", source="payload[to]"))
    stub.script.extend([bad, bulk(taken(0), taken(1)), trouble])
    outcomes = [told(one) for one in messente(stub).send_many(many(4))]
    assert outcomes == [("o-0",), ("o-1",), expected, expected]


FORBIDDEN = failure(403, problem("102"))


def test_a_403_for_one_number_is_that_numbers_alone(stub: Stub) -> None:
    stub.script.extend([FORBIDDEN, bulk(taken(0), taken(1)), FORBIDDEN, FORBIDDEN, bulk(taken(3))])
    outcomes = [told(one) for one in messente(stub).send_many(many(4))]
    assert outcomes == [("o-0",), ("o-1",), (Forbidden, "forbidden"), ("o-3",)]


def test_a_403_to_both_halves_holds_for_all(stub: Stub) -> None:
    stub.default = FORBIDDEN
    outcomes = [told(one) for one in messente(stub).send_many(many(8))]
    assert outcomes == [(Forbidden, "forbidden")] * 8
    assert len(stub.requests) == 3


def test_one_element_tells_nothing_of_its_message(stub: Stub) -> None:
    echo = errors(problem("105", f"'Your code is 482913' for {PHONE}"))
    stub.script.append(bulk(echo))
    [error] = messente(stub).send_many([outbound(Card("Your code is 482913", suggestions=(Reply("Keep"),)))])
    assert isinstance(error, Refused)
    assert "482913" not in error.detail
    assert "55501234" not in error.detail


# The blacklist.


def conflict() -> Behaviour:
    return failure(409, {"code": "204", "title": "Conflict", "detail": "There is one already"})


def missing() -> Behaviour:
    return failure(404, {"code": "203", "title": "Missing resource", "detail": "There is none"})


ONE = "/v1/phonebook/blacklist/%2B37255501234"
CALLS: list[tuple[str, Callable[[Messente], Any], str, str, Any]] = [
    ("block", lambda b: b.block(PHONE), "POST", "/v1/phonebook/blacklist", {"phoneNumber": PHONE}),
    ("opt out", lambda b: b.opt_out(PHONE), "POST", "/v1/phonebook/blacklist", {"phoneNumber": PHONE}),
    ("unblock", lambda b: b.unblock(PHONE), "DELETE", ONE, None),
    ("opt in", lambda b: b.opt_in(PHONE), "DELETE", ONE, None),
    ("is blocked", lambda b: b.is_blocked(PHONE), "GET", ONE, None),
]


@pytest.mark.parametrize(
    ("call", "method", "target", "body"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS]
)
def test_blacklist_calls(
    stub: Stub, call: Callable[[Messente], Any], method: str, target: str, body: Any
) -> None:
    stub.script.extend([answer(204), conflict() if method == "POST" else missing()])
    backend = messente(stub)
    assert call(backend) is True
    assert call(backend) is False, "nothing changed, or it is not there"
    assert {(one.method, one.target) for one in stub.requests} == {(method, target)}
    if body:
        assert stub.last().json == body
    else:
        assert stub.last().body == b""


@pytest.mark.parametrize("call", [c[1] for c in CALLS], ids=[c[0] for c in CALLS])
@pytest.mark.parametrize(
    "behaviour",
    [
        *(answer(200, body) for body in (b"", b"<html>", b"{}")),
        *(answer(status, body) for status in (404, 409) for body in (b"", b"<html>", b"no")),
    ],
)
def test_blacklist_is_believed_by_messentes_own_answer_only(
    stub: Stub, call: Callable[[Messente], Any], behaviour: Behaviour
) -> None:
    stub.script.append(behaviour)
    with pytest.raises(SendError):
        call(messente(stub))


@pytest.mark.parametrize("ask", [Messente.blacklist, Messente.opted_out])
def test_reading_the_blacklist(stub: Stub, ask: Callable[[Messente], list[str]]) -> None:
    stub.script.append(answer(200, {"phoneNumbers": [PHONE, None, "+3725550100"]}))
    assert ask(messente(stub)) == [PHONE, "+3725550100"]
    assert (stub.last().method, stub.last().target) == ("GET", "/v1/phonebook/blacklist")


def test_a_long_blacklist(stub: Stub) -> None:
    numbers = [f"+3725{n:07}" for n in range(20_000)]
    stub.script.append(answer(200, {"phoneNumbers": numbers}))
    assert messente(stub).blacklist() == numbers


@pytest.mark.parametrize(
    "behaviour",
    [
        *(answer(200, body) for body in (b"", b"[]", b"{}", b'{"phoneNumbers": null}', b"<html>")),
        raw(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"phoneNumbers": ["+372'),
    ],
)
def test_a_blacklist_that_cannot_be_read_is_not_an_empty_one(stub: Stub, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    with pytest.raises(Unavailable) as caught:
        messente(stub).opted_out()
    assert caught.value.code == "malformed_reply"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (failure(400, {"code": "201", "title": "Invalid data", "detail": f"{PHONE} is no number"}), Refused),
        (failure(401, {"code": "202", "title": "Unauthorized", "detail": "No"}), Misconfigured),
        (failure(500, {"code": "205", "title": "General error", "detail": "Oh"}), Unavailable),
    ],
)
@pytest.mark.parametrize("call", [c[1] for c in CALLS], ids=[c[0] for c in CALLS])
def test_blacklist_calls_that_fail(
    stub: Stub, call: Callable[[Messente], Any], behaviour: Behaviour, kind: type[SendError]
) -> None:
    stub.script.append(behaviour)
    with pytest.raises(SendError) as caught:
        call(messente(stub))
    assert type(caught.value) is kind
    assert "55501234" not in str(caught.value)
