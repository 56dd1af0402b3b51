"""Steps that the tests of received files share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import connections

from rcs_router.contract import Incoming, IncomingKind
from rcs_router.inbox import incoming
from rcs_router.models import InboundFile
from rcs_router.testing.stub import Request
from tests.core import ALICE, connection

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8
HTML = b"<!doctype html><title>Sign in</title>"


def said(url: str, *, name: str = "", media_type: str = "image/png", **fields: Any) -> Incoming:
    return Incoming(IncomingKind.FILE, ALICE, id=name, url=url, media_type=media_type, fields=fields)


def sent(url: str, **options: Any) -> InboundFile:
    """The row of a file that Alice has sent, waiting to be fetched."""
    incoming.store({ALICE: connection()}, [said(url, **options)])
    return InboundFile.objects.filter(thumbnail=False).latest("created_at")


def stored(storage: Any, folder: str = "") -> list[str]:
    """The names of all files in the storage."""
    folders, files = storage.listdir(folder)
    below = [name for sub in folders for name in stored(storage, f"{folder}/{sub}".lstrip("/"))]
    return [f"{folder}/{name}".lstrip("/") for name in files] + below


def closing_its_connection(behave: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """For what the stub's threads do in our database."""

    @wraps(behave)
    def wrapped(request: Request) -> Any:
        try:
            return behave(request)
        finally:
            connections.close_all()

    return wrapped
