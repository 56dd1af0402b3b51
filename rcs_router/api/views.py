"""The base class of the API's views: authentication, permissions, throttling, parsing, rendering and errors."""

from inspect import signature
from typing import Any, ClassVar

from django.apps import apps
from django.http import HttpRequest
from rest_framework import views
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings

from rcs_router.api.exceptions import exception_handler
from rcs_router.api.parsers import LimitedJSONParser
from rcs_router.api.permissions import HasPermissions
from rcs_router.api.schema import Schema
from rcs_router.api.throttling import ScopedThrottle


class APIView(views.APIView):
    """Base class of every view. It uses the project's authentication if it is set, else tokens and sessions."""

    required_permissions: ClassVar[dict[str, tuple[str, ...]]] = {}  # for each method
    extra_errors: ClassVar[dict[str, tuple[int, ...]]] = {}  # for the schema; see schema.COMMON_ERRORS
    throttle_scope: ClassVar[str] = "rcs_write"  # of methods other than GET

    parser_classes = [LimitedJSONParser]
    renderer_classes = [JSONRenderer, BrowsableAPIRenderer]
    permission_classes = [HasPermissions]
    throttle_classes = [ScopedThrottle]
    schema = Schema()

    def dispatch(self, request: HttpRequest, *prefix: object, **path: object) -> Response:
        """Drop the arguments of the path under which the project includes the URLs."""
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
        return exception_handler

    def get_throttle_scope(self, method: str) -> str:
        return "rcs_read" if method in {"GET", "HEAD", "OPTIONS"} else self.throttle_scope
