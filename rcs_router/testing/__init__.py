"""Test helpers: test cases, handsets and scripts that need no network, and a test suite for backends of your own.

`conformance` needs pytest and hypothesis, and `plugin` needs pytest and pytest-django. The other modules need neither.
"""

from typing import TYPE_CHECKING, Any

from rcs_router.testing.memory import CHIPS, RICH, MemoryBackend, MemoryOptions, MemorySMS

if TYPE_CHECKING:
    from rcs_router.testing.cases import RCSTestCase, RCSTestMixin, RCSTransactionTestCase
    from rcs_router.testing.comparison import ScriptFailed
    from rcs_router.testing.handset import Handset, Shown
    from rcs_router.testing.rapidsms import RapidTest, RapidTransactionTest
    from rcs_router.testing.waiting import no_waiting
    from rcs_router.testing.world import AppFailed, World

__all__ = [
    "CHIPS",
    "RICH",
    "AppFailed",
    "Handset",
    "MemoryBackend",
    "MemoryOptions",
    "MemorySMS",
    "RCSTestCase",
    "RCSTestMixin",
    "RCSTransactionTestCase",
    "RapidTest",
    "RapidTransactionTest",
    "ScriptFailed",
    "Shown",
    "World",
    "no_waiting",
]
_WHERE = {
    **dict.fromkeys(["RCSTestCase", "RCSTestMixin", "RCSTransactionTestCase"], "cases"),
    **dict.fromkeys(["RapidTest", "RapidTransactionTest"], "rapidsms"),
    **dict.fromkeys(["Handset", "Shown"], "handset"),
    **dict.fromkeys(["AppFailed", "World"], "world"),
    "ScriptFailed": "comparison",
    "no_waiting": "waiting",
}


def __getattr__(name: str) -> Any:
    # Import lazily: settings may name MemoryBackend before the models are loaded.
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
