"""Settings that the tests of the API share, and a backend that can be asked what phones can."""

import dataclasses
from typing import Any

from rcs_router.api import openapi, urls
from rcs_router.errors import SendError
from rcs_router.testing import MemoryBackend
from tests import core

ALICE, BOB, CAROL = core.ALICE, core.BOB, core.CAROL
CARD = {
    "type": "card",
    "title": "Boots",
    "media": {"url": "https://shop.example/boots.jpg"},
    "suggestions": [{"type": "reply", "label": "Keep", "postback": "keep_7"}],
}


class Asked(MemoryBackend):
    """Alice's phone can do all, Bob has none, of others it says nothing. `trouble`: what the next question raises."""

    capabilities = dataclasses.replace(MemoryBackend.capabilities, check=True, tokens=True)
    trouble: SendError | None = None

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        if self.trouble:
            raise self.trouble
        known: dict[str, frozenset[str] | None] = {ALICE: frozenset({"CARD", "ACTION"}), BOB: None}
        return {identity: known[identity] for identity in identities if identity in known}


BACKENDS: dict[str, Any] = {**core.BACKENDS, "asked": {"BACKEND": "tests.api.core.Asked"}}
ROUTER: dict[str, Any] = core.ROUTER


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the API."""
    return openapi.document(urls.resources)
