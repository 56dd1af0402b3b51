"""Parse and validate request bodies; the errors name every problem with its path."""

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from rcs_router.api.bodies import EmptyBody
from rcs_router.api.exceptions import APIError, Problem, bad_request, content_problem
from rcs_router.errors import ContentError

Shape = TypeVar("Shape", bound=BaseModel)
MAX_DEPTH = 30  # nested lists and objects; content needs seven levels
TOO_DEEP = f"lists and objects are nested more than {MAX_DEPTH} levels deep"


class LimitedJSONParser(JSONParser):
    """Parse UTF-8 JSON of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes; DRF's own parser has no limit."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = _read_limited(stream)
        try:
            data = json.loads(codecs.decode(raw, "utf-8"), parse_constant=_refuse_constant)
            problem = next(_storage_problems(data, "", 0), None)
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        except ValueError as error:
            raise ParseError(f"this is not JSON: {error}") from None
        if problem:
            raise bad_request(problem)
        return data


def _read_limited(stream: Any) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    raw: bytes = stream.read() if limit is None else stream.read(limit + 1)
    if limit is not None and len(raw) > limit:
        raise APIError(413, Problem("too_large", f"the body has more than {limit} bytes"))
    return raw


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed")


def _storage_problems(data: Any, path: str, depth: int) -> Iterator[Problem]:
    """Yield what no database or provider accepts: NUL, lone surrogates, infinite numbers, deeply nested data."""
    if depth > MAX_DEPTH:
        yield Problem("too_deep", TOO_DEEP, path)
    elif isinstance(data, str):
        if "\0" in data or any("\ud800" <= character <= "\udfff" for character in data):
            yield Problem("invalid_character", "a NUL or a lone surrogate is not allowed", path)
    elif isinstance(data, float):
        if data in (float("inf"), float("-inf")):
            yield Problem("out_of_range", "the number is too large", path)
    elif isinstance(data, dict):
        for key, value in data.items():
            below = f"{path}.{key}" if path else key
            yield from _storage_problems(key, path, depth + 1)
            yield from _storage_problems(value, below, depth + 1)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _storage_problems(value, f"{path}[{number}]", depth + 1)


def parse_body(request: Request, shape: type[Shape]) -> Shape:
    """Return the body as a `shape`, without converting types. Raises APIError 400 with all problems."""
    try:
        return shape.model_validate_json(json.dumps(request.data), strict=True)
    except ValidationError as error:
        raise bad_request(*validation_problems(error)) from None


def validation_problems(error: ValidationError, path: str = "") -> list[Problem]:
    """Return what pydantic found. `path` is the place of the validated part in the whole body."""
    return [_problem(one, path) for one in error.errors(include_url=False)]


def require_empty_body(request: Request) -> None:
    """Raise APIError 400 unless the body is missing or an empty object."""
    if request.data:
        parse_body(request, EmptyBody)


def path_of(location: tuple[int | str, ...], path: str = "") -> str:
    """Return a pydantic location as a path.

    ('recipients', 'by_identities', 'identities', 3) becomes 'recipients.identities[3]'; `by_…` only names a variant.
    """
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("by_"):
            path += f".{part}" if path else part
    return path


def _problem(error: Any, path: str) -> Problem:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ContentError):
        return content_problem(cause, path_of(error["loc"], path))
    detail = error["msg"].removeprefix("Value error, ")
    return Problem(code_of(error["type"]), detail[0].lower() + detail[1:], path_of(error["loc"], path))


def code_of(kind: str) -> str:
    """Return our code for a type of pydantic error. Our codes stay the same if pydantic renames its types."""
    return next((code for end, code in CODES if kind.endswith(end)), "invalid")


CODES = (
    ("extra_forbidden", "unknown_field"),
    ("missing", "required"),
    ("too_short", "too_short"),
    ("too_long", "too_long"),
    ("greater_than", "out_of_range"),
    ("greater_than_equal", "out_of_range"),
    ("less_than", "out_of_range"),
    ("less_than_equal", "out_of_range"),
    ("literal_error", "not_a_choice"),
    ("enum", "not_a_choice"),
    ("_type", "wrong_type"),
    ("int_from_float", "wrong_type"),
    ("ambiguous", "ambiguous"),
)
