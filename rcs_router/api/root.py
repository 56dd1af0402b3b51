"""List every address of the API, and answer unknown addresses in JSON."""

import re
from collections.abc import Sequence
from typing import NoReturn

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api.schema import extend_schema
from rcs_router.api.views import APIView


class Root(APIView):
    """List every address. Fill in what is in braces, as in the OpenAPI document."""

    name = "RCS API"
    patterns: Sequence[URLPattern] = ()  # `urls` gives them to as_view()

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        base = request.build_absolute_uri(request.path)
        routes = {str(one.name): re.sub(r"<\w+:(\w+)>", r"{\1}", str(one.pattern)) for one in self.patterns}
        return Response({name: base + route for name, route in routes.items()})


class Unknown(APIView):
    """Answer 404 as JSON, whatever the method."""

    def http_method_not_allowed(self, request: Request, *args: object, **kwargs: object) -> NoReturn:
        raise Http404


@csrf_exempt  # as every view of DRF, which checks CSRF token and login itself
@login_not_required
def unknown(request: HttpRequest, *prefix: object, **path: object) -> HttpResponseBase:
    """Call Unknown. A class-based view would appear as a breadcrumb above `consent/…/`."""
    return _unknown(request)


_unknown = Unknown.as_view()
