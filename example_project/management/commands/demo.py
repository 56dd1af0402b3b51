"""`manage.py demo`: run the shop and the emulator in one process, play a story, then serve pages to try out."""

import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError

from example_project.phones import Emulator
from example_project.providers import PROVIDERS
from example_project.stage import LOGIN, CannotListen, stage
from example_project.story import StepFailed, Story

ENDS = (signal.SIGINT, signal.SIGTERM)


class Command(BaseCommand):
    help = "Play a short story between the example shop and three phones, then keep serving them."
    requires_system_checks = ()  # the demo checks its own backends, not those of the settings

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
            raise CommandError(f"{port} is not a port: choose one from 1 to 65535, or 0 for any free one")
        self.began = time.monotonic()
        with self._plain_errors(), stage(port, backend) as url:
            self.check()
            self._play(url, backend, no_story)
            if once:
                _ignore_signals()  # do not interrupt the shutdown
            else:
                self._serve(url)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Turn every error that ends the demo into one sentence; `--traceback` shows the rest."""
        for number in ENDS:
            signal.signal(number, _interrupt)
        try:
            yield
        except CommandError:
            raise
        except BrokenPipeError:
            self._leave()
        except CannotListen as error:
            raise CommandError(f"{error}. Choose another port: --port N") from error
        except StepFailed as failed:
            raise CommandError(f"The story stopped at: {failed}") from failed
        except KeyboardInterrupt:
            raise CommandError("Interrupted.") from None
        except Exception as error:
            raise CommandError(f"The demo has failed: {type(error).__name__}: {error}") from error

    def _leave(self) -> NoReturn:
        """End without output: nobody reads it, and Python would complain when it closes stdout."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1)

    def _play(self, url: str, backend: str, no_story: bool) -> None:
        story = Story(Emulator(f"{url}/emulator/"), backend, self._title, self._done)
        if not no_story:
            story.play()
            self._say(self.style.SUCCESS(f"\nEvery step was seen, in {self._elapsed():.1f} s."))

    def _say(self, text: str) -> None:
        """Print `text` at once, also into a pipe or a file. Without any output (`>&-`) it prints nothing.

        Raises KeyboardInterrupt if a library has swallowed the interrupt that should end the demo.
        """
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt
        if sys.stdout:
            self.stdout.write(text)
            self.stdout.flush()

    def _title(self, text: str) -> None:
        self._say(f"\n{self.style.MIGRATE_HEADING(text)}")

    def _done(self, text: str) -> None:
        self._say(f"  {self.style.SUCCESS('✓')} {text:<62} {self._elapsed():5.1f} s")

    def _elapsed(self) -> float:
        return time.monotonic() - self.began

    def _serve(self, url: str) -> None:
        self._say(f"\n  The phones   {url}/emulator/   (tap, answer, go offline)")
        self._say(f"  The admin    {url}/admin/      (login {LOGIN}, password {LOGIN})")
        self._say("\nServing until Ctrl-C.")
        with suppress(KeyboardInterrupt):
            while (
                signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
            ):  # a library may have swallowed the interrupt
                time.sleep(0.5)
        self.stdout.write("\nGood bye.")


def _interrupt(number: int, frame: object) -> NoReturn:
    """Interrupt the demo once; later signals must not disturb the shutdown."""
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for one in ENDS:
        signal.signal(one, signal.SIG_IGN)
