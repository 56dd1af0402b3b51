"""Links that misbehave, over real sockets: what each of them ends as, and how soon."""

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rcs_router import addresses
from rcs_router.inbox.media import download as module
from rcs_router.inbox.media.download import Again, Clock, Gone, Hopeless, Missing, Undone, Unwanted, download
from rcs_router.testing.stub import Behaviour, Stub, answer, cut, drip, hang, raw, reset
from tests.media.steps import PNG

MOST = 100_000
SECRET = "a-secret-of-the-link"


def fetched(url: str, seconds: float = 5.0) -> bytes:
    found = download(url, most=MOST, seconds=seconds, allow_private=True)
    try:
        assert found.head == found.body.read()[: len(found.head)]
        found.body.seek(0)
        return found.body.read()
    finally:
        found.close()


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + end


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(200, PNG),
        answer(200, PNG, Content_Encoding="identity"),
        raw(b"HTTP/1.0 200 OK\r\n\r\n" + PNG),
        raw(chunked(PNG[:7], PNG[7:])),
    ],
)
def test_a_file_is_fetched(stub: Stub, behaviour: Behaviour) -> None:
    stub.default = behaviour
    assert fetched(f"{stub.url}/u/1?sig=x%2Fy") == PNG
    asked = stub.last()
    assert asked.target == "/u/1?sig=x%2Fy"
    assert asked.headers["host"] == stub.url.removeprefix("http://")
    assert asked.headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization"} & asked.headers.keys()


def test_a_resolver_that_hangs_has_no_more_time_than_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(addresses, "resolve", lambda host, port: released.wait(30) and [])
    began = time.monotonic()
    with pytest.raises(Again, match="timeout"):
        download("https://slow-name.example/", most=MOST, seconds=0.3)
    assert time.monotonic() - began < 5
    released.set()


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("no name")])
def test_a_name_that_cannot_be_resolved(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(host: str, port: int) -> list[str]:
        raise error

    monkeypatch.setattr(addresses, "resolve", fails)
    with pytest.raises(Again, match="unreachable"):
        download("https://no-name.example/", most=MOST, seconds=5)


def test_a_file_of_just_the_limit_is_fetched_and_kept_off_the_memory(stub: Stub) -> None:
    stub.default = answer(200, b"x" * MOST)
    assert len(fetched(stub.url)) == MOST


LARGE = b"x" * (MOST + 1)
FAULTS: list[tuple[str, Behaviour, type[Undone], str]] = [
    ("hangs up", cut, Again, "unreachable"),
    ("resets", reset, Again, "unreachable"),
    ("says nothing", hang, Again, "timeout"),
    ("drips its headers", drip(b"HTTP/1.1 200 OK\r\nX: "), Again, "timeout"),
    ("drips its body", drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"), Again, "timeout"),
    ("drips a chunk's length", drip(chunked(b"a", end=b"")), Again, "timeout"),
    ("speaks no HTTP", raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Again, "protocol"),
    ("has endless headers", raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200), Again, "protocol"),
    ("has an endless header", raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), Again, "protocol"),
    ("breaks off", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + PNG[:9]), Again, "truncated"),
    ("breaks a chunk off", raw(chunked(PNG, end=b"ff\r\nabc")), Again, "truncated"),
    ("is empty", answer(200), Again, "truncated"),
    ("announces too much", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"), Unwanted, "too_large"),
    ("sends too much", answer(200, LARGE), Unwanted, "too_large"),
    ("sends too much without a word", raw(b"HTTP/1.0 200 OK\r\n\r\n" + LARGE), Unwanted, "too_large"),
    ("sends too many chunks", raw(chunked(*[b"x" * 9999] * 11)), Unwanted, "too_large"),
    ("is compressed", answer(200, PNG, Content_Encoding="gzip"), Hopeless, "encoding"),
    ("403", answer(403), Gone, "http_403"),
    ("404", answer(404, PNG), Missing, "http_404"),
    ("202", answer(202), Again, "http_202"),
    ("410", answer(410), Gone, "http_410"),
    ("400", answer(400), Hopeless, "http_400"),
    ("401", answer(401), Hopeless, "http_401"),
    ("204", answer(204), Hopeless, "http_204"),
    ("206", answer(206, PNG), Hopeless, "http_206"),
    ("300", answer(300, PNG), Hopeless, "http_300"),
    ("408", answer(408), Again, "http_408"),
    ("429", answer(429), Again, "http_429"),
    ("500", answer(500), Again, "http_500"),
    ("503", answer(503), Again, "http_503"),
    ("redirects nowhere", answer(302), Hopeless, "redirects"),
    ("redirects to itself", answer(302, Location=""), Hopeless, "redirects"),
    ("redirects for ever", answer(302, Location="/again"), Hopeless, "redirects"),
    ("redirects to a file of ours", answer(302, Location="file:///etc/passwd"), Unwanted, "address"),
    ("redirects to no address", answer(302, Location="http://[/"), Unwanted, "address"),
    (
        "redirects with a password",
        answer(302, Location="http://a:b@127.0.0.1/"),
        Unwanted,
        "address",
    ),
    ("redirects to the cloud", answer(307, Location="http://169.254.169.254/latest/"), Unwanted, "address"),
]


