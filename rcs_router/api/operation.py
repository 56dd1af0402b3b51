"""A view's method in; its part of the OpenAPI document out, with every error that it can answer."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema

Method = TypeVar("Method", bound=Callable[..., Any])

ERRORS = {
    400: "Something in the body, a parameter or a header is wrong; the code and the path say what.",
    401: "Not authenticated.",
    403: "The user lacks a permission, or the CSRF token is missing.",
    404: "There is no such thing.",
    406: "None of the media types that were asked for.",
    409: "Not as things stand.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests.",
    502: "The provider refused.",
    503: "The provider cannot be asked now, or the server's settings are wrong.",
}
_PROBLEM = {
    "code": {"type": "string", "description": "A stable word."},
    "detail": {"type": "string", "description": "A sentence for people."},
    "path": {
        "type": "string",
        "description": "Where in the body, or which parameter; with `content_invalid`: where in the content.",
    },
}
_SEVERAL = {
    "type": "array",
    "items": {"$ref": "#/components/schemas/Problem"},
    "description": "When several things are wrong: up to 100 of them, the first included.",
}
PROBLEMS = {  # components that no view has a class for
    "Problem": {"type": "object", "required": [*_PROBLEM], "properties": _PROBLEM},
    "Error": {"type": "object", "required": [*_PROBLEM], "properties": {**_PROBLEM, "errors": _SEVERAL}},
}
ALWAYS = (400, 401, 403, 406, 429)
WITH_BODY = (413, 415, 503)
WAITING = (429, 503)


class Operation(AutoSchema):
    """Errors are the same everywhere, so no view lists them."""

    def get_tags(self) -> list[str]:
        return [self.path.strip("/").split("/")[0]]

    def _get_serializer_name(self, serializer: Any, direction: str, bypass_extensions: bool = False) -> str:
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return name.removesuffix("Shown")

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"token": []}, {"session": []}]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._errors():
            bodies.setdefault(str(status), _error(status))
        return bodies

    def _errors(self) -> list[int]:
        statuses = [*ALWAYS]
        if "{" in self.path:
            statuses.append(404)
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses += WITH_BODY
        statuses += getattr(self.view, "also", {}).get(self.method, ())
        return sorted(statuses)


def described(**words: Any) -> Callable[[Method], Method]:
    """drf-spectacular's extend_schema for one method, whichever schema class the project has for its own views."""

    def mark(method: Method) -> Method:
        method.kwargs = {"schema": Operation}  # type: ignore[attr-defined]
        marked: Method = extend_schema(**words)(method)
        return marked

    return mark


def _error(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": ERRORS[status],
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if status in WAITING:
        wait = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}}
        answer["headers"] = {"Retry-After": wait}
    return answer
