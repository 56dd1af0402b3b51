"""`manage.py rcs_consent <number>`: show the consent evidence of one number, as lines or as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from rcs_router.errors import IdentityError
from rcs_router.people import consent
from rcs_router.people.identities import normalise


class Command(BaseCommand):
    help = "Show the evidence of one number's consent: every entry of the ledger, oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="a phone number, or a provider's token")
        parser.add_argument("--brand", help="only entries that count for this BRAND; default: all brands")
        parser.add_argument("--json", action="store_true", help="as JSON, for programs")

    def handle(self, *args: Any, number: str, brand: str | None, json: bool, **options: Any) -> None:
        subject = _normalised(number)
        lines = consent.evidence(subject, brand)
        if json:
            self.stdout.write(_as_json(lines))
            return
        for line in lines:
            self.stdout.write(_as_text(line))
        if not lines:
            self.stdout.write(f"The ledger has no entry about {subject}.")


def _normalised(written: str) -> str:
    try:
        return normalise(written, tokens=True)
    except IdentityError:  # a short code, or another sender that is not a phone number
        return written


def _as_json(lines: list[dict[str, Any]]) -> str:
    return json.dumps(lines, indent=2, ensure_ascii=False)


def _as_text(line: dict[str, Any]) -> str:
    """Return e.g. "2026-11-22T09:30:00+00:00  opted out  keyword via sms, brand acme: “Stop!”, said at …"."""
    via = f" via {line['backend']}" if line["backend"] else ""
    brand = f", brand {line['brand']}" if line["brand"] else ""
    words = f": “{line['words']}”" if line["words"] else ""
    said = f", said at {line['said_at']}" if line["said_at"] else ""
    return f"{line['when']}  {line['what']}  {line['source']}{via}{brand}{words}{said}"
