"""Who may do what: tokens, sessions, every permission by itself, and how often."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from rcs_router.api import throttling
from rcs_router.models import Contact
from tests import core
from tests.api.client import API, ROOT
from tests.api.conftest import Login
from tests.api.core import ALICE, BOB, document

pytestmark = pytest.mark.django_db

CALLS: list[tuple[str, str, Any, set[str]]] = [  # and what each needs, no more and no less
    ("GET", "messages/", None, {"view_message"}),
    (
        "POST",
        "messages/",
        {"content": "Hello", "recipients": {"backend": "rcs", "identities": [BOB]}},
        {"add_message"},
    ),
    ("GET", "messages/{message}/", None, {"view_message"}),
    ("GET", "transmissions/", None, {"view_transmission"}),
    ("GET", "transmissions/{transmission}/", None, {"view_transmission"}),
    ("POST", "transmissions/{transmission}/cancel/", None, {"change_transmission"}),
    ("GET", "interactions/", None, {"view_message"}),
    ("GET", "contacts/", None, {"view_contact"}),
    ("POST", "contacts/", {"name": "Bob"}, {"add_contact", "add_connection"}),
    ("GET", "contacts/{contact}/", None, {"view_contact"}),
    ("PATCH", "contacts/{contact}/", {"name": "Bo"}, {"change_contact"}),
    ("DELETE", "contacts/{contact}/", None, {"delete_contact"}),
    (
        "POST",
        "contacts/{contact}/merge/",
        {"contact": 0},
        {"change_contact", "delete_contact", "change_connection"},
    ),
    (
        "POST",
        "contacts/import/",
        {"contacts": [{}]},
        {"add_contact", "change_contact", "add_connection", "change_connection"},
    ),
    ("GET", "connections/", None, {"view_connection"}),
    ("POST", "connections/", {"backend": "rcs", "identity": BOB}, {"add_connection"}),
    ("GET", "connections/{connection}/", None, {"view_connection"}),
    ("PATCH", "connections/{connection}/", {"contact": None}, {"change_connection"}),
    ("DELETE", "connections/{connection}/", None, {"delete_connection"}),
    ("GET", "capabilities/?backend=asked&identity=%2B37255501234", None, {"view_connection"}),
    ("POST", "capabilities/", {"backend": "asked", "identities": [ALICE]}, {"view_connection"}),
    ("GET", "capabilities/{question}/", None, {"view_connection"}),
    ("GET", f"consent/{ALICE}/", None, {"view_consent"}),
    ("GET", f"consent/{ALICE}/export/", None, {"view_consent", "view_consentrecord"}),
    ("POST", f"consent/{ALICE}/opt-out/", {}, {"change_consent"}),
    ("POST", f"consent/{ALICE}/opt-in/", {}, {"change_consent"}),
]


@pytest.fixture
def keys() -> dict[str, Any]:
    row = core.sent_to()
    contact = Contact.objects.create(name="Ann")
    return {
        "message": row.message_id,
        "transmission": row.pk,
        "connection": row.connection_id,
        "contact": contact.pk,
        "question": uuid4(),  # nobody else's can be read: 404
    }


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(("method", "path", "body", "needed"), CALLS)
def test_a_call_needs_just_these_permissions(
    login: Login, keys: dict[str, Any], method: str, path: str, body: Any, needed: set[str]
) -> None:
    path = path.format(**keys)
    for left_out in needed:
        status, answer = login(*needed - {left_out}).ask(method, path, body)
        assert (status, answer["code"]) == (403, "permission_denied"), left_out
    assert login(*needed).ask(method, path, body)[0] not in {401, 403}


@pytest.mark.parametrize(("method", "path", "body", "needed"), CALLS)
def test_a_stranger_is_asked_who_they_are(
    keys: dict[str, Any], method: str, path: str, body: Any, needed: set[str]
) -> None:
    response = API().raw(method, path.format(**keys), body)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Token"


def test_every_call_of_the_document_is_in_that_table() -> None:
    told = {
        (method.upper(), path.strip("/")) for path, calls in document()["paths"].items() for method in calls
    }
    names = {"{message}": "{id}", "{transmission}": "{id}", "{contact}": "{id}", "{connection}": "{id}"}
    names |= {"{question}": "{id}"}
    names |= {ALICE: "{subject}", "cancel": "{operation}"}
    held = set()
    for method, path, *_ in CALLS:
        path = path.partition("?")[0].strip("/")
        for ours, theirs in names.items():
            path = path.replace(ours, theirs)
        held.add((method, path))
    assert held == told


def test_a_wrong_token(db: Any) -> None:
    assert API("nix").get("messages/") == (
        401,
        {"code": "authentication_failed", "detail": "Invalid token.", "path": ""},
    )


def test_a_login_may_read_and_needs_the_csrf_token_to_write(db: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    assert client.get(f"{ROOT}messages/").status_code == 200
    body = {"content": "Hello", "recipients": {"backend": "rcs", "identities": [ALICE]}}
    refused = client.post(f"{ROOT}messages/", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    client.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32}
    done = client.post(f"{ROOT}messages/", body, content_type="application/json", headers=headers)
    assert done.status_code == 201


def test_a_project_may_have_its_own_authentication(settings: Any, api: API) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"]
    }
    response = api.raw("GET", "messages/")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Basic")


def test_too_many_requests(api: API, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(throttling.RATES, "rcs_send", "2/min")
    assert [api.send()[0] for _ in range(3)] == [201, 201, 429]
    response = api.raw("POST", "messages/", {})
    assert response.json()["code"] == "throttled"
    assert 0 < int(response["Retry-After"]) <= 60
    assert api.get("messages/")[0] == 200, "reading is counted apart"
    assert login("add_message").send()[0] == 201, "so is everybody else"


def test_a_project_may_set_the_rates(api: API, settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"rcs_read": "1/min"}}
    assert [api.get("contacts/")[0] for _ in range(2)] == [200, 429]
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"rcs_read": None}}
    assert api.get("contacts/")[0] == 200


def test_the_pages_for_people(api: API) -> None:
    core.sent_to()
    for path in ("", "messages/", "contacts/", "transmissions/", "capabilities/"):
        response = api.raw("GET", path, headers={"Accept": "text/html"})
        assert response["Content-Type"].startswith("text/html"), path
        assert b"<title>" in response.content


def test_no_number_gets_into_a_log(api: API, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    assert api.post(f"consent/{ALICE}/opt-out/", {"a": 1})[0] == 400
    assert api.get(f"consent/{ALICE}/nix/")[0] == 404
    assert API().get(f"consent/{ALICE}/")[0] == 401
    api.send("Hello", "37255501234x")
    api.get("capabilities/", backend="rcs", identity=ALICE)
    assert "400 not_supported" in caplog.text
    assert "consent/<str:subject>/opt-out/: 400 unknown_field" in caplog.text
    assert "55501234" not in caplog.text
