"""Tokens for a MaaP platform: fetched once, renewed in time, refreshed, replaced when refused, and never shown."""

import base64
import logging
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from rcs_backends.gsma_maap import GSMAMaaP, auth
from rcs_router.content import Text
from rcs_router.contract import SendResult
from rcs_router.errors import Forbidden, Misconfigured, SendError, Throttled, Unavailable
from tests.backends.cases import outbound
from tests.backends.stub import Behaviour, Stub, answer, cut, hang
from tests.backends.test_gsma_maap import ACCEPTED, OAUTH, TOKEN, gsma

PATH = "/root/oauth2/v1/token"
REFUSED = answer(401, {"reason": {"code": "40004", "text": "token expired"}})


def token(value: str, seconds: Any = 3600, **more: Any) -> Behaviour:
    return answer(200, {"access_token": value, "token_type": "Bearer", "expires_in": seconds, **more})


def with_oauth(stub: Stub, *tokens: Behaviour, **options: Any) -> GSMAMaaP:
    """A backend that logs in; the platform answers a login with each of `tokens` in turn, then with the last."""
    left = list(tokens or [token("t1")])

    def behave(connection: Any) -> bool:
        return (left.pop(0) if len(left) > 1 else left[0])(connection)

    stub.routes[PATH] = behave
    return gsma(stub, **{**OAUTH, **options})


def logins(stub: Stub) -> list[dict[str, list[str]]]:
    return [parse_qs(request.body.decode()) for request in stub.requests if request.path == PATH]


def bearers(stub: Stub) -> list[str]:
    return [request.headers["authorization"] for request in stub.requests if request.path != PATH]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = auth.time.monotonic()

    def move(seconds: float) -> None:
        monkeypatch.setattr(auth.time, "monotonic", lambda: now + seconds)

    return move


def test_login_is_basic_and_names_the_scope(stub: Stub) -> None:
    with_oauth(stub).send(outbound(Text("x")))
    request = stub.requests[0]
    assert (request.method, request.path) == ("POST", PATH)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (
        base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"acme:client-secret-1"
    )
    assert logins(stub) == [{"grant_type": ["client_credentials"], "scope": ["botmessage"]}]
    assert bearers(stub) == ["Bearer t1"]


def test_two_threads_log_in_once(stub: Stub) -> None:
    started = threading.Barrier(2)
    entered = threading.Event()

    def slow(connection: Any) -> bool:
        entered.wait(0.2)  # long enough for the other thread to come
        return token("t1")(connection)

    backend = with_oauth(stub, slow)
    results: list[SendResult] = []

    def send() -> None:
        started.wait()
        results.append(backend.send(outbound(Text("x"))))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [SendResult("m-77")] * 2
    assert len(logins(stub)) == 1


@pytest.mark.parametrize(
    ("lifetime", "age", "count"),
    [
        (3600, 3500, 1),
        (3600, 3545, 2),
        (100, 45, 1),
        (100, 55, 2),
        ("100", 55, 2),
        (None, 3500, 1),
        ("soon", 3545, 2),
    ],
)
def test_token_is_renewed_before_its_end(
    stub: Stub, later: Callable[[float], None], lifetime: Any, age: float, count: int
) -> None:
    backend = with_oauth(stub, token("t1", lifetime))
    backend.send(outbound(Text("x")))
    later(age)
    backend.send(outbound(Text("x")))
    assert len(logins(stub)) == count


def test_refresh_token_is_used_once(stub: Stub, later: Callable[[float], None]) -> None:
    backend = with_oauth(stub, token("t1", refresh_token="r1"), token("t2"), token("t3"))
    for age in (0, 4000, 8000):
        later(age)
        backend.send(outbound(Text("x")))
    second = {"grant_type": ["refresh_token"], "refresh_token": ["r1"], "scope": ["botmessage"]}
    assert logins(stub)[1] == second
    assert logins(stub)[2]["grant_type"] == ["client_credentials"]
    assert bearers(stub) == ["Bearer t1", "Bearer t2", "Bearer t3"]


@pytest.mark.parametrize("refusal", [answer(401), answer(400, {"error": "invalid_grant"})])
def test_refused_refresh_starts_anew(stub: Stub, later: Callable[[float], None], refusal: Behaviour) -> None:
    backend = with_oauth(stub, token("t1", refresh_token="r1"), refusal, token("t2"))
    backend.send(outbound(Text("x")))
    later(4000)
    backend.send(outbound(Text("x")))
    assert [login["grant_type"][0] for login in logins(stub)][1:] == ["refresh_token", "client_credentials"]
    assert bearers(stub) == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize("refusal", [REFUSED, answer(401), answer(400, {"reason": {"code": 40003}})])
