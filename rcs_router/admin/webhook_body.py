"""A stored request's bytes in, text that a person can read out: JSON indented, envelopes opened, secrets masked."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from rcs_router.admin.look import readable
from rcs_router.backends import backends
from rcs_router.errors import ConfigError
from rcs_router.models import StoredWebhook

MASK = "••••••"
SECRET = re.compile(
    r"secret|token|passw|pwd|signature|authori[sz]ation|api[-_]?key|credential", re.IGNORECASE
)
_MEMBER = re.compile(rf'("[^"]*(?:{SECRET.pattern})[^"]*"\s*:\s*)"[^"]*"?', re.IGNORECASE)
LIMIT = 100_000  # characters shown
SHORTEST = 4  # characters of a secret that is looked for inside of other text


class Masked:
    """Hides what is named like a secret, and every secret of the backend's options wherever it stands."""

    def __init__(self, alias: str) -> None:
        try:
            found = backends[alias].options.secrets() if alias in backends else ()
            self.secrets = sorted({s for s in found if len(s) >= SHORTEST}, key=len, reverse=True)
        except ConfigError:  # a backend that does not load still has a readable history
            self.secrets = []

    def data(self, value: Any) -> Any:
        """JSON data with its secrets masked."""
        if isinstance(value, Mapping):
            return {
                str(key): MASK if SECRET.search(str(key)) and item else self.data(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def raw(self, body: bytes) -> str:
        """A body that cannot be taken apart: what looks like a secret in JSON is masked all the same."""
        text = self.text(body.decode(errors="backslashreplace"))[:LIMIT]
        return _MEMBER.sub(rf'\1"{MASK}"', text)

    def text(self, value: str) -> str:
        for secret in self.secrets:
            value = value.replace(secret, MASK)
        return value


def decoded(row: StoredWebhook) -> list[tuple[str, str]]:
    """The body as titled parts: what was posted, and the payload of an envelope."""
    body, masked = bytes(row.body), Masked(row.backend)
    try:
        return _parts(body, str(row.headers.get("content-type", "")), masked)
    except RecursionError:
        return [("Body", masked.raw(body))]


def _parts(body: bytes, media_type: str, masked: Masked) -> list[tuple[str, str]]:
    data = _json(body)
    if data is not None:
        inner = _payload(data)
        if inner is not None:  # once is enough, and the base64 would show what is masked above it
            data["message"]["data"] = "(the payload)"
        return [("Payload", _shown(inner, masked)), ("Body (JSON)", _shown(data, masked))]
    if "urlencoded" in media_type:
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return [("Body (form)", _shown(form, masked))]
    return [("Body", masked.raw(body))]


def _json(body: bytes) -> Any:
    """None for what is no JSON object or list."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict | list) else None


def _payload(data: Any) -> Any:
    """What a Pub/Sub envelope carries (https://cloud.google.com/pubsub/docs/push): JSON as base64 in `message.data`."""
    message = data.get("message") if isinstance(data, dict) else None
    packed = message.get("data") if isinstance(message, dict) else None
    if not isinstance(packed, str):
        return None
    try:
        return _json(base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError):
        return None


def _shown(data: Any, masked: Masked) -> str:
    if data is None:
        return ""
    return readable(json.dumps(masked.data(data), indent=2, ensure_ascii=False)[:LIMIT])
