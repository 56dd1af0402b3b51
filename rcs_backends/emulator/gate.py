"""Guard every address of the emulator: let programs through, refuse other sites' pages and public use."""

from collections.abc import Callable, Sequence
from functools import wraps

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.checks import CheckMessage, Error
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotFound
from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern, RoutePattern
from django.views.decorators.csrf import csrf_exempt

View = Callable[..., HttpResponse]
# The attribute of a request that holds what the address in front of the emulator's own captured.
_PREFIX = "rcs_emulator_prefix"


def finished(response: HttpResponse) -> HttpResponse:
    """Give the length, which keep-alive needs even without CommonMiddleware, and keep Django from logging a 4xx:
    a refusal is the emulator's daily work, and the path it would log names a phone.
    """
    response.headers["Content-Length"] = str(len(response.content))
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def is_allowed() -> bool:
    """Whether the emulator answers at all: with DEBUG, or where `settings.RCS_EMULATOR_ALLOWED is True`."""
    return bool(settings.DEBUG) or getattr(settings, "RCS_EMULATOR_ALLOWED", False) is True


def guarded(
    pattern: URLPattern | URLResolver, names: frozenset[str] = frozenset()
) -> URLPattern | URLResolver:
    """Put the gate before a pattern and all below it. `names`: the arguments of the patterns above it."""
    names = names | _arguments(pattern)
    if isinstance(pattern, URLResolver):
        for inner in pattern.url_patterns:
            guarded(inner, names)
    else:
        pattern.callback = _gate(pattern.callback, names)
    return pattern


def prefix(request: HttpRequest) -> dict[str, object]:
    """Return the arguments of the prefix below which the project has included the emulator, for `reverse`."""
    found: dict[str, object] = getattr(request, _PREFIX, {})
    return found


def _arguments(pattern: URLPattern | URLResolver) -> frozenset[str]:
    own = pattern.pattern
    if isinstance(own, RoutePattern):
        return frozenset(own.converters)
    return frozenset(own.regex.groupindex) if isinstance(own, RegexPattern) else frozenset()


def _gate(view: View, names: frozenset[str]) -> View:
    """Programs know neither a login nor a CSRF token; a browser says when a page of another site makes the request."""

    @csrf_exempt
    @login_not_required
    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **path: object) -> HttpResponse:
        if not is_allowed():
            return finished(HttpResponseNotFound(b"Not found", content_type="text/plain"))
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return finished(HttpResponseForbidden(b"From another site", content_type="text/plain"))
        setattr(request, _PREFIX, {name: value for name, value in path.items() if name not in names})
        return view(request, **{name: value for name, value in path.items() if name in names})

    return wrapped


TAG = "rcs_emulator"


def check_not_in_production(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Refuse the emulator with DEBUG=False unless `settings.RCS_EMULATOR_ALLOWED is True`.

    Whoever reaches it can read every message sent to it and have webhooks signed with the agents' tokens. It turns
    every request away by itself, too (`gate`): a web server runs no checks.
    """
    if is_allowed():
        return []
    return [
        Error(
            "The RCS emulator is installed although DEBUG is False.",
            hint="Take rcs_backends.emulator out of INSTALLED_APPS, or set RCS_EMULATOR_ALLOWED = True.",
            id="rcs_emulator.E001",
        )
    ]
