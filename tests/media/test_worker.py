"""A webhook announces a file, and the file is stored: by the worker without a broker, and by tick and task."""

import json
from typing import Any

import pytest
from django.core.management import call_command

from rcs_router import sweep, tasks, wake
from rcs_router.backends import backends
from rcs_router.contract import WebhookRequest
from rcs_router.inbox import intake
from rcs_router.management.commands.rcs_worker import Worker
from rcs_router.models import InboundFile, Message
from rcs_router.phases import IncomingMessage, RouterApp
from rcs_router.testing.stub import Stub, answer, wait_until
from rcs_router.threads import WorkerThreads
from tests.core import ALICE
from tests.media.conftest import MEDIA
from tests.media.steps import PNG, sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("received")]
State = InboundFile.State


class Looks(RouterApp):
    """Notes what it sees of the files."""

    seen: list[list[str]] = []

    def handle(self, message: IncomingMessage) -> bool | None:
        self.seen.append([file.state for file in message.files])
        return None


def post(stub: Stub) -> None:
    """The webhook body of a photo as a GSMA platform sends it."""
    body = {
        "event": "message",
        "messageContact": {"userContact": ALICE},
        "RCSMessage": {
            "msgId": "m-1",
            "timestamp": "2026-11-22T01:00:00.000Z",
            "fileMessage": {
                "fileUrl": f"{stub.url}/u",
                "fileMIMEType": "image/png",
                "fileName": "a/b.png",
                "thumbnailUrl": f"{stub.url}/t",
            },
        },
    }
    intake.accept(backends["maap"], WebhookRequest("POST", json.dumps(body).encode()))


@pytest.fixture
def maap(received: Any) -> None:
    options = {
        "api_url": "https://maap.example/rcs/bot/v1",
        "bot_id": "shop",
        "token": "t",
        "webhook_secret": "s",
    }
    received.RCS_BACKENDS = {"maap": {"BACKEND": "rcs_backends.gsma_maap.GSMAMaaP", "OPTIONS": options}}
    received.RCS_ROUTER = MEDIA | {"APPS": [f"{__name__}.Looks"]}
    Looks.seen.clear()


@pytest.mark.usefixtures("maap")
def test_once_digests_a_photo_and_fetches_it(stub: Stub) -> None:
    stub.default = answer(200, PNG)
    post(stub)
    call_command("rcs_worker", once=True)
    message = Message.objects.get()
    assert (message.kind, message.fields["url"]) == ("file", f"{stub.url}/u")
    rows = InboundFile.objects.filter(message=message).order_by("thumbnail")
    assert [(row.thumbnail, row.state, row.file.read()) for row in rows] == [
        (False, State.FETCHED, PNG),
        (True, State.FETCHED, PNG),
    ]
    assert Looks.seen == [[State.WAITING, State.WAITING]]


def test_the_worker_fetches_what_comes_in_while_it_runs(stub: Stub) -> None:
    stub.script.extend([answer(503), answer(200, PNG)])
    row = sent(f"{stub.url}/u")
    worker = Worker(WorkerThreads())
    look = worker.look

    def until_fetched() -> int:
        row.refresh_from_db()
        if row.state == State.FETCHED:
            worker.stop()
        return look()

    worker.look = until_fetched  # type: ignore[method-assign]
    with wake.silenced():
        worker.run()
    assert (row.state, row.tries) == (State.FETCHED, 2)


def test_tick_rings_and_the_task_does_it(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(wake._publisher, "add", rung.append)
    stub.default = answer(200, PNG)
    row = sent(f"{stub.url}/u")
    sweep.tick()
    assert (wake.FETCH,) in rung
    tasks.fetch()
    wait_until(lambda: InboundFile.objects.get(pk=row.pk).state == State.FETCHED)
    rung.clear()
    sweep.tick()
    assert (wake.FETCH,) not in rung