@pytest.mark.parametrize(
    ("behaviour", "kind", "code"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_a_link_that_misbehaves(
    stub: Stub, behaviour: Behaviour, kind: type[Undone], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    stub.default = behaviour
    begun = time.monotonic()
    with pytest.raises(Undone) as caught:
        fetched(f"{stub.url}/{SECRET}", seconds=0.5)
    assert (type(caught.value), str(caught.value)) == (kind, code)
    assert time.monotonic() - begun < 3
    assert caught.value.__cause__ is None
    assert SECRET not in caplog.text


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Again, match="unreachable"):
        fetched(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("999999", 3600.0),
        ("soon", None),
        ("", None),
        ("-1", None),
        ("\u0663", None),
    ],
)
def test_a_wish_for_patience_is_heard(header: str, wanted: float | None) -> None:
    assert module._retry_after(header) == wanted


# Redirects


def test_redirects_are_followed(stub: Stub) -> None:
    stub.routes["/1"] = answer(301, Location="/2")
    stub.routes["/2"] = answer(302, Location="3?a=b")
    stub.routes["/3"] = answer(307, Location=f"{stub.url}/4")
    stub.routes["/4"] = answer(200, PNG)
    assert fetched(f"{stub.url}/1") == PNG
    assert [request.target for request in stub.requests] == ["/1", "/2", "/3?a=b", "/4"]


def test_no_more_than_three(stub: Stub) -> None:
    for number in range(1, 5):
        stub.routes[f"/{number}"] = answer(302, Location=f"/{number + 1}")
    stub.routes["/5"] = answer(200, PNG)
    with pytest.raises(Hopeless, match="redirects"):
        fetched(f"{stub.url}/1")
    assert len(stub.requests) == 4


def test_a_redirect_to_a_private_address_is_refused(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host is public as far as the guard can see; where it sends us to is this machine."""
    inner = Stub()
    stub.default = answer(302, Location=f"{inner.url}/admin")
    seen = public_name(monkeypatch)
    with pytest.raises(Unwanted, match="address"):
        download(f"{stub.url.replace('127.0.0.1', 'f.example')}/1", most=MOST, seconds=5)
    inner.close()
    assert (len(stub.requests), inner.requests, seen) == (1, [], ["f.example", "127.0.0.1"])


def public_name(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name f.example resolves to a public address, at which the stub can be reached."""
    seen: list[str] = []
    real = socket.create_connection

    def resolve(host: str, port: int) -> list[str]:
        seen.append(host)
        return ["93.184.215.14"] if host == "f.example" else [host]

    def connect(address: tuple[str, int], **options: Any) -> socket.socket:
        assert address[0] == "93.184.215.14", "only the judged address may be connected to"
        return real(("127.0.0.1", address[1]), **options)

    monkeypatch.setattr(addresses, "resolve", resolve)
    monkeypatch.setattr(module.socket, "create_connection", connect)
    return seen


# The connection goes where the guard has looked


def test_a_name_that_changes_its_mind_gains_nothing(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver answers with a public address once, and with this machine ever after."""
    answers = [["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]]
    connected: list[str] = []

    def connect(address: tuple[str, int], **options: float) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(addresses, "resolve", lambda host, port: answers.pop(0))
    monkeypatch.setattr(module.socket, "create_connection", connect)
    with pytest.raises(Again, match="unreachable"):
        download(f"{stub.url.replace('127.0.0.1', 'f.example')}/1", most=MOST, seconds=5)
    assert (connected, len(answers), stub.requests) == (["93.184.215.14"], 2, [])


def test_the_host_is_named_although_its_address_is_connected_to(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.default = answer(200, PNG)
    public_name(monkeypatch)
    url = stub.url.replace("127.0.0.1", "f.example")
    download(f"{url}/1", most=MOST, seconds=5).close()
    assert stub.last().headers["host"] == url.removeprefix("http://")


def test_the_next_address_is_tried(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.default = answer(200, PNG)
    monkeypatch.setattr(addresses, "resolve", lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert fetched(stub.url.replace("127.0.0.1", "f.example")) == PNG


def test_the_clock_is_one_for_all(stub: Stub) -> None:
    clock = Clock(0.0)
    with pytest.raises(TimeoutError):
        clock.remaining()


def test_no_proxy_comes_between(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.default = answer(200, PNG)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert fetched(stub.url) == PNG


# TLS


@pytest.fixture
def tls(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """The stub with a certificate of f.example that the client trusts."""
    certificate, key = certificate_for("f.example", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    accept = stub._serve

    def serve(connection: socket.socket, number: int) -> None:
        try:
            accept(context.wrap_socket(connection, server_side=True), number)
        except OSError:
            return

    monkeypatch.setattr(stub, "_serve", serve)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setattr(addresses, "resolve", lambda host, port: ["127.0.0.1"])
    module._context.cache_clear()
    stub.url = stub.url.replace("http:", "https:")
    return stub


@pytest.fixture(autouse=True)
def fresh_context() -> object:
    yield
    module._context.cache_clear()


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)
    return folder / "certificate.pem", folder / "key.pem"


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(tls: Stub) -> None:
    tls.default = answer(200, PNG)
    assert fetched(tls.url.replace("127.0.0.1", "f.example")) == PNG


def test_another_ones_certificate_is_not_trusted(tls: Stub) -> None:
    tls.default = answer(200, PNG)
    with pytest.raises(Again, match="certificate"):
        fetched(tls.url.replace("127.0.0.1", "other.example"))
    assert tls.requests == []


def test_from_https_no_redirect_leads_to_http(tls: Stub) -> None:
    tls.default = answer(302, Location="http://127.0.0.1:9/plain")
    with pytest.raises(Unwanted, match="address"):
        fetched(tls.url.replace("127.0.0.1", "f.example"))


def test_a_body_over_tls_that_drips_ends_in_time(tls: Stub) -> None:
    tls.default = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    with pytest.raises(Again, match="timeout"):
        fetched(tls.url.replace("127.0.0.1", "f.example"), seconds=0.5)
