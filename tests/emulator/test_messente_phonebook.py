"""Messente's phonebook, statistics and lookups: their shapes, and each API's own words for an error."""

from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.phones import now
from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER, Phone
from tests.emulator.test_messente_chain import send, settled
from tests.emulator.test_messente_validation import RCS, SMS, call

BOOK = "phonebook/"
ENCODED = "%2B37255501234"
TODAY = {"start_date": "2020-01-01", "end_date": "2099-12-31"}


def book(client: Client, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
    answer = call(client, verb, BOOK + path, body)
    return answer.status_code, answer.json() if answer.content else None


def code(answered: tuple[int, Any]) -> tuple[int, str]:
    status, body = answered
    (found,) = body["errors"]
    assert set(found) == {"code", "title", "detail"}
    return status, found["code"]


def test_the_blacklist(client: Client):
    listed = {"phoneNumber": NUMBER}
    assert book(client, "GET", "blacklist") == (200, {"phoneNumbers": []})
    assert code(book(client, "GET", f"blacklist/{ENCODED}")) == (404, "203")
    assert code(book(client, "DELETE", f"blacklist/{ENCODED}")) == (404, "203")
    assert book(client, "POST", "blacklist", listed) == (204, None)
    assert code(book(client, "POST", "blacklist", listed)) == (409, "204")
    assert book(client, "GET", f"blacklist/{ENCODED}") == (204, None)
    assert book(client, "GET", "blacklist") == (200, {"phoneNumbers": [NUMBER]})
    assert book(client, "DELETE", f"blacklist/{ENCODED}") == (204, None)
    assert book(client, "GET", "blacklist") == (200, {"phoneNumbers": []})


@pytest.mark.parametrize(
    ("verb", "path", "body", "expected"),
    [
        ("POST", "blacklist", {}, (400, "201")),
        ("POST", "blacklist", {"phoneNumber": "37255501234"}, (400, "201")),
        ("POST", "blacklist", b"{", (400, "201")),
        ("GET", "blacklist/nobody", None, (400, "201")),
        ("DELETE", "blacklist/nobody", None, (400, "201")),
        ("PUT", "blacklist", {}, (405, "244")),
        ("POST", "contacts", {}, (400, "201")),
        ("POST", "contacts", {"phoneNumber": NUMBER, "email": 5}, (400, "201")),
        ("GET", f"contacts/{ENCODED}", None, (404, "203")),
        ("GET", "contacts/nobody", None, (400, "201")),
        ("PATCH", f"contacts/{ENCODED}", {"email": "a@a.example"}, (404, "203")),
        ("PATCH", f"contacts/{ENCODED}", [], (400, "201")),
        ("DELETE", f"contacts/{ENCODED}", None, (404, "203")),
        ("GET", f"contacts/{ENCODED}/groups", None, (404, "203")),
        ("POST", "groups", {"name": ""}, (400, "201")),
        ("POST", "groups", {}, (400, "201")),
        ("GET", "groups/x", None, (404, "203")),
        ("PUT", "groups/x", {"name": "VIP"}, (404, "203")),
        ("DELETE", "groups/x", None, (404, "203")),
        ("POST", f"groups/x/contacts/{ENCODED}", None, (404, "203")),
        ("DELETE", f"groups/x/contacts/{ENCODED}", None, (404, "203")),
    ],
)
def test_what_the_phonebook_refuses(
    client: Client, verb: str, path: str, body: Any, expected: tuple[int, str]
):
    assert code(book(client, verb, path, body)) == expected


def test_the_phonebook_needs_a_log_in(client: Client):
    answer = call(client, "GET", BOOK + "blacklist", Authorization="")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "202")


def test_contacts(client: Client):
    status, made = book(client, "POST", "contacts", {"phoneNumber": NUMBER, "firstName": "Ann", "other": 1})
    assert status == 201
    assert (made["contact"]["firstName"], made["contact"]["lastName"]) == ("Ann", None)
    assert made["contact"]["scheduledDeletionDate"] > now().date().isoformat()
    assert "other" not in made["contact"]
    assert code(book(client, "POST", "contacts", {"phoneNumber": NUMBER})) == (409, "204")
    changes = {"lastName": "Lee", "phoneNumber": "+3725000000"}
    assert book(client, "PATCH", f"contacts/{ENCODED}", changes)[1]["contact"]["lastName"] == "Lee"
    found = book(client, "GET", f"contacts/{ENCODED}")[1]["contact"]
    assert (found["phoneNumber"], found["firstName"], found["lastName"]) == (NUMBER, "Ann", "Lee")
    assert book(client, "GET", "contacts") == (200, {"contacts": [found]})
    assert book(client, "DELETE", f"contacts/{ENCODED}") == (204, None)
    assert book(client, "GET", "contacts") == (200, {"contacts": []})


