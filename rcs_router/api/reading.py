"""A request's body in; its JSON, or a value of the wanted shape, out; a Failure that names every problem otherwise."""

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from rcs_router.api.bodies import Nothing
from rcs_router.api.errors import Failure, Problem, about_content, invalid
from rcs_router.errors import ContentError

Shape = TypeVar("Shape", bound=BaseModel)
DEEPEST = 30  # lists and objects inside of each other; content needs seven


class BoundedJSON(JSONParser):
    """UTF-8 JSON of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, which DRF's own parser does not ask for."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = _bounded(stream)
        try:
            data = json.loads(codecs.decode(raw, "utf-8"), parse_constant=_no_constant)
            problem = next(_not_storable(data, "", 0), None)
        except RecursionError:
            raise ParseError(f"more than {DEEPEST} lists or objects inside of each other") from None
        except ValueError as error:
            raise ParseError(f"this is no JSON: {error}") from None
        if problem:
            raise invalid([problem])
        return data


def _bounded(stream: Any) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    raw: bytes = stream.read() if limit is None else stream.read(limit + 1)
    if limit is not None and len(raw) > limit:
        raise Failure(413, Problem("too_large", f"a body may have {limit} bytes"))
    return raw


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed")


def _not_storable(data: Any, path: str, depth: int) -> Iterator[Problem]:
    """What no database or wire takes: NUL, half a surrogate pair, a number that overflowed, what is nested too deep."""
    if depth > DEEPEST:
        yield Problem("too_deep", f"more than {DEEPEST} lists or objects inside of each other", path)
    elif isinstance(data, str):
        if "\0" in data or any("\ud800" <= character <= "\udfff" for character in data):
            yield Problem(
                "invalid_character", "a NUL or half of a surrogate pair, which is no character", path
            )
    elif isinstance(data, float):
        if data in (float("inf"), float("-inf")):
            yield Problem("out_of_range", "the number is too large", path)
    elif isinstance(data, dict):
        for key, value in data.items():
            below = f"{path}.{key}" if path else key
            yield from _not_storable(key, path, depth + 1)
            yield from _not_storable(value, below, depth + 1)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _not_storable(value, f"{path}[{number}]", depth + 1)


def read(request: Request, shape: type[Shape]) -> Shape:
    """The body as a `shape`, every type as JSON has it. Raises Failure 400 with all problems."""
    try:
        return shape.model_validate_json(json.dumps(request.data), strict=True)
    except ValidationError as error:
        raise invalid(problems_of(error)) from None


def problems_of(error: ValidationError, path: str = "") -> list[Problem]:
    """`path`: of what was validated, in the whole body."""
    return [_problem(one, path) for one in error.errors(include_url=False)]


def read_nothing(request: Request) -> None:
    """No body, or an empty object."""
    if request.data:
        read(request, Nothing)


def path_of(location: tuple[int | str, ...], path: str = "") -> str:
    """('recipients', 'by_identities', 'identities', 3) → 'recipients.identities[3]'; `by_…` only names a variant."""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("by_"):
            path += f".{part}" if path else part
    return path


def _problem(error: Any, path: str) -> Problem:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ContentError):
        return about_content(cause, path_of(error["loc"], path))
    detail = error["msg"].removeprefix("Value error, ")
    return Problem(code_of(error["type"]), detail[0].lower() + detail[1:], path_of(error["loc"], path))


def code_of(kind: str) -> str:
    """Pydantic's word for an error as one of ours, which stay when its words change."""
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
