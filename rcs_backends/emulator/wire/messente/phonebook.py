"""Messente's phonebook: numbers that must get nothing, contacts and their groups, kept while the process lives.

Source: the vendor's OpenAPI description 2.1.0. All accounts share one phonebook here: our choice.
"""

import re
import uuid
from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import callbacks, errors, request
from rcs_backends.emulator.wire.messente.errors import Refused
from rcs_backends.emulator.wire.messente.fields import NUMBER, Record
from rcs_backends.emulator.wire.messente.store import MessenteStore
from rcs_backends.emulator.wire.rules import Rule, text

ALONE = timedelta(days=30)  # a contact in no group is removed then
_NUMBER = re.compile(NUMBER, re.ASCII)
_details: dict[str, Rule] = {
    name: text()
    for name in (
        "email",
        "firstName",
        "lastName",
        "company",
        "title",
        "custom",
        "custom2",
        "custom3",
        "custom4",
    )
}
_listing = Record({"phoneNumber": text(pattern=NUMBER)}, needs=("phoneNumber",))
_new_contact = Record({"phoneNumber": text(pattern=NUMBER), **_details}, needs=("phoneNumber",))
_changes = Record(_details)
_group_name = Record({"name": text(least=1)}, needs=("name",))


def _store() -> MessenteStore:
    return world.store(MessenteStore)


def _checked(phone: str) -> str:
    if not _NUMBER.fullmatch(phone):
        raise Refused(400, "The phone number must be in E.164 format")
    return phone


# Blacklist


def _list_blacklist(http: HttpRequest, account: str) -> HttpResponse:
    with world.change():
        return JsonResponse({"phoneNumbers": list(_store().blacklist)})


def _add_to_blacklist(http: HttpRequest, account: str) -> HttpResponse:
    number = request.checked(http, _listing)["phoneNumber"]
    with world.change():
        if number in _store().blacklist:
            raise Refused(409)
        _store().blacklist.append(number)
    return _nothing()


def _is_blacklisted(http: HttpRequest, account: str, phone: str) -> HttpResponse:
    with world.change():
        if _checked(phone) not in _store().blacklist:
            raise Refused(404)
    return _nothing()


def _take_off_blacklist(http: HttpRequest, account: str, phone: str) -> HttpResponse:
    with world.change():
        if _checked(phone) not in _store().blacklist:
            raise Refused(404)
        _store().blacklist.remove(phone)
    return _nothing()


def _nothing() -> HttpResponse:
    return HttpResponse(status=204)


# Contacts


def _list_contacts(http: HttpRequest, account: str) -> HttpResponse:
    wanted = http.GET.getlist("groupIds")
    with world.change():
        shown = [
            _contact_json(number)
            for number in _store().contacts
            if not wanted or any(number in _store().members.get(one, ()) for one in wanted)
        ]
    return JsonResponse({"contacts": shown})


def _add_contact(http: HttpRequest, account: str) -> HttpResponse:
    contact = request.checked(http, _new_contact)
    with world.change():
        if contact["phoneNumber"] in _store().contacts:
            raise Refused(409)
        _store().contacts[contact["phoneNumber"]] = contact
        return JsonResponse({"contact": _contact_json(contact["phoneNumber"])}, status=201)


def _show_contact(http: HttpRequest, account: str, phone: str) -> HttpResponse:
    with world.change():
        return JsonResponse({"contact": _contact_json(_known(phone))})


def _change_contact(http: HttpRequest, account: str, phone: str) -> HttpResponse:
    changes = request.checked(http, _changes)
    with world.change():
        _store().contacts[_known(phone)].update(changes)
        return JsonResponse({"contact": _contact_json(phone)})


def _remove_contact(http: HttpRequest, account: str, phone: str) -> HttpResponse:
    with world.change():
        del _store().contacts[_known(phone)]
        for numbers in _store().members.values():
            if phone in numbers:
                numbers.remove(phone)
    return _nothing()


