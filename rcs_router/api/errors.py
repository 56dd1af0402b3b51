"""Whatever a view raises in; an answer with a stable code, the path of what is wrong and a sentence out."""

import logging
import math
from collections.abc import Iterable, Mapping
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
MOST = 100  # problems named in one answer


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `path`: where in the body or which parameter; with `content_invalid` in the content."""

    code: str
    detail: str
    path: str = ""


class Failure(Exception):
    """Ends a request with `status` and one or several problems; `retry_after` in seconds."""

    def __init__(self, status: int, *problems: Problem, retry_after: float | None = None) -> None:
        self.status = status
        self.problems = problems
        self.retry_after = retry_after
        super().__init__(problems[0].code)


def invalid(problems: Iterable[Problem]) -> Failure:
    """400 with these, of which there is at least one."""
    return Failure(400, *problems)


def conflict(code: str, detail: str, path: str = "") -> Failure:
    return Failure(409, Problem(code, detail, path))


def found(rows: QuerySet[Row], key: Any) -> Row:
    """The row that an address names. Raises Http404."""
    row = rows.filter(pk=key).first()
    if row is None:
        raise Http404
    return row


def about_content(error: ContentError, path: str = "") -> Problem:
    """With `content_invalid` the path is the one that Python callers see: inside of the content.

    `path`: of the content in the body, for what every field can be told, such as that there is no such field.
    """
    if error.code == "content_invalid" or not path:
        return Problem(error.code, error.problem, error.path)
    return Problem(error.code, error.problem, f"{path}.{error.path}")


def from_provider(error: SendError) -> Failure:
    """503 where trying again later may help, else 502; the code is that of the SendError."""
    status = 503 if error.retry else 502
    return Failure(status, Problem(error.code, error.detail or error.code), retry_after=error.retry_after)


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER for our views; None for what is a bug, which Django reports as such."""
    failure = error if isinstance(error, Failure) else _failure(error)
    if failure is None:
        return None
    set_rollback()
    headers = {}
    if failure.retry_after is not None:
        headers["Retry-After"] = str(max(math.ceil(failure.retry_after), 0))
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    response = Response(as_json(failure.problems), failure.status, headers=headers)
    _log(failure, response, context)
    return response


def _log(failure: Failure, response: Response, context: Mapping[str, Any]) -> None:
    """In place of Django's own line, which has the address: a phone number may stand in it."""
    response._has_been_logged = True
    request = context.get("request")
    match = request and getattr(request, "resolver_match", None)
    logger.log(
        logging.WARNING if failure.status >= 500 else logging.INFO,
        "%s %s: %d %s",
        request.method if request else "",
        match.route if match else "",
        failure.status,
        failure.problems[0].code,
    )


def as_json(problems: tuple[Problem, ...]) -> dict[str, Any]:
    """The first one, and a list of all when there are several."""
    body: dict[str, Any] = asdict(problems[0])
    if len(problems) > 1:
        body["errors"] = [asdict(problem) for problem in problems[:MOST]]
    return body


def _failure(error: Exception) -> Failure | None:
    if isinstance(error, ContentError):
        return invalid([about_content(error)])
    if isinstance(error, ConfigError):
        logger.error("the API cannot work: %s", error)
        return Failure(503, Problem("misconfigured", "the server's settings are wrong; its log says where"))
    if isinstance(error, RequestDataTooBig):
        return Failure(413, Problem("too_large", "the request is too large"))
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    return _from_framework(error) if isinstance(error, exceptions.APIException) else None


def _from_framework(error: exceptions.APIException) -> Failure:
    code = CODES.get(type(error), error.default_code)
    wait = getattr(error, "wait", None)
    return Failure(error.status_code, Problem(code, str(error.detail)), retry_after=wait)


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
