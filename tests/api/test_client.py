"""A client that a public generator makes from the document sends a card, typed from end to end."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rcs_router.content import Card
from rcs_router.models import Message
from tests.api.client import API
from tests.api.core import ALICE

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def test_a_generated_client_sends_a_card(
    live_server: Any, api: API, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = str(Path(sys.executable).parent / "openapi-python-client")
    made = subprocess.run(
        [
            tool,
            "generate",
            "--url",
            f"{live_server.url}/rcs/api/schema.json",
            "--meta",
            "none",
            "--output-path",
            "made",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "WARNING" not in made.stdout + made.stderr, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    client = importlib.import_module("made").AuthenticatedClient(
        base_url=f"{live_server.url}/rcs/api", token=api.token, prefix="Token"
    )
    models = importlib.import_module("made.models")
    send = importlib.import_module("made.api.messages.send_message")
    card = models.Card(
        type_="card",
        title="Boots",
        media=models.Media(url="https://shop.example/boots.jpg"),
        suggestions=[models.Reply(type_="reply", label="Keep", postback="keep_7")],
    )
    body = models.Outgoing(content=card, recipients=models.Identities(backend="rcs", identities=[ALICE]))
    with client as opened:
        accepted = send.sync(client=opened, body=body, idempotency_key="order-7")
        listed = importlib.import_module("made.api.messages.list_messages").sync(client=opened)
        refused = send.sync(client=opened, body=models.Outgoing(content="", recipients=body.recipients))
    message = Message.objects.get()
    assert accepted.id == message.pk
    assert isinstance(message.body, Card)
    assert message.body.suggestions[0].label == "Keep"
    assert listed.results[0].content.title == "Boots"
    assert (refused.code, refused.path) == ("content_invalid", "text")
