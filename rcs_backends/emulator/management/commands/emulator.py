"""`manage.py emulator`: serves the emulator alone until Ctrl-C."""

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_backends.emulator import server
from rcs_backends.emulator.gate import TAG
from rcs_backends.emulator.wires import wires

CONTROL = {"Faults": "faults/", "Ledger": "ledger/", "Dials": "config/"}


def addresses() -> dict[str, str]:
    """Return what can be reached, and where below the prefix."""
    found = {"Handsets (open it in a browser)": ""}
    for wire in wires().values():
        found |= wire.addresses
    return found | CONTROL


class Command(BaseCommand):
    help = "Serve the RCS emulator alone: the providers' APIs, and the phones."
    requires_system_checks = (TAG,)  # the others may fail until it runs: its key file is made by itself

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8020, help="port to listen on; 0: any free one")
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        application = server.with_static_files(server.EmulatorOnly())
        try:
            running = server.start(options["port"], options["host"], application)
        except (OSError, OverflowError) as error:  # taken, or no port at all
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"Cannot listen on {options['host']}:{options['port']}: {reason}") from error
        with running:
            for what, path in addresses().items():
                self.stdout.write(f"{what:36} {running.url}/emulator/{path}")
            self.stdout.write("Ctrl-C ends it.")
            self.stdout.flush()  # into a pipe, too
            self._wait()

    def _wait(self) -> None:
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self.stdout.write("")
