"""`manage.py rcs_consent <number>`: who said what and when about our promotions, as lines or as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from rcs_router.errors import IdentityError
from rcs_router.people import consent
from rcs_router.people.identities import normalise


class Command(BaseCommand):
    help = "Show the evidence of one number's consent: every line of the ledger, oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="a phone number, or a provider's token")
        parser.add_argument("--brand", help="only what counts for this BRAND; default: all brands")
        parser.add_argument("--json", action="store_true", help="as JSON, for machines and lawyers")

    def handle(self, *args: Any, number: str, brand: str | None, json: bool, **options: Any) -> None:
        subject = _subject(number)
        lines = consent.evidence(subject, brand)
        if json:
            self.stdout.write(_dumped(lines))
            return
        for line in lines:
            self.stdout.write(_written(line))
        if not lines:
            self.stdout.write(f"The ledger has nothing about {subject}.")


def _subject(written: str) -> str:
    try:
        return normalise(written, tokens=True)
    except IdentityError:  # a short code, or whatever else wrote to us
        return written


def _dumped(lines: list[dict[str, Any]]) -> str:
    return json.dumps(lines, indent=2, ensure_ascii=False)


def _written(line: dict[str, Any]) -> str:
    """2026-11-22T09:30:00+00:00  opted out  keyword via sms, brand acme: “Stop!”, said at …"""
    via = f" via {line['backend']}" if line["backend"] else ""
    brand = f", brand {line['brand']}" if line["brand"] else ""
    words = f": “{line['words']}”" if line["words"] else ""
    said = f", said at {line['said_at']}" if line["said_at"] else ""
    return f"{line['when']}  {line['what']}  {line['source']}{via}{brand}{words}{said}"
