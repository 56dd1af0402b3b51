"""`manage.py rcs_doctor`: how everything stands and what to do, as lines or as JSON; 1 when something is wrong."""

import dataclasses
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core import checks
from django.core.management.base import BaseCommand

from rcs_router import health
from rcs_router.health import Finding


class Command(BaseCommand):
    help = "Show how the router, its backends and its workers stand, and what to do about what is wrong."
    requires_system_checks = []  # a wrong setting is one of the things that are shown

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON, like health/")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        found = [*_settings(), *health.findings()]
        self.stdout.write(_dumped(found) if json else "\n".join(_line(one) for one in found))
        if not all(one.ok for one in found):
            sys.exit(1)


def _settings() -> list[Finding]:
    """The system checks of this app; a warning is something wrong, too."""
    every = checks.run_checks(include_deployment_checks=True)
    wrong = [one for one in every if str(one.id).startswith("rcs_router.")]
    found = [Finding(f"settings {one.id}", False, one.msg, one.hint or "") for one in wrong]
    return found or [Finding("settings", True, "no check has anything to say")]


def _line(one: Finding) -> str:
    line = f"{'ok   ' if one.ok else 'WRONG'}  {one.name}: {one.detail}"
    return f"{line}\n       → {one.todo}" if one.todo else line


def _dumped(found: list[Finding]) -> str:
    body = {"ok": all(one.ok for one in found), "findings": [dataclasses.asdict(one) for one in found]}
    return json.dumps(body, indent=2, ensure_ascii=False)