def test_groups(client: Client):
    book(client, "POST", "contacts", {"phoneNumber": NUMBER})
    status, made = book(client, "POST", "groups", {"name": "VIP"})
    group = made["group"]
    assert (status, group["name"], group["contactsCount"]) == (201, "VIP", 0)
    joining = f"groups/{group['id']}/contacts/{ENCODED}"
    assert book(client, "POST", joining) == (201, {})
    assert code(book(client, "POST", joining)) == (409, "204")
    group["contactsCount"] = 1
    assert book(client, "GET", f"groups/{group['id']}") == (200, {"group": group})
    assert book(client, "GET", f"contacts/{ENCODED}/groups") == (200, {"groups": [group]})
    assert book(client, "GET", f"contacts/{ENCODED}")[1]["contact"]["scheduledDeletionDate"] is None
    assert len(book(client, "GET", f"contacts?groupIds=x&groupIds={group['id']}")[1]["contacts"]) == 1
    assert book(client, "GET", "contacts?groupIds=x")[1]["contacts"] == []
    assert book(client, "DELETE", joining) == (204, None)
    assert code(book(client, "DELETE", joining)) == (404, "203")
    assert book(client, "PUT", f"groups/{group['id']}", {"name": "All"})[1]["group"]["name"] == "All"
    assert len(book(client, "GET", "groups")[1]["groups"]) == 1
    assert book(client, "DELETE", f"groups/{group['id']}") == (204, None)
    assert len(book(client, "GET", "contacts")[1]["contacts"]) == 1, "the contact stays"


def test_who_leaves_the_phonebook_leaves_its_groups(client: Client):
    book(client, "POST", "contacts", {"phoneNumber": NUMBER})
    group = book(client, "POST", "groups", {"name": "VIP"})[1]["group"]
    book(client, "POST", f"groups/{group['id']}/contacts/{ENCODED}")
    book(client, "DELETE", f"contacts/{ENCODED}")
    assert book(client, "GET", f"groups/{group['id']}")[1]["group"]["contactsCount"] == 0


# Statistics and lookups


def test_statistics_count_what_was_tried(client: Client, phone: Phone):
    phone.set(rcs=False)
    assert settled(
        send(client, RCS, {**SMS, "text": "a" * 161}, {"channel": "viber", "text": "A"}),
        "UNDELIV",
        "DELIVRD",
        None,
    )
    answer = call(client, "POST", "statistics/reports", TODAY)
    report = {"total_messages": 2, "total_price": "0.10", "country": "EE"}
    assert (answer.status_code, answer.json()) == (200, {"reports": [report]})
    only = call(client, "POST", "statistics/reports", {**TODAY, "message_types": ["rcs"]}).json()
    assert only == {"reports": [{"total_messages": 1, "total_price": "0.00", "country": "EE"}]}
    past = {"start_date": "2001-01-01", "end_date": "2001-01-01"}
    assert call(client, "POST", "statistics/reports", past).json() == {"reports": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"start_date": "2026-01-01"},
        {**TODAY, "start_date": "2026-02-30"},
        {**TODAY, "start_date": "1.1.2026"},
        {**TODAY, "end_date": "2001-01-01"},
        {**TODAY, "message_types": ["telegram"]},
    ],
)
def test_statistics_refuse(client: Client, body: Any):
    answer = call(client, "POST", "statistics/reports", body)
    (found,) = answer.json()["errors"]
    assert (answer.status_code, found["code"], set(found)) == (400, "104", {"code", "title", "details"})


def test_a_lookup(client: Client, phone: Phone):
    phone.set(online=False)
    body = call(client, "POST", "hlr/sync", {"numbers": [NUMBER, "+15550001111"]}).json()
    assert body["request_id"]
    shown = [(one["number"], one["status"], one["currentNetwork"]["countryCode"]) for one in body["result"]]
    assert shown == [(NUMBER, "false", "EE"), ("+15550001111", "UNKNOWN", "US")]
    assert list(world.handsets) == [NUMBER], "asking makes no phone"


@pytest.mark.parametrize("numbers", [[], [NUMBER] * 11, ["5"], "x", None])
def test_a_lookup_refuses(client: Client, numbers: Any):
    answer = call(client, "POST", "hlr/sync", {"numbers": numbers})
    assert (answer.status_code, answer.json()["errors"][0]["error"]["code"]) == (400, 102)


@pytest.mark.parametrize(("path", "code"), [("hlr/sync", 101), ("statistics/reports", "103")])
def test_they_need_a_log_in(client: Client, path: str, code: Any):
    answer = call(client, "POST", path, {}, Authorization="")
    (found,) = answer.json()["errors"]
    assert (answer.status_code, found.get("error", found)["code"]) == (401, code)
