"""Ask providers what phones support: a few phones while the caller waits, many phones in the background.

A provider may answer slowly, and for one phone at a time. So at most one caller of the whole site waits for a backend,
and not for long. All other checks are rows: workers do a slice of one at a time, the longest waiting first.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from rcs_router import database, logs, sql, wake
from rcs_router.backends import backends
from rcs_router.contract import time_left, within
from rcs_router.errors import SendError
from rcs_router.models import LastRun, Question

Answers = dict[str, frozenset[str] | None]

FEW = 5  # requests to the provider for which a caller may wait
PATIENCE = 2.0  # seconds that a caller waits for all requests together
SLICE = 50  # phones per slice, before the next check has its turn
SLICE_TIME = 20.0  # seconds for one slice
LEASE = 60.0  # seconds after which another worker takes over
OVERALL = 900.0  # seconds for one check, from its creation
DELAYS = (5.0, 30.0, 60.0)  # seconds, after each failure in a row
KEPT = timedelta(days=1)
MOST_WAITING = 5  # checks of one user that may wait at a time

State = Question.State


class Busy(Exception):
    """Another caller is asking this backend now."""


class TooSlow(Exception):
    """The provider did not answer within PATIENCE."""


class TooMany(Exception):
    """This user has too many checks waiting."""


def ask(alias: str, identities: Iterable[str]) -> Answers:
    """Ask now, while the caller waits. Raises Busy, TooSlow, or the SendError of the provider's answer."""
    numbers = list(dict.fromkeys(identities))
    if takes_long(alias, len(numbers)):
        raise Busy
    with _alone(alias), within(PATIENCE):
        began = sql.now(LastRun)
        try:
            return backends[alias].check_capabilities(numbers)
        except SendError:
            if sql.now(LastRun) - began >= timedelta(seconds=PATIENCE * 0.9):
                raise TooSlow from None
            raise


@contextmanager
def _alone(alias: str) -> Iterator[None]:
    """Hold the backend's only place for a waiting caller. Raises Busy. If this process dies, the place is free after
    a moment.
    """
    job, now = f"check:{alias}"[:40], sql.now(LastRun)
    LastRun.objects.get_or_create(job=job)
    until = now + timedelta(seconds=2 * PATIENCE)
    if not LastRun.objects.filter(Q(at=None) | Q(at__lte=now), job=job).update(at=until):
        raise Busy
    try:
        yield
    finally:
        LastRun.objects.filter(job=job, at=until).update(at=now)


def takes_long(alias: str, count: int) -> bool:
    """Return True if a check of `count` phones takes too long to wait for."""
    return backends[alias].check_requests(count) > FEW


def require_room(asked_by: str) -> None:
    """Raise TooMany when this user may not have another check waiting."""
    if Question.objects.filter(asked_by=asked_by, state=State.WAITING).count() >= MOST_WAITING:
        raise TooMany


def later(alias: str, identities: Sequence[str], asked_by: str) -> Question:
    """Store a check for the workers. Raises TooMany."""
    require_room(asked_by)
    with database.atomic():
        question = Question.objects.create(backend=alias, identities=list(identities), asked_by=asked_by)
        wake.check()
    return question


def is_due(now: datetime) -> bool:
    """Return True if a check waits and no worker is doing it."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return Question.objects.filter(free, state=State.WAITING, due_at__lte=now).exists()


def answer_due() -> int:
    """Do the due checks, a slice of one at a time; return how many slices."""
    count = 0
    while question := _claim(sql.now(Question)):
        _take_a_turn(question)
        count += 1
    return count


def _claim(now: datetime) -> Question | None:
    claim = uuid.uuid4()
    sql.claim(
        Question,
        where="state = %s AND due_at <= %s AND (lease_until IS NULL OR lease_until < %s)",
        params=[State.WAITING.value, now, now],
        order="due_at, id",
        limit=1,
        claim=claim,
        lease_until=now + timedelta(seconds=LEASE),
    )
    return Question.objects.filter(claim=claim, state=State.WAITING).first()


def _take_a_turn(question: Question) -> None:
    """Ask about some of the phones that are left, and store the answers and the errors."""
    now, told, trouble = sql.now(Question), dict[str, Any](), None
    left = [name for name in dict.fromkeys(question.identities) if name not in question.answers]
    if question.created_at < now - timedelta(seconds=OVERALL):
        return _write(question, state=State.FAILED, code="too_slow")
    try:
        for asked, said in _said(question.backend, left):
            told |= {name: as_json(name, said) for name in asked}
    except SendError as error:
        trouble = error
    except Exception as error:  # a bug of the backend; its text may quote anything
        trouble = SendError(code=type(error).__name__[:60])
    question.answers = {**question.answers, **told}
    if trouble and not told:
        return _failed(question, trouble, now)
    state = State.WAITING if len(told) < len(left) else State.ANSWERED
    return _write(question, answers=question.answers, state=state, tries=0, due_at=now)


def _said(alias: str, left: list[str]) -> Iterator[tuple[list[str], Answers]]:
    """Return the phones asked about and the answers: all at once if the backend can, else one after the other.

    Answers from before a fault or the end of the time count.
    """
    if alias not in backends:
        raise SendError(code="unknown_backend")
    backend = backends[alias]
    at_once = backend.check_requests(len(left)) <= FEW
    with within(SLICE_TIME):
        for asked in [left] if at_once else [[name] for name in left[:SLICE]]:
            if time_left() == 0:
                return
            yield asked, backend.check_capabilities(asked)


def as_json(name: str, said: Answers) -> dict[str, Any]:
    """Return a provider's answer for one phone; `reachable` is None without an answer."""
    features = said.get(name)
    return {"reachable": features is not None if name in said else None, "features": sorted(features or ())}


def _failed(question: Question, error: SendError, now: datetime) -> None:
    """Try again later where that may help; else end the check with the answers so far."""
    tries = question.tries + 1
    if not error.retry or tries > len(DELAYS):
        logs.question_failed(question.backend, question.pk, error.code, "nothing more")
        return _write(question, state=State.FAILED, code=error.code)
    wait = max(DELAYS[tries - 1], min(error.retry_after or 0.0, OVERALL))
    logs.question_failed(question.backend, question.pk, error.code, logs.retried_in(wait))
    return _write(question, tries=tries, due_at=now + timedelta(seconds=wait))


def _write(question: Question, **changes: object) -> None:
    """Store the result if the check is still ours. Checks that nobody fetched for a day are deleted."""
    mine = Question.objects.filter(pk=question.pk, claim=question.claim)
    mine.update(**changes, claim=None, lease_until=None)
    Question.objects.filter(created_at__lt=sql.now(Question) - KEPT).delete()
