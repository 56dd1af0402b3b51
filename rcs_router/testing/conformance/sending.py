"""Test that a backend sends every example of content with one request that contains all of it, from any thread."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4

import pytest

from rcs_router.capabilities import fit
from rcs_router.content import Content, Text
from rcs_router.content.examples import FORM_LINK, examples
from rcs_router.contract import BaseBackend, SendResult, Traffic
from rcs_router.errors import SendError
from rcs_router.testing.conformance.provider import ID, PHONE, Provider, outbound
from rcs_router.testing.conformance.reading import is_in, says
from rcs_router.testing.conformance.suite import Suite, ended, over
from rcs_router.testing.stub import Request, Stub

NOW = datetime.now(UTC)
VARIANTS: dict[str, dict[str, Any]] = {
    **{f"traffic {traffic}": {"traffic": traffic} for traffic in Traffic},
    "expired already": {"expires_at": NOW - timedelta(hours=1)},
    "expires in a second": {"expires_at": NOW + timedelta(seconds=1)},
    "expires in a day": {"expires_at": NOW + timedelta(days=1)},
    "expires in a year": {"expires_at": NOW + timedelta(days=365)},
}
STRANGE = "+372/../../x?a=1&b=2#c"  # an identity that changes the address if it is not quoted
THREADS, EACH = 8, 3


def sayable(provider: Provider) -> dict[str, Content]:
    """Return the examples as the backend gets them, without those that it cannot carry even as text."""
    backend = provider.make()
    fitted = {example.name: fit(backend, example.content, form_link=FORM_LINK) for example in examples()}
    return {
        name: how.content for name, how in fitted.items() if not how.is_plain or isinstance(how.content, Text)
    }


class Sending(Suite):
    """From an Outbound to the provider's request."""

    @over(sayable)
    def test_content_is_sent_whole_by_one_request(self, case: Content, stub: Stub) -> None:
        backend = self.provider.make(stub)
        assert backend.check(case) == [], "check() refuses an example that is far from any limit"
        request = self._sent(stub, backend, case)
        leaves = self._read(request)
        missing = [path for path, value in says(case) if not is_in(value, leaves)]
        assert not missing, f"the request does not contain {', '.join(missing)}, only {leaves}"

    def test_request_names_the_phone(self, stub: Stub) -> None:
        request = self._sent(stub, self.provider.make(stub), Text("x"))
        values = [unquote(request.target), *map(str, self._read(request))]
        assert any(PHONE[1:] in one for one in values), "the number is neither in the address nor in the body"

    def test_idempotent_backend_sends_our_id(self, stub: Stub) -> None:
        backend = self.provider.make(stub)
        if not backend.capabilities.idempotent:
            pytest.skip("not announced: idempotent")
        values = []
        for _ in range(2):
            request = self._sent(stub, backend, Text("x"))
            values.append([request.target, *request.headers.values(), *map(str, self._read(request))])
            assert any(str(ID) in one or ID.hex in one for one in values[-1]), "our id is not in the request"
            stub.requests.clear()

    @over(lambda provider: VARIANTS)
    def test_every_traffic_type_and_expiry_can_be_sent(self, case: dict[str, Any], stub: Stub) -> None:
        self._sent(stub, self.provider.make(stub), Text("x"), **case)

    def test_unknown_extra_does_no_harm(self, stub: Stub) -> None:
        self._sent(stub, self.provider.make(stub), Text("x"), extra={"kit-unknown": {"a": [1, None]}})

    def test_half_a_character_does_not_break_it(self, stub: Stub) -> None:
        ended(self.provider.make(stub), outbound(Text("a\ud83d")))

    def test_strange_identity_stays_where_it_belongs(self, stub: Stub) -> None:
        backend = self.provider.make(stub)
        normal = self._sent(stub, backend, Text("x"))
        stub.requests.clear()
        if isinstance(ended(backend, outbound(Text("x"), to=STRANGE)), SendError):
            return
        for request in self.provider.asked(stub):
            assert _shape(request) == _shape(normal), f"{STRANGE} changed the address to {request.target}"

    def test_several_threads_send_at_once(self, stub: Stub) -> None:
        backend = self.provider.make(stub)
        words = [[f"message {thread} of {number}" for number in range(EACH)] for thread in range(THREADS)]
        ends: list[SendResult | SendError | Exception] = []
        work = [threading.Thread(target=_send_all, args=(backend, mine, ends)) for mine in words]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
        assert [end for end in ends if not isinstance(end, SendResult)] == []
        sent = [leaf for request in self.provider.asked(stub) for leaf in self._read(request)]
        for word in (word for mine in words for word in mine):
            found = sum(isinstance(leaf, str) and word in leaf for leaf in sent)
            assert found == 1, f"“{word}” was sent {found} times: do the threads share a variable?"

    def _sent(self, stub: Stub, backend: BaseBackend, content: Content, **more: Any) -> Request:
        end = ended(backend, outbound(content, **more))
        assert isinstance(end, SendResult), f"refused by the backend itself: {end}"
        requests = self.provider.asked(stub)
        assert len(requests) == 1, f"{len(requests)} requests instead of one"
        return requests[0]

    def _read(self, request: Request) -> list[Any]:
        try:
            return self.provider.read(request)
        except ValueError as error:
            pytest.fail(f"the request's body is broken: {error}: {request.body[:200]!r}")


def _send_all(backend: BaseBackend, words: list[str], ends: list[Any]) -> None:
    for word in words:
        try:
            ends.append(backend.send(outbound(Text(word), id=uuid4())))
        except Exception as error:  # the test shows it
            ends.append(error)


def _shape(request: Request) -> tuple[int, list[str]]:
    """Return the depth of the path, and the names of the parameters."""
    address = urlsplit(request.target)
    return address.path.count("/"), [name for name, _ in parse_qsl(address.query, keep_blank_values=True)]