def test_refused_token_is_replaced_and_the_request_repeated_once(stub: Stub, refusal: Behaviour) -> None:
    backend = with_oauth(stub, token("t1", refresh_token="r1"), token("t2"))
    stub.script.extend([refusal, answer(202, ACCEPTED)])
    assert backend.send(outbound(Text("x"))) == SendResult("m-77")
    assert [login["grant_type"][0] for login in logins(stub)] == ["client_credentials"] * 2
    assert bearers(stub) == ["Bearer t1", "Bearer t2"]


def test_token_refused_twice_is_our_mistake(stub: Stub) -> None:
    backend = with_oauth(stub, token("t1"), token("t2"))
    stub.default = REFUSED
    with pytest.raises(Misconfigured) as caught:
        backend.send(outbound(Text("x")))
    assert caught.value.code == "40004"
    assert len(bearers(stub)) == 2


def test_fixed_token_is_not_replaced(stub: Stub) -> None:
    backend = gsma(stub)
    stub.default = REFUSED
    with pytest.raises(Misconfigured):
        backend.send(outbound(Text("x")))
    assert bearers(stub) == [f"Bearer {TOKEN}"]


def test_threads_that_are_refused_together_log_in_once(stub: Stub) -> None:
    backend = with_oauth(stub, token("t1"), token("t2"), token("t3"))
    tokens = backend._client.tokens
    old = tokens.get()
    assert tokens.refused(old)
    assert tokens.get() == "t2"
    assert tokens.refused(old), "the second thread comes with the old one"
    assert tokens.get() == "t2"


FAILURES: list[tuple[str, Behaviour, type[SendError]]] = [
    ("wrong secret", answer(401, {"error": "invalid_client"}), Misconfigured),
    ("bad request", answer(400, {"error": "invalid_scope"}), Misconfigured),
    ("nothing there", answer(404, "no"), Misconfigured),
    ("busy", answer(503, "no"), Unavailable),
    ("too fast", answer(429, "no"), Throttled),
    ("cut", cut, Unavailable),
    ("hang", hang, Unavailable),
    ("HTML", answer(200, "<html>"), Unavailable),
    ("no token", answer(200, {}), Unavailable),
    ("empty token", token(""), Unavailable),
    ("no object", answer(200, b"[]"), Unavailable),
    ("page for 404", answer(404, "<html>"), Unavailable),
    ("no bearer token", token("a\r\nb"), Unavailable),
    ("no ASCII token", token("t\u00f6ken"), Unavailable),
]


@pytest.mark.parametrize(("behaviour", "kind"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_failed_login_means_that_nothing_was_sent(
    stub: Stub, behaviour: Behaviour, kind: type[SendError]
) -> None:
    backend = with_oauth(stub, behaviour, timeout=0.5)
    with pytest.raises(SendError) as caught:
        backend.send(outbound(Text("x")))
    assert type(caught.value) is kind
    assert caught.value.unknown is False
    assert bearers(stub) == []
    assert len(logins(stub)) == 1


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (503, Unavailable)])
def test_a_login_that_failed_in_its_repeat_sent_nothing_either(
    stub: Stub, later: Callable[[float], None], status: int, kind: type[SendError]
) -> None:
    backend = with_oauth(stub, token("t1", 200), cut, answer(status, {}))
    backend.send(outbound(Text("x")))
    later(150)  # the connection is kept that long
    with pytest.raises(kind) as caught:
        backend.send(outbound(Text("y")))
    assert not caught.value.unknown
    assert len(logins(stub)) == 3


def test_login_without_an_address_is_a_mistake_of_ours() -> None:
    with pytest.raises(Misconfigured):
        gsma(**OAUTH, api_url="http://127.0.0.1:9/api").send(outbound(Text("x")))


def test_no_secret_is_told(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = with_oauth(stub, token("t1-very-secret", refresh_token="r1"))
    echo = "client-secret-1 and t1-very-secret and portal-secret-1"
    stub.default = answer(403, {"reason": {"text": echo}})
    with pytest.raises(Forbidden) as caught:
        backend.send(outbound(Text("x")))
    told = f"{caught.value!r}{caplog.text}{backend!r}{backend.options!r}"
    assert caught.value.detail == "HTTP 403 *** and *** and ***"
    for secret in ("client-secret-1", "t1-very-secret", "portal-secret-1"):
        assert secret not in told
