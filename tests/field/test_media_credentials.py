"""Files behind the account's credentials: the provider's own host gets them, and no other ever does."""

import base64
from typing import Any

import pytest

from rcs_router import addresses
from rcs_router.addresses import guarded
from rcs_router.backends import backends
from rcs_router.errors import Unavailable
from rcs_router.inbox import media
from rcs_router.inbox.media import credentials
from rcs_router.models import InboundFile, Message
from rcs_router.testing.stub import Asked, Behaviour, Request, answer

from .files import JPEG, host, keeping_files, twilio_file, with_twilio
from .sites import ACCOUNT, GSMA, KANNEL, MESSENTE, REST, TOKEN, TWILIO, options
from .wires import gsma_message, rest_message, signed_json

pytestmark = pytest.mark.django_db
State = InboundFile.State
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME1"


def basic(name: str, word: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{word}".encode()).decode()


def behind(authorization: str) -> Behaviour:
    """A picture for who brings this header, else a 401."""

    def behave(request: Request) -> Behaviour:
        return answer(200, JPEG) if request.headers.get("authorization") == authorization else answer(401)

    return Asked(behave)


def ends(row: InboundFile) -> tuple[str, str]:
    return row.state, row.code


def carried(stub: Any) -> list[str]:
    """The credentials that a host was shown, in any header."""
    hidden = ("t", TOKEN)
    return [
        value
        for request in stub.requests
        for value in request.headers.values()
        if value.startswith(("Basic", "Bearer")) or value in hidden
    ]


# Who gets them


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, basic(ACCOUNT, TOKEN)),
        ({"auth_token": [TOKEN, "the-old-one"]}, basic(ACCOUNT, TOKEN)),
        ({"api_key_sid": "SK1", "api_key_secret": "its-secret"}, basic("SK1", "its-secret")),
    ],
)
def test_twilio_s_media_are_fetched_as_the_account(
    settings: Any, changed: dict[str, Any], wanted: str
) -> None:
    with host() as twilio:
        twilio.default = behind(wanted)
        with_twilio(settings, base_url=twilio.url, **changed)
        assert ends(twilio_file(twilio.url + PATH)) == (State.FETCHED, "")


def test_the_storage_that_twilio_redirects_to_gets_none(settings: Any) -> None:
    with host() as twilio, host() as storage:
        twilio.default = answer(307, Location=f"{storage.url}/ME1?sig=1")
        storage.default = answer(200, JPEG)
        with_twilio(settings, base_url=twilio.url)
        assert ends(twilio_file(twilio.url + PATH)) == (State.FETCHED, "")
    assert (carried(twilio), carried(storage)) == ([basic(ACCOUNT, TOKEN)], [])


def test_a_redirect_that_comes_back_is_the_provider_again(settings: Any) -> None:
    with host() as twilio, host() as other:
        twilio.default = behind(basic(ACCOUNT, TOKEN))
        other.default = answer(302, Location=twilio.url + PATH)
        with_twilio(settings, base_url=twilio.url)
        assert ends(twilio_file(f"{other.url}/x")) == (State.FETCHED, "")
    assert carried(other) == []


def test_a_stranger_s_link_gets_none(settings: Any) -> None:
    with host() as twilio, host() as stranger:
        stranger.default = answer(200, JPEG)
        with_twilio(settings, base_url=twilio.url)
        assert ends(twilio_file(stranger.url + PATH)) == (State.FETCHED, "")
    assert carried(stranger) == []


LOOKALIKES = [
    "https://api.twilio.com.evil.example/x",
    "https://evil.example/api.twilio.com/x",
    "https://evil.example/?https://api.twilio.com/",
    "https://evil.example/#https://api.twilio.com/",
    "https://xapi.twilio.com/x",
    "https://api-twilio.com/x",
    "https://twilio.com/x",
    "https://media.api.twilio.com/x",
    "https://api.twilio.com./x",
    "https://api.twilio.com:8443/x",
    "https://api.twilio.com:80/x",
    "http://api.twilio.com/x",
    "http://api.twilio.com:443/x",
    "https://xn--ap-zlc.twilio.com/x",
    "https://\u0430pi.twilio.com/x",  # a Cyrillic a
    "https://93.184.216.34/x",
]
OWN = [
    "https://api.twilio.com/x",
    "https://api.twilio.com:443/x",
    "https://API.Twilio.COM/x",
    "HTTPS://api.twilio.com/x",
    "https://\uff41pi.twilio.com/x",  # a full-width a, which DNS does not tell apart
]


