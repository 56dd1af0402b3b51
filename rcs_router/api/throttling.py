"""Limit the requests of each user, counted separately for each kind of request."""

from typing import Any

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

# Per user and scope. DEFAULT_THROTTLE_RATES of REST_FRAMEWORK overrides each rate; None there removes the limit.
RATES: dict[str, str | None] = {
    "rcs_read": "600/min",
    "rcs_send": "120/min",  # each may have 10,000 recipients
    "rcs_write": "120/min",
    "rcs_check": "30/min",  # asks a provider while the caller waits
}


class ScopedThrottle(SimpleRateThrottle):
    """Throttle by the scope that the view returns for the method.

    Requests are counted in Django's default cache: processes that share the cache share the count.
    """

    rate = None

    def __init__(self) -> None:  # the rate depends on the view's scope, which is not known yet
        pass

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = view.get_throttle_scope(request.method)
        self.rate = api_settings.DEFAULT_THROTTLE_RATES.get(self.scope, RATES[self.scope])
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str:
        who = request.user.pk if request.user and request.user.is_authenticated else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": who}
