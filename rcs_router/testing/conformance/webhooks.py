"""Test how a backend handles genuine, forged and arbitrary webhook requests: parsed, refused or a ValueError."""

import dataclasses
import json
import logging
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_router.contract import (
    FileReport,
    Incoming,
    IncomingKind,
    Linked,
    Receipt,
    ReceiptKind,
    WebhookAnswer,
    WebhookRequest,
)
from rcs_router.errors import WebhookRefused
from rcs_router.testing.conformance.provider import Heard, Provider
from rcs_router.testing.conformance.spoiling import spoiled
from rcs_router.testing.conformance.suite import Suite, over

MAX_KEY = 100  # characters of a dedupe_key
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def heard(provider: Provider) -> dict[str, Heard]:
    """Return the genuine requests by name; none for a backend without webhooks."""
    return {case.name: case for case in provider.heard} if provider.backend.capabilities.webhook else {}


def forged(provider: Provider) -> dict[str, WebhookRequest]:
    """Return requests that must be refused: the provider's own, and broken variants of its first genuine request."""
    if not heard(provider):
        return {}
    genuine = provider.request(provider.heard[0])
    made = {
        "neither headers nor query": dataclasses.replace(genuine, headers={}, query={}),
        "a DELETE": dataclasses.replace(genuine, method="DELETE"),
    }
    if provider.signs_body:
        made |= {
            f"body {name}": dataclasses.replace(genuine, body=body)
            for name, body in _bodies(genuine.body).items()
        }
    return {**made, **provider.forged}


