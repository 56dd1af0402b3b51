"""Steps that the tests of the admin share: addresses, what a page says, and running a list's action."""

import html
import re
from collections.abc import Iterable
from typing import Any

from django.contrib.messages import get_messages
from django.db.models import Model
from django.test import Client
from django.urls import reverse

MODELS = [
    "contact",
    "connection",
    "message",
    "transmission",
    "storedwebhook",
    "inboundfile",
    "consent",
    "consentrecord",
    "backendstate",
    "alarm",
]
READ_ONLY = MODELS[2:]


def listed(model: str) -> str:
    return reverse(f"admin:rcs_router_{model}_changelist")


def page(row: Model) -> str:
    return reverse(f"admin:rcs_router_{row._meta.model_name}_change", args=[row.pk])


def words(response: Any) -> str:
    """What a person reads: no tags, entities resolved, one line."""
    assert response.status_code == 200, response.status_code
    main = response.content.decode().partition('id="content"')[2]
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", main, flags=re.DOTALL)
    return " ".join(html.unescape(text).split())


def act(client: Client, model: str, action: str, rows: Iterable[Model]) -> tuple[int, list[str]]:
    """Tick `rows` in the list and run `action`: the answer's status, and what the person is told."""
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    response = client.post(listed(model), data)
    return response.status_code, [str(message) for message in get_messages(response.wsgi_request)]


def found(client: Client, model: str, **query: str) -> list[Any]:
    """The rows that the list shows."""
    response = client.get(listed(model), query)
    assert response.status_code == 200, response.headers.get("Location")
    return list(response.context["cl"].result_list)
