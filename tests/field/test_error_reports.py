"""What goes wrong on a page for strangers puts no secret, number, word or address into logs and mails."""

import base64
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import InterfaceError, OperationalError
from django.test import Client
from django.utils.log import AdminEmailHandler

from rcs_backends import http
from rcs_backends.http import redact
from rcs_router import lookup_connections, send
from rcs_router.backends import backends
from rcs_router.content import Form, FormField, Text
from rcs_router.content.links import form_link
from rcs_router.contract import Outbound
from rcs_router.errors import SendError
from rcs_router.inbox import intake, outside
from rcs_router.models import StoredWebhook, Transmission
from tests.backends.stub import Stub, answer
from tests.core import ALICE

from . import raw
from .raw import ALL, CALLS, CLIENT_TOKEN
from .sites import ACCOUNT, GSMA, KANNEL, MESSENTE, PASSWORD, RCS, REST, SECRET, TOKEN, TWILIO, options, site

pytestmark = pytest.mark.django_db
CANARIES = {SECRET, PASSWORD, TOKEN, CLIENT_TOKEN, ALICE, ALICE.removeprefix("+"), "hello"}
WIRES = sorted(CALLS)


class Everything(logging.Handler):
    """Keeps all that a record holds: text, fields, traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def text(self) -> str:
        formatted = (logging.Formatter("%(message)s").format(record) for record in self.records)
        return "\n".join([*formatted, *(repr(vars(record)) for record in self.records)])


@pytest.fixture(autouse=True)
def logged(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Everything]:
    """All loggers, and mails to ADMINS as a site may have set them up: for every ERROR, with variables."""
    settings.ADMINS = [("Ann", "ann@shop.example")]
    settings.MANAGERS = settings.ADMINS
    monkeypatch.setattr(outside, "_logged", {})
    everything, mails = Everything(), AdminEmailHandler(include_html=True)
    mails.setLevel(logging.ERROR)
    loggers = [logging.getLogger(), logging.getLogger("django"), logging.getLogger("django.server")]
    for logger in loggers:
        logger.addHandler(everything)
    logging.getLogger().addHandler(mails)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    yield everything
    logging.getLogger().setLevel(level)
    for logger in loggers:
        logger.removeHandler(everything)
    logging.getLogger().removeHandler(mails)


def told(logged: Everything) -> str:
    mails = [f"{one.subject}\n{one.body}\n{getattr(one, 'alternatives', '')}" for one in mail.outbox]
    return "\n".join([logged.text, *mails])


def broken(monkeypatch: pytest.MonkeyPatch, where: str, error: type[Exception]) -> None:
    def raising(*args: Any, **kwargs: Any) -> None:
        secret = " ".join(CANARIES)  # also as a variable of the frame
        raise error(f"cannot do it with {secret}")

    if where == "store":
        monkeypatch.setattr(StoredWebhook.objects, "bulk_create", raising)
    elif where == "wake":
        monkeypatch.setattr(intake.wake, "digest", raising)
    else:
        for alias in ALL:
            monkeypatch.setattr(backends[alias], where, raising)


FAILURES = [
    ("store", OperationalError),
    ("store", InterfaceError),
    ("store", TypeError),
    ("wake", RuntimeError),
    ("verify", RecursionError),
    ("handshake", ValueError),
    ("dedupe_key", KeyError),
    ("acknowledge", AttributeError),
]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("where", "error"), FAILURES)
def test_a_webhook_that_fails_tells_nothing_of_the_request(
    wire: str,
    where: str,
    error: type[Exception],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    logged: Everything,
) -> None:
    site(settings, ALL)
    broken(monkeypatch, where, error)
    call = CALLS[wire]()
    for _ in range(20):
        assert raw.wsgi(raw.environ(call, length=str(len(call.body)))) == 503
    assert not [canary for canary in CANARIES if canary in told(logged)]
    assert len(mail.outbox) == 1
    ours = [record for record in logged.records if record.name == "rcs_router.webhooks"]
    assert [record.levelname for record in ours] == ["ERROR"] + ["WARNING"] * 19
    assert error.__name__ in ours[0].getMessage()
    assert ".py:" in ours[0].getMessage()
    assert vars(ours[0])["alias"] == wire


def test_other_trouble_is_news_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch, logged: Everything
) -> None:
    site(settings, ALL)
    call = CALLS["gs"]()
    for error in (OperationalError, InterfaceError, OperationalError):
        broken(monkeypatch, "store", error)
        raw.wsgi(raw.environ(call, length=str(len(call.body))))
    assert len(mail.outbox) == 2
    outside._logged = {key: at - outside.QUIET for key, at in outside._logged.items()}
    raw.wsgi(raw.environ(call, length=str(len(call.body))))
    assert len(mail.outbox) == 3


REFUSED: dict[str, tuple[str, dict[str, str], int]] = {
    "no such alias": (f"/rcs/webhooks/{SECRET}/?secret={SECRET}", {}, 404),
    "below an alias": (f"/rcs/webhooks/ka/{SECRET}/?text=hello", {}, 404),
    "another secret": (f"/rcs/webhooks/ka/?secret=x{SECRET}&text=hello", {}, 403),
    "a method": (f"/rcs/webhooks/ka/?secret={SECRET}", {"REQUEST_METHOD": "DELETE"}, 405),
    "a length": (f"/rcs/webhooks/gs/?secret={SECRET}", {"CONTENT_LENGTH": "x"}, 400),
    "no slash": (f"/rcs/webhooks/{SECRET}?secret={SECRET}", {}, 404),
    "referred": (
        f"/rcs/webhooks/{SECRET}/?secret={SECRET}",
        {"HTTP_REFERER": "https://elsewhere.example"},
        404,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_no_line_of_django_s(case: str, settings: Any, logged: Everything) -> None:
    site(settings, ALL)
    address, more, status = REFUSED[case]
    path, _, query = address.partition("?")
    call = CALLS["gs"]()
    environ = raw.environ(call, length=str(len(call.body)))
    assert raw.wsgi({**environ, "PATH_INFO": path, "QUERY_STRING": query, **more}) == status
    assert SECRET not in told(logged)
    assert "hello" not in told(logged)


# The address of a form is a key.


@pytest.fixture
def form(settings: Any) -> str:
    """The path of a form that can be filled in."""
    site(settings, {"rcs": RCS})
    asked = Form("Where to?", (FormField("street", "Street", required=True),), name="address")
    row = send(asked, lookup_connections("rcs", [ALICE])).transmissions.get()
    return form_link(row.pk).removeprefix("https://shop.example")


def visits(form: str) -> dict[str, tuple[Any, int]]:
    strict = Client(enforce_csrf_checks=True)
    return {
        "changed": (lambda: Client().get(form.replace(".", "x.", 1)), 404),
        "below": (lambda: Client().get(f"{form}more/"), 404),
        "twice": (lambda: Client().get(f"{form}{form}"), 404),
        "wrong answers": (lambda: Client().post(form, {}), 400),
        "a method": (lambda: Client().put(form), 405),
        "options": (lambda: Client().options(form), 405),
        "no token": (lambda: strict.post(form, {"street": "Pikk 1"}), 403),
        "another origin": (lambda: strict.post(form, {}, headers={"origin": "https://evil.example"}), 403),
        "no slash": (lambda: Client().post(form.rstrip("/"), {}), 400),
    }


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("case", visits(""))
def test_a_form_s_address_is_in_no_log(
    case: str, debug: bool, form: str, settings: Any, logged: Everything
) -> None:
    settings.DEBUG = debug
    visit, status = visits(form)[case]
    assert visit().status_code == status
    key = form.strip("/").rpartition("/")[2]
    assert key not in told(logged)
    assert key.partition(".")[2] not in told(logged)  # its signature


def test_a_form_that_is_too_late(form: str, settings: Any, logged: Everything) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "FORM_LIFE": 0.001}
    assert Client().get(form).status_code == 410
    assert form.strip("/").rpartition("/")[2] not in told(logged)


@pytest.mark.parametrize("error", [OperationalError, TypeError])
def test_a_form_s_page_that_fails(
    error: type[Exception], form: str, monkeypatch: pytest.MonkeyPatch, logged: Everything
) -> None:
    def raising(*args: Any, **kwargs: Any) -> None:
        raise error(f"cannot read {form} of {ALICE}")

    monkeypatch.setattr(Transmission.objects, "select_related", raising)
    client = Client(raise_request_exception=False)
    for _ in range(5):
        assert client.get(form).status_code == 503
        assert client.post(form, {"street": "Pikk 1"}).status_code == 503
    assert form.strip("/").rpartition("/")[2] not in told(logged)
    assert ALICE not in told(logged)
    assert len(mail.outbox) == 1


def test_a_csrf_token_is_still_asked_for(form: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(form)
    token = page.context["csrf_token"]
    assert browser.post(form, {"street": "x", "csrfmiddlewaretoken": str(token)}).status_code == 200


# What a provider repeats of our credentials.

OPAQUE = "9f8e7d6c-access-token-of-ours"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcDEF123"


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


SENDERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "tw": (TWILIO, [TOKEN, basic(ACCOUNT, TOKEN), basic(ACCOUNT, TOKEN).rstrip("=")]),
    "gs": (options(GSMA, token=OPAQUE), [OPAQUE, f"Bearer {OPAQUE}"]),
    "re": (options(REST, token=OPAQUE), [OPAQUE]),
    "key": (options(REST, token=OPAQUE, auth_header="X-Api-Key", auth_scheme=""), [OPAQUE]),
    "me": (options(MESSENTE, password="p4ssw0rd!"), ["p4ssw0rd!", basic("u", "p4ssw0rd!")]),
    "ka": (options(KANNEL, password="p4ssw0rd!"), ["p4ssw0rd!"]),
}
ADDRESS = {"tw": "base_url", "gs": "api_url", "re": "url", "key": "url", "me": "base_url", "ka": "url"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("alias", SENDERS)
def test_credentials_that_a_provider_repeats_are_masked(
    alias: str, status: int, settings: Any, stub: Stub
) -> None:
    backend, secrets = SENDERS[alias]
    site(settings, {alias: options(backend, **{ADDRESS[alias]: stub.url})})
    for secret in secrets:
        for body in (
            secret,
            f'{{"message": "no {secret}", "error": {{"message": "got {secret}"}}}}',
            f"x={secret}&y",
        ):
            stub.default = answer(status, body)
            with pytest.raises(SendError) as raised:
                backends[alias].send(outbound())
            assert secret not in f"{raised.value.detail} {raised.value!r} {raised.value}"


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()


def outbound() -> Outbound:
    return Outbound(uuid4(), ALICE, Text("hello"), "hello")


@pytest.mark.parametrize(
    "text",
    [
        f"token {JWT} expired",
        "ya29.a0AfH6SMBx-1_2 is invalid",
        f"Invalid credentials: {basic('u', 'p4ss')}",
        f"Invalid credentials: {basic('shop@example.com', 'correct horse')}",
        f"got {basic('u', 'p4ssw0').rstrip('=')}.",
        f"Authorization: Basic {basic('u', 'pass')}",
        f"Bearer {OPAQUE}",
    ],
)
def test_what_looks_like_credentials_is_masked(text: str) -> None:
    shown = redact(text)
    assert "***" in shown
    for word in text.split():
        if len(word) > 12 and not word.endswith(":") and word.lower() != "authorization:":
            assert word.rstrip(".") not in shown


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 400 conversationId is missing",
        "message SM0123456789abcdef0123456789abcdef is not known",
        "5f7d3c1e-2b1a-4c6d-8e9f-00aa22bb44cc was sent twice",
        "projects/rcs-emulator/subscriptions/rbm-webhooks",
        "INVALID_ARGUMENT: richCard.standaloneCard.cardContent.title",
        "Nachrichtenübermittlungsfehler",
    ],
)
def test_what_looks_like_words_is_not(text: str) -> None:
    assert redact(text) == text


def test_a_reply_does_not_show_what_it_was_asked_with() -> None:
    reply = http.Reply(200, credentials=frozenset({OPAQUE}))
    assert OPAQUE not in repr(reply)