def _bodies(body: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "truncated": body[: len(body) // 2],
        "with more behind": body + b"x",
        "HTML": b"<html>",
        "a list": b"[]",
        "not UTF-8": b"\xff" * 100,
        "too deep": b'{"a":' * 100_000,
        "huge": b'{"a": "' + b"x" * 3_000_000 + b'"}',
    }


def unknown(provider: Provider) -> dict[str, Any]:
    """Return the payloads of kinds that the backend cannot know."""
    return {str(number): payload for number, payload in enumerate(provider.unknown, 1)}


class Webhooks(Suite):
    """Requests from the provider."""

    @over(heard)
    def test_first_genuine_request_is_believed_and_understood(self, case: Heard) -> None:
        backend, request = self.provider.make(), self.provider.request(case)
        assert backend.handshake(request) is None, "an ordinary request is not a handshake"
        backend.verify(request)
        parsed = backend.parse(request)
        assert parsed == list(case.expected), f"parsed as {parsed}"

    @over(heard)
    def test_parsing_is_pure_and_needs_only_what_is_stored(self, case: Heard) -> None:
        backend, request = self.provider.make(), self.provider.request(case)
        stored = dataclasses.replace(backend.kept(request), url="", raw_query=b"")
        values = [*stored.query.values(), *stored.headers.values()]
        shown = [
            secret for secret in backend.options.secrets() if secret and any(secret in one for one in values)
        ]
        assert not shown, "a secret is stored with the request: name its parameter or header in secret_names"
        first, again, fresh = backend.parse(stored), backend.parse(stored), self.provider.make().parse(stored)
        assert first == again == fresh, "parsing the same request twice gives two results"
        assert first == backend.parse(request), "it reads the address, which is not stored with a request"
        for item in first:
            _assert_storable(item)

    @over(heard)
    def test_nobodys_words_are_logged(self, case: Heard, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        backend, request = self.provider.make(), self.provider.request(case)
        backend.verify(request)
        for item in backend.parse(request):
            if isinstance(item, Incoming):
                logged = [
                    name
                    for name in ("text", "sender", "url")
                    if len(value := getattr(item, name)) > 3 and value in caplog.text
                ]
                assert not logged, f"the log shows {logged}"

    @over(forged)
    def test_forged_request_is_refused(self, case: WebhookRequest) -> None:
        backend = self.provider.make()
        error = _refusal(backend, case)
        assert error, "a forged request was accepted"
        assert 400 <= error.status < 500, f"refused with {error.status}, which is not a 4xx"
        shown = [secret for secret in backend.options.secrets() if secret and secret in str(error)]
        assert not shown, "the refusal shows a secret"

    def test_arbitrary_request_is_refused_and_nothing_else(self) -> None:
        backend, genuine = self.provider.make(), self._first_genuine()
        headers, query = sorted(genuine.headers) or ["x-a"], sorted(genuine.query) or ["a"]
        values = st.text(max_size=60) | st.binary(max_size=32).map(bytes.hex)

        @QUICK
        @given(
            st.sampled_from(["GET", "POST", "PUT", ""]),
            st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
            st.dictionaries(st.sampled_from(query), values),
            st.dictionaries(st.sampled_from(headers), values),
        )
        def refused(method: str, body: bytes, query: dict[str, str], headers: dict[str, str]) -> None:
            assert _refusal(backend, WebhookRequest(method, body, query, headers)), "the request was accepted"

        refused()

    def test_either_secret_is_good_while_it_is_changed(self) -> None:
        request = self._first_genuine()
        if not (name := self.provider.rotates):
            pytest.skip("no option holds several secrets: no rotates")
        given = self.provider.make().options
        old = getattr(given, name)
        old = old if isinstance(old, str) else old[0]
        for secrets in ((old, "another-secret"), ("another-secret", old)):
            assert not self._refused_with(name, secrets, request), "one of two secrets is ignored"
        assert self._refused_with(name, ("another-secret",), request), "an old secret still works"

    def _refused_with(self, name: str, secrets: tuple[str, ...], request: WebhookRequest) -> bool:
        options: dict[str, Any] = {name: secrets}
        return bool(_refusal(self.provider.make(**options), request))

    @over(heard)
    def test_repeat_has_the_same_key(self, case: Heard) -> None:
        backend, request = self.provider.make(), self.provider.request(case)
        again = dataclasses.replace(request, headers={**request.headers, "date": "later"}, url="")
        key = backend.dedupe_key(request)
        keys = {key, backend.dedupe_key(again), self.provider.make().dedupe_key(request)}
        assert len(keys) == 1, f"a repeat has another key: {keys}"
        assert key is None or 0 < len(key) <= MAX_KEY, f"a key has 1 to {MAX_KEY} characters: {key!r}"

    def test_different_events_have_different_keys(self) -> None:
        backend = self.provider.make()
        self._first_genuine()
        named: dict[str, tuple[Any, str]] = {}
        for case in self.provider.heard:
            key, what = backend.dedupe_key(self.provider.request(case)), _identity(case)
            if key and what:
                other, name = named.setdefault(key, (what, case.name))
                assert other == what, f"“{case.name}” and “{name}” have the same key, so one would be dropped"

    @over(unknown)
    def test_unknown_kind_is_kept_as_unknown_or_ignored(self, case: Any) -> None:
        backend, request = self.provider.make(), self.provider.request(case)
        backend.verify(request)
        kinds = [getattr(item, "kind", None) for item in backend.parse(request)]
        assert set(kinds) <= {ReceiptKind.UNKNOWN, IncomingKind.UNKNOWN}, f"read as {kinds}"

    @over(heard)
    def test_spoilt_payload_is_understood_or_a_value_error(self, case: Heard) -> None:
        if isinstance(case.payload, WebhookRequest | bytes):
            pytest.skip("the payload is not a JSON value")
        backend = self.provider.make()
        for name, payload in spoiled(case.payload):
            try:
                _survives(backend, self.provider.request(payload))
            except Exception as error:
                pytest.fail(f"{name}: {type(error).__name__}: {error}")

    def test_signed_body_that_cannot_be_read_is_a_value_error(self) -> None:
        self._first_genuine()
        for name, body in {**_bodies(b"{}"), "NaN": b'{"a": NaN}', "null": b"null"}.items():
            try:
                _survives(self.provider.make(), self.provider.request(body))
            except Exception as error:
                pytest.fail(f"a body that is {name}: {type(error).__name__}: {error}")

    def test_any_signed_payload_is_understood_or_a_value_error(self) -> None:
        self._first_genuine()
        payloads = [case.payload for case in self.provider.heard if isinstance(case.payload, dict)]
        names = sorted({name for payload in payloads for name in payload}) or ["a"]
        words = sorted({v for payload in payloads for v in payload.values() if isinstance(v, str)}) or ["a"]

        @QUICK
        @given(
            st.dictionaries(st.sampled_from(names), JSON | st.sampled_from(words))
            | JSON
            | st.binary(max_size=200)
        )
        def survives(payload: Any) -> None:
            _survives(self.provider.make(), self.provider.request(payload))

        survives()

    def test_provider_hears_that_its_request_was_stored(self) -> None:
        answer = self.provider.make().acknowledge()
        assert isinstance(answer, WebhookAnswer)
        assert 200 <= answer.status < 300

    def _first_genuine(self) -> WebhookRequest:
        if not heard(self.provider):
            pytest.skip("not announced: webhook")
        return self.provider.request(self.provider.heard[0])


def _refusal(backend: Any, request: WebhookRequest) -> WebhookRefused | None:
    """Return the refusal, if any, with the handshake first, as in the view. Any other exception would be a 500."""
    try:
        if backend.handshake(request):
            return None
        backend.verify(request)
    except WebhookRefused as error:
        return error
    return None


def _survives(backend: Any, request: WebhookRequest) -> None:
    """Check that a genuine request with any content is handled: parsed, refused as a bad request, or a ValueError."""
    try:
        backend.handshake(request)
        backend.verify(request)
    except WebhookRefused:
        return
    key = backend.dedupe_key(request)
    assert key is None or 0 < len(key) <= MAX_KEY, f"a key has 1 to {MAX_KEY} characters: {key!r}"
    try:
        items = backend.parse(request)
    except ValueError:
        return
    for item in items:
        _assert_storable(item)


def _assert_storable(item: Any) -> None:
    """Check that the database and the outbox can store what parse() returned."""
    assert isinstance(item, Receipt | Incoming | Linked | FileReport), f"parse returned {item!r}"
    for f in dataclasses.fields(item):
        value = getattr(item, f.name)
        if isinstance(value, str):
            assert "\0" not in value, f"{f.name} holds a NUL, which PostgreSQL refuses"
            value.encode()
        if isinstance(value, datetime):
            assert value.tzinfo, f"{f.name} has no time zone"
    if isinstance(item, Incoming):
        assert item.sender.strip(), "an incoming message without a sender"
        json.dumps(dict(item.fields), allow_nan=False)


def _identity(case: Heard) -> Any:
    """Return what the provider uses to tell its events apart, or None."""
    match list(case.expected):
        case [Receipt() as receipt]:
            return receipt.transmission or receipt.provider_id, receipt.event_id or receipt.kind
        case [Incoming() as incoming] if incoming.id:
            return incoming.sender, incoming.id
    return None
