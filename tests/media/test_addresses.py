"""Which addresses may be asked: every way to write a forbidden one is refused, and what was judged is what is used."""

import socket

import pytest

from rcs_router import addresses
from rcs_router.addresses import RefusedAddress, guarded, may_reach

PUBLIC = [
    "8.8.8.8",
    "172.32.0.1",
    "192.0.1.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "2002:808:808::1",  # 6to4 of 8.8.8.8
    "64:ff9b::808:808",  # NAT64 of 8.8.8.8
]
NEAR = [
    "127.0.0.1",
    "127.255.0.9",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",  # NAT64 of 10.0.0.1
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1",  # shared by a provider's customers
    "169.254.169.254",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "192.0.0.192",  # a cloud's credentials, as at 169.254.169.254
    "::ffff:192.0.0.192",
    "fd00:ec2::254",
    "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
    "64:ff9b:1::1",
    "2001::1",  # Teredo
    "2002:a9fe:a9fe::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "not an address",
    "",
]


@pytest.mark.parametrize(
    ("ip", "public", "near"),
    [
        *((ip, True, True) for ip in PUBLIC),
        *((ip, False, True) for ip in NEAR),
        *((ip, False, False) for ip in NEVER),
    ],
)
def test_what_may_be_reached(ip: str, public: bool, near: bool) -> None:
    assert (may_reach(ip), may_reach(ip, allow_private=True)) == (public, near)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.1",
        "127.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "\uff11\uff12\uff17.0.0.1",  # full-width digits
        "\u2460\u2461\u2466.0.0.1",  # digits in circles
        "127\u30020\u30020\u30021",  # ideographic full stops
        "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",  # localhost in circles
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https", "HTTP"])
def test_this_machine_by_any_name_is_refused(scheme: str, host: str) -> None:
    """With this machine's own resolver, which reads all of these as loopback or does not read them at all."""
    with pytest.raises((RefusedAddress, OSError)) as caught:
        guarded(f"{scheme}://{host}:8080/a.jpg")
    assert not isinstance(caught.value, OSError) or isinstance(caught.value, socket.gaierror)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "localhost", "[::1]"])
def test_those_names_are_refused_because_of_where_they_lead(host: str) -> None:
    assert guarded(f"http://{host}/", allow_private=True).ips[0] in {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.jpg",
        "//8.8.8.8/a.jpg",
        "ftp://8.8.8.8/a.jpg",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "data:image/png;base64,AAAA",
        "http:///a.jpg",
        "http://:80/",
        "http://8.8.8.8:0/",
        "http://8.8.8.8:99999/",
        "http://8.8.8.8:x/",
        "http://[8.8.8.8/",
        "http://[]/",
        "http://a..b/",
        f"http://{'a' * 64}.example/",
        "http://user@8.8.8.8/",
        "http://user:word@8.8.8.8/",
        "http://8.8.8.8@127.0.0.1/",
        "http://@8.8.8.8/",
        "http://8.8.8.8\\@127.0.0.1/",
        "http://8.8.8.8\\.example/",
        "http://8.8.8.8/a\r\nHost: other",
        "http://8.8.8.8/a b",
        "http://8.8.8.8\t/",
        " http://8.8.8.8/",
        "http://8.8.8.8/\0",
        "http://8.8.8.8/" + "a" * 4000,
    ],
)
def test_what_is_no_address_of_a_file_is_refused_before_anything_is_resolved(url: str) -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host} was looked up")

    with pytest.raises(RefusedAddress) as caught:
        guarded(url, resolver=resolver)
    assert "8.8.8.8" not in str(caught.value)


@pytest.mark.parametrize(
    ("ips", "allowed"),
    [
        (["8.8.8.8"], True),
        (["8.8.8.8", "2606:4700:4700::1111"], True),
        (["8.8.8.8", "10.0.0.1"], False),
        (["127.0.0.1", "8.8.8.8"], False),
        (["8.8.8.8", "::ffff:192.168.0.1"], False),
    ],
)
def test_every_address_of_a_host_is_judged(ips: list[str], allowed: bool) -> None:
    if allowed:
        assert guarded("https://f.example/a", resolver=lambda *host: ips).ips == tuple(ips)
        return
    with pytest.raises(RefusedAddress):
        guarded("https://f.example/a", resolver=lambda *host: ips)


def test_a_name_is_resolved_once() -> None:
    asked = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["8.8.8.8"] if len(asked) == 1 else ["127.0.0.1"]

    assert guarded("https://f.example:8443/a", resolver=resolver).ips == ("8.8.8.8",)
    assert asked == [("f.example", 8443)]


def test_a_name_without_addresses_may_have_some_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError):
        guarded("https://f.example/a", resolver=lambda *host: [])

    def fails(*args: object, **kwargs: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(addresses.socket, "getaddrinfo", fails)
    with pytest.raises(OSError):
        guarded("https://f.example/a")


@pytest.mark.parametrize(
    ("url", "netloc", "path", "port"),
    [
        ("https://F.Example", "f.example", "/", 443),
        ("https://f.example:443/a", "f.example", "/a", 443),
        ("https://f.example:80/a", "f.example:80", "/a", 80),
        ("http://f.example:8080/a?b=c&d=%20#e", "f.example:8080", "/a?b=c&d=%20", 8080),
        (
            "http://f.example/p\u00e4\u00e4/\u2713?q=\u00f5",
            "f.example",
            "/p%C3%A4%C3%A4/%E2%9C%93?q=%C3%B5",
            80,
        ),
        ("http://p\u00e4\u00e4.example/", "xn--p-0faa.example", "/", 80),
        ("http://[2606:4700::1]:81/", "[2606:4700::1]:81", "/", 81),
    ],
)
def test_the_request_asks_for_what_the_address_names(url: str, netloc: str, path: str, port: int) -> None:
    target = guarded(url, resolver=lambda *host: ["8.8.8.8"])
    assert (target.netloc, target.path, target.port) == (netloc, path, port)
