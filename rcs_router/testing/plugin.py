"""pytest's fixtures `rcs` and `handset`, for `pytest_plugins = ["rcs_router.testing.plugin"]` in your conftest.py.

Needs pytest and pytest-django. Nothing is imported before the first test that asks for a fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rcs_router.testing.handset import Handset
    from rcs_router.testing.world import World


@pytest.fixture
def rcs(db: None, settings: Any) -> Iterator["World"]:
    """A world without a network: no backend is called, no broker is rung. With your RCS_BACKENDS and RCS_ROUTER."""
    from rcs_router.testing.world import World

    world = World()
    for name, value in world.changes.items():  # by pytest-django, which takes them back after yours
        setattr(settings, name, value)
    world.changes = {}
    with world:
        yield world


@pytest.fixture
def handset(rcs: "World") -> "Handset":
    """A phone with RCS. More of them: `rcs.handset("+37255501234")`."""
    return rcs.handset()
