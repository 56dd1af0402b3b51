"""A list and where to begin in; one page of it, newest first, and the address of the next one out."""

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

from rcs_router.api.errors import Failure, Problem, invalid

USUAL, MOST = 50, 500


def page(
    request: Request, rows: QuerySet[Any], asked: Mapping[str, Any], newest_by: str
) -> tuple[list[Any], str | None]:
    """The rows and the next page's address. A page begins after the last row of the one before it, so that rows that
    come meanwhile move nothing. `newest_by`: a time, or the key where it counts upwards.
    """
    limit = asked.get("limit", USUAL)
    rows = rows.order_by(f"-{newest_by}", "-pk")
    if cursor := asked.get("cursor"):
        rows = rows.filter(_after(rows, cursor, newest_by))
    found = list(rows[: limit + 1])
    if len(found) <= limit:
        return found, None
    cursor = _written(found[limit - 1], newest_by)
    return found[:limit], replace_query_param(request.build_absolute_uri(), "cursor", cursor)


def _after(rows: QuerySet[Any], cursor: str, newest_by: str) -> Q:
    at, key = _read(rows, cursor, newest_by)
    before = Q(**{f"{newest_by}__lt": at}) | Q(**{newest_by: at}, pk__lt=key)
    return Q(**{f"{newest_by}__lte": at}) & before  # the first half is what an index can do


def _written(row: Any, newest_by: str) -> str:
    at = getattr(row, newest_by)
    position = [at.isoformat() if isinstance(at, datetime) else at, str(row.pk)]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _read(rows: QuerySet[Any], cursor: str, newest_by: str) -> tuple[Any, Any]:
    try:
        at, key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        key = rows.model._meta.pk.to_python(key)
        if newest_by != rows.model._meta.pk.name:
            at = parse_datetime(at)
            if at is None or at.tzinfo is None:
                raise _broken()
            at = at.astimezone(UTC)  # it may be in no calendar, or further from UTC than PostgreSQL takes
        elif not (isinstance(at, int) and 0 <= at < 2**63 and 0 <= key < 2**63):
            raise _broken()
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, ValidationError):
        raise _broken() from None
    return at, key


def _broken() -> Failure:
    return invalid([Problem("invalid_cursor", "a cursor comes from the `next` of an earlier page", "cursor")])
