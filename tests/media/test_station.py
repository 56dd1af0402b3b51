"""From what a webhook said to a file in the storage: every end that a row may come to, and workers that die."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage
from django.db import OperationalError
from django.utils import timezone

from rcs_router import sweep, tasks, wake
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.inbox import incoming, media
from rcs_router.inbox.media import fetch
from rcs_router.inbox.media.download import Again, Gone, Hopeless, Missing, Undone, Unwanted
from rcs_router.inbox.media.fetch import Verdict, after
from rcs_router.models import InboundFile, Message
from rcs_router.phases import IncomingMessage
from rcs_router.signals import media_fetched
from rcs_router.testing.stub import Asked, Request, Stub, answer, cut, wait_until
from rcs_router.threads import perform
from tests.core import ALICE, connection
from tests.media.conftest import MEDIA
from tests.media.steps import HTML, PNG, closing_its_connection, said, sent, stored
from tests.statements import statements

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("received")]
State = InboundFile.State
FILE = b"BEGIN:VCARD\r\nEND:VCARD\r\n"


def lapse(row: InboundFile) -> None:
    """The lease of whoever has the row is over."""
    InboundFile.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def now(row: InboundFile) -> tuple[str, str, int]:
    row.refresh_from_db()
    return row.state, row.code, row.tries


# What is stored with the message


def test_a_file_and_its_thumbnail_wait_with_their_message() -> None:
    fields = {"thumbnail_url": "https://f.example/t", "file_name": "../../a.png"}
    row = sent("https://f.example/u", media_type="Image/PNG; a=b", **fields)
    thumbnail = InboundFile.objects.get(thumbnail=True)
    assert (row.url, row.declared_type, row.state) == ("https://f.example/u", "image/png", State.WAITING)
    assert (thumbnail.url, thumbnail.declared_type) == ("https://f.example/t", "")
    assert row.message == thumbnail.message == Message.objects.get()
    files = IncomingMessage(row.message, connection()).files
    assert files == [row, thumbnail]


@pytest.mark.parametrize(
    "spoken",
    [
        Incoming(IncomingKind.TEXT, ALICE, text="hi", fields={"thumbnail_url": "https://f.example/t"}),
        Incoming(IncomingKind.FILE, ALICE),
        Incoming(IncomingKind.FILE, ALICE, url=" "),
        Incoming(IncomingKind.FILE, ALICE, fields={"thumbnail_url": ["https://f.example/t"]}),
    ],
)
def test_there_may_be_nothing_to_fetch(spoken: Incoming) -> None:
    incoming.store({ALICE: connection()}, [spoken])
    assert (Message.objects.count(), InboundFile.objects.count()) == (1, 0)


def test_what_the_provider_repeats_waits_once() -> None:
    sent("https://f.example/u", name="m-1")
    incoming.store(
        {ALICE: connection()},
        [said("https://f.example/u", name="m-1"), said("https://f.example/v", name="m-2")],
    )
    assert sorted(InboundFile.objects.values_list("url", flat=True)) == [
        "https://f.example/u",
        "https://f.example/v",
    ]


def test_many_files_take_two_statements_and_texts_take_none() -> None:
    who = {ALICE: connection()}
    texts = [Incoming(IncomingKind.TEXT, ALICE, text="?" * 61, id=f"t-{n}") for n in range(50)]
    files = [said(f"https://f.example/{n}", name=f"f-{n}") for n in range(50)]
    with statements(1, "50 texts"):
        incoming.store(who, texts)
    with statements(3, "50 files"):
        incoming.store(who, files)
    assert InboundFile.objects.count() == 50


def test_nothing_waits_where_files_are_not_fetched(settings: Any) -> None:
    row = sent("https://f.example/u")
    settings.RCS_ROUTER = MEDIA | {"MEDIA_FETCH": False}
    incoming.store({ALICE: connection()}, [said("https://f.example/v")])
    assert InboundFile.objects.get() == row
    assert (media.fetch_due(), sweep.to_fetch(timezone.now())) == (0, False)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("2030-01-02T03:04:05Z", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2030-01-02T03:04:05", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2030-13-45T00:00:00Z", None),
        ("soon", None),
        (7, None),
    ],
)
def test_when_the_link_ends(given: Any, wanted: datetime | None) -> None:
    assert sent("https://f.example/u", expires_at=given).expires_at == wanted


# One try


def test_a_file_lands_in_the_storage(stub: Stub, storage: InMemoryStorage) -> None:
    stub.default = answer(200, PNG, Content_Type="application/octet-stream")
    row = sent(f"{stub.url}/u", media_type="image/jpeg", file_name="../../etc/passwd")
    assert media.fetch_due() == 1
    assert now(row) == (State.FETCHED, "", 1)
    assert row.file.name == f"rcs/{row.created_at:%Y/%m}/{row.pk}.png"
    assert row.file.read() == PNG
    assert (row.media_type, row.declared_type, row.size) == ("image/png", "image/jpeg", len(PNG))
    assert (row.fetched_at is None, row.claim, row.lease_until) == (False, None, None)
    assert stored(storage) == [row.file.name]
    assert media.fetch_due() == 0


ENDS: list[tuple[str, Any, str, str]] = [
    ("an expired link", answer(410), State.GONE, "http_410"),
    ("an expired signature", answer(403), State.GONE, "http_403"),
    ("a page in the place of a picture", answer(200, HTML, Content_Type="image/png"), State.REFUSED, "type"),
    (
        "something that is no picture",
        answer(200, b"nothing", Content_Type="image/png"),
        State.REFUSED,
        "type",
    ),
    ("a type that is not wanted", answer(200, b"PK\x03\x04"), State.REFUSED, "type"),
    ("a picture with scripts", answer(200, b"<svg/>", Content_Type="image/svg+xml"), State.REFUSED, "type"),
    ("a file that is too large", answer(200, b"x" * 100_001), State.REFUSED, "too_large"),
    ("a redirect to the cloud", answer(302, Location="http://169.254.169.254/"), State.REFUSED, "address"),
    ("no redirect's end", answer(302, Location="/u"), State.FAILED, "redirects"),
    ("a request that is wrong", answer(400), State.FAILED, "http_400"),
]


@pytest.mark.parametrize(
    ("behaviour", "state", "code"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS]
)
def test_a_try_that_ends_it(
    stub: Stub, storage: InMemoryStorage, behaviour: Any, state: str, code: str, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    stub.default = behaviour
    row = sent(f"{stub.url}/u?sig=secret-of-the-link")
    assert media.fetch_due() == 1
    assert now(row) == (state, code, 1)
    assert (stored(storage), row.file.name, row.fetched_at) == ([], "", None)
    assert media.fetch_due() == 0
    assert "secret-of-the-link" not in caplog.text


def test_a_private_address_is_refused_unless_it_is_allowed(settings: Any, stub: Stub) -> None:
    stub.default = answer(200, PNG)
    ends = []
    for allowed, debug in ((None, False), (None, True), (False, True), (True, False)):
        settings.RCS_ROUTER = MEDIA | {"MEDIA_ALLOW_PRIVATE": allowed}
        settings.DEBUG = debug
        row = sent(f"{stub.url}/u")
        media.fetch_due()
        ends.append(now(row)[:2])
    refused, fetched = (State.REFUSED, "address"), (State.FETCHED, "")
    assert ends == [refused, fetched, refused, fetched]
    assert len(stub.requests) == 2


def test_a_type_that_is_named_is_kept(settings: Any, stub: Stub) -> None:
    stub.default = answer(200, FILE, Content_Type="text/plain; charset=utf-8")
    settings.RCS_ROUTER = MEDIA | {"MEDIA_TYPES": ["text/vcard"]}
    row = sent(f"{stub.url}/u", media_type="text/vcard")
    media.fetch_due()
    assert now(row)[0] == State.FETCHED
    assert (row.media_type, str(row.file.name)[-4:]) == ("text/vcard", ".vcf")


# Tries


@pytest.mark.parametrize(
    ("error", "tries", "wanted"),
    [
        (Gone("http_410"), 1, Verdict(State.GONE, "http_410")),
        (Missing("http_404"), 1, Verdict(State.GONE, "http_404")),
        (Unwanted("type"), 1, Verdict(State.REFUSED, "type")),
        (Hopeless("http_400"), 1, Verdict(State.FAILED, "http_400")),
        (Again("timeout"), 1, Verdict(State.WAITING, "timeout", 5)),
        (Again("timeout"), 2, Verdict(State.WAITING, "timeout", 30)),
        (Again("timeout"), 3, Verdict(State.FAILED, "timeout")),
        (Again("http_429", 7.0), 1, Verdict(State.WAITING, "http_429", 7)),
        (Again("http_429", 2.0), 1, Verdict(State.WAITING, "http_429", 5)),
    ],
)
def test_what_an_error_means(error: Undone, tries: int, wanted: Verdict) -> None:
    assert after(error, tries, (5, 30)) == wanted


@pytest.mark.parametrize(
    ("error", "tries", "wanted"),
    [
        (Missing("http_404"), 1, Verdict(State.WAITING, "http_404", 5)),
        (Missing("http_404"), 2, Verdict(State.WAITING, "http_404", 30)),
        (Missing("http_404"), 3, Verdict(State.GONE, "http_404")),
        (Gone("http_410"), 1, Verdict(State.GONE, "http_410")),
    ],
)
def test_what_an_error_means_right_after_the_message(error: Undone, tries: int, wanted: Verdict) -> None:
    assert after(error, tries, (5, 30), is_new=True) == wanted


def test_a_link_that_is_missing_long_after_its_message_is_gone(stub: Stub) -> None:
    stub.default = answer(404)
    row = sent(f"{stub.url}/u")
    InboundFile.objects.update(created_at=timezone.now() - timedelta(seconds=fetch.NEW + 1))
    assert media.fetch_due() == 1
    assert now(row) == (State.GONE, "http_404", 1)


def test_the_delay_is_spread_out_and_no_try_is_made_after_the_links_end() -> None:
    at = timezone.now()
    assert after(Again("timeout"), 1, (10,), 0.5).wait == 15
    assert after(Again("timeout"), 1, (10,), 0, at + timedelta(seconds=11), at).state == State.WAITING
    assert after(Again("timeout"), 1, (10,), 0, at + timedelta(seconds=10), at) == Verdict(
        State.GONE, "timeout"
    )


def test_a_link_that_is_busy_is_tried_again(settings: Any, stub: Stub) -> None:
    settings.RCS_ROUTER = MEDIA | {"RETRY_DELAYS": [600]}
    stub.script.extend([answer(503), answer(200, PNG)])
    row = sent(f"{stub.url}/u")
    assert media.fetch_due() == 1
    assert now(row) == (State.WAITING, "http_503", 1)
    assert 590 < (row.due_at - timezone.now()).total_seconds() <= 600
    assert (row.claim, row.lease_until, media.fetch_due()) == (None, None, 0)
    InboundFile.objects.update(due_at=timezone.now())
    assert media.fetch_due() == 1
    assert now(row) == (State.FETCHED, "", 2)


def test_the_ladder_ends(stub: Stub) -> None:
    stub.default = cut
    row = sent(f"{stub.url}/u")
    assert media.fetch_due() == 4
    assert now(row) == (State.FAILED, "unreachable", 4)


def test_a_link_that_has_ended_is_not_asked(stub: Stub) -> None:
    row = sent(f"{stub.url}/u", expires_at=(timezone.now() - timedelta(seconds=1)).isoformat())
    assert media.fetch_due() == 0
    assert now(row)[:2] == (State.GONE, "expired")
    assert stub.requests == []


class Moody(InMemoryStorage):
    """A storage that fails as often as `moods` says."""

    moods: list[Exception] = []

    def save(self, *args: Any, **kwargs: Any) -> str:
        if self.moods:
            raise self.moods.pop()
        return super().save(*args, **kwargs)


def test_a_storage_that_fails_is_tried_again(settings: Any, stub: Stub, caplog: Any) -> None:
    settings.STORAGES = settings.STORAGES | {"received": {"BACKEND": f"{__name__}.Moody"}}
    Moody.moods = [OSError("no space left for bucket-secret"), ValueError("bucket-secret")]
    stub.default = answer(200, PNG)
    row = sent(f"{stub.url}/u")
    assert media.fetch_due() == 3
    assert now(row) == (State.FETCHED, "", 3)
    assert "bucket-secret" not in caplog.text
    Moody.moods = [OSError()] * 4
    row = sent(f"{stub.url}/u")
    media.fetch_due()
    assert now(row) == (State.FAILED, "storage", 4)


# Workers that die, freeze, or work side by side


class Killed(BaseException):
    """As little can be done about it as about a SIGKILL."""


def test_killed_between_storing_and_saying_so_it_is_fetched_once_more_and_lies_there_once(
    stub: Stub, storage: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.default = answer(200, PNG)
    row = sent(f"{stub.url}/u")

    def killed(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(fetch, "_settle", killed)
        with pytest.raises(Killed):
            media.fetch_due()
    assert now(row) == (State.WAITING, "", 1)
    assert (len(stored(storage)), media.fetch_due()) == (1, 0)  # its lease is not over
    assert not sweep.to_fetch(timezone.now())
    lapse(row)
    assert sweep.to_fetch(timezone.now())
    assert media.fetch_due() == 1
    assert now(row) == (State.FETCHED, "", 2)
    assert (stored(storage), len(stub.requests)) == ([row.file.name], 2)


def test_a_file_that_takes_its_workers_down_is_given_up(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    row = sent(f"{stub.url}/u")

    def killed(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(fetch, "_settle", killed)
        for _ in range(4):
            with pytest.raises(Killed):
                media.fetch_due()
            lapse(row)
    assert media.fetch_due() == 0
    assert now(row)[:2] == (State.FAILED, "worker_lost")


def test_who_wakes_past_the_lease_leaves_the_others_file_alone(stub: Stub, storage: InMemoryStorage) -> None:
    """While the first worker's request is answered, its lease ends and another worker does everything."""
    row = sent(f"{stub.url}/u")
    seen: list[str] = []

    @closing_its_connection
    def answered(request: Request) -> Any:
        if not seen:
            seen.append("first")
            lapse(row)
            media.fetch_due()
            seen.extend(stored(storage))
        return answer(200, PNG)

    stub.default = Asked(answered)
    media.fetch_due()
    assert now(row) == (State.FETCHED, "", 2)
    assert stored(storage) == [row.file.name] == seen[1:]
    assert row.file.read() == PNG


