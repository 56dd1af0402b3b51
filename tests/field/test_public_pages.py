"""Pages that providers, people and monitors open without an account, on sites that are built in their own ways."""

from typing import Any
from unittest import mock
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings as django_settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.core.checks import CheckMessage
from django.test import Client
from django.urls import include, path, re_path

from rcs_router import lookup_connections, send
from rcs_router.checks.surroundings import check_surroundings
from rcs_router.content import Form, FormField
from rcs_router.content.links import form_link
from rcs_router.inbox import intake
from rcs_router.models import Message, StoredWebhook
from tests.core import ALICE

from . import raw
from .raw import ALL, CALLS
from .sites import OURS, RCS, REST, SECRET, SITE, TWILIO, site
from .wires import SENT_SID, gsma_message, incoming, rest_message, signed_json, twilio, twilio_signature

LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
WIRES = sorted(CALLS)
HELLO = [(ALICE, "hello")]
SAID = {"MessageSid": SENT_SID, "SmsStatus": "received", "From": ALICE, "To": OURS, "Body": "hello"}

pytestmark = pytest.mark.django_db


def heard() -> list[tuple[str, str]]:
    intake.digest()
    return incoming()


def post(wire: str, path: str = "") -> int:
    """A provider's call, to another path than usual if one is given."""
    call = CALLS[wire]()
    environ = raw.environ(call, length=str(len(call.body)))
    return raw.wsgi({**environ, "PATH_INFO": path or call.path})


# Where everything else wants a login.


@pytest.fixture
def members_only(settings: Any) -> None:
    site(settings, ALL)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOGIN]


@pytest.mark.usefixtures("members_only")
@pytest.mark.parametrize("wire", WIRES)
def test_webhooks_need_no_login(wire: str) -> None:
    assert post(wire) == 200
    assert heard() == HELLO


@pytest.mark.usefixtures("members_only")
@pytest.mark.parametrize(
    ("address", "statuses"),
    [
        ("forms/x/", {404}),
        ("health/", {403}),
        ("api/", {401, 403}),
        ("api/messages/", {401, 403}),
        ("api/nothing/", {401, 403, 404}),
        ("api/schema/", {200, 401, 403}),
        ("webhooks/nobody/", {404}),
        ("webhooks/gs/?secret=" + SECRET, {200}),
    ],
)
def test_these_pages_decide_for_themselves_whom_they_answer(address: str, statuses: set[int]) -> None:
    assert Client().get(f"/rcs/{address}").status_code in statuses


@pytest.mark.usefixtures("members_only")
@pytest.mark.parametrize("address", ["", "config/", "wires/", "ledger/", "google/service-account.json"])
def test_the_emulator_asks_for_no_login(address: str) -> None:
    assert Client().get(f"/emulator/{address}").status_code == 200


@pytest.mark.usefixtures("members_only")
def test_the_admin_still_does() -> None:
    assert Client().get("/admin/rcs_router/message/").status_code == 302


def form_page(settings: Any, public_url: str = SITE) -> str:
    """The path of a form that waits for answers."""
    form = Form("Where to?", (FormField("street", "Street", required=True),), name="address")
    site(settings, {"rcs": RCS}, PUBLIC_URL=public_url)
    row = send(form, lookup_connections("rcs", [ALICE])).transmissions.get()
    return form_link(row.pk).removeprefix("https://shop.example")


def test_a_form_is_filled_in_without_a_login(settings: Any) -> None:
    where = form_page(settings)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, LOGIN]
    assert Client().get(where).status_code == 200
    assert Client().post(where, {"street": "Pikk 1"}).status_code == 200
    assert Message.objects.filter(kind="form").count() == 1


