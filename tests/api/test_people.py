"""Contacts and connections by HTTP: made, found, changed, deleted, imported in bulk, merged."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.db import models
from django.db.models import ProtectedError, RestrictedError
from django.db.models.signals import pre_delete

from rcs_router import lookup_connections
from rcs_router.api import connections, contact_import, contacts
from rcs_router.models import Connection, Contact
from tests import core
from tests.api.client import API, at_once
from tests.api.core import ALICE, BOB, CAROL
from tests.statements import statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]


def at(identity: str, backend: str = "rcs") -> dict[str, str]:
    return {"backend": backend, "identity": identity}


def owners() -> dict[str, str | None]:
    return dict(Connection.objects.values_list("identity", "contact__name"))


def test_a_contact_is_made_read_changed_and_deleted(api: API) -> None:
    status, ann = api.post(
        "contacts/", {"name": "Ann", "language": "et", "connections": [at("+372 5550 1234")]}
    )
    assert status == 201
    assert [one["identity"] for one in ann["connections"]] == [ALICE]
    assert api.get(f"contacts/{ann['id']}/") == (200, ann)
    status, changed = api.patch(f"contacts/{ann['id']}/", {"name": "Anne"})
    assert (changed["name"], changed["language"]) == ("Anne", "et")
    assert api.delete(f"contacts/{ann['id']}/") == (204, None)
    assert api.get(f"contacts/{ann['id']}/")[0] == 404
    assert owners() == {ALICE: None}, "the number stays"


def test_a_contact_takes_what_is_nobodys_and_nothing_else(api: API) -> None:
    core.connection(ALICE)
    first = api.post("contacts/", {"name": "Ann", "connections": [at(ALICE)]})[1]
    status, answer = api.post("contacts/", {"name": "Bob", "connections": [at(BOB), at(ALICE)]})
    assert (status, answer["code"], answer["path"]) == (409, "taken", "connections[1]")
    assert str(first["id"]) in answer["detail"]
    assert owners() == {ALICE: "Ann"}, "nothing of it was done"
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "changes", "where"),
    [("contacts/{}/", {"name": "Ann"}, contacts), ("connections/{}/", {"contact": None}, connections)],
)
def test_what_is_deleted_while_it_is_changed_is_not_found(
    api: API, monkeypatch: pytest.MonkeyPatch, path: str, changes: Any, where: Any
) -> None:
    model = Contact if where is contacts else Connection
    row = Contact.objects.create(name="Ann") if where is contacts else core.connection(ALICE)
    look = where.parse_body

    def meanwhile(*arguments: Any) -> Any:
        model.objects.all().delete()
        return look(*arguments)

    monkeypatch.setattr(where, "parse_body", meanwhile)
    assert api.patch(path.format(row.pk), changes)[0] == 404


@pytest.mark.parametrize("error", [ProtectedError, RestrictedError])
def test_what_a_model_of_the_projects_protects_stays(
    api: API, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    kept, other = (api.post("contacts/", {"name": name})[1]["id"] for name in ("Ann", "Anne"))

    def refuse(sender: Any, **kwargs: Any) -> None:
        raise error("no", set())

    pre_delete.connect(refuse, sender=Contact)
    try:
        deleted = api.delete(f"contacts/{other}/")
        merged = api.post(f"contacts/{kept}/merge/", {"contact": other})
    finally:
        pre_delete.disconnect(refuse, sender=Contact)
    assert [(status, answer["code"]) for status, answer in (deleted, merged)] == [(409, "in_use")] * 2
    assert Contact.objects.count() == 2


@pytest.fixture
def purse(transactional_db: None) -> Iterator[type[models.Model]]:
    """A model of the project's own, of which each contact has one."""
    fields = {
        "__module__": __name__,
        "contact": models.OneToOneField(Contact, models.CASCADE, related_name="+"),
        "Meta": type("Meta", (), {"app_label": "rcs_router"}),
    }
    model = type("Purse", (models.Model,), fields)
    with database.schema_editor() as editor:
        editor.create_model(model)
    yield model
    with database.schema_editor() as editor:
        editor.delete_model(model)
    del apps.all_models["rcs_router"]["purse"]
    apps.clear_cache()


