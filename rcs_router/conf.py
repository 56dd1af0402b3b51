"""settings.RCS_ROUTER in, one typed value out; nothing is read at import, so `override_settings` works."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, time
from functools import lru_cache
from typing import Any, get_type_hints

from django.conf import settings
from django.core.signals import setting_changed
from pydantic import TypeAdapter, ValidationError

from rcs_router.errors import ConfigError


@dataclass(frozen=True)
class RouterSettings:
    """Every key of RCS_ROUTER with its default. Times are seconds."""

    APPS: tuple[str, ...] = ()  # router apps, in order
    DEFAULT_BACKEND: str = (
        ""  # which of a contact's connections to use first; empty: the first of RCS_BACKENDS
    )
    DEFAULT_REGION: str | None = None  # of phone numbers written without +, e.g. "EE"
    PUBLIC_URL: str = (
        ""  # absolute address below which rcs_router.urls is included, e.g. https://shop.example/rcs/
    )
    DEFAULT_RESPONSE: str | None = None  # what rcs_router.handlers.DefaultResponse answers; None: nothing

    RETRY_DELAYS: tuple[float, ...] = (
        5,
        30,
        300,
    )  # after each failed attempt; when the last has failed: fall back
    RETRY_JITTER: float = 0.1  # share of a delay that is added at random
    EXPIRY_GRACE: float = 30  # how long after a message's ttl the provider may still report
    FALLBACK_GRACE: float = 10  # a fallback waits so long when its parent may have arrived after all
    LEASE: float = 90  # how long a worker may keep what it claimed
    HEARTBEAT: float = (
        2  # how often it says that it lives; three times this without a sign frees what it holds
    )
    MAX_LOST_LEASES: int = 3  # a message that took so many workers down goes to review
    CLAIM: int = 50  # messages claimed at once
    THREADS: int = 16  # requests in flight per drain
    SLOTS: int = 2  # drains of one backend at a time
    DRAIN_BUDGET: float = 20  # a drain hands over to a new one after this
    BREAKER: int = 10  # failures in a row after which a backend rests
    PAUSES: tuple[float, ...] = (5, 10, 20, 40, 60)  # how long it rests, first time, second time, …
    PAUSE_LIMIT: float = 3600  # the longest Retry-After that is obeyed
    WAKE: bool = True  # ring Celery after commits; False: tick (or cron) finds the work alone

    FORM_LIFE: float = 7 * 24 * 3600  # how long the web page of a form can be filled in

    APP_TIMEOUT: float | None = 30  # for one router app and one message; None: no limit
    ANSWERS_A_MINUTE: int = 60  # that router apps may give one person; more, and it is a loop of machines
    REPLY_WINDOW: float = 24 * 3600  # a free text answers the newest message that is not older than this

    WEBHOOK_MAX_BYTES: int = 1_000_000
    WEBHOOK_RETRY_DELAYS: tuple[float, ...] = (
        1,
        5,
        30,
        300,
        3600,
        86400,
    )  # for receipts of unknown transmissions

    MEDIA_FETCH: bool = True  # keep the files that people send: their links expire
    MEDIA_STORAGE: str = "default"  # which of STORAGES keeps them
    MEDIA_MAX_BYTES: int = 20 * 1024 * 1024
    MEDIA_TYPES: tuple[str, ...] = ("image/*", "video/*", "audio/*", "application/pdf", "text/vcard")
    MEDIA_TIMEOUT: float = 60  # for one file, redirects and all
    MEDIA_ALLOW_PRIVATE: bool | None = None  # links to this machine and its network; None: as DEBUG

    # A message that is nothing but one of these words ends the offers, brings them back, or asks for help.
    OPT_OUT_WORDS: tuple[str, ...] = (
        *("stop", "stopall", "stop all", "unsubscribe", "optout", "opt out", "revoke"),
        *("cancel", "end", "quit", "remove", "baja", "parar", "arret", "arrêt"),
    )
    OPT_OUT_WORDS_AFTER_OFFERS: tuple[str, ...] = ()  # those that are a STOP only as an answer to a promotion
    OPT_IN_WORDS: tuple[str, ...] = (
        *("start", "unstop", "subscribe", "alta"),
        *("démarrer", "demarrer", "começar", "comecar"),
    )
    HELP_WORDS: tuple[str, ...] = (
        *("help", "info", "aide", "ayuda", "ajuda", "hilfe", "aiuto", "hulp", "pomoc", "abi"),
        *("помощь", "допомога"),
    )
    OPT_OUT_REPLY: str = "You will get no more offers from us. Answer START to get them again."
    OPT_IN_REPLY: str = "Welcome back: you will get our offers again. Answer STOP to end them."
    HELP_REPLY: str = ""  # empty: HELP is for the apps

    LOG_NUMBERS: bool = False  # write whole phone numbers into the log, not only their last two digits
    HEALTH_TOKEN: str = ""  # what a monitor sends as "Authorization: Bearer …" to health/; empty: staff only
    ALARM_MAILS: bool = True  # mail ADMINS, at most once an hour for each kind of alarm
    ALARM_WINDOW: float = 300  # the seconds that failure shares and response times are taken over
    FAILURE_SHARE: float = 0.25  # share of failed attempts or receipts that is an alarm, if it is unusual
    SLOW_AFTER: float = 3  # a provider whose median response takes longer is slow
    BACKLOG_AFTER: float = 120  # how long what is not a promotion may be due before it is an alarm
    REVIEW_LIMIT: int = 20  # transmissions that come into review within an hour
    BEAT_AFTER: float = 60  # beat is missing when its tick has not come for so long

    CAPS: tuple[str, ...] = ()  # promotions to one person, e.g. ("3/d", "10/w"); empty: any number
    QUIET_HOURS: tuple[str, ...] = ()  # e.g. ("21:00", "08:00"), by the number's own clock; empty: none


_FROM_ONE = {"ANSWERS_A_MINUTE", "BREAKER", "CLAIM", "MAX_LOST_LEASES"} | {
    *("MEDIA_MAX_BYTES", "REVIEW_LIMIT", "SLOTS", "THREADS", "WEBHOOK_MAX_BYTES")
}
_ABOVE_ZERO = {
    "DRAIN_BUDGET",
    "FORM_LIFE",
    "LEASE",
    "MEDIA_TIMEOUT",
    "APP_TIMEOUT",
    "HEARTBEAT",
    "ALARM_WINDOW",
} | {*("FAILURE_SHARE", "SLOW_AFTER", "BACKLOG_AFTER", "BEAT_AFTER")}
_NOT_EMPTY = {"PAUSES"}
_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


@dataclass(frozen=True)
class Cap:
    """At most `count` promotions to one person in any `seconds`."""

    count: int
    seconds: float


def caps(given: tuple[str, ...]) -> tuple[Cap, ...]:
    """CAPS, read. Raises ConfigError for what is not "number/h", "number/d" or "number/w"."""
    matches = [re.fullmatch(r"([1-9]\d{0,5})/([hdw])", one) for one in given]
    if wrong := [one for one, match in zip(given, matches, strict=True) if not match]:
        raise ConfigError(f'RCS_ROUTER["CAPS"] must be a list such as ["3/d", "10/w"], not {wrong[0]!r}')
    return tuple(Cap(int(match[1]), _SECONDS[match[2]]) for match in matches if match)


def quiet_hours(given: tuple[str, ...]) -> tuple[time, time] | None:
    """QUIET_HOURS, read: from when until when. Raises ConfigError for what is not two different times of day."""
    if not given:
        return None
    try:
        begin, end = (datetime.strptime(one, "%H:%M").time() for one in given)
    except ValueError:
        begin = end = time()
    if begin == end:
        raise ConfigError(
            f'RCS_ROUTER["QUIET_HOURS"] must be two times such as ("21:00", "08:00"), not {given!r}'
        )
    return begin, end


_READ: dict[str, Callable[[tuple[str, ...]], object]] = {"CAPS": caps, "QUIET_HOURS": quiet_hours}


def read(given: dict[str, Any]) -> RouterSettings:
    """`given` as a value. Raises ConfigError that names an unknown or mistyped key, or a number out of its range."""
    if not isinstance(given, dict):
        raise ConfigError(f"RCS_ROUTER must be a dict, not {type(given).__name__}")
    known = {f.name for f in fields(RouterSettings)}
    if unknown := sorted(str(key) for key in set(given) - known):
        raise ConfigError(
            f"RCS_ROUTER has an unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}"
        )
    return RouterSettings(**{name: in_range(name, typed(name, value)) for name, value in given.items()})


def typed(name: str, value: Any) -> Any:
    """`value` as the type that the key `name` has."""
    try:
        return TypeAdapter(get_type_hints(RouterSettings)[name]).validate_python(value)
    except ValidationError as error:
        raise ConfigError(f'RCS_ROUTER["{name}"]: {error.errors(include_url=False)[0]["msg"]}') from None


def in_range(name: str, value: Any) -> Any:
    """`value` again. Raises ConfigError for a number (or one in a list) that would stop the router or send for ever."""
    where = f'RCS_ROUTER["{name}"]'
    if name in _NOT_EMPTY and not value:
        raise ConfigError(f"{where} may not be empty")
    if name in _READ:
        _READ[name](value)
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, str | bool | None):
            continue
        if not math.isfinite(number) or number < 0:
            raise ConfigError(f"{where} may not be negative or infinite, but is {number}")
        if number < 1 if name in _FROM_ONE else number == 0 and name in _ABOVE_ZERO:
            raise ConfigError(f"{where} must be {'at least 1' if name in _FROM_ONE else 'more than 0'}")
    return value


@lru_cache(maxsize=1)
def router_settings() -> RouterSettings:
    """RCS_ROUTER as it is now; read once, and again after `override_settings`."""
    return read(getattr(settings, "RCS_ROUTER", {}))


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "RCS_ROUTER":
        router_settings.cache_clear()


setting_changed.connect(_forget)
