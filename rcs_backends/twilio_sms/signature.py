"""Verify the signature of a webhook request and read its parameters.

Source: Twilio's page "Webhooks security", and for what it leaves open (repeated parameters, ports, JSON bodies,
SHA-256) Twilio's Python library 9.13.0.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from rcs_backends.reading import is_one_of
from rcs_router.contract import WebhookRequest
from rcs_router.errors import WebhookRefused

HEADER = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"  # key=…,algorithm=…; without it: HMAC_SHA1
ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
PORTS = {"http": 80, "https": 443}


def verify(request: WebhookRequest, public_url: str, secrets: Iterable[str]) -> None:
    """Raise WebhookRefused for a wrong signature. `public_url`: ours, without query; a proxy may hide it."""
    if request.method not in {"GET", "POST"}:
        raise WebhookRefused("neither GET nor POST", status=405)
    given = request.headers.get(HEADER, "")
    if not given:
        raise WebhookRefused("no X-Twilio-Signature")
    digest = _digest(request.headers.get(SETTINGS, ""))
    params = _signed(request)
    keys = [secret for secret in secrets if secret]
    addresses = _addresses(request, public_url)
    expected = [sign(address, params, key, digest) for address in addresses for key in keys]
    if not is_one_of(given, expected):
        raise WebhookRefused("the signature does not match")


def sign(url: str, params: Iterable[tuple[str, str]], key: str, digest: str = "sha1") -> str:
    """Return base64 of the HMAC over the URL and the sorted parameters, without separators; a repeat counts once."""
    text = url + "".join(name + value for name, value in sorted(set(params)))
    return base64.b64encode(hmac.digest(key.encode(), text.encode("utf-8", "replace"), digest)).decode()


def parameters(request: WebhookRequest) -> dict[str, str]:
    """Return the request's parameters: its form, its JSON object, or the query of a GET."""
    if request.method != "POST":
        return dict(request.query)
    if _is_form(request):
        return dict(_form(request.body))
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    texts = value.items() if isinstance(value, Mapping) else ()
    return {name: text for name, text in texts if isinstance(text, str)}


def _digest(settings: str) -> str:
    """Return the hash algorithm that the header names. Raises WebhookRefused for an unknown one."""
    named = re.search(r"(?:^|,)\s*algorithm\s*=\s*([^,\s]+)", settings)
    algorithm = named[1].upper() if named else "HMAC_SHA1"
    if algorithm not in ALGORITHMS:
        raise WebhookRefused("the signature's algorithm is not known")
    return ALGORITHMS[algorithm]


def _signed(request: WebhookRequest) -> list[tuple[str, str]]:
    """Return the signed parameters. A body that is not a form is signed by its hash in the URL."""
    if request.method == "GET":
        return []
    if _is_form(request):
        return _form(request.body)
    claimed = dict(parse_qsl(urlsplit(_checked(request.url)).query)) or request.query
    found = hashlib.sha256(request.signed).hexdigest()
    if not hmac.compare_digest(claimed.get("bodySHA256", "").encode("utf-8", "replace"), found.encode()):
        raise WebhookRefused("the hash of the body does not match")
    return []


def _is_form(request: WebhookRequest) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type in {"", "application/x-www-form-urlencoded"}


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")


def _addresses(request: WebhookRequest, public_url: str) -> set[str]:
    """Return every spelling of the URL that Twilio called: the public one, and the one that our server sees.

    Twilio's console accepts our URL with and without its trailing slash.
    """
    server = _checked(request.url)
    query = urlsplit(server).query or urlencode(request.query)
    tail = f"?{query}" if query else ""
    public = [f"{address}{tail}" for address in (public_url, public_url.rstrip("/")) if address]
    written = {address for address in (*public, server) if address}
    return written.union(*(_with_and_without_port(address) for address in written))


def _with_and_without_port(address: str) -> Iterator[str]:
    """Yield the address with and without its port, because Twilio's own servers do not agree on it."""
    parts = urlsplit(_checked(address))
    host = re.sub(r":\d*$", "", parts.netloc)
    yield urlunsplit(parts._replace(netloc=host))
    yield urlunsplit(parts._replace(netloc=f"{host}:{parts.port or PORTS.get(parts.scheme, 443)}"))


def _checked(address: str) -> str:
    """Return `address` if its parts are valid: the Host header is part of it, and anybody can forge that."""
    try:
        int(urlsplit(address).port or 0)
    except ValueError:
        raise WebhookRefused("the URL of the request is not valid", status=400) from None
    return address