def test_what_models_of_the_projects_say_of_a_merged_contact_stays(api: API, purse: Any) -> None:
    kept, other, third = (Contact.objects.create(name=name) for name in ("Ann", "Anne", "Anna"))
    row = purse.objects.create(contact=other)
    assert api.post(f"contacts/{kept.pk}/merge/", {"contact": other.pk})[0] == 200
    assert purse.objects.get(pk=row.pk).contact == kept
    purse.objects.create(contact=third)
    status, answer = api.post(f"contacts/{kept.pk}/merge/", {"contact": third.pk})
    assert (status, answer["code"]) == (409, "in_use")
    assert (Contact.objects.count(), purse.objects.count()) == (2, 2), "nothing of it was done"


FOUND: list[tuple[dict[str, str], list[str]]] = [
    ({"name": "an"}, ["Jan", "Ann"]),
    ({"language": "et"}, ["Ann"]),
    ({"identity": BOB}, ["Jan"]),
    ({"backend": "sms"}, ["Jan"]),
    ({"backend": "alone"}, []),
]


@pytest.mark.parametrize(("query", "names"), FOUND)
def test_filters_of_contacts(api: API, query: dict[str, str], names: list[str]) -> None:
    api.post("contacts/", {"name": "Ann", "language": "et", "connections": [at(ALICE)]})
    api.post("contacts/", {"name": "Jan", "connections": [at(BOB, "sms")]})
    assert [row["name"] for row in api.get("contacts/", **query)[1]["results"]] == names


def test_a_connection_is_made_read_given_away_and_deleted(api: API) -> None:
    ann = api.post("contacts/", {"name": "Ann"})[1]["id"]
    status, row = api.post("connections/", {**at("+372 5550 1234"), "contact": ann})
    assert (status, row["identity"], row["contact"]) == (201, ALICE, ann)
    assert api.post("connections/", at(ALICE)) == (
        409,
        {"code": "exists", "detail": f"it is connection {row['id']}", "path": "identity"},
    )
    assert api.get(f"connections/{row['id']}/") == (200, row)
    assert api.patch(f"connections/{row['id']}/", {"contact": None})[1]["contact"] is None
    assert api.patch(f"connections/{row['id']}/", {})[1]["code"] == "required"
    assert api.patch(f"connections/{row['id']}/", {"contact": 999})[1]["code"] == "not_found"
    assert api.delete(f"connections/{row['id']}/") == (204, None)


def test_a_connection_with_a_history_stays(api: API) -> None:
    row = core.sent_to().connection
    status, answer = api.delete(f"connections/{row.pk}/")
    assert (status, answer["code"]) == (409, "has_history")


def test_a_token_on_a_backend_that_knows_tokens(api: API) -> None:
    assert api.post("connections/", at("tok-17", "asked"))[0] == 201
    assert api.post("connections/", at("tok-17", "rcs"))[1]["code"] == "identity_invalid"


@pytest.mark.parametrize(
    ("query", "count"), [({}, 3), ({"backend": "sms"}, 1), ({"identity": ALICE}, 2), ({"contact": "1"}, 0)]
)
def test_filters_of_connections(api: API, query: dict[str, str], count: int) -> None:
    for one in (at(ALICE), at(ALICE, "sms"), at(BOB)):
        api.post("connections/", one)
    assert len(api.get("connections/", **query)[1]["results"]) == count


# Import


def load(api: API, *rows: Any) -> Any:
    status, answer = api.post("contacts/import/", {"contacts": rows})
    assert status == 200, answer
    return answer


def test_an_import_makes_and_finds(api: API) -> None:
    rows = [
        {"name": "Ann", "language": "et", "connections": [at(ALICE), at(ALICE, "sms")]},
        {"name": "Bob", "connections": [at("+372 5550 1235")]},
    ]
    assert load(api, *rows) == {"created": 2, "updated": 0, "errors": []}
    assert load(api, *rows) == {"created": 0, "updated": 2, "errors": []}
    assert load(api, {"name": "Anne", "connections": [at(ALICE, "sms"), at(CAROL)]})["updated"] == 1
    assert owners() == {ALICE: "Anne", BOB: "Bob", CAROL: "Anne"}
    assert Contact.objects.get(name="Anne").language == "et", "what a row does not say stays"


