"""Read every value that a request contains, and list every value of a content that the request must contain."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from rcs_router.content import Form, postback_of
from rcs_router.testing.stub import Request

# Fields that a provider's API writes in its own words (HORIZONTAL), or that only some of them support.
NOT_SAID = {
    *("type", "orientation", "alignment", "height", "width", "application", "webview_size", "mode", "media"),
    *("force_refresh", "media_type", "size", "seconds", "thumbnail_type", "thumbnail_size", "required"),
}


def read(request: Request) -> list[Any]:
    """Return the strings and numbers of a request's query and body, decoded. Raises ValueError for a broken body."""
    return [*request.query.values(), *_leaves(_body(request))]


def _body(request: Request) -> Any:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if not request.body:
        return None
    text = request.body.decode()
    if media_type == "application/x-www-form-urlencoded":
        return [value for _, value in parse_qsl(text, keep_blank_values=True, strict_parsing=True)]
    if media_type == "application/json" or media_type.endswith("+json"):
        return json.loads(text, parse_constant=_no_number)
    return text


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool):
        yield value


def says(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield the path and value of each text, address, number and time of a content. Empty values are left out."""
    for f in fields(content):
        value = getattr(content, f.name)
        if f.name == "postback" and not isinstance(content, Form):
            value = postback_of(content)
        if _is_said(content, f.name) and value not in ("", None, ()):
            yield from _said(f.name, value)


def _is_said(content: Any, name: str) -> bool:
    if is_dataclass(getattr(content, name)):
        return True
    return name not in NOT_SAID and not (isinstance(content, Form) and name == "button")


def _said(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _said(f"{path}[{index}]", item)
    elif is_dataclass(value):
        yield from ((f"{path}.{name}", inner) for name, inner in says(value))
    else:
        yield path, value


def is_in(value: Any, leaves: list[Any]) -> bool:
    """Is this value in a request with these leaves? Numbers may be strings; times may be ISO 8601 or seconds."""
    if isinstance(value, datetime):
        return any(_is_time(leaf, value) for leaf in leaves)
    if isinstance(value, int | float):
        return any(_is_number(leaf, value) for leaf in leaves)
    return any(str(value) in leaf for leaf in leaves if isinstance(leaf, str))


def _is_number(leaf: Any, value: float) -> bool:
    if isinstance(leaf, int | float):
        return math.isclose(leaf, value, abs_tol=1e-7)
    return f"{value:g}" in leaf or str(value) in leaf


def _is_time(leaf: Any, value: datetime) -> bool:
    if isinstance(leaf, int | float):
        return leaf in {value.timestamp(), value.timestamp() * 1000}
    try:
        at = datetime.fromisoformat(leaf)
    except ValueError:
        return False
    return at.replace(tzinfo=at.tzinfo or UTC) == value
