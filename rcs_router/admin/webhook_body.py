"""Make stored webhook requests readable: indent JSON, open envelopes, mask secrets."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from rcs_router.admin.rendering import replace_surrogates
from rcs_router.backends import backends
from rcs_router.errors import ConfigError
from rcs_router.models import StoredWebhook

MASK = "••••••"
SECRET = re.compile(
    r"secret|token|passw|pwd|signature|authori[sz]ation|api[-_]?key|credential", re.IGNORECASE
)
_MEMBER = re.compile(rf'("[^"]*(?:{SECRET.pattern})[^"]*"\s*:\s*)"[^"]*"?', re.IGNORECASE)
MAX_LENGTH = 100_000  # characters
MIN_SECRET_LENGTH = 4  # characters; shorter ones are not searched for


class Masker:
    """Mask values whose names look like those of secrets, and the secrets of the backend's options anywhere."""

    def __init__(self, alias: str) -> None:
        try:
            found = backends[alias].options.secrets() if alias in backends else ()
            self.secrets = sorted({s for s in found if len(s) >= MIN_SECRET_LENGTH}, key=len, reverse=True)
        except ConfigError:  # the requests of a backend that does not load stay readable
            self.secrets = []

    def data(self, value: Any) -> Any:
        """Return JSON data with its secrets masked."""
        if isinstance(value, Mapping):
            return {
                str(key): MASK if SECRET.search(str(key)) and item else self.data(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def raw(self, body: bytes) -> str:
        """Return a body that cannot be parsed, with everything masked that looks like a secret in JSON."""
        text = self.text(body.decode(errors="backslashreplace"))[:MAX_LENGTH]
        return _MEMBER.sub(rf'\1"{MASK}"', text)

    def text(self, value: str) -> str:
        """Return `value` with the secrets of the options masked."""
        for secret in self.secrets:
            value = value.replace(secret, MASK)
        return value


def body_parts(row: StoredWebhook) -> list[tuple[str, str]]:
    """Return the body as (title, text) parts: the whole body, and the payload of an envelope."""
    body, masked = bytes(row.body), Masker(row.backend)
    try:
        return _parts(body, str(row.headers.get("content-type", "")), masked)
    except RecursionError:
        return [("Body", masked.raw(body))]


def _parts(body: bytes, media_type: str, masked: Masker) -> list[tuple[str, str]]:
    data = _json(body)
    if data is not None:
        inner = _payload(data)
        if inner is not None:  # the base64 would show the secrets that the payload masks
            data["message"]["data"] = "(the payload)"
        return [("Payload", _as_text(inner, masked)), ("Body (JSON)", _as_text(data, masked))]
    if "urlencoded" in media_type:
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return [("Body (form)", _as_text(form, masked))]
    return [("Body", masked.raw(body))]


def _json(body: bytes) -> Any:
    """Return a JSON object or list; None for anything else."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict | list) else None


def _payload(data: Any) -> Any:
    """Return the payload of a Pub/Sub envelope: base64 of JSON in `message.data`.

    See https://cloud.google.com/pubsub/docs/push.
    """
    message = data.get("message") if isinstance(data, dict) else None
    packed = message.get("data") if isinstance(message, dict) else None
    if not isinstance(packed, str):
        return None
    try:
        return _json(base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError):
        return None


def _as_text(data: Any, masked: Masker) -> str:
    if data is None:
        return ""
    return replace_surrogates(json.dumps(masked.data(data), indent=2, ensure_ascii=False)[:MAX_LENGTH])
