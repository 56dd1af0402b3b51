"""The API's own address in, where everything is out; and JSON for addresses that lead nowhere."""

import re
from typing import NoReturn

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api.operation import described
from rcs_router.api.view import View

LEFT_OUT = {"root", "unknown"}  # this one, and what leads nowhere


class Root(View):
    """Every address: what stands in braces is to be filled in, as in the OpenAPI document."""

    name = "RCS API"

    @described(exclude=True)
    def get(self, request: Request) -> Response:
        from rcs_router.api.urls import urlpatterns  # which name the view

        base = request.build_absolute_uri(request.path)
        found = {str(one.name): str(one.pattern) for one in urlpatterns if one.name not in LEFT_OUT}
        return Response(
            {name: base + re.sub(r"<\w+:(\w+)>", r"{\1}", route) for name, route in found.items()}
        )


class Unknown(View):
    """Whatever has no address of its own: 404 for every method, as JSON."""

    def http_method_not_allowed(self, request: Request, *args: object, **kwargs: object) -> NoReturn:
        raise Http404


@csrf_exempt  # as every view of DRF is, which looks after that and the login itself
@login_not_required
def unknown(request: HttpRequest, *prefix: object, **path: object) -> HttpResponseBase:
    """A plain function, so that it is no crumb on the way to `consent/…/`, above which there is nothing."""
    return _unknown(request)


_unknown = Unknown.as_view()
