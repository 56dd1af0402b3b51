"""docs/operating.md for whoever is on call: every symptom, alarm, line, finding and next step is told."""

import json
import logging
import logging.config
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from rcs_router import alarms, health, logs, signals
from rcs_router.alarms import receivers
from tests.conf.pages import quoted, rows, run, section, text
from tests.logs.test_lines import ID, LINES, STEPS

OPERATING = "docs/operating.md"
SYMPTOMS = [
    *("Nothing goes out", "Codes come late", "Many messages fail", "Review grows", "Receipts stopped"),
    *("People get no answer", "A worker died", "The database is down", "A provider is slow"),
]


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_every_symptom_says_how_to_see_it_what_it_means_and_what_to_do(symptom: str) -> None:
    told = section(OPERATING, symptom)
    assert [word in told for word in ("**See it.**", "**It means.**", "**Do.**")] == [True] * 3
    assert f"[{symptom}](#" in text(OPERATING)


def test_every_alarm_is_told_with_where_to_go() -> None:
    told = rows(section(OPERATING, "Alarms"), 4)
    assert [quoted(row[0])[0] for row in told] == list(alarms.KINDS)
    for (kind, known), row in zip(alarms.KINDS.items(), told, strict=True):
        assert f"[{known.section}]" in row[3]
        assert f"`{kind}`" in section(OPERATING, known.section)
        assert known.section in SYMPTOMS
    assert receivers.LOG in section(OPERATING, "Alarms")
    assert receivers.MAIL in section(OPERATING, "Alarms")


@pytest.mark.django_db
@pytest.mark.usefixtures("providers")
def test_every_finding_is_told() -> None:
    told = {quoted(row[0])[0] for row in rows(section(OPERATING, "Health"), 2)}
    assert told == {re.sub("^backend .*", "backend <alias>", one.name) for one in health.findings()}


def test_every_line_is_told_with_its_fields() -> None:
    told = [
        (f"{row[1]} {quoted(row[0])[0]}", set(quoted(row[3])))
        for row in rows(section(OPERATING, "Log lines"), 4)
    ]
    for _, where, line, fields in LINES:
        assert [known for known, names in told if known == where and set(fields) <= names], line


def test_every_next_step_is_told() -> None:
    told = section(OPERATING, "Log lines")
    steps = {logs.NEEDS_REVIEW, logs.WAITS, logs.COUNTED, logs.retried_in(30), logs.goes_on_by("sms")}
    steps |= {logs.TAKEN_BACK_FIRST, logs.DIGEST_AGAIN, logs.WITHOUT_APP}
    steps |= {step for *_, all_steps in STEPS for step in all_steps}
    assert [step for step in sorted(steps) if f"*{step}*" not in told] == []


@pytest.fixture
def page() -> Iterator[dict[str, Any]]:
    logger = logging.getLogger("rcs_router")
    before = logger.handlers[:], logger.level, logger.propagate
    names = run(OPERATING, {"__name__": "page"})
    yield names
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])
    signals.alarm.disconnect(names["wake_somebody"])
    signals.alarm_ended.disconnect(names["let_them_sleep"])
    signals.file_reported.disconnect(names["keep_address"])


def test_the_logging_of_the_page_writes_json(page: dict[str, Any], capsys: Any) -> None:
    logging.config.dictConfig(page["LOGGING"])
    logs.attempt_failed("acme", ID, "throttled", 2, logs.retried_in(30))
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("rcs_router.inbox").exception("an app raised")
    line, error = [json.loads(one) for one in capsys.readouterr().err.splitlines()]
    assert (line["level"], line["logger"]) == ("WARNING", "rcs_router.delivery")
    assert {"alias", "transmission", "code", "attempt", "next_step", "message", "at"} <= set(line)
    assert "msg" not in line
    assert "ValueError: odd" in error["traceback"]


@pytest.mark.django_db
def test_the_receivers_of_the_page_are_told(page: dict[str, Any], capsys: Any) -> None:
    since = timezone.now()
    signals.alarm.send_robust(None, kind="slow_provider", backend="acme", detail="15 of 20", since=since)
    signals.alarm_ended.send_robust(None, kind="slow_provider", backend="acme", since=since)
    assert capsys.readouterr().out == "trouble: slow_provider acme 15 of 20\nover: slow_provider acme\n"
