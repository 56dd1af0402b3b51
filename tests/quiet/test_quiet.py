"""Quiet hours: until when, on every clock; and what a promotion does that is due while it is quiet."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from rcs_router import sql
from rcs_router.admin.timeline import event_lines, next_step
from rcs_router.contract import Status
from rcs_router.errors import Unreachable
from rcs_router.models import Transmission
from rcs_router.people import quiet
from tests.core import ALICE, ROUTER, drain, memory, sent_to

NIGHT = (time(21), time(8))
SIESTA = (time(13), time(15, 30))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def zones(*names: str) -> list[ZoneInfo]:
    return [ZoneInfo(name) for name in names]


@pytest.mark.parametrize(
    ("at", "hours", "names", "until"),
    [
        # over midnight
        ("2026-11-22 18:59", NIGHT, ["Europe/Tallinn"], None),
        ("2026-11-22 19:00", NIGHT, ["Europe/Tallinn"], "2026-11-23 06:00"),
        ("2026-11-22 23:59:59.999999", NIGHT, ["Europe/Tallinn"], "2026-11-23 06:00"),
        ("2026-11-23 05:59:59.999999", NIGHT, ["Europe/Tallinn"], "2026-11-23 06:00"),
        ("2026-11-23 06:00", NIGHT, ["Europe/Tallinn"], None),
        # within a day
        ("2026-11-22 12:59", SIESTA, ["UTC"], None),
        ("2026-11-22 13:00", SIESTA, ["UTC"], "2026-11-22 15:30"),
        ("2026-11-22 15:30", SIESTA, ["UTC"], None),
        ("2026-11-22 23:30", (time(22), time(0)), ["UTC"], "2026-11-23 00:00"),
        ("2026-11-22 00:30", (time(0), time(6)), ["UTC"], "2026-11-22 06:00"),
        # half hours and quarters, and the other day of the date line
        ("2026-11-22 15:30", NIGHT, ["Asia/Kolkata"], "2026-11-23 02:30"),
        ("2026-11-22 15:15", NIGHT, ["Asia/Kathmandu"], "2026-11-23 02:15"),
        ("2026-11-22 07:30", NIGHT, ["Pacific/Kiritimati"], "2026-11-22 18:00"),
        ("2026-11-22 08:30", NIGHT, ["Pacific/Honolulu"], "2026-11-22 18:00"),
        # clocks go forward in the night (29 March, Europe; 8 March, USA): the night is an hour shorter
        ("2026-03-28 22:00", NIGHT, ["Europe/Tallinn"], "2026-03-29 05:00"),
        ("2026-03-08 04:00", NIGHT, ["America/New_York"], "2026-03-08 12:00"),
        # and back (25 October; 1 November): an hour longer
        ("2026-10-24 22:00", NIGHT, ["Europe/Tallinn"], "2026-10-25 06:00"),
        ("2026-11-01 03:00", NIGHT, ["America/New_York"], "2026-11-01 13:00"),
        # it would end in the hour that is left out: it ends when that begins
        ("2026-03-08 06:45:30", (time(23), time(2, 30)), ["America/New_York"], "2026-03-08 07:00"),
        ("2026-03-08 02:00", (time(20), time(2, 30)), ["America/New_York"], "2026-03-08 07:00"),
        # it ends in the hour that comes twice: at the first 01:30, but the second 01:15 is quiet again
        ("2026-11-01 04:00", (time(23), time(1, 30)), ["America/New_York"], "2026-11-01 05:30"),
        ("2026-11-01 06:15:20", (time(23), time(1, 30)), ["America/New_York"], "2026-11-01 06:30"),
        # several zones: quiet while it is in any
        ("2026-11-22 10:00", NIGHT, ["Europe/Moscow", "Asia/Vladivostok"], None),
        ("2026-11-22 11:00", NIGHT, ["Europe/Moscow", "Asia/Vladivostok"], "2026-11-23 05:00"),
        ("2026-11-22 14:00", NIGHT, ["America/New_York", "America/Los_Angeles"], "2026-11-22 16:00"),
        ("2026-11-23 03:00", NIGHT, ["America/New_York", "America/Los_Angeles"], "2026-11-23 16:00"),
    ],
)
def test_until_when(at: str, hours: quiet.Hours, names: list[str], until: str | None) -> None:
    assert quiet.quiet_until(utc(at), hours, zones(*names)) == (utc(until) if until else None)


def test_where_it_is_always_quiet_somewhere() -> None:
    with pytest.raises(quiet.NeverLoud):
        quiet.quiet_until(
            utc("2026-11-22 12:00"), (time(18), time(10)), zones("Europe/Moscow", "Asia/Kamchatka")
        )


ZONES = ["Europe/Tallinn", "America/New_York", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe"]
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    TIMES,
    TIMES,
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
)
def test_it_is_quiet_until_then_and_not_any_more_then(
    at: datetime, begin: time, end: time, names: Any
) -> None:
    assume(begin != end)
    where = zones(*names)
    try:
        until = quiet.quiet_until(at, (begin, end), where)
    except quiet.NeverLoud:
        return
    is_quiet = [
        any(quiet.is_quiet(moment, (begin, end), zone) for zone in where) for moment in _between(at, until)
    ]
    assert all(is_quiet)
    assert not any(quiet.is_quiet(until or at, (begin, end), zone) for zone in where)


def _between(at: datetime, until: datetime | None) -> list[datetime]:
    if until is None:
        return []
    step = timedelta(minutes=7)
    return [at + n * step for n in range(int((until - at) / step) + 1) if at + n * step < until]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+37255501234", {"+0200"}),
        ("+12025550123", {"-0500"}),
        ("+919876543210", {"+0530"}),
        ("+5511987654321", {"-0300"}),
        ("+447911123456", {"+0000"}),
        ("+34612345678", {"+0000", "+0100"}),  # the Canaries too
        ("+61412345678", {"+0800", "+0845", "+1000", "+1030", "+1100", "+0700", "+0630"}),
    ],
)
def test_where_a_number_is(number: str, expected: set[str]) -> None:
    winter = utc("2026-01-15 12:00")
    assert {f"{winter.astimezone(zone):%z}" for zone in quiet.zones_of(number)} == expected


def test_a_mobile_of_russia_may_be_anywhere_in_it() -> None:
    names = {zone.key for zone in quiet.zones_of("+79161234567")}
    assert {"Europe/Moscow", "Asia/Kamchatka"} <= names
    assert quiet.quiet_until(utc("2026-11-22 12:00"), NIGHT, quiet.zones_of("+79161234567"))


@pytest.mark.parametrize("identity", ["tk-7Q9x", "12345", "ACME", "+0", "+883510000000000"])
def test_what_is_nowhere_is_here(settings: Any, identity: str) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    assert quiet.zones_of(identity) == zones("Asia/Tokyo")


# What a promotion does


@pytest.fixture
def night(router: None, settings: Any) -> None:
    """It is quiet now in Estonia, and loud again in an hour or so."""
    settings.RCS_ROUTER = ROUTER | {"QUIET_HOURS": _around_now()}


def _around_now() -> tuple[str, str]:
    here = timezone.now().astimezone(ZoneInfo("Europe/Tallinn"))
    return f"{here - timedelta(hours=1):%H:%M}", f"{here + timedelta(hours=1):%H:%M}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("night")
class TestAtNight:
    def test_a_promotion_waits_and_says_until_when(self) -> None:
        t = sent_to(traffic="promotion")
        drain()
        t.refresh_from_db()
        end = quiet.quiet_until(sql.now(Transmission), _hours(), zones("Europe/Tallinn"))
        assert (t.status, t.reason, t.attempts, t.due_at) == (Status.QUEUED, "quiet hours", 0, end)
        [line] = event_lines(t.events.all())
        assert line.what == "waits: quiet hours"
        assert line.then.startswith("until ")
        assert next_step(t, sql.now(Transmission)).endswith(" (quiet hours)")
        assert memory().sent == []

    def test_in_the_morning_it_leaves(self, settings: Any) -> None:
        t = sent_to(traffic="promotion")
        drain()
        settings.RCS_ROUTER = ROUTER  # day
        Transmission.objects.update(due_at=timezone.now())
        drain()
        t.refresh_from_db()
        assert t.status == Status.ACCEPTED

    @pytest.mark.parametrize(
        ("ttl", "status"), [(timedelta(minutes=30), Status.CANCELLED), (timedelta(hours=3), Status.QUEUED)]
    )
    def test_what_would_be_of_no_use_in_the_morning_is_not_sent(self, ttl: timedelta, status: Status) -> None:
        t = sent_to(traffic="promotion", ttl=ttl)
        drain()
        t.refresh_from_db()
        assert (t.status, t.reason) == (status, "quiet hours")
        assert not Transmission.objects.filter(fallback_of=t).exists()

    @pytest.mark.parametrize(
        "traffic", ["authentication", "transaction", "service_request", "acknowledgement"]
    )
    def test_all_else_leaves(self, traffic: str) -> None:
        sent_to(traffic=traffic)
        drain()
        assert [outbound.traffic for outbound in memory().sent] == [traffic]

    def test_where_it_is_day_it_leaves(self) -> None:
        sent_to(number="+81312345678", traffic="promotion")  # Tokyo is seven hours ahead
        drain()
        assert len(memory().sent) == 1

    def test_a_fallback_waits_too(self, settings: Any) -> None:
        settings.RCS_ROUTER = ROUTER
        t = sent_to(traffic="promotion")
        memory().outcomes.append(Unreachable())
        drain("rcs")
        settings.RCS_ROUTER = ROUTER | {"QUIET_HOURS": _around_now()}
        drain("sms")
        t.refresh_from_db()
        assert (t.fallback.status, t.fallback.reason) == (Status.QUEUED, "quiet hours")
        assert memory("sms").sent == []


@pytest.mark.django_db(transaction=True)
def test_a_number_for_which_it_is_always_quiet_is_told_as_such(router: None, settings: Any) -> None:
    now = timezone.now().astimezone(UTC)
    begin, end = now + timedelta(hours=2), now + timedelta(hours=1)  # a single hour is loud, somewhere
    settings.RCS_ROUTER = ROUTER | {"QUIET_HOURS": (f"{begin:%H:%M}", f"{end:%H:%M}")}
    t = sent_to(number="+79161234567", traffic="promotion")
    drain()
    t.refresh_from_db()
    assert (t.status, t.reason) == (Status.CANCELLED, "quiet hours")
    assert "always quiet" in t.detail


def _hours() -> quiet.Hours:
    from rcs_router import conf

    hours = conf.quiet_hours(conf.router_settings().QUIET_HOURS)
    assert hours
    return hours


def test_alice_is_in_estonia() -> None:
    assert f"{utc('2026-07-01 12:00').astimezone(quiet.zones_of(ALICE)[0]):%H}" == "15"