# Without the last slash.


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("wire", WIRES)
def test_a_webhook_without_its_last_slash_is_taken(
    wire: str, append: bool, debug: bool, settings: Any
) -> None:
    site(settings, ALL)
    settings.DEBUG, settings.APPEND_SLASH = debug, append
    call = CALLS[wire]()
    if wire == "tw":
        said = SAID | {"MessageSid": "SM" + "1" * 32}
        call.headers["x-twilio-signature"] = twilio_signature(f"{SITE}webhooks/tw", said)
    environ = raw.environ(call, length=str(len(call.body)))
    assert raw.wsgi({**environ, "PATH_INFO": call.path.rstrip("/")}) == 200
    assert heard() == HELLO


@pytest.mark.parametrize("tail", ["//", "/x", "/x/", "/../gs/", "/nobody", ".json"])
def test_what_stands_below_a_webhook_is_not_found(tail: str, settings: Any) -> None:
    site(settings, ALL)
    call = CALLS["gs"]()
    answer = Client().post(f"/rcs/webhooks/gs{tail}?{call.query}", call.body, content_type="application/json")
    assert answer.status_code == 404
    assert not StoredWebhook.objects.exists()


def test_a_form_and_the_health_page_without_their_last_slash(settings: Any) -> None:
    where = form_page(settings).rstrip("/")
    assert Client().get(where).status_code == 200
    assert Client().post(where, {"street": "Pikk 1"}).status_code == 200
    assert Client().get("/rcs/health").status_code == 403


# Below prefixes of all kinds.

ours = include("rcs_router.urls")
emulators = include("rcs_backends.emulator.urls")


class Urls:
    """A URLconf: Django takes any object with urlpatterns."""

    def __init__(self, *urlpatterns: Any) -> None:
        self.urlpatterns = [*urlpatterns, path("admin/", admin.site.urls)]

    def __hash__(self) -> int:
        return id(self)


PREFIXES = {
    "plain": (Urls(path("rcs/", ours), path("emulator/", emulators)), "/rcs/", "/emulator/"),
    "root": (Urls(path("emulator/", emulators), path("", ours)), "/", "/emulator/"),
    "slug": (
        Urls(path("<slug:tenant>/rcs/", ours), path("<slug:tenant>/emulator/", emulators)),
        "/acme/rcs/",
        "/acme/emulator/",
    ),
    "two arguments": (
        Urls(path("<int:id>/<str:alias>/rcs/", ours), path("<int:id>/<str:number>/emulator/", emulators)),
        "/7/x/rcs/",
        "/7/x/emulator/",
    ),
    "regular expression": (
        Urls(re_path(r"^([a-z]+)/rcs/", ours), re_path(r"^([a-z]+)/emulator/", emulators)),
        "/acme/rcs/",
        "/acme/emulator/",
    ),
    "nested": (
        Urls(path("<slug:tenant>/", include([path("x/<slug:shop>/", ours), path("emulator/", emulators)]))),
        "/acme/x/tallinn/",
        "/acme/emulator/",
    ),
    "language": (
        Urls(*i18n_patterns(path("rcs/", ours), path("emulator/", emulators))),
        "/en/rcs/",
        "/en/emulator/",
    ),
    "other language": (
        Urls(*i18n_patterns(path("rcs/", ours), path("emulator/", emulators))),
        "/et/rcs/",
        "/et/emulator/",
    ),
    "default language": (
        Urls(*i18n_patterns(path("rcs/", ours), path("emulator/", emulators), prefix_default_language=False)),
        "/rcs/",
        "/emulator/",
    ),
}


@pytest.fixture(params=PREFIXES)
def prefix(request: pytest.FixtureRequest, settings: Any) -> str:
    urls, base, _ = PREFIXES[request.param]
    site(settings, ALL, PUBLIC_URL=f"https://shop.example{base}")
    settings.ROOT_URLCONF = urls
    settings.MIDDLEWARE = [LOCALE, *settings.MIDDLEWARE]
    return base


@pytest.mark.parametrize("wire", sorted(set(WIRES) - {"tw"}))
def test_webhooks_below_any_prefix(wire: str, prefix: str) -> None:
    assert post(wire, f"{prefix}webhooks/{wire}/") == 200
    assert heard() == HELLO


