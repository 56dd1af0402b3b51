"""Split lists into pages, newest first; a cursor says where the next page begins."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from rcs_router.api.exceptions import APIError, Problem, bad_request

DEFAULT_LIMIT, MAX_LIMIT = 50, 500


def paginate(
    request: Request, rows: QuerySet[Any], query: Mapping[str, Any], ordering: str
) -> tuple[list[Any], str | None]:
    """Return the rows of one page and the address of the next page.

    A page begins after the last row of the page before it, so new rows do not shift the pages. `ordering` names a time
    field, or the primary key if it counts upwards.
    """
    limit = query.get("limit", DEFAULT_LIMIT)
    rows = rows.order_by(f"-{ordering}", "-pk")
    if cursor := query.get("cursor"):
        rows = rows.filter(_after(rows, cursor, ordering))
    found = list(rows[: limit + 1])
    if len(found) <= limit:
        return found, None
    cursor = _encode(found[limit - 1], ordering)
    return found[:limit], replace_query_param(request.build_absolute_uri(), "cursor", cursor)


def _after(rows: QuerySet[Any], cursor: str, ordering: str) -> Q:
    at, key = _decode(rows, cursor, ordering)
    before = Q(**{f"{ordering}__lt": at}) | Q(**{ordering: at}, pk__lt=key)
    return Q(**{f"{ordering}__lte": at}) & before  # the first condition lets the database use an index


def _encode(row: Any, ordering: str) -> str:
    at = getattr(row, ordering)
    position = [at.isoformat() if isinstance(at, datetime) else at, str(row.pk)]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _decode(rows: QuerySet[Any], cursor: str, ordering: str) -> tuple[Any, Any]:
    try:
        at, key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        key = rows.model._meta.pk.to_python(key)
        if ordering != rows.model._meta.pk.name:
            at = parse_datetime(at)
            if at is None or at.tzinfo is None:
                raise _invalid_cursor()
            at = at.astimezone(UTC)  # the result may be outside the calendar; PostgreSQL limits the offset
        elif not (isinstance(at, int) and 0 <= at < 2**63 and 0 <= key < 2**63):
            raise _invalid_cursor()
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, ValidationError):
        raise _invalid_cursor() from None
    return at, key


def _invalid_cursor() -> APIError:
    return bad_request(Problem("invalid_cursor", "use a cursor from the `next` of an earlier page", "cursor"))
