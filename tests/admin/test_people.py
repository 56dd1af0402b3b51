"""Contacts and connections: edited here, with their numbers kept as numbers and their history kept as it was."""

import pytest
from django.urls import reverse

from rcs_router import lookup_connections, receive, send
from rcs_router.models import Connection, Contact, Message
from tests.admin.pages import found, page, words
from tests.core import ALICE, BOB, CAROL, connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]

ADD = "admin:rcs_router_connection_add"


def add(client, backend: str, identity: str):
    lookup_connections("rcs", [BOB])  # makes the backends' rows
    lookup_connections("sms", [BOB])
    return client.post(reverse(ADD), {"backend": backend, "identity": identity, "contact": ""})


@pytest.mark.parametrize("typed", ["+37255501234", "+372 5550 1234", " +372-5550-1234 ", "+372 (5550) 1234"])
def test_a_number_is_stored_as_e164(boss, typed):
    assert add(boss, "rcs", typed).status_code == 302
    assert Connection.objects.filter(backend="rcs", identity=ALICE).count() == 1


@pytest.mark.parametrize(
    "typed", ["hello", "5550 1234", "+1", "+", "<script>alert(1)</script>", "+372555012345678901234"]
)
def test_what_is_no_number_is_refused_by_name(boss, typed):
    response = add(boss, "rcs", typed)
    assert f"{typed.strip()!r} is not a phone number" in words(response)
    assert "<script>alert" not in response.content.decode()
    assert set(Connection.objects.values_list("identity", flat=True)) == {BOB}


def test_a_number_that_is_there_is_not_added_twice(boss):
    response = add(boss, "rcs", "+372 5550 1235")
    assert "already exists" in words(response)


def test_a_backend_that_left_the_settings_is_a_clear_error(boss, settings):
    lookup_connections("alone", [BOB])
    settings.RCS_BACKENDS = {"rcs": settings.RCS_BACKENDS["rcs"], "sms": settings.RCS_BACKENDS["sms"]}
    assert "there is no backend 'alone'" in words(add(boss, "alone", ALICE))


def inline(contact: Contact, *rows: dict) -> dict:
    data = {"name": contact.name, "language": ""}
    existing = sum("id" in row for row in rows)
    data |= {"connections-TOTAL_FORMS": len(rows), "connections-INITIAL_FORMS": existing}
    for n, row in enumerate(rows):
        data |= {f"connections-{n}-{name}": value for name, value in {"contact": contact.pk, **row}.items()}
    return data


class TestContactPage:
    @pytest.fixture
    def alice(self, router: None) -> Contact:
        alice = Contact.objects.create(name="Alice")
        row = connection(ALICE)
        row.contact = alice
        row.save()
        return alice

    def test_adds_and_edits_connections(self, boss, alice):
        own = alice.connections.get()
        lookup_connections("sms", [BOB])
        data = inline(
            alice,
            {"id": own.pk, "backend": "rcs", "identity": "+372 5550 1236"},
            {"backend": "sms", "identity": "+372 5550 1236"},
        )
        assert boss.post(page(alice), data).status_code == 302
        assert sorted(alice.connections.values_list("backend", "identity")) == [
            ("rcs", CAROL),
            ("sms", CAROL),
        ]

    def test_refuses_what_is_no_number(self, boss, alice):
        own = alice.connections.get()
        data = inline(alice, {"id": own.pk, "backend": "rcs", "identity": "nonsense"})
        assert "'nonsense' is not a phone number" in words(boss.post(page(alice), data))
        own.refresh_from_db()
        assert own.identity == ALICE

    def test_keeps_a_number_to_which_something_was_said(self, boss, alice):
        own = alice.connections.get()
        send("Hello", own)
        data = inline(alice, {"id": own.pk, "backend": "sms", "identity": BOB})
        assert boss.post(page(alice), data).status_code == 302
        own.refresh_from_db()
        assert (own.backend_id, own.identity, own.contact) == ("rcs", ALICE, alice)

    def test_deleting_keeps_the_connection_and_what_was_said(self, boss, alice):
        own = alice.connections.get()
        send("Hello", own)
        assert (
            boss.post(
                reverse("admin:rcs_router_contact_delete", args=[alice.pk]), {"post": "yes"}
            ).status_code
            == 302
        )
        own.refresh_from_db()
        assert own.contact is None
        assert Message.objects.count() == 1

    def test_shows_the_latest_messages_of_all_connections(self, boss, alice):
        own = alice.connections.get()
        sms = connection(ALICE, "sms")
        sms.contact = alice
        sms.save()
        for n in range(30):
            send(f"Number {n}", own)
        said = receive("The newest", sms)
        response = boss.get(page(alice))
        assert len(response.context["latest"]) == 20
        text = words(response)
        assert f"← The newest {ALICE} via sms" in text
        assert f"→ Number 29 queued {ALICE} via rcs" in text
        assert "Number 9 " not in text
        assert f'href="{page(said)}"' in response.content.decode()

    def test_shows_nobody_elses_messages(self, boss, alice):
        send("For Bob", connection(BOB))
        assert "There are no messages yet." in words(boss.get(page(alice)))

    @pytest.mark.parametrize(("typed", "expected"), [("ali", 1), ("5550 1234", 1), ("bob", 0), ("99", 0)])
    def test_is_found_by_name_and_number(self, boss, alice, typed, expected):
        assert len(found(boss, "contact", q=typed)) == expected
        assert len(found(boss, "connection", q=typed)) == expected


def test_connections_are_filtered_by_backend_and_by_having_a_name(boss):
    mine, other = connection(ALICE, "rcs"), connection(BOB, "sms")
    mine.contact = Contact.objects.create(name="Alice")
    mine.save()
    assert found(boss, "connection", backend__name__exact="sms") == [other]
    assert found(boss, "connection", named="yes") == [mine]
    assert found(boss, "connection", named="no") == [other]
