"""Wrap the views that strangers call: without a login, and so that no log and no error mail has any of a request."""

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
QUIET = (
    3600.0  # seconds in which one kind of trouble is an ERROR, which may be mailed, only once in a process
)

_told: dict[tuple[str, str], float] = {}  # view and kind of trouble → when it was an ERROR


def outside(view: View) -> View:
    """Let strangers call `view`: what it raises is a 503 and one line of our own, and Django logs none of its answers.

    Django's own lines hold the address, which may be a key, and its error mails hold the whole request. The address
    may begin with arguments of the project's own (`<slug:tenant>/rcs/`): the view does not get them.
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
    logs.page_failed(view, alias, code, _place(error), loud=_is_news(f"{view} {alias}", code))
    return HttpResponse("try again", status=503, content_type="text/plain; charset=utf-8")


def _place(error: Exception) -> str:
    """File and line: all of a traceback that tells nothing of the request."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    return f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""


def _is_news(where: str, code: str) -> bool:
    now = time.monotonic()
    if now - _told.get((where, code), -QUIET) < QUIET:
        return False
    _told[where, code] = now
    return True
