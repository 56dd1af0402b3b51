"""A photo from a phone, over every wire that can tell of one: its link is fetched, once, before it expires."""

from collections.abc import Iterator
from typing import Any

import pytest

from rcs_router.models import InboundFile, Message
from rcs_router.testing.stub import Stub, answer
from tests.acceptance.sides import SIDES
from tests.acceptance.stage import Stage

PHOTO = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"boots" * 1000
TOLD = [name for name in SIDES if name != "messente"]  # which tells only texts
on_every_wire = pytest.mark.parametrize("stage", [(name,) for name in TOLD], indirect=True, ids=TOLD)
State = InboundFile.State


@pytest.fixture
def files(stage: Stage, settings: Any) -> Iterator[Stub]:
    """Where the provider keeps what phones upload: on this machine, as the emulator's files are."""
    received = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = settings.STORAGES | {"received": received}
    media = {"MEDIA_FETCH": True, "MEDIA_STORAGE": "received", "MEDIA_ALLOW_PRIVATE": True}
    settings.RCS_ROUTER = settings.RCS_ROUTER | media
    made = Stub()
    yield made
    made.close()


@on_every_wire
def test_a_photo_is_fetched_once_although_its_webhook_comes_twice(stage: Stage, files: Stub) -> None:
    files.script.extend([answer(503), answer(200, PHOTO, Content_Type="image/jpeg")])
    stage.send("Hello")
    stage.work()
    stage.fault("duplicate", "webhook", times=1)
    stage.phone().does("file", url=f"{files.url}/u/1.jpg")
    stage.work()
    row = InboundFile.objects.get()
    assert row.message == Message.objects.get(direction="in")
    assert (row.state, row.media_type, row.tries) == (State.FETCHED, "image/jpeg", 2)
    assert row.file.read() == PHOTO
    assert [request.path for request in files.requests] == ["/u/1.jpg"] * 2


@on_every_wire
def test_a_link_that_has_expired_is_gone_and_the_message_stays(stage: Stage, files: Stub) -> None:
    files.default = answer(410)
    stage.send("Hello")
    stage.work()
    stage.phone().does("file", url=f"{files.url}/u/1.jpg")
    stage.work()
    row = InboundFile.objects.get()
    assert (row.state, row.code, row.file.name) == (State.GONE, "http_410", "")
    assert row.message.routed_at
    assert row.message.fields["url"] == row.url
