"""Who gets into the emulator, and where its webhooks may go."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, include, path

from rcs_backends.emulator import reach, server
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox

urlpatterns = [path("emulator/", include("rcs_backends.emulator.urls"))]


def views(patterns: list[Any], base: str = "") -> Iterator[tuple[str, Any]]:
    """Every view of the emulator by its route."""
    for pattern in patterns:
        route = base + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


VIEWS = dict(views(get_resolver(__name__).url_patterns))


@pytest.mark.parametrize("allowed", [None, False, "yes", 1, "True"])
@pytest.mark.parametrize("route", VIEWS)
def test_without_a_word_no_view_answers(route: str, allowed: Any, settings: Any) -> None:
    settings.DEBUG, settings.RCS_EMULATOR_ALLOWED = False, allowed
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        answer = VIEWS[route](RequestFactory().generic(method, "/emulator/"))
        assert (answer.status_code, answer.content) == (404, b"Not found")


@pytest.mark.parametrize(
    "path", ["", "config/", "ledger/", "handsets/1/messages/", "kannel/cgi-bin/sendsms?to=1"]
)
def test_without_a_word_no_address_answers(path: str, settings: Any) -> None:
    settings.DEBUG, settings.RCS_EMULATOR_ALLOWED = False, False
    assert len(VIEWS) > 30
    assert Client().get(f"/emulator/{path}").status_code == 404
    assert Client().post(f"/emulator/{path}").status_code == 404


def test_also_where_only_its_urls_are_included(settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "rcs_backends.emulator"]
    settings.DEBUG, settings.RCS_EMULATOR_ALLOWED = False, False
    settings.ROOT_URLCONF = __name__
    assert Client().get("/emulator/config/").status_code == 404
    assert Client().get("/emulator/google/service-account.json").status_code == 404


def test_also_where_it_is_served_alone(settings: Any) -> None:
    settings.DEBUG, settings.RCS_EMULATOR_ALLOWED = False, False
    with server.start(application=server.EmulatorOnly()) as running:
        assert requests.get(f"{running.url}/emulator/config/", timeout=10).status_code == 404


@pytest.mark.parametrize(("debug", "allowed"), [(True, None), (False, True)])
def test_with_a_word_it_does(debug: bool, allowed: Any, settings: Any) -> None:
    settings.DEBUG, settings.RCS_EMULATOR_ALLOWED = debug, allowed
    assert Client().get("/emulator/config/").status_code == 200


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_a_page_of_another_site_cannot_use_a_browser_to_change_dials(site: str, status: int) -> None:
    headers = {"sec-fetch-site": site}
    answer = Client().post("/emulator/config/", "{}", content_type="text/plain", headers=headers)
    assert answer.status_code == status


# Where webhooks go.

PUBLIC = [
    "93.184.216.34",
    "2606:2800:220:1:248:1893:25c8:1946",
    "1.1.1.1",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
]
INTERNAL = [
    *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.0.192", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1"),
    *("::127.0.0.1", "2001:db8::1", "64:ff9b:1::1", "192.88.99.1"),
]


@pytest.fixture
def stranger(settings: Any) -> None:
    """An emulator that is open to all, without a word on where webhooks may go."""
    settings.DEBUG, settings.RCS_EMULATOR_ALLOWED, settings.RCS_EMULATOR_CALLBACK_HOSTS = False, True, []


def names(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    """Every name leads to these addresses."""

    def resolved(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    monkeypatch.setattr(reach.socket, "getaddrinfo", resolved)


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("ip", INTERNAL)
def test_an_internal_address_is_not_called(ip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ip)
    with pytest.raises(PermissionError):
        reach.allowed("innocent.example", 80)
    names(monkeypatch, "1.1.1.1", ip)
    with pytest.raises(PermissionError):
        reach.allowed("both.example", 80)


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("ip", PUBLIC)
def test_a_public_address_is_called(ip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ip)
    assert reach.allowed("shop.example", 443) == [ip]


@pytest.mark.parametrize(
    ("setup", "host", "port", "ip", "fine"),
    [
        ({"RCS_EMULATOR_CALLBACK_HOSTS": ["web:8000"]}, "web", 8000, "172.18.0.2", True),
        ({"RCS_EMULATOR_CALLBACK_HOSTS": ["web:8000"]}, "web", 6379, "172.18.0.2", False),
        ({"RCS_EMULATOR_CALLBACK_HOSTS": ["web"]}, "web", 6379, "172.18.0.2", True),
        ({"RCS_EMULATOR_CALLBACK_HOSTS": ["web"]}, "evil.example", 80, "172.18.0.2", False),
        ({"RCS_EMULATOR_CALLBACK_HOSTS": ["web"]}, "web", 80, "169.254.169.254", False),
        ({"RCS_ROUTER": {"PUBLIC_URL": "http://10.0.0.5:8000/rcs/"}}, "10.0.0.5", 8000, "10.0.0.5", True),
        ({"RCS_ROUTER": {"PUBLIC_URL": "http://10.0.0.5:8000/rcs/"}}, "10.0.0.5", 22, "10.0.0.5", False),
        ({"RCS_ROUTER": {"PUBLIC_URL": "https://shop.local/"}}, "shop.local", 443, "10.0.0.5", True),
        ({"RCS_ROUTER": {"PUBLIC_URL": "https://shop.local/"}}, "shop.local", 80, "10.0.0.5", False),
        ({"DEBUG": True}, "localhost", 8000, "127.0.0.1", True),
        ({"DEBUG": True}, "localhost", 8000, "::1", True),
        ({"DEBUG": True}, "router.local", 80, "192.168.1.1", False),
        ({"DEBUG": True}, "metadata", 80, "169.254.169.254", False),
    ],
)
@pytest.mark.usefixtures("stranger")
def test_what_the_settings_allow(
    setup: dict[str, Any],
    host: str,
    port: int,
    ip: str,
    fine: bool,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in setup.items():
        setattr(settings, name, value)
    names(monkeypatch, ip)
    if fine:
        assert reach.allowed(host, port) == [ip]
    else:
        with pytest.raises(PermissionError):
            reach.allowed(host, port)


class Secret(BaseHTTPRequestHandler):
    """An internal page."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        redirect = self.path.startswith("/to/")
        self.send_response(302 if redirect else 200)
        if redirect:
            self.send_header("Location", self.path.removeprefix("/to/"))
        self.end_headers()
        self.wfile.write(b"credentials")

    do_POST = do_GET

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def internal() -> Iterator[Any]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Secret)
    listening.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
    yield listening
    listening.shutdown()
    listening.server_close()


