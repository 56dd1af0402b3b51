"""Find faults that no single message shows, from shares, ages and missing receipts, per backend or for the site."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rcs_router.alarms import counts, kinds, measures, receivers, rules
from rcs_router.alarms.episodes import begin, end
from rcs_router.alarms.measures import Silence, Sums
from rcs_router.backends import backends, webhook_url
from rcs_router.conf import router_settings
from rcs_router.logs import spoken
from rcs_router.models import Alarm

logger = logging.getLogger("rcs_router.alarms")

Key = tuple[str, str]  # kind and backend
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Trouble:
    """A fault that begins or keeps an alarm."""

    kind: str
    backend: str = ""
    detail: str = ""


@dataclass(frozen=True)
class View:
    """The time of the look, and the alarms that are raised."""

    now: datetime
    raised: frozenset[Key]
    outages: frozenset[str]  # aliases of backends that are paused
    recovered: dict[str, datetime]  # when each backend's last outage ended

    def is_raised(self, kind: str, backend: str = "") -> bool:
        return (kind, backend) in self.raised

    def age(self, since: datetime | None) -> timedelta | None:
        return None if since is None else self.now - since

    def is_excused(self, alias: str, window: float) -> bool:
        """Return True if there was an outage within the window: failed requests are then expected."""
        ended = self.recovered.get(alias)
        return alias in self.outages or (ended is not None and self.now - ended < timedelta(seconds=window))


def look(now: datetime) -> None:
    """Begin and end the alarms that follow from counts, ages and times in the database. Raises nothing."""
    try:
        counts.flush(force=True)
        _compare(now)
        receivers.mail_overdue(now)
        measures.prune(now)
    except Exception as error:  # the sweep goes on: its other work is more important
        logger.exception("looking for alarms failed: %s", type(error).__name__)


def _compare(now: datetime) -> None:
    """Begin an alarm for each new fault, and end the alarms whose fault is gone."""
    rows = list(Alarm.objects.all())
    raised = frozenset((row.kind, row.backend) for row in rows if row.ended_at is None)
    outages = frozenset(measures.paused() & set(backends))
    ends = {row.backend: row.ended_at or now for row in rows if row.kind == kinds.PAUSED}
    recovered = {alias: end for alias, end in ends.items() if alias not in outages}
    view = View(now, raised, outages, recovered)
    found = {(one.kind, one.backend): one.detail for one in troubles(view)}
    for (kind, backend), detail in found.items():
        if (kind, backend) not in raised:
            begin(kind, backend, detail, now=now)
    for kind, backend in raised - set(found):
        end(kind, backend, now=now)


def troubles(view: View) -> Iterator[Trouble]:
    """Yield every fault that there is now."""
    for alias in (
        view.outages
    ):  # begun by `pace`, which knows the reason; ended by `pace`, or here if that process died
        if view.is_raised(kinds.PAUSED, alias):
            yield Trouble(kinds.PAUSED, alias)
    for alias, (recent, usual) in measures.sums(view.now, router_settings().ALARM_WINDOW).items():
        if alias in backends:
            yield from _of_counts(view, alias, recent, usual)
    yield from _backlog(view)
    yield from _inbox(view)
    yield from _review(view)
    yield from _beat(view)


def _of_counts(view: View, alias: str, recent: Sums, usual: Sums) -> Iterator[Trouble]:
    yield from _failures(view, alias, recent, usual)
    yield from _slow(view, alias, recent)
    if measures.takes_webhooks(alias) and recent.accepted + usual.accepted:
        yield from _silence(view, alias)


def _failures(view: View, alias: str, recent: Sums, usual: Sums) -> Iterator[Trouble]:
    raised, window = view.is_raised(kinds.FAILURES, alias), router_settings().ALARM_WINDOW
    requests = (recent.failed_attempts, recent.attempts, usual.failed_attempts, usual.attempts)
    receipts = (recent.failed_receipts, recent.receipts, usual.failed_receipts, usual.receipts)
    series = [("receipts say failed", *receipts)]
    if raised or not view.is_excused(alias, window):
        series.append(("requests failed", *requests))
    for what, failed, total, failed_before, total_before in series:
        before = rules.share(failed_before, total_before)
        if rules.failing(failed, total, before, router_settings().FAILURE_SHARE, raised):
            words = f"{failed} of {total} {what} in {spoken(window)} (in the day before: {before:.0%})"
            yield Trouble(kinds.FAILURES, alias, words)
            return


def _slow(view: View, alias: str, recent: Sums) -> Iterator[Trouble]:
    if rules.slow(recent.slow_attempts, recent.attempts, view.is_raised(kinds.SLOW, alias)):
        limit = router_settings().SLOW_AFTER
        words = f"{recent.slow_attempts} of {recent.attempts} requests took longer than {limit:g} s"
        yield Trouble(kinds.SLOW, alias, words)


def _silence(view: View, alias: str) -> Iterator[Trouble]:
    heard = measures.silence(alias, view.now - timedelta(seconds=router_settings().ALARM_WINDOW))
    ever, raised = heard.last is not None, view.is_raised(kinds.NO_RECEIPTS, alias)
    if rules.silent(heard.accepted, heard.usual, ever, raised):
        yield Trouble(kinds.NO_RECEIPTS, alias, _silent_words(view, alias, heard))


def _silent_words(view: View, alias: str, heard: Silence) -> str:
    address = webhook_url(alias) or "not known, because PUBLIC_URL is empty"
    if heard.last is None:
        return (
            f"{heard.accepted} messages were accepted and no receipt has ever come. Does the provider have "
            f"the right webhook address? Ours is {address}"
        )
    ago = spoken((view.now - heard.last).total_seconds())
    return (
        f"no receipt for {ago}, and {heard.accepted} messages were accepted since. Our address is {address}"
    )


def _backlog(view: View) -> Iterator[Trouble]:
    """Look at backends that are not paused. Messages that waited for an outage count from its end."""
    for alias, due in measures.oldest_due(view.now).items():
        if alias not in backends or alias in view.outages:
            continue
        age = view.age(max(due, view.recovered.get(alias, due)))
        if rules.too_old(age, router_settings().BACKLOG_AFTER, view.is_raised(kinds.BACKLOG, alias)):
            words = f"the oldest message that is not a promotion is due for {_since(view, due)}"
            yield Trouble(kinds.BACKLOG, alias, words)


def _inbox(view: View) -> Iterator[Trouble]:
    raised, limit = view.is_raised(kinds.BACKLOG), router_settings().BACKLOG_AFTER
    waiting = (
        ("stored webhook", measures.oldest_webhook()),
        ("incoming message", measures.oldest_unrouted()),
    )
    late = [
        f"the oldest {what} waits for {_since(view, since)}"
        for what, since in waiting
        if since and rules.too_old(view.age(since), limit, raised)
    ]
    if late:
        yield Trouble(kinds.BACKLOG, "", "; ".join(late))


def _since(view: View, moment: datetime) -> str:
    return spoken((view.now - moment).total_seconds())


def _review(view: View) -> Iterator[Trouble]:
    rows, aside = measures.review(view.now - HOUR), measures.set_aside(view.now - HOUR)
    count, limit = len(rows) + aside, router_settings().REVIEW_LIMIT
    if rules.growing(count, limit, view.is_raised(kinds.REVIEW)):
        yield Trouble(kinds.REVIEW, "", f"{review_words(rows, aside)}, all within an hour")


def review_words(rows: list[tuple[str, str]], aside: int) -> str:
    """Return how many need a person, and the commonest reasons: `12 on sms (unavailable)`."""
    common = Counter(rows).most_common(3)
    words = [f"{count} on {alias} ({reason or 'no reason'})" for (alias, reason), count in common]
    rest = len(rows) - sum(count for _, count in common)
    words += [f"{rest} for other reasons"] if rest else []
    words += [f"{aside} incoming messages set aside"] if aside else []
    return ", ".join(words)


def _beat(view: View) -> Iterator[Trouble]:
    last = measures.last_runs().get("beat")
    if last and rules.missing(view.age(last), router_settings().BEAT_AFTER):
        words = f"the last tick came {_since(view, last)} ago; workers go on while they have work"
        yield Trouble(kinds.BEAT, "", words)
