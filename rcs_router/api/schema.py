"""Describe the API's operations for OpenAPI, with every error that each of them can return."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular import utils
from drf_spectacular.openapi import AutoSchema

Method = TypeVar("Method", bound=Callable[..., Any])

ERRORS = {
    400: "The body, a parameter or a header is invalid; the code and the path say what is wrong.",
    401: "Not authenticated.",
    403: "The user lacks a permission, or the CSRF token is missing.",
    404: "Not found.",
    406: "None of the requested media types is available.",
    409: "Not possible in the present state.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests.",
    502: "The provider refused the request.",
    503: "The provider cannot be asked now, or the server's settings are wrong.",
}
_PROBLEM = {
    "code": {"type": "string", "description": "A stable code."},
    "detail": {"type": "string", "description": "A sentence for people."},
    "path": {
        "type": "string",
        "description": "The place in the body, or the parameter; with `content_invalid`: the place in the content.",
    },
}
_PROBLEMS = {
    "type": "array",
    "items": {"$ref": "#/components/schemas/Problem"},
    "description": "All problems if there are several: up to 100, including the first.",
}
ERROR_SCHEMAS = {  # components that no serializer describes
    "Problem": {"type": "object", "required": [*_PROBLEM], "properties": _PROBLEM},
    "Error": {"type": "object", "required": [*_PROBLEM], "properties": {**_PROBLEM, "errors": _PROBLEMS}},
}
COMMON_ERRORS = (400, 401, 403, 406, 429)
BODY_ERRORS = (413, 415, 503)
RETRY_LATER = (429, 503)


class Schema(AutoSchema):
    """Add the errors that are the same for all views, so that no view has to list them."""

    def get_tags(self) -> list[str]:
        return [self.path.strip("/").split("/")[0]]

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"token": []}, {"session": []}]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._errors():
            bodies.setdefault(str(status), _error(status))
        return bodies

    def _errors(self) -> list[int]:
        statuses = [*COMMON_ERRORS]
        if "{" in self.path:
            statuses.append(404)
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses += BODY_ERRORS
        statuses += getattr(self.view, "extra_errors", {}).get(self.method, ())
        return sorted(statuses)


def extend_schema(**options: Any) -> Callable[[Method], Method]:
    """Decorate a method as drf-spectacular's `extend_schema` does, and make it use `Schema`.

    The schema class that the project sets for its own views does not apply to ours.
    """

    def decorate(method: Method) -> Method:
        method.kwargs = {"schema": Schema}  # type: ignore[attr-defined]
        decorated: Method = utils.extend_schema(**options)(method)
        return decorated

    return decorate


def _error(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": ERRORS[status],
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if status in RETRY_LATER:
        wait = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}}
        answer["headers"] = {"Retry-After": wait}
    return answer
