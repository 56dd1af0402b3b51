"""Test what a backend makes of each answer of its provider, and of no answer: a result, or the right SendError."""

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from rcs_router.capabilities import fit
from rcs_router.content import Card, Content, Reply, Text
from rcs_router.contract import BaseBackend, SendResult
from rcs_router.errors import Ambiguous, SendError, Throttled, Unavailable
from rcs_router.testing.conformance.provider import PATIENCE, PHONE, Fault, Provider, outbound
from rcs_router.testing.conformance.reading import says
from rcs_router.testing.conformance.spoiling import spoiled
from rcs_router.testing.conformance.suite import Suite, ended, over
from rcs_router.testing.stub import Answer, Behaviour, Stub, answer, cut, drip, hang, raw, reset

WORDS = "Your code is 482913"
TOLD: dict[str, Content] = {
    "a text": Text(WORDS),
    "a text of several lines": Text(f"Hello Mari\n\n{WORDS}\nThe shop"),
    "a card": Card("Boots 771203", WORDS, suggestions=(Reply("Keep 771203", "keep_771203"),)),
}
UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "HTML": b"<html><body>OK</body></html>",
    "null": b"null",
    "a list": b"[]",
    "a list of lists": b"[[]]",
    "an empty object": b"{}",
    "a number": b"7",
    "a string": b'"ok"',
    "not UTF-8": b"\xff\xfe\x00",
    "too deep": b"[" * 100_000,
    "huge": b'{"a": "' + b"x" * 2_000_000 + b'"}',
}
LOST: dict[str, Behaviour] = {"cut": cut, "reset": reset, "hang": hang}
HALF = {
    "breaks off": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"'),
    "drips": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
}
STATUSES = {f"{start}-{start + 99}": range(start, start + 100) for start in (200, 300, 400, 500)}
IN_A_MINUTE = "in a minute"  # replaced by a date when it is sent
WAITS: dict[str, tuple[str, float | None]] = {
    "seconds": ("12", 12),
    "a date": (IN_A_MINUTE, 60),
    "nonsense": ("soon", None),
    "less than none": ("-5", None),
    "nothing": ("", None),
}


