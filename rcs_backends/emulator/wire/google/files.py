"""Google's file store: bytes or an address come in, a name files/… goes out, and the bytes again for the phones.

Source: reference/rest/v1/files/create, guides/build/messages/send. Resumable uploads are not emulated.
"""

import mimetypes
import secrets
from email import message_from_bytes

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google import auth, schema
from rcs_backends.emulator.wire.google import request as wire
from rcs_backends.emulator.wire.google.errors import GoogleError
from rcs_backends.emulator.wire.google.store import GoogleStore, StoredFile

MAX_BYTES = 100 * 1024 * 1024


@wire.method("files", "POST")
def create(request: HttpRequest) -> HttpResponse:
    """files.create by URL. The emulator does not fetch it; phones show the address."""
    auth.caller(request)  # 401 comes before 400
    body = wire.body(request, schema.create_file)
    agent_id, _ = wire.caller(request, body.get("agentId"))
    media_type = mimetypes.guess_type(body["fileUrl"].partition("?")[0])[0] or ""
    return _store(
        StoredFile(agent_id, media_type, url=body["fileUrl"], thumbnail=body.get("thumbnailUrl", ""))
    )


@wire.method("files", "POST")
def upload(request: HttpRequest) -> HttpResponse:
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


def _store(stored: StoredFile) -> HttpResponse:
    name = f"files/{secrets.token_urlsafe(18)}"
    with world.change():
        world.store(GoogleStore).files[name] = stored
    return JsonResponse({"name": name})


def show(request: HttpRequest, uid: str) -> HttpResponse:
    """The bytes of an uploaded file, for the handset page; not part of Google's API."""
    stored = world.store(GoogleStore).files.get(f"files/{uid}")
    if stored is None or not stored.content:
        raise Http404("There is no such file.")
    response = HttpResponse(stored.content, content_type=stored.media_type)
    response.headers["Content-Security-Policy"] = "sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
