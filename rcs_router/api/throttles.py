"""A request in; whether its user has made too many of this kind lately out: 429 with Retry-After."""

from typing import Any

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

# For each user and kind of request; DEFAULT_THROTTLE_RATES of REST_FRAMEWORK overrides each, None lifts it.
RATES: dict[str, str | None] = {
    "rcs_read": "600/min",
    "rcs_send": "120/min",  # each may have 10,000 recipients
    "rcs_write": "120/min",
    "rcs_check": "30/min",  # asks a provider while the caller waits
}


class Pace(SimpleRateThrottle):
    """Counts in Django's default cache, so several processes share a count when they share the cache."""

    rate = None

    def __init__(self) -> None:  # the scope is the view's: the rate is read when it is known
        pass

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = view.scope_of(request.method)
        self.rate = api_settings.DEFAULT_THROTTLE_RATES.get(self.scope, RATES[self.scope])
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str:
        who = request.user.pk if request.user and request.user.is_authenticated else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": who}
