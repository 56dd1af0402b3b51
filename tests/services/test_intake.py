"""A message that kills or hangs its worker, or a column that is missing for a while: everybody else is answered."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection

from rcs_router import lookup_connections, receive
from rcs_router.backends import backends
from rcs_router.contract import WebhookRequest
from rcs_router.inbox import intake
from rcs_router.models import Consent, ConsentRecord, Message, StoredWebhook
from tests.services import intake as sites
from tests.services.processes import Process, python, wait_until

pytestmark = pytest.mark.services

NUMBERS = [f"+3725{n:07}" for n in range(3000)]


@dataclass
class Workers:
    """Processes that digest, each started again when it has died, as a supervisor would."""

    count: int
    env: dict[str, str]
    running: list[Process] = field(default_factory=list)
    deaths: int = 0

    def start(self) -> None:
        self.running += [self._one() for _ in range(self.count - len(self.running))]

    def tend(self) -> None:
        died = [process for process in self.running if process.popen.poll() is not None]
        self.deaths += len(died)
        self.running = [process for process in self.running if process not in died]
        self.start()

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 90) -> None:
        def tended() -> Any:
            self.tend()
            return condition()

        wait_until(tended, what, seconds, 0.1)

    def stop(self) -> None:
        for process in self.running:
            process.kill()

    def _one(self) -> Process:
        return python("-m", "django", "rcs_worker", **self.env)


@pytest.fixture
def workers(transactional_db: None, settings: Any) -> Iterator[Workers]:
    assert connection.vendor == "postgresql", "run the service tests with `make services-test`"
    settings.RCS_BACKENDS, settings.RCS_ROUTER = sites.RCS_BACKENDS, sites.RCS_ROUTER
    conf = connection.settings_dict
    url = f"postgresql://{conf['USER']}@{conf['HOST']}:{conf['PORT']}/{conf['NAME']}"
    made = Workers(2, {"RCS_TEST_DATABASE": url, "DJANGO_SETTINGS_MODULE": "tests.services.intake"})
    try:
        yield made
    except BaseException:
        for process in made.running:
            print(process.output()[-3000:])
        raise
    finally:
        made.stop()


def post(body: str) -> None:
    intake.accept(backends["rcs"], WebhookRequest("POST", body.encode()))


def hear(texts: dict[str, str]) -> None:
    """Store what people say, by their numbers."""
    for person in lookup_connections("rcs", list(texts)):
        receive(texts[person.identity], person)


def answered(text: str = "hello hi") -> int:
    return Message.objects.filter(direction="out", text=text).count()


def test_an_app_that_kills_its_process_leaves_everybody_else_answered(workers: Workers) -> None:
    hear({number: "die" if n == 7 else "hi" for n, number in enumerate(NUMBERS[:41])})
    workers.start()
    workers.until(lambda: answered() == 40, "forty answers")
    workers.until(lambda: Message.objects.filter(set_aside_at__isnull=False).exists(), "it to be set aside")
    assert Message.objects.get(set_aside_at__isnull=False).text == "die"
    deaths = workers.deaths
    time.sleep(2)
    workers.tend()
    assert (workers.deaths, answered()) == (deaths, 40)
    assert deaths == 3


def test_a_webhook_that_kills_its_process_leaves_every_other_digested(workers: Workers) -> None:
    for n, number in enumerate(NUMBERS[:41]):
        post(f"text {number} {'fatal' if n == 7 else 'hi'}")
    workers.start()
    workers.until(lambda: answered() == 40, "forty answers")
    workers.until(
        lambda: StoredWebhook.objects.filter(note__startswith="set aside").exists(), "it to be set aside"
    )
    assert not StoredWebhook.objects.filter(digested_at=None).exists()
    assert workers.deaths == 3


@pytest.mark.parametrize("how", ["sleep", "socket"])
def test_an_app_that_hangs_lets_others_be_answered(workers: Workers, how: str) -> None:
    hear({number: how if n == 0 else "hi" for n, number in enumerate(NUMBERS[:41])})
    workers.start()
    workers.until(lambda: answered() == 40, "forty answers", 30)
    workers.until(lambda: answered(f"hello {how}") == 1, "the other app's answer", 30)
    row = Message.objects.get(direction="in", text=how)
    problem = {"app": "tests.services.deadly.Difficult", "phase": "handle", "error": "no answer within 1 s"}
    assert (row.errors, row.lost_leases, workers.deaths) == ([problem], 0, 0)


def test_a_missing_column_loses_no_stop(workers: Workers) -> None:
    table = Consent._meta.db_table
    _rename(table, "brand", "brand_away")
    try:
        workers.start()
        for number in NUMBERS[:10]:
            post(f"text {number} STOP")
        for number in NUMBERS[10:20]:
            post(f"unsubscribe {number}")
        hear(dict.fromkeys(NUMBERS[20:30], "hi"))
        workers.until(lambda: answered() == 10, "those whom it does not concern to be answered")
        time.sleep(6)  # what would have been given up within four seconds
    finally:
        _rename(table, "brand_away", "brand")
    workers.until(lambda: Consent.objects.filter(opted_out=True).count() == 20, "every STOP to be recorded")
    assert not Message.objects.filter(set_aside_at__isnull=False).exists()
    assert not StoredWebhook.objects.exclude(note="").exists()


def test_a_stop_does_not_wait_for_other_texts(workers: Workers) -> None:
    hear(dict.fromkeys(NUMBERS, "hi"))
    workers.start()
    workers.until(lambda: answered() > 20, "the workers to be at it")
    for number in NUMBERS[:20]:
        post(f"text {number} STOP")
        time.sleep(0.1)
    workers.until(lambda: Consent.objects.count() == 20, "every STOP to be recorded")
    waiting = len(NUMBERS) - answered()
    came = dict(StoredWebhook.objects.values_list("body", "received_at"))
    answers = Message.objects.filter(direction="out", text="hello hi")
    first = sorted(
        answers.filter(
            created_at__gt=came[f"text {record.subject} STOP".encode()], created_at__lt=record.created_at
        ).count()
        for record in ConsentRecord.objects.all()
    )
    print(f"texts answered before a STOP that came after them: median {first[10]}, most {first[-1]}")
    assert waiting > 0, "the others were to wait"
    assert first[10] < len(NUMBERS) / 10


def _rename(table: str, column: str, to: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {to}")
