"""The API's own address in, where everything is out; and JSON for addresses that lead nowhere."""

from typing import NoReturn

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api.operation import described
from rcs_router.api.view import View

PLACES = ("messages", "transmissions", "interactions", "contacts", "connections", "capabilities", "schema")


class Root(View):
    """Where to begin."""

    @described(exclude=True)
    def get(self, request: Request) -> Response:
        base = request.build_absolute_uri(request.path)
        return Response({name: f"{base}{name}/" for name in PLACES})


class Unknown(View):
    """Whatever has no address of its own: 404 for every method, as JSON."""

    def http_method_not_allowed(self, request: Request, *args: object, **kwargs: object) -> NoReturn:
        raise Http404
