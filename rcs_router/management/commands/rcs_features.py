"""`manage.py rcs_features`: write the feature table of configured backends, or of classes by dotted path."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from rcs_router.backends import backends
from rcs_router.contract import BaseBackend
from rcs_router.errors import ConfigError
from rcs_router.management.features import Column, page


class Command(BaseCommand):
    help = "Write a page of what each backend carries, what happens to the rest, and the limits."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", nargs="*", help="dotted path of a backend class (default: the backends in RCS_BACKENDS)"
        )
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="file to write (default: standard output)"
        )
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail when --output is not up to date"
        )

    def handle(self, *, path: list[str], output: Path | None, check: bool, **options: Any) -> None:
        if check and not output:
            raise CommandError("--check needs --output, the file that is compared")
        columns = [_column(one) for one in path] or _configured()
        if not columns:
            raise CommandError("RCS_BACKENDS is empty: give the dotted path of a backend class")
        text = page(columns)
        if not output:
            self.stdout.write(text, ending="")
        elif not check:
            output.write_text(text, encoding="utf-8")
        elif not output.is_file() or output.read_text(encoding="utf-8") != text:
            raise CommandError(f"{output} is not up to date: run the same command without --check")


def _column(path: str) -> Column:
    try:
        found = import_string(path)
    except ImportError as error:
        raise CommandError(str(error)) from error
    if not (isinstance(found, type) and issubclass(found, BaseBackend)):
        raise CommandError(f"{path} is not a subclass of BaseBackend")
    return Column.of(found)


def _configured() -> list[Column]:
    try:
        return [Column.of(backends[alias], f"{alias} ({backends[alias].provider})") for alias in backends]
    except ConfigError as error:
        raise CommandError(str(error)) from error
