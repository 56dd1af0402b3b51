"""Return until when promotions to a number wait because of quiet hours in its time zone."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from django.utils import timezone

from rcs_router.people import numbering

logger = logging.getLogger(__name__)
_UNKNOWN = "Etc/Unknown"  # phonenumbers' answer for a number without a country
Hours = tuple[time, time]  # start and end by local time; over midnight when the end is earlier
_TRIES = 50  # how many ends of quiet times are tried


class NeverLoud(Exception):
    """There is no moment at which it is not quiet in one of the zones."""


def quiet_until(at: datetime, hours: Hours, zones: Iterable[ZoneInfo]) -> datetime | None:
    """Return when the quiet time around `at` has ended in all of `zones`; None if it is not quiet in any of them.

    Raises NeverLoud where the zones are so far apart that it is always quiet in one of them.
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
    """Return True if this local time is quiet: the start is included, the end is not."""
    begin, end = hours
    wall = at.astimezone(zone).time()
    return begin <= wall < end if begin < end else wall >= begin or wall < end


def _end(at: datetime, hours: Hours, zone: ZoneInfo) -> datetime:
    """Return the end of the quiet time around `at`; where clocks go forward over that moment, the moment they do."""
    wall = at.astimezone(zone)
    day = wall.date() + timedelta(days=wall.time() >= hours[1])
    written = [datetime.combine(day, hours[1], zone).replace(fold=fold) for fold in (0, 1)]
    this_minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    end = max(this_minute, min(moment.astimezone(UTC) for moment in written))
    while is_quiet(end, hours, zone):  # only on the days when clocks change
        end += timedelta(minutes=1)
    return end


def zones_of(identity: str) -> list[ZoneInfo]:
    """Return the zones where a number may be. Without a country, use settings.TIME_ZONE, and log it once per kind.

    Tokens, short codes, and numbers such as +800 have no country.
    """
    known = [zone for name in _names(identity) if (zone := _zone(name))]
    if known:
        return known
    _say_default(_kind(identity))
    return [ZoneInfo(timezone.get_default_timezone_name())]


@lru_cache(maxsize=10_000)
def _names(identity: str) -> tuple[str, ...]:
    """Return the names of a number's zones, or its country's where the kind of number is not known."""
    from phonenumbers import (
        timezone as zones,
    )  # imported here: its tables are large, and few processes need them

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
    """Describe an identity for the log; of a number only the country code is shown."""
    try:
        return f"numbers that begin with +{phonenumbers.parse(identity).country_code}"
    except phonenumbers.NumberParseException:
        return "tokens and short codes"


@cache
def _say_default(kind: str) -> None:
    logger.warning("quiet hours of %s go by TIME_ZONE: their time zone is not known", kind)