def test_bad_rows_are_named_and_the_others_imported(api: API) -> None:
    api.post("contacts/", {"name": "Ann", "connections": [at(ALICE)]})
    api.post("contacts/", {"name": "Bob", "connections": [at(BOB)]})
    answer = load(
        api,
        {"name": "No connection"},
        {"connections": [at("hello")]},
        {"connections": [at(CAROL, "nix")]},
        {"connections": [at(ALICE), at(BOB)]},
        {"name": "Carol", "connections": [at(CAROL)]},
        {"name": "Again", "connections": [at(CAROL)]},
        {"name": 5, "connections": [at("+37255501299")], "age": 7},
    )
    assert (answer["created"], answer["updated"]) == (1, 0)
    assert sorted((one["code"], one["path"]) for one in answer["errors"]) == [
        ("duplicate", "contacts[5]"),
        ("identity_invalid", "contacts[1].connections[0].identity"),
        ("required", "contacts[0].connections"),
        ("several_contacts", "contacts[3]"),
        ("unknown_backend", "contacts[2].connections[0].backend"),
        ("unknown_field", "contacts[6].age"),
        ("wrong_type", "contacts[6].name"),
    ]
    assert owners()[CAROL] == "Carol"
    assert "+37255501299" not in owners()


def test_two_rows_about_one_person(api: API) -> None:
    load(api, {"name": "Ann", "connections": [at(ALICE), at(BOB)]})
    answer = load(api, {"name": "Ann", "connections": [at(ALICE)]}, {"name": "Bob", "connections": [at(BOB)]})
    assert [(one["code"], one["path"]) for one in answer["errors"]] == [("duplicate", "contacts[1]")]


@pytest.mark.django_db(transaction=True)
def test_five_thousand_rows_in_few_statements(api: API) -> None:
    rows = [{"name": str(n), "connections": [at(f"+3725{1000000 + n}")]} for n in range(5000)]
    with statements(14, "an import of 5,000"):
        assert load(api, *rows)["created"] == 5000
    with statements(12, "the same again"):
        assert load(api, *rows)["updated"] == 5000
    assert Connection.objects.filter(contact=None).count() == 0
    assert all(
        row.contact and str(1000000 + int(row.contact.name)) in row.identity
        for row in Connection.objects.select_related("contact")[:50]
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [True, False], ids=["known numbers", "new numbers"])
def test_the_same_import_at_once(api: API, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": str(n), "connections": [at(f"+3725{1000000 + n}")]} for n in range(300)]
    if known:
        lookup_connections("rcs", [row["connections"][0]["identity"] for row in rows])
    if known and database.vendor == "postgresql":  # elsewhere the second waits at its BEGIN
        meet_after_the_look_up(monkeypatch)
    bodies = [{"contacts": rows}, {"contacts": rows[::-1]}]
    answers = at_once(lambda body: API(api.token).post("contacts/import/", body), bodies)
    assert [status for status, _ in answers] == [200, 200]
    assert sum(answer["created"] for _, answer in answers) == 300
    assert Contact.objects.count() == 300, "nobody is there twice"
    assert Connection.objects.filter(contact=None).count() == 0


def meet_after_the_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither import goes on before both have seen that the numbers are nobody's."""
    gate, look_up = threading.Barrier(2, timeout=20), contact_import.connections_for_pairs

    def together(pairs: Any) -> Any:
        found = look_up(pairs)
        gate.wait()
        return found

    monkeypatch.setattr(contact_import, "connections_for_pairs", together)


# Merge


def test_two_contacts_become_one(api: API) -> None:
    ann = api.post("contacts/", {"name": "Ann", "connections": [at(ALICE)]})[1]["id"]
    old = api.post("contacts/", {"name": "A.", "language": "et", "connections": [at(BOB)]})[1]["id"]
    status, answer = api.post(f"contacts/{ann}/merge/", {"contact": old})
    assert (status, answer["name"], answer["language"]) == (200, "Ann", "et")
    assert {one["identity"] for one in answer["connections"]} == {ALICE, BOB}
    assert api.get(f"contacts/{old}/")[0] == 404
    assert api.post(f"contacts/{ann}/merge/", {"contact": old})[1]["path"] == "contact"


def test_nobody_becomes_part_of_themselves(api: API) -> None:
    ann = api.post("contacts/", {"name": "Ann"})[1]["id"]
    assert api.post(f"contacts/{ann}/merge/", {"contact": ann})[1]["code"] == "same_contact"
    assert api.post("contacts/999/merge/", {"contact": ann})[0] == 404
    assert Contact.objects.count() == 1
