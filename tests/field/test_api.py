"""Users' mistakes and habits with the REST API: misspelt fields, keys that come back, and the pages in a browser."""

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.authtoken.models import Token

from rcs_router.api.urls import urlpatterns
from rcs_router.models import Message
from tests.api.client import API
from tests.core import ALICE

from .sites import RCS, site

pytestmark = pytest.mark.django_db
CARD = {"type": "card", "title": "Boots"}
FORM = {"type": "form", "title": "x"}
REPLY = {"type": "reply", "label": "Keep"}


@pytest.fixture(autouse=True)
def acme(settings: Any) -> None:
    site(settings, {"rcs": RCS})


def api(name: str = "ann") -> API:
    user = get_user_model().objects.create_superuser(name, "", "x")
    return API(Token.objects.create(user=user).key)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({**CARD, "colour": "red"}, "content.colour"),
        ({**CARD, "sugestions": [REPLY]}, "content.sugestions"),
        ({"type": "text", "text": "x", "Text": "y"}, "content.Text"),
        ({**CARD, "media": {"url": "https://e.example/a.jpg", "wide": 1}}, "content.media.wide"),
        ({**CARD, "suggestions": [{**REPLY, "postbackData": "k"}]}, "content.suggestions[0].postbackData"),
        (
            {"type": "carousel", "cards": [CARD, {**CARD, "subtitle": "x"}]},
            "content.cards[1].subtitle",
        ),
        ({**FORM, "fields": [{"name": "a", "label": "A", "kind": "b"}]}, "content.fields[0].kind"),
    ],
)
def test_a_field_that_content_does_not_have_is_unknown(content: Any, path: str) -> None:
    status, answer = api().send(content)
    assert (status, answer["code"], answer["path"]) == (400, "unknown_field", path)
    assert answer["detail"] == "there is no such field"
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("content", "path"),
    [({"type": "card"}, ""), ({"type": "text", "text": 5}, "text"), ({**CARD, "title": ["x"]}, "title")],
)
def test_what_is_wrong_with_a_field_that_it_has_is_about_the_content(content: Any, path: str) -> None:
    status, answer = api().send(content)
    assert (status, answer["code"], answer["path"]) == (400, "content_invalid", path)


@pytest.mark.parametrize("key", ["order-7", "api:1:x", "a b ~", "x" * 120])
def test_the_callers_own_key_comes_back(key: str) -> None:
    ours = api()
    to = {"backend": "rcs", "identities": [ALICE]}
    for _ in range(2):  # the first time and when it is repeated
        answer = ours.raw(
            "POST", "messages/", {"content": "x", "recipients": to}, headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 201
        assert answer["Idempotency-Key"] == answer.json()["idempotency_key"] == key
    (row,) = ours.get("messages/", idempotency_key=key)[1]["results"]
    assert row["idempotency_key"] == key
    assert ours.get(f"messages/{row['id']}/")[1]["idempotency_key"] == key


def test_without_a_key_none_comes_back() -> None:
    ours = api()
    to = {"backend": "rcs", "identities": [ALICE]}
    answer = ours.raw("POST", "messages/", {"content": "x", "recipients": to})
    assert answer.json()["idempotency_key"] is None
    assert "Idempotency-Key" not in answer


def test_one_users_key_is_not_taken_for_anothers() -> None:
    ann, bob = api("ann"), api("bob")
    ids = {who.send("x", key="order-7")[1]["id"] for who in (ann, bob)}
    assert len(ids) == 2
    assert len(ann.get("messages/", idempotency_key="order-7")[1]["results"]) == 1


def test_the_root_lists_every_address() -> None:
    status, places = api().get("")
    assert status == 200
    assert set(places) == {str(pattern.name) for pattern in urlpatterns} - {"root", "unknown"}
    assert places["consent"] == "http://testserver/rcs/api/consent/{subject}/"
    assert places["operate"].endswith("/transmissions/{id}/{operation}/")


@pytest.mark.parametrize(
    "path",
    [
        *("", "messages/", "transmissions/", "connections/", "contacts/", "interactions/"),
        *(f"consent/{ALICE}/", f"consent/{ALICE}/export/", f"consent/{ALICE}/opt-out/"),
        f"consent/{ALICE}/opt-in/",
    ],
)
def test_no_page_in_a_browser_names_an_address_that_leads_nowhere(path: str) -> None:
    get_user_model().objects.create_superuser("ann", "", "x")
    browser = Client()
    browser.login(username="ann", password="x")
    page = browser.get(f"/rcs/api/{path}", headers={"accept": "text/html"}).content.decode()
    crumbs = re.search(r'<ul class="breadcrumb">(.*?)</ul>', page, re.DOTALL)
    assert crumbs
    assert "RCS API" in crumbs[1]
    assert "Unknown" not in crumbs[1]
    for address in re.findall(r'href="([^"]+)"', crumbs[1]):
        assert browser.get(address, headers={"accept": "text/html"}).status_code in {200, 405}


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["nothing/", "consent/", "transmissions/7/", "messages"])
def test_an_address_that_leads_nowhere_is_told_in_json(method: str, path: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(f"/rcs/api/{path}")
    assert answer.status_code in {401, 404}
    assert answer.json()["code"] in {"not_authenticated", "not_found"}
