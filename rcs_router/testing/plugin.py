"""Pytest fixtures `rcs` and `handset`. Put `pytest_plugins = ["rcs_router.testing.plugin"]` into your conftest.py.

Needs pytest and pytest-django. Imports nothing of the router before a test asks for a fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rcs_router.testing.handset import Handset
    from rcs_router.testing.world import World


@pytest.fixture
def rcs(db: None, settings: Any) -> Iterator["World"]:
    """A World without a network, with your RCS_BACKENDS and RCS_ROUTER. It calls no backend and no broker."""
    from rcs_router.testing.world import World

    world = World()
    for name, value in world.changes.items():  # pytest-django undoes them after your changes
        setattr(settings, name, value)
    world.changes = {}
    with world:
        yield world


@pytest.fixture
def handset(rcs: "World") -> "Handset":
    """A phone with RCS. For more phones use `rcs.handset("+37255501234")`."""
    return rcs.handset()
