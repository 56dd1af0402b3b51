"""Import up to 5,000 contacts, found by their connections or created; report the rows that are invalid."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from pydantic import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import database, sql
from rcs_router.api import filters
from rcs_router.api.bodies import Import, ImportedContact
from rcs_router.api.contacts import connections_for_pairs, normalise_pairs
from rcs_router.api.exceptions import Problem
from rcs_router.api.parsers import parse_body, validation_problems
from rcs_router.api.permissions import perms
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import ImportResultSerializer
from rcs_router.api.views import APIView
from rcs_router.models import Connection, Contact

Pair = tuple[str, str]


@dataclass
class Row:
    """A valid row. `owners` are the keys of the contacts that its connections have already."""

    path: str
    name: str | None
    language: str | None
    pairs: list[Pair]
    owners: set[int] = field(default_factory=set)


class ContactImport(APIView):
    """Import contacts. Repeating an import changes nothing."""

    required_permissions = {
        "POST": perms("add_contact", "change_contact", "add_connection", "change_connection")
    }

    @extend_schema(
        operation_id="import_contacts",
        summary="Import many contacts",
        description="Any of a row's connections identifies its contact, which is created if there is none. `errors` "
        "names invalid rows by their index; the other rows are imported. Repeating an import changes nothing.",
        request=Import,
        responses={200: ImportResultSerializer},
    )
    def post(self, request: Request) -> Response:
        filters.refuse_parameters(request)
        rows, problems = _valid_rows(parse_body(request, Import).contacts)
        with database.atomic():
            connections = _lock(connections_for_pairs(sorted({pair for row in rows for pair in row.pairs})))
            good = _assign_owners(rows, connections, problems)
            known = [row for row in good if row.owners]
            new = [row for row in good if not row.owners]
            _update(known)
            _create(new)
            _connect(good, connections)
        answer = {"created": len(new), "updated": len(known), "errors": problems}
        return Response(ImportResultSerializer(answer).data)


def _valid_rows(given: Iterable[dict[str, Any]]) -> tuple[list[Row], list[Problem]]:
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: set[Pair] = set()
    for position, data in enumerate(given):
        path = f"contacts[{position}]"
        try:
            body = ImportedContact.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            problems += validation_problems(error, path)
            continue
        pairs, wrong = normalise_pairs(body.connections, f"{path}.connections")
        wrong += [
            Problem("duplicate", "an earlier row has this connection", path) for _ in seen & set(pairs)
        ][:1]
        problems += wrong
        if not wrong:
            seen.update(pairs)
            rows.append(Row(path, body.name, body.language, pairs))
    return rows, problems


def _lock(connections: dict[Pair, Connection]) -> dict[Pair, Connection]:
    """Return the connections as they are now, locked: of two imports at once the second finds the first's contacts.

    Connections are created in the order of their identities and locked in the order of their keys, so that two imports
    do not deadlock.
    """
    keys = [row.pk for row in connections.values()]
    rows = Connection.objects.select_for_update().filter(pk__in=keys).order_by("pk")
    return {(row.backend_id, row.identity): row for row in rows}


def _assign_owners(
    rows: list[Row], connections: dict[Pair, Connection], problems: list[Problem]
) -> list[Row]:
    """Return the rows with their `owners`. Rows whose connections have several contacts become problems."""
    good: list[Row] = []
    claimed: set[int] = set()
    for row in rows:
        owners = (connections[pair].contact_id for pair in row.pairs)
        row.owners = {owner for owner in owners if owner is not None}
        if len(row.owners) > 1:
            whose = ", ".join(str(owner) for owner in sorted(row.owners))
            detail = f"its connections belong to the contacts {whose}: merge them"
            problems.append(Problem("several_contacts", detail, row.path))
        elif row.owners & claimed:
            problems.append(Problem("duplicate", "an earlier row has the same contact", row.path))
        else:
            claimed |= row.owners
            good.append(row)
    return good


def _update(rows: list[Row]) -> None:
    """Update the names and languages of existing contacts in one statement."""
    now = timezone.now()
    sql.update_each(
        Contact,
        ("id", "name", "language", "modified_on"),
        [(*row.owners, row.name, row.language, now) for row in rows],
        assign="name = COALESCE(v.name, t.name), language = COALESCE(v.language, t.language), "
        "modified_on = v.modified_on",
    )


def _create(rows: list[Row]) -> None:
    """Create the new contacts in one statement."""
    now = timezone.now()
    keys = sql.insert(
        Contact,
        ("name", "language", "created_on", "modified_on"),
        [(row.name or "", row.language or "", now, now) for row in rows],
        returning=("id",),
    )
    for row, (key,) in zip(rows, keys, strict=True):
        row.owners = {key}


def _connect(rows: list[Row], connections: dict[Pair, Connection]) -> None:
    """Give connections without a contact to the contacts of their rows in one statement."""
    theirs = [(connections[pair].pk, owner) for row in rows for pair in row.pairs for owner in row.owners]
    sql.update_each(
        Connection,
        ("id", "contact"),
        theirs,
        assign="contact_id = v.contact",
        where="t.contact_id IS NULL",
    )
