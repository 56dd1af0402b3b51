"""Wrap the views that strangers call: no login is needed, and no log line or error mail contains their requests."""

import time
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from rcs_router import database, logs
from rcs_router.backends import backends

View = Callable[..., HttpResponse]
QUIET = 3600.0  # seconds; within them one kind of error is logged as ERROR, which may be mailed, only once per process

_logged: dict[tuple[str, str], float] = {}  # (view, kind of error) → when it was last logged as ERROR


def outside(view: View) -> View:
    """Let strangers call `view`. An exception becomes a 503 and one log line; Django logs none of its responses.

    Django's log lines contain the URL, which may be a secret, and its error mails the whole request. The URL may begin
    with arguments of the project (`<slug:tenant>/rcs/`); the view does not get them.
    """
    own = [name for name in signature(view).parameters if name != "request"]

    @csrf_exempt
    @login_not_required
    @database.non_atomic_requests
    @wraps(view)
    def wrapped(request: HttpRequest, *prefix: object, **path: str) -> HttpResponse:
        given = {name: path[name] for name in own}
        try:
            response = view(request, **given)
        except Exception as error:
            response = _failed(view.__name__, given.get("alias", ""), error)
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    return wrapped


def _failed(view: str, alias: str, error: Exception) -> HttpResponse:
    code, alias = type(error).__name__, alias if alias in backends.settings else ""
    logs.page_failed(view, alias, code, _place(error), loud=_is_first(f"{view} {alias}", code))
    return HttpResponse("try again", status=503, content_type="text/plain; charset=utf-8")


def _place(error: Exception) -> str:
    """Return file and line, the only part of a traceback that reveals nothing of the request."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    return f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""


def _is_first(where: str, code: str) -> bool:
    now = time.monotonic()
    if now - _logged.get((where, code), -QUIET) < QUIET:
        return False
    _logged[where, code] = now
    return True
