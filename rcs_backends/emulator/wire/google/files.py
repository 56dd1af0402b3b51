"""Google's file store: it takes bytes or an address, names them files/…, and gives the bytes to the phones.

Source: reference/rest/v1/files/create, guides/build/messages/send. Resumable uploads are not emulated.
"""

import secrets
from email import message_from_bytes

from django.http import Http404, HttpRequest, HttpResponse

from rcs_backends.emulator.phones import Json, guessed_type
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import stored_file
from rcs_backends.emulator.wire.google import request as wire
from rcs_backends.emulator.wire.google import schema
from rcs_backends.emulator.wire.google.request import GoogleError
from rcs_backends.emulator.wire.google.store import GoogleStore, StoredFile

MAX_BYTES = 100 * 1024 * 1024


def create(request: HttpRequest) -> Json:
    """files.create by URL. The emulator does not fetch it; phones show the address."""
    wire.log_in(request)  # 401 comes before 400
    body = wire.body(request, schema.create_file)
    agent_id, _ = wire.caller(request, body.get("agentId"))
    url = body["fileUrl"]
    return _store(StoredFile(agent_id, guessed_type(url), url=url, thumbnail=body.get("thumbnailUrl", "")))


def upload(request: HttpRequest) -> Json:
    """files.create by upload: the raw bytes with their media type, or multipart/related with JSON before them."""
    agent_id, _ = wire.caller(request)
    if request.GET.get("uploadType") == "resumable":
        raise GoogleError(400, "Resumable uploads are not emulated.", field="uploadType")
    content = request.read(MAX_BYTES + 1)  # not request.body, which ends at DATA_UPLOAD_MAX_MEMORY_SIZE
    media_type = request.content_type or ""
    if media_type == "multipart/related":
        media_type, content = _media_part(request.headers["Content-Type"], content)
    if media_type not in schema.MEDIA_TYPES:
        raise GoogleError(400, f"The media type {media_type!r} is not supported.", field="Content-Type")
    if not content or len(content) > MAX_BYTES:
        raise GoogleError(400, "The file must have 1 byte to 100 MiB.", field="media")
    return _store(StoredFile(agent_id, media_type, content))


def _media_part(content_type: str, content: bytes) -> tuple[str, bytes]:
    parsed = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + content)
    parts = parsed.get_payload() if parsed.is_multipart() else []
    if not isinstance(parts, list) or len(parts) != 2:
        raise GoogleError(400, "multipart/related needs a JSON part and a media part.", field="media")
    media = parts[1]
    payload = media.get_payload(decode=True)  # type: ignore[union-attr]
    return media.get_content_type(), payload if isinstance(payload, bytes) else b""  # type: ignore[union-attr]


def _store(stored: StoredFile) -> Json:
    name = f"files/{secrets.token_urlsafe(18)}"
    with world.change():
        world.store(GoogleStore).files[name] = stored
    return {"name": name}


def show(request: HttpRequest, uid: str) -> HttpResponse:
    """Give a phone the bytes of an uploaded file; not part of Google's API."""
    stored = world.store(GoogleStore).files.get(f"files/{uid}")
    if stored is None or not stored.content:
        raise Http404("There is no such file.")
    return stored_file(stored.content, stored.media_type)
