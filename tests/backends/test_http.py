"""Every way in which a provider may fail to answer, and the error each one ends in. Faults first."""

import datetime
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_backends import connection, http
from rcs_backends.http import Reply, call, judge, redact
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
)
from tests.backends.stub import Behaviour, Stub, answer, cut, drip, hang, raw, reset, wait_until

SECRET = "hush-hush-42"


def failure(url: str, **kwargs: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        call("POST", url, json={"text": "hi"}, **kwargs)
    return caught.value


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# No connection: the message cannot have arrived.


def test_refused_connection() -> None:
    error = failure(f"http://127.0.0.1:{closed_port()}/")
    assert type(error) is Unavailable
    assert error.detail == "127.0.0.1: no connection (Connection refused)"


def test_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert type(failure("http://provider.invalid/")) is Unavailable


def test_connection_that_nobody_takes() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # they fill the queue; further ones get no answer
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(server.getsockname())
        started = time.monotonic()
        error = failure(f"http://127.0.0.1:{server.getsockname()[1]}/", connect_timeout=0.2)
        assert type(error) is Unavailable
        assert time.monotonic() - started < 2
        for sock in waiting:
            sock.close()


def test_tls_with_a_server_that_speaks_none(stub: Stub) -> None:
    stub.default = answer(400)
    assert type(failure(stub.url.replace("http:", "https:"), timeout=1)) is Unavailable


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    with context.wrap_socket(server.accept()[0], server_side=True) as peer:
                        peer.recv(4096)
                        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def certificate(directory: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stub")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(1)
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = directory / "stub.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + built.public_bytes(pem))
    return path


def test_certificate_that_nobody_vouches_for(tls_port: int) -> None:
    error = failure(f"https://127.0.0.1:{tls_port}/")
    assert type(error) is Misconfigured
    assert error.code == "certificate"


def test_certificate_from_the_bundle_of_the_environment(
    tls_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "stub.pem"))
    assert call("GET", f"https://127.0.0.1:{tls_port}/").json() == {}


def test_bundle_that_does_not_exist(tls_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    assert type(failure(f"https://127.0.0.1:{tls_port}/")) is Misconfigured


@pytest.mark.parametrize(
    "url", ["", "shop.example/x", "ftp://shop.example/", "http://[::1", "http://", "http://a b/"]
)
def test_address_that_is_none(url: str) -> None:
    assert type(failure(url)) is Misconfigured


# The request left and no whole answer came: the message may be on its way.


LOST: list[tuple[str, Behaviour]] = [
    ("hang", hang),
    ("cut", cut),
    ("reset", reset),
    ("no HTTP", raw(b"SSH-2.0-OpenSSH\r\n")),
    ("cut in the status line", raw(b"HTTP/1.1 20")),
    ("headers that drip", drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")),
    ("headers without end", raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200)),
]


@pytest.mark.parametrize("behaviour", [b for _, b in LOST], ids=[name for name, _ in LOST])
def test_lost_answer(stub: Stub, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    started = time.monotonic()
    error = failure(stub.url, timeout=0.5, repeatable=True)
    assert type(error) is Ambiguous
    assert time.monotonic() - started < 2
    assert len(stub.requests) == 1, "a request over a fresh connection is never repeated"


BROKEN: list[tuple[str, Behaviour]] = [
    ("cut in the body", raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"name": ')),
    ("body that hangs", lambda c: raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")(c) or hang(c)),
    ("body that drips", drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")),
    ("broken chunk", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}")),
    ("too long", answer(200, b"x" * (http.MAX_BODY + 1))),
    ("far too long", raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3_000_000)),
]


@pytest.mark.parametrize("behaviour", [b for _, b in BROKEN], ids=[name for name, _ in BROKEN])
def test_success_whose_body_breaks_off_is_still_a_success(stub: Stub, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    started = time.monotonic()
    reply = call("POST", stub.url, timeout=0.5)
    assert (reply.status, reply.truncated, reply.json()) == (200, True, None)
    assert len(reply.body) <= http.MAX_BODY
    assert time.monotonic() - started < 2
    assert call("POST", stub.url).json() == {}, "the next request gets a connection of its own"


@pytest.mark.parametrize(
    "coding", ["Content-Length: 99\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz"]
)
def test_what_came_before_an_answer_breaks_off_is_kept(stub: Stub, coding: str) -> None:
    """The provider's id may be in it."""
    stub.script.append(raw(f"HTTP/1.1 200 OK\r\n{coding}".encode()))
    reply = call("POST", stub.url, timeout=0.5)
    assert (reply.body, reply.truncated) == (b"{}", True)


def test_body_of_the_longest_length_is_whole(stub: Stub) -> None:
    stub.script.append(answer(200, b"x" * http.MAX_BODY))
    assert call("GET", stub.url).truncated is False


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff\xfe", b"[" * 100_000, b"1" * 10_000])
def test_json_that_is_none(body: bytes) -> None:
    assert Reply(200, body=body).json() is None


# An answer with an error: its status decides, unless the provider's own table does.


STATUSES = [
    (300, Misconfigured),
    (302, Misconfigured),
    (400, Refused),
    (401, Misconfigured),
    (403, Forbidden),
    (404, Refused),
    (407, Misconfigured),
    (408, Unavailable),
    (413, Refused),
    (429, Throttled),
    (500, Unavailable),
    (503, Unavailable),
    (504, Unavailable),
    (599, Unavailable),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_status(stub: Stub, status: int, kind: type[SendError]) -> None:
    stub.script.append(answer(status, "no", Location=f"{stub.url}/elsewhere"))
    assert type(failure(stub.url)) is kind
    assert len(stub.requests) == 1


def test_provider_table_comes_first_and_its_word_before_its_status(stub: Stub) -> None:
    table: http.Errors = {400: BadAddress, "too_fast": Throttled}
    stub.script.extend([answer(400, "x"), answer(400, "too_fast")])
    first = failure(stub.url, errors=table, code_of=lambda reply: reply.text)
    second = failure(stub.url, errors=table, code_of=lambda reply: reply.text)
    assert (type(first), first.code) == (BadAddress, "bad_address")
    assert (type(second), second.code) == (Throttled, "too_fast")


def test_every_answer_is_returned_on_request(stub: Stub) -> None:
    stub.script.append(answer(401, "expired"))
    assert call("GET", stub.url, raise_errors=False).text == "expired"


def test_html_becomes_a_sentence(stub: Stub) -> None:
    page = "<html><style>p {}</style><title>502 Bad Gateway</title>\n<h1>Sorry</h1></html>"
    stub.script.append(answer(502, page))
    assert failure(stub.url).detail == "HTTP 502 502 Bad Gateway Sorry"


# Who wrote it? A web page says nothing of a message.

PAGES: list[tuple[str, bytes, str, bool]] = [
    ("page", b"<!DOCTYPE html><html>", "text/html", True),
    ("page without a type", b"<html>", "", True),
    ("page called JSON", b"<html>", "application/json", True),
    ("blanks before it", b"\r\n \t<p>", "", True),
    ("byte order mark before it", b"\xef\xbb\xbf<p>", "", True),
    ("UTF-16", "\ufeff<p>".encode("utf-16"), "", True),
    ("XML", b"<?xml version='1.0'?><Error/>", "application/xml", True),
    ("words as HTML", b"Not Found", "Text/HTML; charset=utf-8", True),
    ("words", b"Not Found", "text/plain", False),
    ("JSON as HTML", b'{"error": 1}', "text/html", False),
    ("nothing as HTML", b" \n", "text/html", False),
    ("nothing", b"", "", False),
    ("markup in JSON", b'"<html>"', "", False),
]


@pytest.mark.parametrize(("body", "media_type", "is_page"), [p[1:] for p in PAGES], ids=[p[0] for p in PAGES])
def test_page(stub: Stub, body: bytes, media_type: str, is_page: bool) -> None:
    stub.script.append(answer(404, body, **({"content_type": media_type} if media_type else {})))
    error = failure(stub.url, errors={404: BadAddress})
    assert type(error) is (Unavailable if is_page else BadAddress)
    assert error.code == ("not_the_provider" if is_page else "bad_address")


@pytest.mark.parametrize("status", range(300, 600))
def test_page_of_any_status(status: int) -> None:
    """Those that mean the same whoever says so keep their meaning; no other 4xx is about a message."""
    page, bare = judge(Reply(status, body=b"<p>")), judge(Reply(status))
    is_anybodys = status in {401, 407, 408, 429} or not 400 <= status < 500
    assert type(page) is (type(bare) if is_anybodys else Unavailable)
    assert page
    assert not page.unknown or status == 504, "it was not taken here"


@given(
    st.lists(st.sampled_from([b" ", b"\r\n", b"\t", b"\xef\xbb\xbf", b"\0"]), max_size=5),
    st.binary(max_size=40),
    st.sampled_from([400, 403, 404, 409, 410, 422]),
)
def test_whatever_begins_as_markup_is_a_page(blanks: list[bytes], rest: bytes, status: int) -> None:
    error = judge(Reply(status, body=b"".join(blanks) + b"<" + rest), errors={status: BadAddress})
    assert type(error) is Unavailable


def test_page_is_quoted_without_what_nobody_may_read(stub: Stub) -> None:
    stub.script.append(answer(404, f"<h1>Not here</h1><p>{SECRET} +37255501234</p>"))
    assert (
        failure(stub.url, secrets=[SECRET]).detail
        == "HTTP 404 not written by the provider: Not here *** +37…34"
    )


def test_provider_that_writes_html_says_so(stub: Stub) -> None:
    stub.script.append(answer(404, "Unknown request.", Content_Type="text/html"))
    error = failure(stub.url, own=lambda reply: not reply.is_markup)
    assert (type(error), error.detail) == (Refused, "HTTP 404 Unknown request.")


@pytest.mark.parametrize(
    ("body", "is_own"),
    [(b"", True), (b" \n", True), (b'{"error":', True), (b"[]", True), (b'"x"', True), (b"no", False)],
)
def test_provider_that_writes_json_only(body: bytes, is_own: bool) -> None:
    error = judge(Reply(404, body=body), errors={404: BadAddress}, own=http.empty_or_json)
    assert type(error) is (BadAddress if is_own else Unavailable)


def test_bare_error_that_the_provider_would_explain() -> None:
    error = judge(Reply(404), errors={404: BadAddress}, own=lambda reply: False)
    assert (type(error), str(error)) == (
        Unavailable,
        "not_the_provider: HTTP 404 not written by the provider",
    )


WITHOUT = [
    (b"<p>", "HTTP 200 without an id: a web page came"),
    (b"", "HTTP 200 without an id: nothing came"),
    (b"{}", "HTTP 200 without an id: something else came"),
]


@pytest.mark.parametrize(("body", "sentence"), WITHOUT)
def test_success_that_lacks_something(body: bytes, sentence: str) -> None:
    error = http.unread(Reply(200, body=body), "an id")
    assert (error.detail, error.code, error.retry) == (sentence, "malformed_reply", True)


def http_date(seconds: float) -> str:
    return format_datetime(
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds), usegmt=True
    )


WAITS: list[tuple[str | None, float | None]] = [
    (None, None),
    ("7", 7.0),
    ("1.5", 1.5),
    ("0", 0.0),
    ("999999", 999999.0),
    ("9" * 20, http.MAX_RETRY_AFTER),
    ("soon", None),
    ("-5", None),
    ("nan", None),
    ("", None),
    ("Fri, 99 Foo 2026", None),
]


@pytest.mark.parametrize(("value", "seconds"), WAITS)
def test_retry_after(stub: Stub, value: str | None, seconds: float | None) -> None:
    stub.script.append(answer(429, **({} if value is None else {"Retry_After": value})))
    assert failure(stub.url).retry_after == seconds


@pytest.mark.parametrize(
    ("offset", "low", "high"), [(60, 55, 61), (-60, 0, 0), (10**6, 10**6 - 5, 10**6 + 1)]
)
def test_retry_after_as_a_date(stub: Stub, offset: float, low: float, high: float) -> None:
    stub.script.append(answer(503, Retry_After=http_date(offset)))
    wait = failure(stub.url).retry_after
    assert wait is not None
    assert low <= wait <= high


@given(st.text(max_size=40))
def test_any_retry_after_is_absorbed(value: str) -> None:
    error = judge(Reply(429, {"Retry-After": value}))
    assert error is not None
    assert error.retry_after is None or 0 <= error.retry_after <= http.MAX_RETRY_AFTER


# Connections.


def test_connections_are_kept_and_used_again(stub: Stub) -> None:
    for _ in range(3):
        call("POST", stub.url, json={})
    assert [request.connection for request in stub.requests] == [1, 1, 1]


def test_old_connections_are_left(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    call("GET", stub.url)
    monkeypatch.setattr(connection, "MAX_AGE", 0.0)
    call("GET", stub.url)
    assert [request.connection for request in stub.requests] == [1, 2]


def test_threads_share_no_connection(stub: Stub) -> None:
    call("GET", stub.url)
    thread = threading.Thread(target=lambda: call("GET", stub.url))
    thread.start()
    thread.join()
    assert [request.connection for request in stub.requests] == [1, 2]


@pytest.mark.parametrize("end", [cut, reset])
def test_stale_connection_is_repeated_once_if_the_provider_drops_repeats(stub: Stub, end: Behaviour) -> None:
    stub.script.extend([answer(200, {}), end, answer(200, {"second": True})])
    call("POST", stub.url)
    assert call("POST", stub.url, json={"n": 1}, repeatable=True).json() == {"second": True}
    assert [request.connection for request in stub.requests] == [1, 1, 2]
    assert stub.requests[1].body == stub.requests[2].body


def test_stale_connection_is_ambiguous_if_the_provider_sends_repeats(stub: Stub) -> None:
    stub.script.extend([answer(200, {}), cut])
    call("POST", stub.url)
    assert type(failure(stub.url)) is Ambiguous
    assert len(stub.requests) == 2


def test_repeat_happens_once_only(stub: Stub) -> None:
    stub.script.extend([answer(200, {}), cut, cut, answer(200, {})])
    call("POST", stub.url)
    assert type(failure(stub.url, repeatable=True)) is Ambiguous
    assert len(stub.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 429, 503])
def test_an_error_says_nothing_of_the_request_before_the_repeat(stub: Stub, status: int) -> None:
    """The first may have been taken: who believes the second alone sends an SMS besides."""
    stub.script.extend([answer(200, {}), cut, answer(status, {})])
    call("POST", stub.url)
    assert failure(stub.url, repeatable=True).unknown
    stub.script.append(answer(status, {}))
    assert not failure(stub.url, repeatable=True).unknown


def test_a_repeat_that_finds_nobody_leaves_the_first_unknown(stub: Stub) -> None:
    def last(connection: socket.socket) -> bool:
        stub.close()
        return cut(connection)

    stub.script.extend([answer(200, {}), last])
    call("POST", stub.url)
    error = failure(stub.url, repeatable=True)
    assert (type(error), error.unknown) == (Unavailable, True)


def test_used_connection_that_starts_to_answer_is_not_repeated(stub: Stub) -> None:
    stub.script.extend([answer(200, {}), raw(b"HTTP/1.1 2")])
    call("POST", stub.url)
    assert type(failure(stub.url, repeatable=True)) is Ambiguous
    assert len(stub.requests) == 2


def test_connection_closed_while_idle_costs_nothing(stub: Stub) -> None:
    stub.script.append(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    call("POST", stub.url)
    wait_until(lambda: stub.ended)
    assert call("POST", stub.url).status == 200
    assert [request.connection for request in stub.requests] == [1, 2]


def test_server_gone_after_a_kept_connection(stub: Stub) -> None:
    call("POST", stub.url)
    stub.close()
    assert type(failure(stub.url)) is Unavailable


def test_proxy_of_the_environment_serves_other_hosts_only(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stub.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    call("GET", "http://provider.example/v1")
    assert stub.last().target == "http://provider.example/v1"
    other = Stub()
    call("GET", other.url + "/v1")
    assert other.last().target == "/v1"
    other.close()


def test_netrc_and_cookies_are_not_used(stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    stub.script.append(answer(200, {}, Set_Cookie="a=b"))
    call("GET", stub.url)
    call("GET", stub.url)
    assert {"authorization", "cookie"}.isdisjoint(stub.last().headers)


def test_what_is_sent(stub: Stub) -> None:
    call(
        "POST",
        stub.url + "/a/+372?x=1",
        json={"é": "😀"},
        params={"to": "+372", "text": "a b"},
        auth=("u", "p"),
    )
    request = stub.last()
    assert request.target == "/a/+372?x=1&to=%2B372&text=a+b"
    assert request.body == '{"é":"😀"}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Basic dTpw"


# Nothing secret is told.


@pytest.mark.parametrize("status", [None, 403, 500])
def test_no_error_and_no_log_shows_a_secret(
    stub: Stub, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    caplog.set_level(logging.DEBUG)
    url = stub.url if status else f"http://127.0.0.1:{closed_port()}"
    stub.script.append(answer(status or 200, f"bad {SECRET} for +37255501234 password=tiger Bearer abcdefgh"))
    params = {"password": SECRET, "to": "+37255501234", "text": "your code is 1234"}
    with pytest.raises(SendError) as caught:
        call("GET", url, params=params, secrets=[SECRET])
    told = f"{caught.value!r} {caught.value.detail} {caplog.text}"
    for hidden in (SECRET, "55501234", "your code", "your+code", "tiger", "abcdefgh"):
        assert hidden not in told
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_urllib3_still_logs_what_others_ask(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    import requests

    caplog.set_level(logging.DEBUG)
    session = requests.Session()
    session.trust_env = False
    session.get(stub.url)
    assert "GET" in caplog.text
    session.close()


REDACTED = [
    ("a b&c d", ["b&c"], "a *** d"),
    ("x=b%26c", ["b&c"], "x=***"),
    ("abc abcd", ["abc", "abcd"], "*** ***"),
    ("fine", ["", "absent"], "fine"),
    ("Authorization: Bearer ya29.a-b_c", [], "Authorization: Bearer ***"),
    ("GET /x?password=tiger&to=1", [], "GET /x?password=***&to=1"),
    ('{"access_token": "ya29"}', [], '{"access_token": "***"}'),
    ("to %2B37255501234 failed", [], "to %2B37…34 failed"),
    ("code 404, 12 of 345", [], "code 404, 12 of 345"),
]


@pytest.mark.parametrize(("text", "secrets", "shown"), REDACTED)
def test_redact(text: str, secrets: list[str], shown: str) -> None:
    assert redact(text, secrets) == shown


def test_details_are_short() -> None:
    assert len(redact("x" * 5000)) == http.MAX_DETAIL


@given(st.integers(100, 999), st.binary(max_size=200))
def test_judge_takes_any_answer(status: int, body: bytes) -> None:
    error = judge(Reply(status, {}, body))
    assert (error is None) == (200 <= status < 300)
    assert error is None or (isinstance(error, SendError) and len(error.detail) <= http.MAX_DETAIL)