@pytest.fixture
def twilio(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real address of Twilio; every name is one public machine."""
    keeping_files(settings, {"tw": TWILIO})
    monkeypatch.setattr(addresses, "resolve", lambda name, port: ["93.184.216.34"])
    return backends["tw"]


@pytest.mark.parametrize("url", LOOKALIKES)
def test_a_lookalike_gets_none(twilio: Any, url: str) -> None:
    assert credentials.headers_for("tw", guarded(url)) == {}


@pytest.mark.parametrize("url", OWN)
def test_other_spellings_of_the_provider_s_host_are_the_provider(twilio: Any, url: str) -> None:
    assert credentials.headers_for("tw", guarded(url)) == {"Authorization": basic(ACCOUNT, TOKEN)}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.twilio.com@evil.example/x",
        "https://api.twilio.com:443@evil.example/x",
        "https://evil.example@api.twilio.com/x",
        "https://u:p@api.twilio.com/x",
        "https://api.twilio.com\\@evil.example/x",
        "https://evil.example\\.api.twilio.com/x",
        "https://api.twilio.com\t.evil.example/x",
        "https://api.twilio.com%00.evil.example/x",
        "https://api.twilio.com\r\nX: y/x",
        "ftp://api.twilio.com/x",
        "//api.twilio.com/x",
    ],
)
def test_an_address_that_programs_read_differently_is_not_asked(settings: Any, url: str) -> None:
    keeping_files(settings, {"tw": TWILIO}, MEDIA_ALLOW_PRIVATE=False)
    row = twilio_file(url)
    assert row.state in {State.REFUSED, State.FAILED}
    assert row.code in {"address", "unreachable"}


def test_credentials_never_travel_in_clear_to_another_machine(settings: Any) -> None:
    keeping_files(settings, {"tw": options(TWILIO, base_url="http://10.1.2.3:8080")})
    target = guarded("http://10.1.2.3:8080/x", allow_private=True)
    assert credentials.headers_for("tw", target) == {}


# What each wire's sheet says


@pytest.mark.parametrize(
    ("backend", "own", "wanted"),
    [
        (GSMA, "https://maap.example/files/1", {"Authorization": "Bearer t"}),
        (REST, "https://rest.example/files/1", {"Authorization": "Bearer t"}),
        (
            options(REST, auth_header="X-Api-Key", auth_scheme=""),
            "https://rest.example/files/1",
            {"X-Api-Key": "t"},
        ),
        (
            options(REST, token=["t", "the-next-one"]),
            "https://rest.example/files/1",
            {"Authorization": "Bearer t"},
        ),
        (MESSENTE, "https://api.messente.com/v1/x", {}),  # no page tells of files that people send
        (KANNEL, "http://127.0.0.1:1/x", {}),  # an SMS has no files
    ],
)
def test_each_wire_has_its_own_way(
    settings: Any, monkeypatch: pytest.MonkeyPatch, backend: dict[str, Any], own: str, wanted: dict[str, str]
) -> None:
    keeping_files(settings, {"x": backend})
    monkeypatch.setattr(addresses, "resolve", lambda name, port: ["127.0.0.1"])
    assert credentials.headers_for("x", guarded(own, allow_private=True)) == wanted
    other = guarded("https://files.example/1", allow_private=True)
    assert credentials.headers_for("x", other) == {}


def test_google_s_files_need_no_token(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """RBM's user files lie on storage.googleapis.com under links that are good by themselves."""
    given = {"agent_id": "acme", "service_account": {"type": "service_account"}, "client_token": "c"}
    keeping_files(settings, {"g": {"BACKEND": "rcs_backends.google_rbm.GoogleRBM", "OPTIONS": given}})
    monkeypatch.setattr(addresses, "resolve", lambda name, port: ["93.184.216.34"])
    for url in ("https://storage.googleapis.com/u/1", "https://rcsbusinessmessaging.googleapis.com/v1/x"):
        assert credentials.headers_for("g", guarded(url)) == {}


def test_a_file_of_the_rest_platform(settings: Any) -> None:
    with host() as platform:
        platform.default = behind("Bearer t")
        keeping_files(settings, {"re": options(REST, url=f"{platform.url}/v1/messages")})
        file = {"contentUrl": f"{platform.url}/files/1", "mimeType": "image/jpeg"}
        told = rest_message("", interactionType="FILE_RECEIVED", file=file)
        assert signed_json("webhooks/re/", told, "x-signature").status_code == 200
        assert fetched() == (State.FETCHED, "")


def test_a_file_of_a_maap_platform_with_an_oauth_token(settings: Any, client: Any) -> None:
    with host() as platform:
        platform.routes["/oauth2/v1/token"] = answer(200, {"access_token": "fresh-1", "expires_in": 3600})
        platform.default = behind("Bearer fresh-1")
        login = {"token": "", "client_id": "bot", "client_secret": "its-secret"}
        keeping_files(settings, {"maap": options(GSMA, api_url=f"{platform.url}/rcs/bot/v1", **login)})
        told = gsma_message()
        file = {"fileUrl": f"{platform.url}/files/1", "fileMIMEType": "image/jpeg"}
        told["RCSMessage"] = {**told["RCSMessage"], "fileMessage": file}
        del told["RCSMessage"]["textMessage"]
        path = "/rcs/webhooks/maap/?secret=s3cret"
        assert client.post(path, told, content_type="application/json").status_code == 200
        assert fetched() == (State.FETCHED, "")


def fetched() -> tuple[str, str]:
    from rcs_router.inbox import intake

    intake.digest()
    media.fetch_due()
    return ends(InboundFile.objects.get())


# Trouble with them


def test_credentials_that_cannot_be_had_are_tried_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token endpoint is down: nothing is asked without the token, which would end the file."""
    with host() as twilio:
        twilio.default = behind(basic(ACCOUNT, TOKEN))
        with_twilio(settings, base_url=twilio.url)
        backend, real = backends["tw"], backends["tw"].media_headers
        moods = [Unavailable("no token"), RuntimeError("a bug of a backend")]

        def moody() -> Any:
            if moods:
                raise moods.pop()
            return real()

        monkeypatch.setattr(backend, "media_headers", moody)
        row = twilio_file(twilio.url + PATH)
    assert (*ends(row), row.tries, len(twilio.requests)) == (State.FETCHED, "", 3, 1)


def test_credentials_that_are_refused_are_tried_again(settings: Any) -> None:
    """A token ends, or is being changed; a 401 of anybody else is final."""
    with host() as twilio, host() as stranger:
        twilio.script.extend([answer(401), answer(401)])
        twilio.default = answer(200, JPEG)
        stranger.default = answer(401)
        with_twilio(settings, base_url=twilio.url)
        assert ends(twilio_file(twilio.url + PATH)) == (State.FETCHED, "")
        assert ends(twilio_file(f"{stranger.url}/x")) == (State.FAILED, "http_401")
    assert len(stranger.requests) == 1


def test_a_backend_that_left_the_settings_lends_nothing(settings: Any) -> None:
    with host() as twilio:
        twilio.default = answer(200, JPEG)
        with_twilio(settings, base_url=twilio.url)
        row = twilio_file(f"{twilio.url}/x")
        assert carried(twilio) == [basic(ACCOUNT, TOKEN)]
        keeping_files(settings, {"sms": {"BACKEND": "rcs_router.testing.MemorySMS"}})
        InboundFile.objects.update(state=State.WAITING, tries=0)
        media.fetch_due()
        row.refresh_from_db()
    assert ends(row) == (State.FETCHED, "")
    assert len(carried(twilio)) == 1


def test_a_secret_with_a_line_break_makes_no_header_of_its_own(settings: Any) -> None:
    with host() as platform:
        platform.default = answer(200, JPEG)
        keeping_files(
            settings, {"re": options(REST, url=f"{platform.url}/v1/messages", token="t\r\nX-Evil: 1")}
        )
        file = {"contentUrl": f"{platform.url}/files/1", "mimeType": "image/jpeg"}
        signed_json(
            "webhooks/re/", rest_message("", interactionType="FILE_RECEIVED", file=file), "x-signature"
        )
        assert fetched()[0] in {State.WAITING, State.FAILED}
    assert not any("x-evil" in request.headers for request in platform.requests)


def test_neither_the_log_nor_the_row_shows_them(settings: Any, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    with host() as twilio:
        twilio.default = answer(401)
        with_twilio(settings, base_url=twilio.url)
        row = twilio_file(twilio.url + PATH)
    shown = [caplog.text, str(vars(row)), str(Message.objects.values().last())]
    word = basic(ACCOUNT, TOKEN).removeprefix("Basic ")
    assert not any(secret in text for text in shown for secret in (TOKEN, word))


# Not there yet


@pytest.mark.parametrize(
    "first", [[answer(404)], [answer(404)] * 3, [answer(202)], [answer(202), answer(404)]]
)
def test_a_file_that_is_not_there_yet_is_tried_again(settings: Any, first: list[Behaviour]) -> None:
    with host() as twilio:
        twilio.script.extend(first)
        twilio.default = answer(200, JPEG)
        with_twilio(settings, base_url=twilio.url)
        row = twilio_file(twilio.url + PATH)
    assert (*ends(row), row.tries) == (State.FETCHED, "", len(first) + 1)


def test_a_file_that_never_comes_is_given_up(settings: Any) -> None:
    with host() as twilio:
        with_twilio(settings, base_url=twilio.url)
        row = twilio_file(twilio.url + PATH)
    assert (*ends(row), row.tries, len(twilio.requests)) == (State.GONE, "http_404", 4, 4)


@pytest.mark.parametrize("status", [403, 410])
def test_what_is_gone_is_not_asked_for_again(settings: Any, status: int) -> None:
    with host() as twilio:
        twilio.default = answer(status)
        with_twilio(settings, base_url=twilio.url)
        row = twilio_file(twilio.url + PATH)
    assert (*ends(row), row.tries) == (State.GONE, f"http_{status}", 1)