def test_twilio_signs_the_address_with_the_prefix(prefix: str, settings: Any) -> None:
    signature = twilio_signature(f"https://shop.example{prefix}webhooks/tw/", SAID)
    headers = {"host": "internal", "x-twilio-signature": signature}
    assert Client().post(f"{prefix}webhooks/tw/", SAID, headers=headers, content_type=FORM).status_code in {
        200,
        401,
    }

    assert (
        Client()
        .post(f"{prefix}webhooks/tw/", urlencode(SAID), headers=headers, content_type=FORM)
        .status_code
        == 200
    )
    assert heard() == HELLO


FORM = "application/x-www-form-urlencoded"


def test_forms_health_and_the_api_below_any_prefix(prefix: str, settings: Any, admin_client: Client) -> None:
    where = form_page(settings, f"https://shop.example{prefix}")
    assert Client().get(where).status_code == 200
    assert admin_client.get(f"{prefix}health/").status_code in {200, 503}
    for address in ("", "messages/", "transmissions/", "contacts/", "connections/", "consent/+37255501234/"):
        assert admin_client.get(f"{prefix}api/{address}").status_code == 200, address
    message = Message.objects.get()
    assert admin_client.get(f"{prefix}api/messages/{message.pk}/").status_code == 200
    assert admin_client.get(f"{prefix}api/nothing/").status_code == 404
    assert admin_client.delete(f"{prefix}api/messages/").status_code == 405
    assert admin_client.options(f"{prefix}api/messages/").status_code == 200


@pytest.mark.parametrize("case", PREFIXES)
def test_the_emulator_below_any_prefix(case: str, settings: Any) -> None:
    urls, _, base = PREFIXES[case]
    site(settings, ALL)
    settings.ROOT_URLCONF = urls
    settings.MIDDLEWARE = [LOCALE, *settings.MIDDLEWARE]
    assert f'data-base="{base}"' in Client().get(base).content.decode()
    for address in ("config/", "ledger/", "wires/", "google/service-account.json"):
        assert Client().get(f"{base}{address}").status_code == 200, address


# Does PUBLIC_URL lead to the urls?


def found(settings: Any) -> list[str]:
    messages: list[CheckMessage] = check_surroundings()
    return [str(one.id).removeprefix("rcs_router.") for one in messages if "204" in one.id or "211" in one.id]


def test_every_prefix_above_is_found_by_the_check(prefix: str, settings: Any) -> None:
    assert found(settings) == []


@pytest.mark.parametrize(
    ("public_url", "script", "wanted"),
    [
        ("https://shop.example/rcs/", None, []),
        ("https://shop.example/rcs", None, []),
        ("https://shop.example:8443/rcs/", None, []),
        ("https://shop.example/r%63s/", None, []),
        ("https://shop.example/", None, ["W211"]),
        ("https://shop.example", None, ["W211"]),
        ("https://shop.example/RCS/", None, ["W211"]),
        ("https://shop.example/rsc/", None, ["W211"]),
        ("https://shop.example/rcs/webhooks/", None, ["W211"]),
        ("https://shop.example/rcs/rcs/", None, ["W211"]),
        ("https://shop.example/admin/", None, ["W211"]),
        ("https://shop.example/emulator/", None, ["W211"]),
        ("https://shop.example/app/rcs/", None, ["W211"]),
        ("https://shop.example/app/rcs/", "/app", []),
        ("https://shop.example/app/rcs/", "/app/", []),
        ("https://shop.example/rcs/", "/app", ["W211"]),
        ("https://shop.example/apple/rcs/", "/app", ["W211"]),
        ("", None, []),  # W101 says it
        ("shop.example/rcs/", None, []),  # E111 says it
        ("https://shop.example/x/?y", None, []),
        ("https://[", None, []),
    ],
)
def test_a_public_url_that_does_not_lead_here(
    public_url: str, script: str | None, wanted: list[str], settings: Any
) -> None:
    site(settings, ALL, PUBLIC_URL=public_url)
    settings.FORCE_SCRIPT_NAME = script
    assert found(settings) == wanted


