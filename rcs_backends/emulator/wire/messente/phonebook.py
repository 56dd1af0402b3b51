"""Messente's phonebook: numbers that must get nothing, contacts and their groups, kept while the process lives.

Source: the vendor's OpenAPI description 2.1.0. All accounts share one phonebook here: our choice.
"""

import uuid
from collections.abc import Container
from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from rcs_backends.emulator.phones import Json, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import callbacks, request
from rcs_backends.emulator.wire.messente.request import PHONEBOOK, Rejected
from rcs_backends.emulator.wire.messente.schema import Record
from rcs_backends.emulator.wire.messente.store import MessenteStore
from rcs_backends.emulator.wire.rules import E164, Rule, text

BOOK = "messente/v1/phonebook/"
ALONE = timedelta(days=30)  # a contact in no group is removed then
_NAMES = ("email", "firstName", "lastName", "company", "title", "custom", "custom2", "custom3", "custom4")
_details: dict[str, Rule] = dict.fromkeys(_NAMES, text())
_listing = Record({"phoneNumber": text(pattern=E164.pattern)}, needs=("phoneNumber",))
_new_contact = Record({"phoneNumber": text(pattern=E164.pattern), **_details}, needs=("phoneNumber",))
_changes = Record(_details)
_group_name = Record({"name": text(least=1)}, needs=("name",))


def _store() -> MessenteStore:
    return world.store(MessenteStore)


def _checked(phone: str) -> str:
    if not E164.fullmatch(phone):
        raise Rejected(400, "The phone number must be in E.164 format")
    return phone


def _among(name: str, known: Container[str]) -> str:
    if name not in known:
        raise Rejected(404)
    return name


def _new_to(name: str, known: Container[str]) -> str:
    if name in known:
        raise Rejected(409)
    return name


# Blacklist


def list_blacklist(http: HttpRequest, account: str) -> Json:
    return {"phoneNumbers": _store().blacklist}


def add_to_blacklist(http: HttpRequest, account: str) -> None:
    number = request.checked(http, _listing)["phoneNumber"]
    _store().blacklist.append(_new_to(number, _store().blacklist))


def is_blacklisted(http: HttpRequest, account: str, phone: str) -> None:
    _among(_checked(phone), _store().blacklist)


def take_off_blacklist(http: HttpRequest, account: str, phone: str) -> None:
    _store().blacklist.remove(_among(_checked(phone), _store().blacklist))


# Contacts


def list_contacts(http: HttpRequest, account: str) -> Json:
    contacts = list(_store().contacts)
    if wanted := http.GET.getlist("groupIds"):
        members = {number for one in wanted for number in _store().members.get(one, ())}
        contacts = [number for number in contacts if number in members]
    return {"contacts": [_contact_json(number) for number in contacts]}


def add_contact(http: HttpRequest, account: str) -> HttpResponse:
    contact = request.checked(http, _new_contact)
    number = _new_to(contact["phoneNumber"], _store().contacts)
    _store().contacts[number] = contact
    return JsonResponse({"contact": _contact_json(number)}, status=201)


def show_contact(http: HttpRequest, account: str, phone: str) -> Json:
    return {"contact": _contact_json(_known(phone))}


def change_contact(http: HttpRequest, account: str, phone: str) -> Json:
    changes = request.checked(http, _changes)
    _store().contacts[_known(phone)].update(changes)
    return {"contact": _contact_json(phone)}


def remove_contact(http: HttpRequest, account: str, phone: str) -> None:
    del _store().contacts[_known(phone)]
    for group_id in _groups_of(phone):
        _store().members[group_id].remove(phone)


def list_groups_of(http: HttpRequest, account: str, phone: str) -> Json:
    return {"groups": [_group_json(one) for one in _groups_of(_known(phone))]}


def _known(phone: str) -> str:
    return _among(_checked(phone), _store().contacts)


def _groups_of(number: str) -> list[str]:
    return [one for one, numbers in _store().members.items() if number in numbers]


def _contact_json(number: str) -> Json:
    """Return every field, null where nothing is known."""
    contact = _store().contacts[number]
    deletion = None if _groups_of(number) else (now() + ALONE).date().isoformat()
    details = {name: contact.get(name) for name in _NAMES}
    return {"phoneNumber": number, **details, "scheduledDeletionDate": deletion}


# Groups


def list_groups(http: HttpRequest, account: str) -> Json:
    return {"groups": [_group_json(one) for one in _store().groups]}


def add_group(http: HttpRequest, account: str) -> HttpResponse:
    name = request.checked(http, _group_name)["name"]
    group_id = str(uuid.uuid4())
    _store().groups[group_id] = {"id": group_id, "name": name, "createdOn": callbacks.stamp(now(), "Z")}
    _store().members[group_id] = []
    return JsonResponse({"group": _group_json(group_id)}, status=201)


def show_group(http: HttpRequest, account: str, group_id: str) -> Json:
    return {"group": _group_json(_known_group(group_id))}


def rename_group(http: HttpRequest, account: str, group_id: str) -> Json:
    name = request.checked(http, _group_name)["name"]
    _store().groups[_known_group(group_id)]["name"] = name
    return {"group": _group_json(group_id)}


def remove_group(http: HttpRequest, account: str, group_id: str) -> None:
    """Forget a group. Its contacts stay."""
    del _store().groups[_known_group(group_id)]
    del _store().members[group_id]


def join(http: HttpRequest, account: str, group_id: str, phone: str) -> HttpResponse:
    members = _store().members[_known_group(group_id)]
    members.append(_new_to(_known(phone), members))
    return JsonResponse({}, status=201)


def leave(http: HttpRequest, account: str, group_id: str, phone: str) -> None:
    members = _store().members[_known_group(group_id)]
    members.remove(_among(_known(phone), members))


def _known_group(group_id: str) -> str:
    return _among(group_id, _store().groups)


def _group_json(group_id: str) -> Json:
    return {**_store().groups[group_id], "contactsCount": len(_store().members[group_id])}


_by_verb = PHONEBOOK.by_verb
urlpatterns = (
    path(BOOK + "blacklist", _by_verb("blacklist", GET=list_blacklist, POST=add_to_blacklist)),
    path(
        BOOK + "blacklist/<str:phone>", _by_verb("blacklist", GET=is_blacklisted, DELETE=take_off_blacklist)
    ),
    path(BOOK + "contacts", _by_verb("contacts", GET=list_contacts, POST=add_contact)),
    path(
        BOOK + "contacts/<str:phone>",
        _by_verb("contacts", GET=show_contact, PATCH=change_contact, DELETE=remove_contact),
    ),
    path(BOOK + "contacts/<str:phone>/groups", _by_verb("contacts", GET=list_groups_of)),
    path(BOOK + "groups", _by_verb("groups", GET=list_groups, POST=add_group)),
    path(
        BOOK + "groups/<str:group_id>",
        _by_verb("groups", GET=show_group, PUT=rename_group, DELETE=remove_group),
    ),
    path(BOOK + "groups/<str:group_id>/contacts/<str:phone>", _by_verb("groups", POST=join, DELETE=leave)),
)
