"""Our views in; the whole OpenAPI document out, made once per process, as JSON or YAML."""

import json
from functools import lru_cache
from threading import Lock
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.settings import patched_settings
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import __version__
from rcs_router.api.operation import PROBLEMS, described
from rcs_router.api.view import View
from rcs_router.content import json_schema

SETTINGS: dict[str, Any] = {  # ours, whatever the project sets for its own API
    "OAS_VERSION": "3.1.0",
    "TITLE": "rcs_router",
    "DESCRIPTION": "Send RCS messages with SMS behind them, and read what became of them and what people answered.",
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
        "description": "Django's login; what changes something needs the CSRF token too.",
    },
}
_making = Lock()  # the settings are patched for the whole process meanwhile


class Document(View):
    """For anybody: it says nothing that the source does not say."""

    permission_classes: list[Any] = []
    renderer_classes = [OpenApiJsonRenderer2, OpenApiYamlRenderer2]

    def get_authenticators(self) -> list[Any]:
        return []

    @described(exclude=True)
    def get(self, request: Request) -> Response:
        root = request.build_absolute_uri(request.path.rpartition("/schema")[0])
        return Response({**document(), "servers": [{"url": root}]})


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """OpenAPI 3.1, without `servers`: where the API is mounted only a request knows."""
    from rcs_router.api.urls import urlpatterns  # which name the view above

    with _making, patched_settings(SETTINGS):
        whole: dict[str, Any] = SchemaGenerator(patterns=urlpatterns).get_schema(public=True)
    schemas = whole["components"]["schemas"]
    schemas.update({**content_schemas(), **PROBLEMS})
    schemas["Outgoing"]["properties"]["content"] = {
        "description": "A string is a Text.",
        "oneOf": [{"type": "string", "pattern": r"\S"}, {"$ref": "#/components/schemas/Content"}],
    }
    for part in whole["components"], whole["paths"]:
        _forget_marks(part)
    whole["components"]["securitySchemes"] = AUTH
    return whole


def _forget_marks(part: Any) -> None:
    """drf-spectacular's marks of enums are for its own hooks, which do not run here."""
    if isinstance(part, dict):
        part.pop("x-spec-enum-id", None)
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _forget_marks(below)


def content_schemas() -> dict[str, Any]:
    """Content and all that it is made of, as components."""
    whole = json.loads(json.dumps(json_schema()).replace("#/$defs/", "#/components/schemas/"))
    parts: dict[str, Any] = whole.pop("$defs")
    for part in parts.values():
        if "const" in part["properties"].get(
            "type", {}
        ):  # with a default for Python, but JSON is told apart by it
            part["required"] = ["type", *part.get("required", [])]
    return {**parts, "Content": whole}
