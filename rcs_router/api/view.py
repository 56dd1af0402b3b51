"""What every view of the API has in common: who is asking, may they, how often, what they send, what they get."""

from inspect import signature
from typing import Any, ClassVar

from django.apps import apps
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from rcs_router.api import errors
from rcs_router.api.operation import Operation
from rcs_router.api.reading import BoundedJSON
from rcs_router.api.throttles import Pace


class MayDo(BasePermission):
    """Django's model permissions, as the view names them for each method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        user = request.user
        return bool(user and user.is_authenticated and user.has_perms(view.needs.get(method, ())))


class View(APIView):
    """Authentication is the project's own when REST_FRAMEWORK names one, else token and session."""

    needs: ClassVar[dict[str, tuple[str, ...]]] = {}  # permissions for each method
    also: ClassVar[
        dict[str, tuple[int, ...]]
    ] = {}  # errors of a method that not every view has, for the document
    scope: ClassVar[str] = "rcs_write"  # of what is no GET; see throttles

    parser_classes = [BoundedJSON]
    renderer_classes = [JSONRenderer, BrowsableAPIRenderer]
    permission_classes = [MayDo]
    throttle_classes = [Pace]
    schema = Operation()

    def dispatch(self, request: HttpRequest, *prefix: object, **path: object) -> Response:
        """Without the arguments of the address below which the project has included the urls."""
        handler = getattr(self, (request.method or "").lower(), None)
        own = signature(handler).parameters if handler else {}
        response: Response = super().dispatch(request, **{k: v for k, v in path.items() if k in own})
        return response

    def get_authenticators(self) -> list[BaseAuthentication]:
        if "DEFAULT_AUTHENTICATION_CLASSES" in api_settings.user_settings:
            return [scheme() for scheme in api_settings.DEFAULT_AUTHENTICATION_CLASSES]
        tokens = [TokenAuthentication()] if apps.is_installed("rest_framework.authtoken") else []
        return [*tokens, SessionAuthentication()]

    def get_exception_handler(self) -> Any:
        return errors.answer

    def scope_of(self, method: str) -> str:
        return "rcs_read" if method in {"GET", "HEAD", "OPTIONS"} else self.scope


def may(*permissions: str) -> tuple[str, ...]:
    """`may("view_message")`: permissions on the router's models, as `needs` wants them."""
    return tuple(f"rcs_router.{permission}" for permission in permissions)
