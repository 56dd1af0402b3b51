"""The platform's file store: it takes bytes or an address, gives a file id, and gives the bytes to the phones.

What these endpoints answer is documented nowhere; a file is shown as the event `fileStatus` shows it. A file that is
given by its address is not fetched: phones get that address.
"""

import re
import secrets
from datetime import datetime, timedelta

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.urls import reverse

from rcs_backends.emulator import gate
from rcs_backends.emulator.phones import Json, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import stored_file
from rcs_backends.emulator.wire.gsma import webhooks
from rcs_backends.emulator.wire.gsma.rules import MALFORMED, Broken, GsmaError, coded
from rcs_backends.emulator.wire.gsma.store import GsmaStore, StoredFile
from rcs_backends.emulator.wire.rules import timestamp, url

MAX_BYTES = 100 * 1024 * 1024
LIFE = timedelta(days=30)  # without `until`
_MEDIA_TYPE = re.compile(r"(image|video|audio|text|application)/[!-~]+", re.ASCII)
_until = coded("42003", timestamp)
_address = coded("42402", url())


def upload(http: HttpRequest, bot_id: str, bot: Json) -> HttpResponse:
    """POST: parts fileType, until (may be left out), and one of fileContent and fileUrl. 202 with a pending file."""
    if http.content_type != "multipart/form-data":
        raise GsmaError(MALFORMED, "The Content-Type must be multipart/form-data.", status=415)
    form, content = _parts(http)
    if unknown := set(form) - {"fileType", "until", "fileUrl"}:
        raise Broken(MALFORMED, min(unknown), "there is no such part.")
    if (content is None) == ("fileUrl" not in form):
        raise GsmaError(MALFORMED, "Either fileContent or fileUrl is needed.")
    file = StoredFile(secrets.token_urlsafe(12), bot_id, _media_type(form), _end(form))
    if content is None:
        file.url = str(_address(form["fileUrl"], "fileUrl"))
    else:
        file.content = _bytes(content)
        path = {**gate.prefix(http), "file_id": file.id}
        file.url = http.build_absolute_uri(reverse("rcs_emulator:gsma-file", kwargs=path))
    with world.change():
        world.store(GsmaStore).files[file.id] = file
        world.after(world.config["delivery_delay"], _ready, file)
    return JsonResponse({"file": webhooks.file_json(file)}, status=202)


def _parts(http: HttpRequest) -> tuple[QueryDict, UploadedFile | None]:
    try:
        form, files = http.POST, http.FILES
    except (SuspiciousOperation, MultiPartParserError):
        raise GsmaError(MALFORMED, "The parts cannot be read.") from None
    if set(files) - {"fileContent"}:
        raise GsmaError(MALFORMED, "The file part must be called fileContent.")
    return form, files.get("fileContent")


def _media_type(form: QueryDict) -> str:
    media_type = str(form.get("fileType", ""))
    if not media_type:
        raise Broken(MALFORMED, "fileType", "the part is required.")
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise Broken("42401", "fileType", "the media type is not supported.")
    return media_type


def _end(form: QueryDict) -> datetime:
    if "until" not in form:
        return now() + LIFE
    until: datetime = _until(form["until"], "until")
    if until <= now():
        raise Broken("42208", "until", "the time must lie in the future.")
    return until


def _bytes(content: UploadedFile) -> bytes:
    size = content.size or 0
    if size > MAX_BYTES:
        raise GsmaError(MALFORMED, f"The file is larger than {MAX_BYTES} bytes.", status=413)
    if not size:
        raise Broken(MALFORMED, "fileContent", "the file is empty.")
    return bytes(content.read())


def _ready(file: StoredFile) -> None:
    if world.store(GsmaStore).files.get(file.id) is file:
        file.status = "ready"
        webhooks.file_status(file)


def _found(bot_id: str, file_id: str) -> StoredFile:
    file = world.store(GsmaStore).files.get(file_id)
    if file is None or file.bot != bot_id or file.expired():
        raise GsmaError(MALFORMED, "There is no such file.", status=404)
    return file


def show(http: HttpRequest, bot_id: str, bot: Json, file_id: str) -> Json:
    """GET: what is known of a file."""
    with world.change():
        return {"file": webhooks.file_json(_found(bot_id, file_id))}


def delete(http: HttpRequest, bot_id: str, bot: Json, file_id: str) -> None:
    """DELETE: 204, and 404 the next time."""
    with world.change():
        del world.store(GsmaStore).files[_found(bot_id, file_id).id]


def content(request: HttpRequest, file_id: str) -> HttpResponse:
    """Give a phone the bytes of a file, at its `fileUrl`."""
    file = world.store(GsmaStore).files.get(file_id)
    if file is None or file.expired() or not file.content:
        raise Http404("There is no such file.")
    return stored_file(file.content, file.media_type)
