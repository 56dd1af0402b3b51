"""Guard every address of the emulator: let programs through, refuse other sites' pages."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotFound
from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern, RoutePattern
from django.views.decorators.csrf import csrf_exempt

from rcs_backends.emulator.answers import finished

View = Callable[..., HttpResponse]
# The attribute of a request that holds what the address in front of the emulator's own captured.
_PREFIX = "rcs_emulator_prefix"


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
