"""Turn exceptions of views into answers with a stable code, a path and a sentence for each problem."""

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from rcs_router.errors import ConfigError, ContentError, SendError

logger = logging.getLogger(__name__)
Row = TypeVar("Row", bound=Model)
MAX_PROBLEMS = 100  # in one answer


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a request.

    `path` is a place in the body or the name of a parameter; with `content_invalid` it is a place in the content.
    """

    code: str
    detail: str
    path: str = ""


class APIError(Exception):
    """End the request with `status` and one or several problems. `retry_after` is in seconds."""

    def __init__(self, status: int, *problems: Problem, retry_after: float | None = None) -> None:
        self.status = status
        self.problems = problems
        self.retry_after = retry_after
        super().__init__(problems[0].code)


def bad_request(*problems: Problem) -> APIError:
    """Return an error 400 with one or several problems."""
    return APIError(400, *problems)


def conflict(code: str, detail: str, path: str = "") -> APIError:
    """Return an error 409."""
    return APIError(409, Problem(code, detail, path))


def get_or_404(rows: QuerySet[Row], key: Any) -> Row:
    """Return the row with this primary key. Raises Http404."""
    row = rows.filter(pk=key).first()
    if row is None:
        raise Http404
    return row


def content_problem(error: ContentError, path: str = "") -> Problem:
    """Return the problem of a ContentError.

    With `content_invalid` its path is relative to the content, as Python callers see it. With other codes, such as
    `unknown_field`, it is relative to the body; `path` is the place of the content there.
    """
    if error.code == "content_invalid" or not path:
        return Problem(error.code, error.problem, error.path)
    return Problem(error.code, error.problem, f"{path}.{error.path}")


def provider_error(error: SendError) -> APIError:
    """Return an error 503 if a later attempt may succeed, else 502, with the code of the SendError."""
    status = 503 if error.retry else 502
    return APIError(status, Problem(error.code, error.detail or error.code), retry_after=error.retry_after)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an exception of a view, as DRF's EXCEPTION_HANDLER does. Return None for bugs: Django reports them."""
    api_error = error if isinstance(error, APIError) else _api_error(error)
    if api_error is None:
        return None
    set_rollback()
    headers = {}
    if api_error.retry_after is not None:
        headers["Retry-After"] = str(max(math.ceil(api_error.retry_after), 0))
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    response = Response(error_body(api_error.problems), api_error.status, headers=headers)
    _log(api_error, response, context)
    return response


def _log(api_error: APIError, response: Response, context: Mapping[str, Any]) -> None:
    """Log the route in place of Django's line with the full path, which may contain a phone number."""
    response._has_been_logged = True
    request = context.get("request")
    match = request and getattr(request, "resolver_match", None)
    logger.log(
        logging.WARNING if api_error.status >= 500 else logging.INFO,
        "%s %s: %d %s",
        request.method if request else "",
        match.route if match else "",
        api_error.status,
        api_error.problems[0].code,
    )


def error_body(problems: tuple[Problem, ...]) -> dict[str, Any]:
    """Return the first problem, with a list of all problems if there are several."""
    body: dict[str, Any] = asdict(problems[0])
    if len(problems) > 1:
        body["errors"] = [asdict(problem) for problem in problems[:MAX_PROBLEMS]]
    return body


def _api_error(error: Exception) -> APIError | None:
    if isinstance(error, ContentError):
        return bad_request(content_problem(error))
    if isinstance(error, ConfigError):
        logger.error("the API is misconfigured: %s", error)
        return APIError(503, Problem("misconfigured", "the server's settings are wrong; its log says where"))
    if isinstance(error, RequestDataTooBig):
        return APIError(413, Problem("too_large", "the request is too large"))
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    return _from_drf(error) if isinstance(error, exceptions.APIException) else None


def _from_drf(error: exceptions.APIException) -> APIError:
    code = CODES.get(type(error), error.default_code)
    wait = getattr(error, "wait", None)
    return APIError(error.status_code, Problem(code, str(error.detail)), retry_after=wait)


CODES: dict[type[Exception], str] = {
    exceptions.ParseError: "malformed_json",
    exceptions.Throttled: "throttled",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "authentication_failed",
    exceptions.PermissionDenied: "permission_denied",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
}
