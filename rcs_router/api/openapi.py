"""Generate the OpenAPI document of the API once per process, and serve it as JSON or YAML."""

import json
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

from django.urls import URLPattern
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.settings import patched_settings
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import __version__
from rcs_router.api.schema import ERROR_SCHEMAS, extend_schema
from rcs_router.api.views import APIView
from rcs_router.content import json_schema

SETTINGS: dict[str, Any] = {  # these replace what the project sets for its own API
    "OAS_VERSION": "3.1.0",
    "TITLE": "rcs_router",
    "DESCRIPTION": "Send RCS messages with SMS as the fallback; read their status and what people answered.",
    "VERSION": __version__,
    "POSTPROCESSING_HOOKS": [],
    "PREPROCESSING_HOOKS": [],
    "SCHEMA_PATH_PREFIX": "/",
    "COMPONENT_SPLIT_REQUEST": False,
    "SERVERS": [],
    "TAGS": [],
    "APPEND_COMPONENTS": {},
    "APPEND_PATHS": {},
    "CAMELIZE_NAMES": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
AUTH = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token <key>`, of a user with the permissions that the call needs.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "Django's login; calls that change something also need the CSRF token.",
    },
}
_lock = Lock()  # patched_settings changes the settings of the whole process


class SchemaView(APIView):
    """Serve the document to anybody: it contains nothing that is not in the public source code."""

    patterns: Sequence[URLPattern] = ()  # `urls` gives them to as_view()
    permission_classes: list[Any] = []
    renderer_classes = [OpenApiJsonRenderer2, OpenApiYamlRenderer2]

    def get_authenticators(self) -> list[Any]:
        return []

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        root = request.build_absolute_uri(request.path.rpartition("/schema")[0])
        return Response({**document(tuple(self.patterns)), "servers": [{"url": root}]})


@lru_cache(maxsize=1)
def document(patterns: tuple[URLPattern, ...]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `patterns`.

    It has no `servers`: only a request knows where the API is mounted.
    """
    with _lock, patched_settings(SETTINGS):
        whole: dict[str, Any] = SchemaGenerator(patterns=list(patterns)).get_schema(public=True)
    schemas = whole["components"]["schemas"]
    schemas.update({**content_schemas(), **ERROR_SCHEMAS})
    schemas["Outgoing"]["properties"]["content"] = {
        "description": "A string is a Text.",
        "oneOf": [{"type": "string", "pattern": r"\S"}, {"$ref": "#/components/schemas/Content"}],
    }
    for part in whole["components"], whole["paths"]:
        _remove_enum_ids(part)
    whole["components"]["securitySchemes"] = AUTH
    return whole


def _remove_enum_ids(part: Any) -> None:
    """Remove marks that drf-spectacular leaves for its own hooks, which do not run here."""
    if isinstance(part, dict):
        part.pop("x-spec-enum-id", None)
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _remove_enum_ids(below)


def content_schemas() -> dict[str, Any]:
    """Return the content types and all their parts as components."""
    whole = json.loads(json.dumps(json_schema()).replace("#/$defs/", "#/components/schemas/"))
    parts: dict[str, Any] = whole.pop("$defs")
    for part in parts.values():
        if "const" in part["properties"].get("type", {}):
            # Python has a default for it, but JSON needs it to choose the type.
            part["required"] = ["type", *part.get("required", [])]
    return {**parts, "Content": whole}
