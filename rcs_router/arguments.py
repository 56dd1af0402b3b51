"""Check the arguments of `send()` and `receive()`. Each error names the argument."""

import json
import math
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import Any, Protocol, TypedDict

from django.utils import timezone

from rcs_router import database
from rcs_router.backends import backends
from rcs_router.content.characters import first_problem, problem_of
from rcs_router.contract import BaseBackend, Traffic
from rcs_router.errors import IdentityError
from rcs_router.models import Connection, Message

LONGEST = timedelta(days=10 * 366)  # of a ttl and a deadline; a longer one is a mistake
YEARS = (MINYEAR + 1, MAXYEAR - 25)  # of times, which are converted to UTC and added to


class Answered(Protocol):
    """An object that stands for a stored message: the IncomingMessage or OutgoingMessage of a router app."""

    row: Message


class Named(Protocol):
    """An object with a name, such as a backend."""

    @property
    def name(self) -> str: ...


class SendOptions(TypedDict, total=False):
    """The options of `send()` and `respond()`; `send()` documents them."""

    traffic: Traffic | str | None
    ttl: timedelta | None
    fallback_text: str
    send_at: datetime | None
    time_critical: bool
    fall_back_after: timedelta | float | None
    strict: bool
    in_response_to: Message | Answered | None
    fields: dict[str, Any] | None
    idempotency_key: str | None
    is_error: bool


def check_sending(options: SendOptions) -> None:
    """Check the options of `send()`. Raises TypeError or ValueError, in the caller's stack."""
    ttl = options["ttl"]
    _typed("ttl", ttl, timedelta, "a timedelta, such as timedelta(minutes=5)")
    if ttl is not None:
        _check_length("ttl", ttl)
    _check_time("send_at", options["send_at"])
    for name in ("time_critical", "strict", "is_error"):
        _required(name, options[name], bool, "True or False")
    _required("fallback_text", options["fallback_text"], str, "a str")
    _check_characters("fallback_text", options["fallback_text"])
    _check_word("idempotency_key", options["idempotency_key"])
    check_fields(options["fields"])


def check_receiving(
    text: object, connection: object, external_id: object, postback: object, said_at: object
) -> None:
    """Check the arguments of `receive()`. Raises TypeError, ValueError or IdentityError, in the caller's stack."""
    _required("text", text, str, "a str, which may be empty")
    _required("postback", postback, str, "a str")
    if not isinstance(connection, Connection):
        raise IdentityError(f"receive() takes a connection, not {connection!r}: use lookup_connections()")
    check_saved(connection)
    _required("external_id", external_id, str, "a str")
    _check_word("external_id", external_id)
    _check_time("said_at", said_at)


def alias_of(backend: object) -> str:
    """Return the alias that `lookup_connections()` was given. Raises TypeError for other objects."""
    alias = backend.alias if isinstance(backend, BaseBackend) else getattr(backend, "name", backend)
    if not isinstance(alias, str):
        raise TypeError(f"backend must be an alias or a backend, not {type(backend).__name__}")
    return alias


def check_saved(who: Any) -> None:
    """Raise IdentityError for a connection or contact that is not saved."""
    if who.pk is None:
        raise IdentityError(f"{type(who).__name__.lower()} {who} is not saved")


def answered(message: Message | Answered | None) -> Message | None:
    """Return the row of `in_response_to`. Raises TypeError, and ValueError for a message that is not stored."""
    row: Any = getattr(message, "row", message)
    _typed("in_response_to", row, Message, "a message")
    if row is None:
        return None
    if row._state.adding:
        raise ValueError("in_response_to is not saved")
    stored: Message = database.read_here([row])[0]
    return stored


def deadline(after: timedelta | float | None) -> timedelta | None:
    """Return `fall_back_after` as a duration. Raises TypeError or ValueError, in the caller's stack."""
    if isinstance(after, int | float) and not isinstance(after, bool):
        finite = math.isfinite(after) and abs(after) < timedelta.max.total_seconds()
        after = timedelta(seconds=after) if finite else timedelta.max if after > 0 else timedelta.min
    elif after is not None and not isinstance(after, timedelta):
        kind = type(after).__name__
        raise TypeError(f"fall_back_after must be a timedelta or a number of seconds, not {kind}")
    if after is not None:
        _check_length("fall_back_after", after)
    return after


def _check_length(name: str, length: timedelta) -> None:
    if length <= timedelta(0):
        raise ValueError(f"{name} must be positive, not {length.total_seconds():g} seconds")
    if length > LONGEST:
        raise ValueError(f"{name} may be ten years, not {length.days} days")


def _check_time(name: str, at: Any) -> None:
    _typed(name, at, datetime, "a datetime")
    if at is None:
        return
    if timezone.is_naive(at):
        raise ValueError(f"{name} needs a time zone")
    if not YEARS[0] <= at.year <= YEARS[1]:
        raise ValueError(f"{name} must be in a year from {YEARS[0]} to {YEARS[1]}, not {at.year}")


def _check_word(name: str, word: Any) -> None:
    """Check a short text that is stored in its own column."""
    _typed(name, word, str, "a str")
    longest: int = Message._meta.get_field(name).max_length  # type: ignore[union-attr, assignment]
    if word and len(word) > longest:
        raise ValueError(f"{name} may have {longest} characters, not {len(word)}")
    _check_characters(name, word or "")


def _check_characters(name: str, text: str) -> None:
    if problem := problem_of(text):
        raise ValueError(f"{name} {problem}")


def check_fields(fields: Any) -> None:
    """Raise TypeError for a value that is not a JSON object, and ValueError for one that cannot be stored."""
    _typed("fields", fields, dict, "a dict")
    if fields is None:
        return
    try:
        json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"fields must be JSON: {error}") from None
    except RecursionError:
        raise ValueError("fields must be JSON: too many lists or dicts inside of each other") from None
    if found := first_problem({"fields": fields}):
        raise ValueError(" ".join(found))
    _check_extra(fields.get("extra", {}))


def _check_extra(extra: Any) -> None:
    _typed('fields["extra"]', extra, dict, "a dict of backends' aliases")
    for alias, added in extra.items():
        if alias not in backends:
            raise ValueError(f'fields["extra"] names {alias!r}; RCS_BACKENDS has {", ".join(backends)}')
        where = f'fields["extra"]["{alias}"]'
        _typed(where, added, dict, "a dict that is merged into the request")
        if refused := backends[alias].refused_extra(added or {}):
            raise ValueError(f"{where}: {refused[0]} may not be set; {_allowed(alias)}")


def _allowed(alias: str) -> str:
    known = ", ".join(sorted(backends[alias].extra))
    return f"known are {known}" if known else "this backend takes nothing there"


def _typed(name: str, value: Any, wanted: type, words: str) -> None:
    if value is not None:
        _required(name, value, wanted, words)


def _required(name: str, value: Any, wanted: type, words: str) -> None:
    if not isinstance(value, wanted):
        raise TypeError(f"{name} must be {words}, not {type(value).__name__}")
