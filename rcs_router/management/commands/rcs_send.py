"""`manage.py rcs_send <number>… "text"`: store a message to some numbers, and print its ids."""

import json
import sys
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router.backends import default_alias
from rcs_router.content import Content, Text, load
from rcs_router.contract import Status, Traffic
from rcs_router.errors import RCSError
from rcs_router.models import Message
from rcs_router.people.connections import lookup_connections
from rcs_router.router import send


class Command(BaseCommand):
    help = "Store a message; a worker (Celery, or manage.py rcs_worker) sends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", nargs="+", help="phone number of a recipient, e.g. +37255501234")
        parser.add_argument("text", help="text of the message; with --card-json, the text of an SMS fallback")
        parser.add_argument("--backend", help="alias in RCS_BACKENDS (default: RCS_ROUTER's DEFAULT_BACKEND)")
        parser.add_argument(
            "--traffic", choices=[str(kind) for kind in Traffic], help="traffic type of the message"
        )
        parser.add_argument(
            "--ttl", type=float, metavar="SECONDS", help="time after which the message expires"
        )
        parser.add_argument(
            "--card-json", metavar="FILE", help="content as JSON (rcs_router.content.dump); - reads stdin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            message = _send(**options)
        except (RCSError, ValueError, OverflowError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"message {message.pk}")
        for row in message.transmissions.select_related("connection"):
            status = Status(row.status).name.lower()
            why = f" ({row.reason})" if row.reason else ""
            self.stdout.write(f"{row.pk}  {row.connection}: {status}{why}")


def _send(
    number: list[str],
    text: str,
    backend: str | None,
    traffic: str | None,
    ttl: float | None,
    card_json: str | None,
    **ignored: Any,
) -> Message:
    if not (alias := backend or default_alias()):
        raise CommandError("RCS_BACKENDS is empty: configure a backend first")
    content, fallback_text = (_content(card_json), text) if card_json else (Text(text), "")
    return send(
        content,
        lookup_connections(alias, number),
        traffic=traffic,
        ttl=None if ttl is None else timedelta(seconds=ttl),
        fallback_text=fallback_text,
    )


def _content(path: str) -> Content:
    """Return the content in a JSON file: a card, unless the file has another `type`."""
    try:
        data = json.loads(sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise CommandError(f"{path} must hold a JSON object, not {type(data).__name__}")
    return load({"type": "card", **data})
