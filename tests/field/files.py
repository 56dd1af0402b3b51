"""Steps of the tests about received files: a host of files on this machine, and a file that a person sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rcs_router.inbox import media
from rcs_router.models import InboundFile
from rcs_router.testing.stub import Stub, answer

from .sites import TWILIO, options, site
from .wires import twilio_sms

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(200))
ROUNDS = 4  # a file is tried again so often here


@contextmanager
def host() -> Iterator[Stub]:
    """A host that answers 404 until it is told otherwise."""
    stub = Stub()
    stub.default = answer(404)
    try:
        yield stub
    finally:
        stub.close()


def keeping_files(settings: Any, backends: dict[str, Any], **router: Any) -> None:
    """Fetch files, also from this machine, into a storage in memory."""
    storage = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = settings.STORAGES | {"received": storage}
    media = {"MEDIA_FETCH": True, "MEDIA_STORAGE": "received", "MEDIA_ALLOW_PRIVATE": True}
    site(settings, backends, **{**media, "MEDIA_TIMEOUT": 10, **router})


def with_twilio(settings: Any, **changed: Any) -> None:
    """Twilio alone, for the alias `tw`."""
    keeping_files(settings, {"tw": options(TWILIO, **changed)})


def twilio_file(url: str, declared: str = "image/jpeg") -> InboundFile:
    """A file that a person sends over Twilio, after as many tries as are due."""
    twilio_sms("", NumMedia="1", MediaUrl0=url, MediaContentType0=declared)
    for _ in range(ROUNDS):
        media.fetch_due()
    return InboundFile.objects.latest("created_at")


def sent_file(settings: Any, body: bytes, declared: str) -> InboundFile:
    """A file with these bytes, sent over Twilio under the type `declared`."""
    with_twilio(settings)
    with host() as stub:
        stub.default = answer(200, body)
        return twilio_file(f"{stub.url}/file", declared)
