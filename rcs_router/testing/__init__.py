"""For your tests: test cases, handsets and scripts without a network; for backends of your own, a suite and a stub.

`conformance` needs pytest and hypothesis, `plugin` needs pytest and pytest-django; the rest needs nothing.
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
    # Lazily, because settings may name MemoryBackend before there are models.
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
