"""Report the state of everything, for `health/`, `rcs_doctor` and people on call. Each query uses an index."""

import dataclasses
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from rcs_router import alarms, database, logs, sql
from rcs_router.alarms import measures, rules
from rcs_router.alarms.watch import HOUR, review_words
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.errors import ConfigError
from rcs_router.models import Alarm, BackendState, StoredWebhook, Transmission

DATABASE_TROUBLE = (DatabaseError, InterfaceError)
DOWN = f"Mend the database, or how it is reached; {alarms.PAGE}, “The database is down”."


@dataclass(frozen=True)
class Finding:
    """The state of one thing, and what to do if it is not well."""

    name: str
    ok: bool
    detail: str
    todo: str = ""


def findings(now: datetime | None = None) -> list[Finding]:
    """Return the state of everything at `now`; only one finding while the database is down. Raises nothing of its
    own.
    """
    try:
        _ask_the_database()
        migrations = _migrations()
        found = [Finding("database", True, "answers"), migrations]
        return [*found, *_standing(now or sql.now(Transmission))] if migrations.ok else found
    except DATABASE_TROUBLE as error:
        return [Finding("database", False, f"does not answer ({type(error).__name__})", DOWN)]
    except ConfigError as error:
        return [Finding("settings", False, str(error), "Run manage.py check.")]


def _ask_the_database() -> None:
    """Ask twice, because a kept connection may be older than the server's last restart."""
    connection = database.connection()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DATABASE_TROUBLE:
        if connection.in_atomic_block:
            raise
        connection.close()
        connection.ensure_connection()


def _migrations() -> Finding:
    module, _ = MigrationLoader.migrations_module("rcs_router")
    path = import_module(module).__path__ if module else []
    wanted = {one.name for one in pkgutil.iter_modules(path) if one.name[0] not in "_~"}
    recorded = MigrationRecorder(database.connection()).applied_migrations()
    missing = sorted(wanted - {name for app, name in recorded if app == "rcs_router"})
    if missing:
        return Finding("migrations", False, f"missing: {', '.join(missing)}", "Run manage.py migrate.")
    return Finding("migrations", True, "all are applied")


def _standing(now: datetime) -> Iterator[Finding]:
    yield from _backends(now)
    yield _inbox(now)
    yield _review(now)
    yield from _runs(now)
    yield _alarms()
    yield _webhooks(now)


def _ago(now: datetime, moment: datetime) -> str:
    return logs.spoken((now - moment).total_seconds())


def _advice(kind: str) -> str:
    words = alarms.advice(kind)
    return f"{words[0].upper()}{words[1:]}."


def _backends(now: datetime) -> Iterator[Finding]:
    states = {state.pk: state for state in BackendState.objects.all()}
    oldest = measures.oldest_due(now)
    for alias in backends:
        yield _backend(alias, states.get(alias), oldest.get(alias), now)


def _backend(alias: str, state: BackendState | None, due: datetime | None, now: datetime) -> Finding:
    name, queue = f"backend {alias}", _queue(alias, due, now)
    if state and state.pauses:
        return Finding(name, False, f"{_pause(alias, state, now)}; {queue}", _advice(alarms.PAUSED))
    if rules.too_old(now - due if due else None, router_settings().BACKLOG_AFTER, raised=False):
        return Finding(name, False, queue, _advice(alarms.BACKLOG))
    return Finding(name, True, f"works; {queue}")


def _pause(alias: str, state: BackendState, now: datetime) -> str:
    since = f" since {state.paused_since:%Y-%m-%d %H:%M:%S %Z}" if state.paused_since else ""
    until = state.paused_until
    again = f"tried again in {_ago(until, now)}" if until and until > now else "tried with one message now"
    words = f": “{logs.safe(state.detail, alias)}”" if state.detail else ""
    return f"paused{since} ({logs.safe(state.reason, alias) or 'no reason'}{words}), {again}"


def _queue(alias: str, due: datetime | None, now: datetime) -> str:
    count = measures.waiting(alias, now)
    if not count:
        return "nothing waits"
    number = f"{count} due" if count < measures.COUNTED else f"{count} or more due"
    return f"{number}, the oldest that is not a promotion for {_ago(now, due)}" if due else number