def _list_groups_of(http: HttpRequest, account: str, phone: str) -> HttpResponse:
    with world.change():
        number = _known(phone)
        having = [one for one, numbers in _store().members.items() if number in numbers]
        return JsonResponse({"groups": [_group_json(one) for one in having]})


def _known(phone: str) -> str:
    if _checked(phone) not in _store().contacts:
        raise Refused(404)
    return phone


def _contact_json(number: str) -> Json:
    """Every field, null where nothing is known."""
    contact = _store().contacts[number]
    alone = not any(number in numbers for numbers in _store().members.values())
    return {
        "phoneNumber": number,
        **{name: contact.get(name) for name in _details},
        "scheduledDeletionDate": (now() + ALONE).date().isoformat() if alone else None,
    }


# Groups


def _list_groups(http: HttpRequest, account: str) -> HttpResponse:
    with world.change():
        return JsonResponse({"groups": [_group_json(one) for one in _store().groups]})


def _add_group(http: HttpRequest, account: str) -> HttpResponse:
    name = request.checked(http, _group_name)["name"]
    group_id = str(uuid.uuid4())
    with world.change():
        _store().groups[group_id] = {"id": group_id, "name": name, "createdOn": callbacks.stamp(now(), "Z")}
        _store().members[group_id] = []
        return JsonResponse({"group": _group_json(group_id)}, status=201)


def _show_group(http: HttpRequest, account: str, group_id: str) -> HttpResponse:
    with world.change():
        return JsonResponse({"group": _group_json(_known_group(group_id))})


def _rename_group(http: HttpRequest, account: str, group_id: str) -> HttpResponse:
    name = request.checked(http, _group_name)["name"]
    with world.change():
        _store().groups[_known_group(group_id)]["name"] = name
        return JsonResponse({"group": _group_json(group_id)})


def _remove_group(http: HttpRequest, account: str, group_id: str) -> HttpResponse:
    """Its contacts stay."""
    with world.change():
        del _store().groups[_known_group(group_id)]
        del _store().members[group_id]
    return _nothing()


def _join(http: HttpRequest, account: str, group_id: str, phone: str) -> HttpResponse:
    with world.change():
        members = _store().members[_known_group(group_id)]
        if _known(phone) in members:
            raise Refused(409)
        members.append(phone)
    return JsonResponse({}, status=201)


def _leave(http: HttpRequest, account: str, group_id: str, phone: str) -> HttpResponse:
    with world.change():
        members = _store().members[_known_group(group_id)]
        if _known(phone) not in members:
            raise Refused(404)
        members.remove(phone)
    return _nothing()


def _known_group(group_id: str) -> str:
    if group_id not in _store().groups:
        raise Refused(404)
    return group_id


def _group_json(group_id: str) -> Json:
    return {**_store().groups[group_id], "contactsCount": len(_store().members[group_id])}


blacklist = request.by_verb(
    errors.phonebook, GET=("blacklist", _list_blacklist), POST=("blacklist", _add_to_blacklist)
)
blacklisted = request.by_verb(
    errors.phonebook, GET=("blacklist", _is_blacklisted), DELETE=("blacklist", _take_off_blacklist)
)
contacts = request.by_verb(
    errors.phonebook, GET=("contacts", _list_contacts), POST=("contacts", _add_contact)
)
contact = request.by_verb(
    errors.phonebook,
    GET=("contacts", _show_contact),
    PATCH=("contacts", _change_contact),
    DELETE=("contacts", _remove_contact),
)
groups_of = request.by_verb(errors.phonebook, GET=("contacts", _list_groups_of))
groups = request.by_verb(errors.phonebook, GET=("groups", _list_groups), POST=("groups", _add_group))
group = request.by_verb(
    errors.phonebook,
    GET=("groups", _show_group),
    PUT=("groups", _rename_group),
    DELETE=("groups", _remove_group),
)
member = request.by_verb(errors.phonebook, POST=("groups", _join), DELETE=("groups", _leave))