@pytest.mark.parametrize(
    ("case", "public_url", "wanted"),
    [
        ("slug", "https://shop.example/rcs/", ["W211"]),
        ("slug", "https://shop.example/a/b/rcs/", ["W211"]),
        ("language", "https://shop.example/rcs/", ["W211"]),
        ("language", "https://shop.example/xx/rcs/", ["W211"]),
        ("default language", "https://shop.example/et/rcs/", []),
    ],
)
def test_a_public_url_without_the_site_s_prefix(
    case: str, public_url: str, wanted: list[str], settings: Any
) -> None:
    site(settings, ALL, PUBLIC_URL=public_url)
    settings.ROOT_URLCONF = PREFIXES[case][0]
    assert found(settings) == wanted


def test_an_address_that_another_page_takes_first(settings: Any) -> None:
    site(settings, ALL)
    settings.ROOT_URLCONF = Urls(re_path("^rcs/(?P<rest>.*)$", mock.Mock()), path("rcs/", ours))
    assert found(settings) == ["W211"]


def test_urls_that_are_not_there_at_all(settings: Any) -> None:
    site(settings, ALL)
    settings.ROOT_URLCONF = Urls()
    assert found(settings) == ["W204"]
    assert django_settings.ROOT_URLCONF


# What providers add to their calls.


@pytest.mark.parametrize(
    "more",
    [
        {"MessagingServiceSid": "MG" + "0" * 32},
        {"AccountSid": "AC1", "ApiVersion": "2010-04-01"},
        {"New": "x"},
    ],
)
def test_parameters_beside_those_we_read_change_nothing(more: dict[str, str], settings: Any) -> None:
    site(settings, {"tw": TWILIO})
    assert twilio(SAID | more).status_code == 200
    assert heard() == HELLO


@pytest.mark.parametrize("text", ["it's", "a&b", "50 %", "a+b", "č", "☕", '"', "a;b", "~()*!"])
def test_signs_in_the_query_of_a_get(text: str, settings: Any) -> None:
    site(settings, {"tw": TWILIO})
    said = {**SAID, "Body": text}
    for safe in ("", "'()*!~"):
        query = "&".join(f"{name}={quote(value, safe=safe)}" for name, value in said.items())
        signed = twilio_signature(f"{SITE}webhooks/tw/?{query}", {})
        answer = Client().get(
            f"/rcs/webhooks/tw/?{query}",
            headers={"host": "shop.example", "x-twilio-signature": signed},
            secure=True,
        )
        assert answer.status_code == 200
    assert heard() == [(ALICE, text)]


@pytest.mark.parametrize(
    "more",
    [
        {"ErrorCode": "11200", "ErrorUrl": "https://shop.example/first"},
        {"ErrorCode": "11205"},
        {"ErrorUrl": "x"},
    ],
)
def test_twilio_s_second_try_at_its_fallback_address_is_the_same_message(
    more: dict[str, str], settings: Any
) -> None:
    site(settings, {"tw": TWILIO})
    for said in (SAID, SAID | more):
        assert twilio(said).status_code == 200
    assert heard() == HELLO
    assert StoredWebhook.objects.count() == 1


def test_the_signed_and_the_unsigned_wire_with_a_length(settings: Any) -> None:
    site(settings, ALL)
    answer = signed_json("webhooks/re/", rest_message(), "x-signature", SECRET)
    assert answer.status_code == 200
    address = f"/rcs/webhooks/gs/?secret={SECRET}"
    assert Client().post(address, gsma_message(), content_type="application/json").status_code == 200
    assert heard() == [*HELLO, *HELLO]
    assert REST["OPTIONS"]["webhook_secret"] == SECRET
