"""Test the optional calls that a backend announces: every answer leads to a result of the right type or a SendError."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from rcs_router.content import Text
from rcs_router.contract import BaseBackend, Receipt, SendResult
from rcs_router.errors import SendError
from rcs_router.testing.conformance.answers import HALF, LOST, UNREADABLE
from rcs_router.testing.conformance.provider import ID, OPTIONAL, PATIENCE, PHONE, Provider, outbound
from rcs_router.testing.conformance.reading import is_in
from rcs_router.testing.conformance.suite import Suite, outcome, over
from rcs_router.testing.stub import Answer, Stub

PHONES = [PHONE, "+37255501235"]
TEXTS = ["the first of two", "the second of two"]
STATUSES = (*range(300, 309), *range(400, 430), 451, *range(500, 512))


@dataclass(frozen=True)
class Call:
    """An optional call with its capability, and a test of the type of its result."""

    capability: str
    make: Callable[[BaseBackend, str], Any]
    is_agreed: Callable[[Any], bool]


def _both(backend: BaseBackend, _: str) -> None:
    backend.typing(PHONE)
    backend.typing(PHONE, active=False)


def _two(backend: BaseBackend, _: str) -> list[SendResult | SendError]:
    one, two = (Text(text) for text in TEXTS)
    return backend.send_many([outbound(one, id=ID), outbound(two, id=uuid4(), to=PHONES[1])])


CALLS = [
    Call("revoke", lambda b, name: b.revoke(ID, PHONE, name), lambda r: r in (True, False, None)),
    Call(
        "status",
        lambda b, name: b.status(ID, PHONE, name),
        lambda r: isinstance(r, list) and all(isinstance(one, Receipt) for one in r),
    ),
    Call("typing", _both, lambda r: r is None),
    Call("mark_read", lambda b, name: b.mark_read(PHONE, "incoming-1"), lambda r: r is None),
    Call(
        "check",
        lambda b, name: b.check_capabilities(PHONES),
        lambda r: set(r) == set(PHONES) and all(v is None or isinstance(v, frozenset) for v in r.values()),
    ),
    Call(
        "bulk",
        _two,
        lambda r: (
            isinstance(r, list) and len(r) == 2 and all(isinstance(e, SendResult | SendError) for e in r)
        ),
    ),
]
assert {call.capability for call in CALLS} == set(OPTIONAL)


def announced(provider: Provider) -> dict[str, Call]:
    """Return the calls that the capabilities announce. The others are never made."""
    can = provider.make().capabilities
    return {call.capability: call for call in CALLS if getattr(can, call.capability)}


class Optional(Suite):
    """revoke, status, typing, mark_read, check_capabilities and send_many."""

    @over(announced)
    def test_announced_call_works(self, case: Call, stub: Stub) -> None:
        backend = self.provider.make(stub)
        stub.default = self.provider.answers[case.capability]
        end = self._ended(case, backend, "the provider's own answer")
        assert not isinstance(end, SendError), f"refused the provider's own answer: {end!r}"
        assert self.provider.asked(stub), "no request was made"
        if case.capability == "bulk":
            assert [one for one in end if not isinstance(one, SendResult)] == []
            requests = self.provider.asked(stub)
            assert len(requests) == 1, f"{len(requests)} requests for one batch"
            leaves = self.provider.read(requests[0])
            assert all(is_in(value, leaves) for value in [*TEXTS, *(phone[1:] for phone in PHONES)])
        if case.capability == "status":
            named = [one.transmission == ID or one.provider_id == self.provider.provider_id for one in end]
            assert all(named), f"a receipt names another message: {end}"

    @over(announced)
    def test_announced_call_survives_every_status(self, case: Call, stub: Stub) -> None:
        backend = self.provider.make(stub)
        for status in STATUSES:
            stub.default = Answer(status, b"<html>busy</html>")
            self._ended(case, backend, f"HTTP {status}")

    @over(announced)
    def test_announced_call_survives_unreadable_answers(self, case: Call, stub: Stub) -> None:
        backend = self.provider.make(stub)
        for name, body in UNREADABLE.items():
            stub.default = Answer(200, body)
            self._ended(case, backend, f"a body that is {name}")

    @over(announced)
    def test_announced_call_that_gets_no_answer_is_an_error(self, case: Call, stub: Stub) -> None:
        backend = self.provider.make(stub, timeout=PATIENCE)
        stub.default = self.provider.answers[case.capability]
        self._ended(case, backend, "the provider's own answer")
        for name, behaviour in {**LOST, "no HTTP": HALF["no HTTP"]}.items():
            stub.default = behaviour
            end = self._ended(case, backend, name)
            assert isinstance(end, SendError) or _all_errors(end), f"{name}: no answer came, but {end!r}"

    def _ended(self, call: Call, backend: BaseBackend, answer: str) -> Any:
        return ended_call(call, backend, self.provider, answer)


def ended_call(call: Call, backend: BaseBackend, provider: Provider, answer: str) -> Any:
    """Return the result of the call, or its SendError. Anything else fails the test, which names the `answer`."""
    end = outcome(lambda: call.make(backend, provider.provider_id), object)
    if not isinstance(end, SendError):
        assert call.is_agreed(end), f"{call.capability} returned {end!r} for {answer}"
    return end


def _all_errors(end: Any) -> bool:
    return isinstance(end, list) and bool(end) and all(isinstance(one, SendError) for one in end)
