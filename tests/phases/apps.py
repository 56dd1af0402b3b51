"""Router apps that note every call and do what a test tells them."""

from collections.abc import Callable
from typing import Any

from rcs_router.phases import RouterApp

calls: list[tuple[str, str]] = []
script: dict[tuple[str, str], Callable[[Any], Any]] = {}
PATHS = [f"{__name__}.{name}" for name in "ABC"]
PHASES = ("filter", "parse", "handle", "default", "cleanup")


def forget() -> None:
    calls.clear()
    script.clear()


def seen(phase: str) -> str:
    """The apps whose `phase` was called, in order: "ABC"."""
    return "".join(app for app, called in calls if called == phase)


class Scripted(RouterApp):
    def _do(self, phase: str, message: Any) -> Any:
        app = type(self).__name__
        calls.append((app, phase))
        return script.get((app, phase), lambda message: None)(message)

    def filter(self, message: Any) -> Any:
        return self._do("filter", message)

    def parse(self, message: Any) -> Any:
        return self._do("parse", message)

    def handle(self, message: Any) -> Any:
        return self._do("handle", message)

    def default(self, message: Any) -> Any:
        return self._do("default", message)

    def cleanup(self, message: Any) -> Any:
        return self._do("cleanup", message)

    def outgoing(self, message: Any) -> Any:
        return self._do("outgoing", message)


class A(Scripted): ...


class B(Scripted): ...


class C(Scripted): ...