def dials(url: str) -> list[dict[str, Any]]:
    """Every dial that takes an address for what leaves."""
    account = {"auth_token": "t" * 32, "numbers": ["+15005550006"], "sms_url": url}
    return [
        {"google": {"agents": {"acme": {"webhook": url, "client_token": "t"}}}, "verify": "acme"},
        {"gsma": {"bots": {"bot@x": {"webhook": url, "secret": "s"}}}, "verify": "bot@x"},
        {"kannel": {"mo_url": url}},
        {"twilio": {"accounts": {"AC" + "0" * 32: account}}},
    ]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0", "127.0.0.1."],
)
def test_a_dial_leads_to_no_internal_page(number: int, host: str, internal: Any) -> None:
    client = Client()
    change = dials(f"http://{host}:{internal.server_port}/page")[number]
    answer = client.post("/emulator/config/", change, content_type="application/json")
    assert b"credentials" not in answer.content
    client.post("/emulator/handsets/", {"number": "+37255501234"}, content_type="application/json")
    for provider in ("google", "gsma", "kannel", "twilio"):
        action = {"action": "text", "text": "hi", "provider": provider}
        client.post("/emulator/handsets/+37255501234/actions/", action, content_type="application/json")
    assert world.wait_for(lambda: all(one["tries"] for one in outbox.as_json()), 10)
    assert internal.asked == []
    assert b"credentials" not in client.get("/emulator/ledger/").content


def test_a_redirect_is_not_followed(internal: Any, settings: Any) -> None:
    settings.RCS_EMULATOR_CALLBACK_HOSTS = [f"127.0.0.1:{internal.server_port}"]
    base = f"http://127.0.0.1:{internal.server_port}"
    config = {"google": {"agents": {"acme": {"webhook": f"{base}/to/{base}/page", "client_token": "t"}}}}
    answer = Client().post("/emulator/config/", {**config, "verify": "acme"}, content_type="application/json")
    assert internal.asked == [f"/to/{base}/page"]
    assert answer.json()["verification"]["verified"] is False


def test_a_name_that_changes_its_mind_is_connected_to_as_it_was_judged(
    internal: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first look is public, every later one internal."""
    settings.DEBUG, settings.RCS_EMULATOR_CALLBACK_HOSTS = False, []
    answers = ["1.1.1.1"]
    connected: list[str] = []

    def resolved(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        ip = host if host == "1.1.1.1" else answers.pop() if answers else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    def connect(self: socket.socket, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with reach.session() as session:
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                session.get(f"http://rebind.example:{internal.server_port}/", timeout=5)
    assert connected == ["1.1.1.1"]
    assert internal.asked == []


def test_no_proxy_connects_for_us(monkeypatch: pytest.MonkeyPatch, settings: Any, internal: Any) -> None:
    settings.RCS_EMULATOR_CALLBACK_HOSTS = []
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{internal.server_port}")
    with reach.session() as session, pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.2:1/", timeout=5)
    assert internal.asked == []