def unreadable(provider: Provider) -> dict[str, bytes]:
    """Return bodies that a backend cannot read as an acceptance, including the first half of a real one."""
    half = provider.accepted.body[: len(provider.accepted.body) // 2]
    return {**UNREADABLE, "cut in half": half}


def _spoiled(provider: Provider) -> Iterator[tuple[str, bytes]]:
    try:
        body = json.loads(provider.accepted.body)
    except ValueError:
        return
    for name, value in spoiled(body):
        yield name, json.dumps(value).encode()


class Answers(Suite):
    """From the provider's answer to the result that the outbox gets."""

    def test_accepted_message_has_its_id(self, stub: Stub) -> None:
        end = ended(self.provider.make(stub), outbound(Text("x")))
        assert end == SendResult(provider_id=self.provider.provider_id), f"accepted, but read as {end!r}"

    @over(unreadable)
    def test_unreadable_acceptance_is_never_sent_again(self, case: bytes, stub: Stub) -> None:
        self._check_accepted(
            stub, self.provider.make(stub), Answer(self.provider.accepted.status, case), "this body"
        )

    def test_acceptance_of_wrong_types_is_never_sent_again(self, stub: Stub) -> None:
        backend = self.provider.make(stub)
        for name, body in _spoiled(self.provider):
            self._check_accepted(stub, backend, Answer(self.provider.accepted.status, body), name)

    def _check_accepted(self, stub: Stub, backend: BaseBackend, behaviour: Behaviour, name: str) -> None:
        stub.default = behaviour
        end = ended(backend, outbound(Text("x")))
        if isinstance(end, SendError):
            assert end.unknown or not end.retry, f"{name}: {end!r} would send an accepted message again"
        else:
            lost = self.provider.provider_id and not end.provider_id and not end.code
            assert not lost, f"{name}: the provider's id is lost and no code says so: code='malformed_reply'"
            assert isinstance(end.provider_id, str), f"{name}: provider_id is {end.provider_id!r}"

    @over(lambda provider: STATUSES)
    def test_every_status_is_a_result_or_a_send_error(self, case: range, stub: Stub) -> None:
        backend = self.provider.make(stub)
        for status in case:
            for body in (b"", b"<html>busy</html>"):
                stub.default = Answer(status, body)
                end = ended(backend, outbound(Text("x")))
                if status < 300:
                    harmless = isinstance(end, SendResult) or end.unknown or not end.retry
                    assert harmless, f"HTTP {status}: {end!r} would send an accepted message again"
                else:
                    assert isinstance(end, SendError), f"HTTP {status} is read as accepted"

    @over(lambda provider: provider.errors)
    def test_error_of_the_provider(self, case: Fault, stub: Stub) -> None:
        backend = self.provider.make(stub)
        stub.default = case.behaviour
        end = ended(backend, outbound(Text("x")))
        assert type(end) is case.kind, f"wanted {case.kind.__name__}, got {end!r}"
        if case.code:
            assert end.code == case.code

    @over(lambda provider: {str(s): s for s in (400, 401, 403, 404, 409, 422, 429, 500, 503)})
    def test_unknown_error_code_falls_back_to_the_status(self, case: int, stub: Stub) -> None:
        if not self.provider.odd_error:
            pytest.skip("the provider has no codes of its own: no odd_error")
        backend = self.provider.make(stub)
        ends = []
        for behaviour in (Answer(case), self.provider.odd_error(case)):
            stub.default = behaviour
            ends.append(type(ended(backend, outbound(Text("x")))))
        assert ends[1] is ends[0], f"{ends[1].__name__} with an unknown code, {ends[0].__name__} without one"

    @over(lambda provider: WAITS)
    def test_throttled_says_for_how_long(self, case: tuple[str, float | None], stub: Stub) -> None:
        header, seconds = case
        if header == IN_A_MINUTE:
            header = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
        backend = self.provider.make(stub)
        stub.default = answer(429, **({"Retry_After": header} if header else {}))
        end = ended(backend, outbound(Text("x")))
        assert isinstance(end, Throttled), f"429 is {end!r}"
        if seconds is None:
            assert end.retry_after is None
        else:
            assert end.retry_after == pytest.approx(seconds, abs=30)

    @over(lambda provider: {str(status): status for status in (301, 302, 303, 307, 308)})
    def test_redirect_is_not_followed(self, case: int, stub: Stub) -> None:
        backend = self.provider.make(stub)
        stub.default = answer(case, Location=f"{stub.url}/elsewhere")
        assert isinstance(ended(backend, outbound(Text("x"))), SendError)
        assert "/elsewhere" not in [request.path for request in stub.requests], (
            "our secrets would be sent there"
        )

    def test_refused_connection_is_unavailable(self, stub: Stub) -> None:
        stub.close()
        end = ended(self.provider.make(stub.url), outbound(Text("x")))
        assert type(end) is Unavailable, f"nothing was sent, but the result is {end!r}"

    @over(lambda provider: LOST)
    def test_lost_answer_is_ambiguous(self, case: Behaviour, stub: Stub) -> None:
        end = self._after_a_success(stub, case)
        assert type(end) is Ambiguous, f"the request was sent, but the result is {end!r}"

    @over(lambda provider: HALF)
    def test_half_an_answer_is_never_sent_again(self, case: Behaviour, stub: Stub) -> None:
        end = self._after_a_success(stub, case)
        assert isinstance(end, SendResult) or end.unknown, f"the request was sent, but the result is {end!r}"

    def _after_a_success(self, stub: Stub, behaviour: Behaviour) -> SendResult | SendError:
        """Send one message first, so that a token exists and only the second message can get lost."""
        backend = self.provider.make(stub, timeout=PATIENCE)
        first = ended(backend, outbound(Text("x")))
        assert isinstance(first, SendResult), f"the first message, before any fault: {first!r}"
        stub.default = behaviour
        return ended(backend, outbound(Text("x")))

    @over(lambda provider: {str(status): status for status in (200, 302, 400, 401, 403, 404, 429, 500, 503)})
    def test_nothing_secret_is_told(self, case: int, stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        backend = self.provider.make(stub)
        secrets = [secret for secret in backend.options.secrets() if secret and "\n" not in secret]
        assert all(len(secret) > 5 for secret in secrets), "use longer secrets in the suite's options"
        for name, content in TOLD.items():
            fitted = fit(backend, content).content
            words = [value for _, value in says(fitted) if isinstance(value, str)]
            for body in _echoes(" ".join([*secrets, *words, PHONE])):
                stub.default = answer(case, body)
                end = ended(backend, outbound(fitted))
                output = f"{end!r} {end.detail} {caplog.text} {_traceback(end)}"
                shown = [
                    what
                    for what, values in _must_not_show(secrets).items()
                    if any(v in output for v in values)
                ]
                assert not shown, f"{name}: an error, a result or the log shows {', '.join(shown)}: {end!r}"


def _echoes(words: str) -> list[Any]:
    """Return answers of a provider that repeats everything it knows."""
    error = {"code": words, "message": words, "detail": words, "title": words, "description": words}
    return [words, {"error": error}, {"errors": [error]}, {**error, "id": "1", "status": words}]


def _traceback(end: Any) -> str:
    return "".join(traceback.format_exception(end)) if isinstance(end, Exception) else ""


def _must_not_show(secrets: list[str]) -> dict[str, list[str]]:
    return {"a secret": secrets, "what was said": ["482913", "771203"], "the number": [PHONE[1:]]}
