"""`manage.py demo`: the shop and an emulated world in one process; a story comes out, then pages to play with."""

import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from example_project.phones import Emulator
from example_project.providers import PROVIDERS
from example_project.stage import LOGIN, stage
from example_project.story import StepFailed, Story


class Command(BaseCommand):
    help = "Play a short story between the example shop and three phones, then keep serving them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="end after the story: 0 if every step was seen"
        )
        parser.add_argument(
            "--backend", choices=list(PROVIDERS), default="google", help="the provider that carries RCS"
        )
        parser.add_argument("--port", type=int, default=8000, help="port to listen on; 0: any free one")
        parser.add_argument("--no-story", action="store_true", help="only serve")

    def handle(self, *args: Any, once: bool, backend: str, port: int, no_story: bool, **options: Any) -> None:
        if not 0 <= port <= 65535:
            raise CommandError(f"{port} is no port: choose one from 1 to 65535, or 0 for any free one")
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
        self.began = time.monotonic()
        try:
            with stage(port, backend) as url:
                self._play(url, backend, no_story)
                if not once:
                    self._serve(url)
        except OSError as error:
            raise CommandError(
                f"Cannot listen on port {port}: {error.strerror}. Choose another one: --port N"
            ) from error
        except StepFailed as failed:
            raise CommandError(f"The story stopped at: {failed}") from failed
        except KeyboardInterrupt:
            raise CommandError("Interrupted.") from None

    def _play(self, url: str, backend: str, no_story: bool) -> None:
        story = Story(Emulator(f"{url}/emulator/"), backend, self._title, self._done)
        if not no_story:
            story.play()
            self.stdout.write(self.style.SUCCESS(f"\nEvery step was seen, in {self._elapsed():.1f} s."))

    def _title(self, text: str) -> None:
        self.stdout.write(f"\n{self.style.MIGRATE_HEADING(text)}")

    def _done(self, text: str) -> None:
        self.stdout.write(f"  {self.style.SUCCESS('✓')} {text:<62} {self._elapsed():5.1f} s")

    def _elapsed(self) -> float:
        return time.monotonic() - self.began

    def _serve(self, url: str) -> None:
        self.stdout.write(f"\n  The phones   {url}/emulator/   (tap, answer, go offline)")
        self.stdout.write(f"  The admin    {url}/admin/      (login {LOGIN}, password {LOGIN})")
        self.stdout.write("\nServing until Ctrl-C.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self.stdout.write("\nGood bye.")