def _inbox(now: datetime) -> Finding:
    waiting = {
        "stored webhook": measures.oldest_webhook(),
        "incoming message": measures.oldest_unrouted(),
    }
    due = {what: since for what, since in waiting.items() if since and since <= now}
    late = max((now - since for since in due.values()), default=None)
    words = "; ".join(f"the oldest {what} waits for {_ago(now, since)}" for what, since in due.items())
    ok = not rules.too_old(late, router_settings().BACKLOG_AFTER, raised=False)
    return Finding("inbox", ok, words or "nothing waits", "" if ok else _advice(alarms.BACKLOG))


def _review(now: datetime) -> Finding:
    rows, limit = measures.review(now - timedelta(days=3650)), router_settings().REVIEW_LIMIT
    aside = measures.set_aside(now - HOUR)
    ok = not rules.growing(len(measures.review(now - HOUR)) + aside, limit, raised=False)
    more = "the newest: " if len(rows) >= measures.COUNTED else ""
    words = f"{more}{review_words(rows, aside)}" if rows or aside else "empty"
    return Finding("review", ok, words, "" if ok else _advice(alarms.REVIEW))


def _runs(now: datetime) -> Iterator[Finding]:
    """Check that the sweep runs, and beat where it has run before: `rcs_worker` needs no beat."""
    last, limit = measures.last_runs(), router_settings().BEAT_AFTER
    for job, never in (("sweep", False), ("beat", True)):
        at = last.get(job)
        ok = never if at is None else not rules.missing(now - at, limit)
        words = "has never run" if at is None else f"ran {_ago(now, at)} ago"
        yield Finding(job, ok, words, "" if ok else _advice(alarms.BEAT))


def _alarms() -> Finding:
    rows = list(Alarm.objects.filter(ended_at=None).order_by("raised_at"))
    words = [
        f"{row} since {row.raised_at:%Y-%m-%d %H:%M:%S %Z}{f' ({row.detail})' if row.detail else ''}"
        for row in rows
    ]
    todo = " ".join(dict.fromkeys(_advice(row.kind) for row in rows))
    return Finding("alarms", not rows, "; ".join(words) or "none", todo)


def _webhooks(now: datetime) -> Finding:
    """Return the newest webhook of each backend among the newest of all, by one index lookup."""
    newest: dict[str, datetime] = {}
    rows = StoredWebhook.objects.order_by("-received_at").values_list("backend", "received_at")
    for alias, at in rows[: measures.COUNTED]:
        newest.setdefault(alias, at)
    takers = [alias for alias in backends if measures.takes_webhooks(alias)]
    words = [
        f"{alias} {_ago(now, newest[alias])} ago" if alias in newest else f"{alias} not lately"
        for alias in takers
    ]
    return Finding("last webhook", True, ", ".join(words) or "no backend takes any")


@never_cache
@require_safe
@login_not_required
@database.non_atomic_requests
def page(request: HttpRequest, *prefix: object, **path: object) -> JsonResponse:
    """Answer 200 if all is well, 503 if something needs a person, and 403 without the right to see it.

    `prefix`, `path`: URL arguments of the project's own prefix.
    """
    try:
        if not _may_look(request):
            return JsonResponse({"detail": "a token or a staff member's login is needed"}, status=403)
        found = findings()
    except DATABASE_TROUBLE:  # the user's session is in the database too
        found = findings()[:1]
    ok = all(finding.ok for finding in found)
    body = {"ok": ok, "findings": [dataclasses.asdict(finding) for finding in found]}
    response = JsonResponse(body, status=200 if ok else 503, json_dumps_params={"ensure_ascii": False})
    # Django logs an ERROR for each 503, and mails it to ADMINS: as often as a monitor asks.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _may_look(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    token = router_settings().HEALTH_TOKEN
    if token and scheme.lower() == "bearer" and constant_time_compare(given.strip(), token):
        return True
    user = getattr(request, "user", None)
    return bool(user and user.is_active and user.is_staff)
