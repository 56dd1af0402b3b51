"""Check the project: its database, Celery and its URLs, as far as the router needs them."""

import re
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage
from django.urls import Resolver404, URLResolver, get_resolver, resolve
from django.utils import translation
from django.utils.module_loading import import_string

from rcs_router import database, sql
from rcs_router.backends import webhook_url
from rcs_router.checks.ids import found

_OLDEST_SQLITE = (3, 35)


def check_surroundings(**kwargs: object) -> list[CheckMessage]:
    """Check the database, Celery and the URLs."""
    return [*_database(), *_celery(), *_urls()]


def _database() -> Iterator[CheckMessage]:
    if not database.is_configured(database.alias()):
        return  # check_databases reports it
    connection = database.connection()
    where = f"The router's database {connection.alias!r}"
    if connection.vendor not in sql.SUPPORTED:
        yield found("E201", f"{where} is {connection.vendor}, which is not supported")
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        yield found("E202", f"{where} is SQLite {sqlite3.sqlite_version}, which is too old")
    if not settings.USE_TZ:
        yield found("E203", "USE_TZ is False")
    kept = connection.settings_dict["CONN_MAX_AGE"] != 0 or connection.settings_dict["OPTIONS"].get("pool")
    if connection.vendor == "postgresql" and not kept and not settings.DEBUG:
        yield found("W203", f"{where} has CONN_MAX_AGE = 0")


def _celery() -> Iterator[CheckMessage]:
    from celery import current_app  # here, because the project's app needs the settings

    config = current_app.conf
    if config.task_always_eager and not settings.DEBUG:
        yield found("W201", "Celery's task_always_eager is set")
    own = current_app.main != "default"  # otherwise there is no Celery app, and rcs_worker may do the work
    if not _has_schedule_in_database(config) and (config.beat_schedule or (own and _wakes())):
        yield from _beat(config.beat_schedule)


def _has_schedule_in_database(config: Any) -> bool:
    """Return True if beat keeps its schedule in the database, which a check must not query."""
    return "django_celery_beat" in f"{config.beat_scheduler} {settings.INSTALLED_APPS}"


def _beat(schedule: dict[str, Any]) -> Iterator[CheckMessage]:
    entries = [entry for entry in schedule.values() if isinstance(entry, dict)]
    if not any(entry.get("task") == "rcs_router.tick" for entry in entries):
        yield found("W202", "Celery's beat_schedule has no rcs_router.tick")


def _wakes() -> bool:
    """Return True if WAKE is on, as far as the settings can be read."""
    given = getattr(settings, "RCS_ROUTER", {})
    return not isinstance(given, dict) or bool(given.get("WAKE", True))


def _urls() -> Iterator[CheckMessage]:
    if not getattr(settings, "ROOT_URLCONF", ""):
        return
    url = _public_url()
    try:
        included = _is_included(get_resolver())
        leads = bool(url) and _resolves_to_webhook(url)
    except Exception:  # Django's own checks report problems of the URLs
        return
    if not included and aliases_with_webhook():
        yield found("W204", "rcs_router.urls is not included")
    elif included and url and not leads:
        yield found(
            "W211",
            f'RCS_ROUTER["PUBLIC_URL"]: {urlsplit(url).path!r} is not where rcs_router.urls is included',
        )


def _public_url() -> str:
    """Return the full address of a webhook, or "" if PUBLIC_URL is missing or not valid (W101 and E111 report it)."""
    given = getattr(settings, "RCS_ROUTER", {})
    url = given.get("PUBLIC_URL") if isinstance(given, dict) else ""
    try:
        parts = urlsplit(url if isinstance(url, str) and not re.search(r"[\s?#]", url) else "")
    except ValueError:
        return ""
    is_one = parts.scheme in {"http", "https"} and parts.hostname
    return webhook_url("alias", url) if is_one else ""


def _is_included(resolver: URLResolver) -> bool:
    """Return True if rcs_router.urls is included anywhere, also below a prefix with arguments."""
    inner = [one for one in resolver.url_patterns if isinstance(one, URLResolver)]
    return any(one.app_name == "rcs_router" or _is_included(one) for one in inner)


def _resolves_to_webhook(url: str) -> bool:
    """Resolve the path as Django does: without FORCE_SCRIPT_NAME, in the language that the path names."""
    path, script = unquote(urlsplit(url).path), (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
    if not path.startswith(f"{script}/"):
        return False
    path = path.removeprefix(script)
    with translation.override(translation.get_language_from_path(path) or settings.LANGUAGE_CODE):
        try:
            match = resolve(path)
        except Resolver404:
            return False
    return "rcs_router" in match.app_names and match.url_name == "webhook"


def aliases_with_webhook() -> list[str]:
    """Return the aliases whose provider posts to webhooks, as far as wrong settings allow to tell."""
    given = getattr(settings, "RCS_BACKENDS", {})
    entries = given.items() if isinstance(given, dict) else ()
    return [str(alias) for alias, entry in entries if _uses_webhook(entry)]


def _uses_webhook(entry: Any) -> bool:
    try:
        return bool(import_string(entry["BACKEND"]).capabilities.webhook)
    except Exception:  # check_backends reports it
        return False
