"""Up to 5,000 rows of people in; contacts found by their connections or made, and what is wrong with the rest, out."""

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
from rcs_router.api.contacts import connections_of, normalised_pairs
from rcs_router.api.errors import Problem
from rcs_router.api.operation import described
from rcs_router.api.reading import problems_of, read
from rcs_router.api.shown import ImportResult
from rcs_router.api.view import View, may
from rcs_router.models import Connection, Contact

Pair = tuple[str, str]


@dataclass
class Row:
    """One good row. `contact`: the key of the person that any of its connections has."""

    path: str
    name: str | None
    language: str | None
    pairs: list[Pair]
    owners: set[int] = field(default_factory=set)


class ImportContacts(View):
    """Repeating an import changes nothing."""

    needs = {"POST": may("add_contact", "change_contact", "add_connection", "change_connection")}

    @described(
        operation_id="import_contacts",
        summary="Import many contacts",
        description="A row's person is found by any of its connections, else made. Bad rows are left out and named "
        "in `errors` by their index; the good ones are imported all the same. Repeating it changes nothing.",
        request=Import,
        responses={200: ImportResult},
    )
    def post(self, request: Request) -> Response:
        filters.nothing_asked(request)
        rows, problems = _rows(read(request, Import).contacts)
        with database.atomic():
            connections = _locked(connections_of(sorted({pair for row in rows for pair in row.pairs})))
            good = _decided(rows, connections, problems)
            known = [row for row in good if row.owners]
            new = [row for row in good if not row.owners]
            _update(known)
            _create(new)
            _connect(good, connections)
        answer = {"created": len(new), "updated": len(known), "errors": problems}
        return Response(ImportResult(answer).data)


def _rows(given: Iterable[dict[str, Any]]) -> tuple[list[Row], list[Problem]]:
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: set[Pair] = set()
    for position, data in enumerate(given):
        path = f"contacts[{position}]"
        try:
            read_row = ImportedContact.model_validate_json(json.dumps(data), strict=True)
        except ValidationError as error:
            problems += problems_of(error, path)
            continue
        pairs, wrong = normalised_pairs(read_row.connections, f"{path}.connections")
        wrong += [
            Problem("duplicate", "an earlier row has this connection", path) for _ in seen & set(pairs)
        ][:1]
        problems += wrong
        if not wrong:
            seen.update(pairs)
            rows.append(Row(path, read_row.name, read_row.language, pairs))
    return rows, problems


def _locked(connections: dict[Pair, Connection]) -> dict[Pair, Connection]:
    """As they are now, and until we are done: of two imports of the same people the second finds the first's.

    They are made in the order of their identities, and locked in that of their keys, so that none waits in a circle.
    """
    keys = [row.pk for row in connections.values()]
    rows = Connection.objects.select_for_update().filter(pk__in=keys).order_by("pk")
    return {(row.backend_id, row.identity): row for row in rows}


def _decided(rows: list[Row], connections: dict[Pair, Connection], problems: list[Problem]) -> list[Row]:
    """The rows with their `owners`; those whose connections are several people's become problems."""
    good: list[Row] = []
    claimed: set[int] = set()
    for row in rows:
        owners = (connections[pair].contact_id for pair in row.pairs)
        row.owners = {owner for owner in owners if owner is not None}
        if len(row.owners) > 1:
            whose = ", ".join(str(owner) for owner in sorted(row.owners))
            problems.append(
                Problem(
                    "several_contacts", f"its connections are those of contacts {whose}: merge them", row.path
                )
            )
        elif row.owners & claimed:
            problems.append(Problem("duplicate", "an earlier row is the same person", row.path))
        else:
            claimed |= row.owners
            good.append(row)
    return good


def _update(rows: list[Row]) -> None:
    """Names and languages of people that were found; one statement."""
    now = timezone.now()
    sql.update_each(
        Contact,
        ("id", "name", "language", "modified_on"),
        [(*row.owners, row.name, row.language, now) for row in rows],
        assign="name = COALESCE(v.name, t.name), language = COALESCE(v.language, t.language), "
        "modified_on = v.modified_on",
    )


def _create(rows: list[Row]) -> None:
    """New people; one statement."""
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
    """Connections that are nobody's become theirs; one statement."""
    theirs = [(connections[pair].pk, owner) for row in rows for pair in row.pairs for owner in row.owners]
    sql.update_each(
        Connection,
        ("id", "contact"),
        theirs,
        assign="contact_id = v.contact",
        where="t.contact_id IS NULL",
    )
