"""Tell people about alarms: an ERROR in the log, and at most one mail an hour to ADMINS for each kind.

Both listen to `signals.alarm`, and can be disconnected by their dispatch_uid, LOG and MAIL.
"""

import atexit
import logging
import threading
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import get_connection, mail_admins
from django.db.models import F, Q

from rcs_router import signals
from rcs_router.alarms.kinds import KINDS, advice
from rcs_router.conf import router_settings
from rcs_router.models import Alarm, LastRun

logger = logging.getLogger("rcs_router.alarms")

LOG, MAIL = "rcs_router.log_alarm", "rcs_router.mail_alarm"  # the dispatch_uid of each
OFTEN = timedelta(hours=1)
PATIENCE = 10.0  # seconds for the mail server

_UNMAILED = Q(ended_at=None) & (Q(mailed_at=None) | Q(mailed_at__lt=F("raised_at")))


def connect() -> None:
    """Connect the receivers; called once, when Django has loaded its apps."""
    signals.alarm.connect(log_alarm, dispatch_uid=LOG)
    signals.alarm.connect(mail_alarm, dispatch_uid=MAIL)


def log_alarm(*, kind: str, backend: str, detail: str, since: datetime, **kwargs: Any) -> None:
    """Write one ERROR, which error trackers report."""
    extra = {"kind": kind, "backend": backend, "detail": detail, "since": since}
    extra |= {"alias": backend, "code": kind, "next_step": advice(kind)}  # as in all other log lines
    where = f" {backend}" if backend else ""
    logger.error("alarm: %s%s: %s (%s)", kind, where, detail, advice(kind), extra=extra)


def mail_alarm(*, kind: str, since: datetime, **kwargs: Any) -> None:
    """Mail ADMINS, unless a mail about this kind was sent within the hour."""
    _mail(kind, since)


def mail_overdue(now: datetime) -> None:
    """Mail what could not be mailed at its start, because another alarm of its kind had just been mailed."""
    if router_settings().ALARM_MAILS and settings.ADMINS:
        for kind in set(Alarm.objects.filter(_UNMAILED).values_list("kind", flat=True)):
            _mail(kind, now)


def _mail(kind: str, now: datetime) -> None:
    if not (router_settings().ALARM_MAILS and settings.ADMINS) or not _may_mail(kind, now):
        return
    alarms = list(Alarm.objects.filter(_UNMAILED, kind=kind).order_by("raised_at"))
    Alarm.objects.filter(pk__in=[alarm.pk for alarm in alarms]).update(mailed_at=now)
    if alarms:
        names = ", ".join(alarm.backend for alarm in alarms if alarm.backend)
        _in_background(f"RCS alarm: {kind}{f' ({names})' if names else ''}", _text(kind, alarms))


def _may_mail(kind: str, now: datetime) -> bool:
    """Reserve this hour's mail of a kind; return True for one of all processes."""
    turn, _ = LastRun.objects.get_or_create(job=f"mail {kind}")
    free = Q(at=None) | Q(at__lte=now - OFTEN)
    return bool(LastRun.objects.filter(free, pk=turn.pk).update(at=now))


def _text(kind: str, alarms: list[Alarm]) -> str:
    lines = [f"{KINDS[kind].means[0].upper()}{KINDS[kind].means[1:]}."] if kind in KINDS else []
    for alarm in alarms:
        where = f"{alarm.backend}: " if alarm.backend else ""
        lines += ["", f"{where}{alarm.detail or kind}", f"Since {alarm.raised_at:%Y-%m-%d %H:%M:%S %Z}"]
    lines += ["", f"What to do: {advice(kind)}.", "How everything stands: manage.py rcs_doctor"]
    return "\n".join(lines)


def _in_background(subject: str, text: str) -> None:
    """Send in a thread: a mail server that hangs delays nobody. A process that ends waits for the mail."""
    thread = threading.Thread(target=_send, args=(subject, text), name="rcs-alarm-mail", daemon=True)
    thread.start()
    atexit.register(thread.join, PATIENCE)


def _send(subject: str, text: str) -> None:
    try:
        connection = get_connection(timeout=settings.EMAIL_TIMEOUT or PATIENCE)
        mail_admins(subject, text, connection=connection)
    except Exception as error:
        logger.warning("the mail %r could not be sent: %s", subject, type(error).__name__)
