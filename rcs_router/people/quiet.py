"""A number and a moment in; until when its promotions wait, because nobody is to be disturbed there now, out."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from django.utils import timezone

from rcs_router.people import numbering

logger = logging.getLogger(__name__)
_UNKNOWN = "Etc/Unknown"  # what phonenumbers says of a number that is of no country
Hours = tuple[
    time, time
]  # from when until when, by the clock on the wall; over midnight when the second is less
_TRIES = 50  # ends of a quiet time that are looked at until one is quiet nowhere


class NeverLoud(Exception):
    """There is no moment at which it is quiet in none of the zones."""


def quiet_until(at: datetime, hours: Hours, zones: Iterable[ZoneInfo]) -> datetime | None:
    """When the quiet time that `at` falls into has ended in all of `zones`; None: it is quiet in none of them.

    Raises NeverLoud where the zones lie so far apart that it is always quiet in one of them.
    """
    zones = list(zones)
    moment = at
    for _ in range(_TRIES):
        ends = [_end(moment, hours, zone) for zone in zones if is_quiet(moment, hours, zone)]
        if not ends:
            return None if moment == at else moment
        moment = max(ends)
    raise NeverLoud


def is_quiet(at: datetime, hours: Hours, zone: ZoneInfo) -> bool:
    """By the clock on the wall: it begins with its first minute and has ended with its last."""
    begin, end = hours
    wall = at.astimezone(zone).time()
    return begin <= wall < end if begin < end else wall >= begin or wall < end


def _end(at: datetime, hours: Hours, zone: ZoneInfo) -> datetime:
    """When the quiet time around `at` ends; where clocks go forward over that moment, when they do."""
    wall = at.astimezone(zone)
    day = wall.date() + timedelta(days=wall.time() >= hours[1])
    written = [datetime.combine(day, hours[1], zone).replace(fold=fold) for fold in (0, 1)]
    this_minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    end = max(this_minute, min(moment.astimezone(UTC) for moment in written))
    while is_quiet(end, hours, zone):  # only on the days on which clocks are changed
        end += timedelta(minutes=1)
    return end


def zones_of(identity: str) -> list[ZoneInfo]:
    """Return where a number may be. What tells no country goes by settings.TIME_ZONE, which the log says once for each.

    That are tokens, short codes, and numbers of no country, such as +800.
    """
    known = [zone for name in _names(identity) if (zone := _zone(name))]
    if known:
        return known
    _say_default(_kind(identity))
    return [ZoneInfo(timezone.get_default_timezone_name())]


@lru_cache(maxsize=10_000)
def _names(identity: str) -> tuple[str, ...]:
    """The names of a number's zones; of its country's, where its kind is not known."""
    from phonenumbers import timezone as zones  # its tables are large, and few need them

    try:
        number = phonenumbers.parse(numbering.today(identity))
    except phonenumbers.NumberParseException:
        return ()
    found = zones.time_zones_for_number(number)
    if _UNKNOWN in found:
        found = zones.time_zones_for_geographical_number(number)
    return tuple(name for name in found if name != _UNKNOWN)


@cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        logger.error("there is no time zone %s on this machine: install or upgrade the package tzdata", name)
        return None


def _kind(identity: str) -> str:
    """What an identity is, in words for the log: no more of a number than its country code."""
    try:
        return f"numbers that begin with +{phonenumbers.parse(identity).country_code}"
    except phonenumbers.NumberParseException:
        return "tokens and short codes"


@cache
def _say_default(kind: str) -> None:
    logger.warning("quiet hours of %s go by TIME_ZONE: their time zone is not known", kind)
