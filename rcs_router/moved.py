"""Old names of modules that have moved, such as rcs_router.consent. They work until version 1.0."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

MOVED = {
    **{name: f"outbox.{name}" for name in ("senders", "screening", "policy", "pace", "expiry", "outbounds")},
    **{name: f"inbox.{name}" for name in ("webhooks", "incoming", "forms", "brake", "transactions", "media")},
    **{
        name: f"people.{name}"
        for name in ("identities", "recipients", "consent", "caps", "quiet", "languages")
    },
    **{name: f"people.{name}" for name in ("numbering", "linking")},
    **{name: f"content.{name}" for name in ("links", "spelling")},
    "delivery": "outbox.drain",
    "routing": "inbox.queue",
    "stations": "threads",
    "counts": "alarms.counts",
}


class _Loader(Loader):
    def __init__(self, new: str) -> None:
        self.new = new

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the moved module itself, so that both names are one module."""
        module = import_module(self.new)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # importlib has replaced it by the old name's


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, old, *below = [*name.split("."), ""]
        if package != "rcs_router" or old not in MOVED:
            return None
        new = ".".join([package, MOVED[old], *below]).rstrip(".")
        return spec_from_loader(name, _Loader(new))


def install() -> None:
    """Let Python find the old names; called when the package is imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())  # before the one that would load a second copy of a submodule