def test_a_message_that_is_deleted_meanwhile_leaves_no_file(stub: Stub, storage: InMemoryStorage) -> None:
    row = sent(f"{stub.url}/u")

    @closing_its_connection
    def answered(request: Request) -> Any:
        Message.objects.all().delete()
        return answer(200, PNG)

    stub.default = Asked(answered)
    assert media.fetch_due() == 1
    assert (stored(storage), InboundFile.objects.count()) == ([], 0)
    assert row.message_id


def test_a_message_that_is_deleted_takes_its_files_along(stub: Stub, storage: InMemoryStorage) -> None:
    stub.default = answer(200, PNG)
    sent(f"{stub.url}/u", thumbnail_url=f"{stub.url}/t")
    assert (media.fetch_due(), len(stored(storage))) == (2, 2)
    Message.objects.all().delete()
    assert stored(storage) == []


def test_a_slow_link_holds_up_no_other(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One link is answered only when all the others are fetched, those that come in meanwhile included."""
    monkeypatch.setattr(fetch, "LOOK", 0.02)
    monkeypatch.setattr(fetch, "THREADS", 2)

    def fetched() -> int:
        return InboundFile.objects.filter(state=State.FETCHED).count()

    @closing_its_connection
    def answered(request: Request) -> Any:
        if request.path == "/slow":
            wait_until(lambda: fetched() == 5)
            sent(f"{stub.url}/late")
            wait_until(lambda: fetched() == 6)
        return answer(200, PNG)

    stub.default = Asked(answered)
    sent(f"{stub.url}/slow")
    for number in range(5):
        sent(f"{stub.url}/{number}")
    assert media.fetch_due() == 7
    assert fetched() == 7


def test_a_run_ends_at_its_limit(stub: Stub) -> None:
    stub.default = answer(200, PNG)
    for number in range(3):
        sent(f"{stub.url}/{number}")
    assert (media.fetch_due(limit=2), media.fetch_due(limit=2)) == (2, 1)


def test_statements_of_a_run(stub: Stub) -> None:
    stub.default = answer(200, PNG)
    for number in range(8):
        sent(f"{stub.url}/{number}")
    # The clock; a claim at the beginning and after each file, which is written too. A claim: a look, BEGIN, the lock,
    # a count, three looks at hosts, an update, COMMIT, a read.
    with statements(11 + 8 * 11, "8 files"):
        assert media.fetch_due() == 8


def test_statements_of_an_idle_run() -> None:
    with statements(2):  # the clock and the claim, which finds nothing
        assert media.fetch_due() == 0


# Signals, wake-ups, and operators' requests


def test_the_signal_comes_when_the_row_says_so(stub: Stub) -> None:
    stub.default = answer(200, PNG)
    heard = []

    def listen(sender: Any, file: InboundFile, **kwargs: Any) -> None:
        saved = InboundFile.objects.get(pk=file.pk)
        heard.append(
            (
                saved.state,
                file.state,
                saved.file.read(),
                file.file.read(),
                file.fetched_at == saved.fetched_at,
            )
        )

    media_fetched.connect(listen)
    try:
        sent(f"{stub.url}/u")
        media.fetch_due()
        stub.default = answer(404)
        sent(f"{stub.url}/u")
        media.fetch_due()
    finally:
        media_fetched.disconnect(listen)
    assert heard == [(State.FETCHED, State.FETCHED, PNG, PNG, True)]


def test_wake_ups_are_sent_after_the_message_and_by_the_sweep(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(wake._publisher, "add", rung.append)
    settings.RCS_ROUTER = MEDIA | {"WAKE": True}
    sent("https://f.example/u")
    assert rung == [(wake.FETCH,)]
    assert (wake.FETCH,) in list(sweep.due(timezone.now()))
    InboundFile.objects.update(state=State.GONE)
    assert (wake.FETCH,) not in list(sweep.due(timezone.now()))


def test_the_task_fetches_up_to_the_limit_and_the_station_goes_on_while_there_is_more(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch.fetch_due, "__defaults__", (1,))
    stub.default = answer(200, PNG)
    for number in range(2):
        sent(f"{stub.url}/{number}")
    assert tasks.fetch.name == wake.FETCH
    assert [perform((wake.FETCH,)) for _ in range(3)] == [1, 1, 0]
    assert set(InboundFile.objects.values_list("state", flat=True)) == {State.FETCHED}


def test_again(stub: Stub) -> None:
    stub.script.extend([answer(410), answer(200, PNG), answer(200, PNG)])
    gone = sent(f"{stub.url}/u")
    media.fetch_due()
    fetched = sent(f"{stub.url}/v")
    media.fetch_due()
    flying = sent(f"{stub.url}/w")
    later = timezone.now() + timedelta(minutes=1)
    InboundFile.objects.filter(pk=flying.pk).update(lease_until=later)
    assert media.again(InboundFile.objects.all()) == 1
    assert now(gone) == (State.WAITING, "", 0)
    assert now(fetched)[0] == State.FETCHED
    assert media.fetch_due() == 1
    assert now(gone) == (State.FETCHED, "", 1)


def test_a_mistake_of_ours_is_tried_again_and_given_up_in_the_end(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def broken(url: str, **options: Any) -> None:
        raise RuntimeError(url)

    row = sent(f"{stub.url}/secret-of-the-link")
    monkeypatch.setattr(fetch, "download", broken)
    for tries in range(1, 5):
        assert media.fetch_due() == 1
        assert now(row) == (State.WAITING, "", tries)
        lapse(row)
    assert media.fetch_due() == 0
    assert now(row)[:2] == (State.FAILED, "worker_lost")
    assert "RuntimeError" in caplog.text
    assert "secret-of-the-link" not in caplog.text


def test_a_database_that_goes_away_costs_no_file(
    stub: Stub, storage: InMemoryStorage, monkeypatch: Any
) -> None:
    stub.default = answer(200, PNG)
    row = sent(f"{stub.url}/u")

    def away(*args: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(fetch, "_fetched", away)
        with pytest.raises(OperationalError):
            media.fetch_due()
    lapse(row)
    media.fetch_due()
    assert now(row) == (State.FETCHED, "", 2)
    assert stored(storage) == [row.file.name]


def test_a_large_file_lands_on_a_disk(settings: Any, stub: Stub, tmp_path: Path) -> None:
    """Larger than what is kept off the disk on its way."""
    disk = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"received": disk}
    settings.RCS_ROUTER = MEDIA | {"MEDIA_MAX_BYTES": 1_000_000}
    large = PNG * 300
    stub.default = answer(200, large)
    row = sent(f"{stub.url}/u")
    media.fetch_due()
    assert now(row)[0] == State.FETCHED
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.relative_to(tmp_path).as_posix() for path in files] == [row.file.name]
    assert (files[0].read_bytes(), row.size) == (large, len(large))
