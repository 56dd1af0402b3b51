"""`manage.py rcs_doctor`: show the state of everything and what to do, as lines or JSON; exit with 1 on a problem."""

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
    help = "Show the state of the router, its backends and its workers, and what to do about each problem."
    requires_system_checks = []  # a wrong setting is one of the findings

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as JSON, in the format of health/")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        found = [*_settings(), *health.findings()]
        self.stdout.write(_as_json(found) if json else "\n".join(_line(one) for one in found))
        if not all(one.ok for one in found):
            sys.exit(1)


def _settings() -> list[Finding]:
    """Return the problems that this app's system checks report. A warning is a problem, too."""
    every = checks.run_checks(include_deployment_checks=True)
    wrong = [one for one in every if str(one.id).startswith("rcs_router.")]
    found = [Finding(f"settings {one.id}", False, one.msg, one.hint or "") for one in wrong]
    return found or [Finding("settings", True, "the system checks found no problem")]


def _line(one: Finding) -> str:
    line = f"{'ok   ' if one.ok else 'WRONG'}  {one.name}: {one.detail}"
    return f"{line}\n       → {one.todo}" if one.todo else line


def _as_json(found: list[Finding]) -> str:
    body = {"ok": all(one.ok for one in found), "findings": [dataclasses.asdict(one) for one in found]}
    return json.dumps(body, indent=2, ensure_ascii=False)
