"""A backend whose provider answers when a file appears; every request leaves a file when it begins and when it ends."""

import time
from dataclasses import dataclass
from pathlib import Path

from rcs_router.content import Text
from rcs_router.contract import BaseBackend, Capabilities, Options, Outbound, SendResult
from rcs_router.errors import Unavailable


@dataclass(frozen=True)
class GateOptions(Options):
    """`folder`: where the files are; `open` in it lets requests pass."""

    folder: str


class GateBackend(BaseBackend):
    Options = GateOptions
    options: GateOptions
    capabilities = Capabilities(content=frozenset({Text}), webhook=False)

    def send(self, outbound: Outbound) -> SendResult:
        folder = Path(self.options.folder)
        (folder / f"began-{outbound.id}").touch()
        until = time.monotonic() + 30
        while not (folder / "open").exists():
            if time.monotonic() > until:
                raise Unavailable("the gate stayed closed")
            time.sleep(0.01)
        (folder / f"ended-{outbound.id}").touch()
        return SendResult()
