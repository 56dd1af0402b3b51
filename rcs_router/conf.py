"""settings.RCS_ROUTER as a typed value. Nothing is read at import, so `override_settings` works."""

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
    DEFAULT_BACKEND: str = ""  # the backend of a contact's first connection; empty: the first of RCS_BACKENDS
    DEFAULT_REGION: str | None = None  # the country of phone numbers written without +, such as "EE"
    PUBLIC_URL: str = (
        ""  # absolute address where rcs_router.urls is included, such as https://shop.example/rcs/
    )
    DEFAULT_RESPONSE: str | None = None  # the answer of rcs_router.handlers.DefaultResponse; None: no answer

    RETRY_DELAYS: tuple[float, ...] = (
        5,
        30,
        300,
    )  # after each failed attempt; after the last one, the message falls back
    RETRY_JITTER: float = 0.1  # share of a delay that is added at random
    EXPIRY_GRACE: float = 30  # how long after a message's ttl the provider may still report
    FALLBACK_GRACE: float = 10  # how long a fallback waits when its parent may still arrive
    LEASE: float = 90  # the longest time that a worker may keep a claim
    HEARTBEAT: float = (
        2  # how often a worker renews its claims; after three times this without a renewal they are free
    )
    MAX_LOST_LEASES: int = 3  # a message that killed this many workers goes to review
    CLAIM: int = 50  # messages claimed at once
    THREADS: int = 16  # requests in flight per drain
    SLOTS: int = 2  # drains of one backend at a time
    DRAIN_BUDGET: float = 20  # a drain starts a new one after this
    BREAKER: int = 10  # failures in a row after which a backend is paused
    PAUSES: tuple[float, ...] = (5, 10, 20, 40, 60)  # the length of its first, second, … pause
    PAUSE_LIMIT: float = 3600  # the longest Retry-After that is obeyed
    WAKE: bool = True  # wake Celery after commits; False: only tick (or cron) finds the work

    FORM_LIFE: float = 7 * 24 * 3600  # how long the web page of a form can be filled in

    APP_TIMEOUT: float | None = 30  # for one router app and one message; None: no limit
    ANSWERS_A_MINUTE: int = 60  # answers of router apps to one person; with more, two machines may be talking
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

    MEDIA_FETCH: bool = True  # store the files that people send, because their links expire
    MEDIA_STORAGE: str = "default"  # the storage of STORAGES for them
    MEDIA_MAX_BYTES: int = 20 * 1024 * 1024
    MEDIA_TYPES: tuple[str, ...] = ("image/*", "video/*", "audio/*", "application/pdf", "text/vcard")
    MEDIA_TIMEOUT: float = 60  # for one file, including redirects
    MEDIA_ALLOW_PRIVATE: bool | None = None  # allow links to this machine and its network; None: as DEBUG

    # A message with only one of these words refuses promotions, accepts them again, or asks for help.
    OPT_OUT_WORDS: tuple[str, ...] = (
        *("stop", "stopall", "stop all", "unsubscribe", "optout", "opt out", "revoke"),
        *("cancel", "end", "quit", "remove", "baja", "parar", "arret", "arrêt"),
    )
    OPT_OUT_WORDS_AFTER_OFFERS: tuple[str, ...] = ()  # words that mean STOP only as an answer to a promotion
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
    HELP_REPLY: str = ""  # empty: HELP goes to the apps

    LOG_NUMBERS: bool = False  # write whole phone numbers into the log, not only their last two digits
    HEALTH_TOKEN: str = ""  # the token of a monitor: "Authorization: Bearer …" for health/; empty: staff only
    ALARM_MAILS: bool = True  # mail ADMINS, at most once an hour for each kind of alarm
    ALARM_WINDOW: float = 300  # the window in seconds for failure shares and response times
    FAILURE_SHARE: float = (
        0.25  # the share of failed attempts or receipts that raises an alarm, if it is unusual
    )
    SLOW_AFTER: float = 3  # a provider whose median response takes longer is slow
    BACKLOG_AFTER: float = 120  # how long a message that is not a promotion may be due before an alarm
    REVIEW_LIMIT: int = 20  # transmissions that go into review within an hour
    BEAT_AFTER: float = 60  # seconds without a tick after which beat counts as missing

    CAPS: tuple[str, ...] = ()  # promotions to one person, such as ("3/d", "10/w"); empty: any number
    QUIET_HOURS: tuple[
        str, ...
    ] = ()  # such as ("21:00", "08:00"), in the number's own time zone; empty: none


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
    """Return CAPS as values. Raises ConfigError for a value other than "number/h", "number/d" or "number/w"."""
    matches = [re.fullmatch(r"([1-9]\d{0,5})/([hdw])", one) for one in given]
    if wrong := [one for one, match in zip(given, matches, strict=True) if not match]:
        raise ConfigError(f'RCS_ROUTER["CAPS"] must be a list such as ["3/d", "10/w"], not {wrong[0]!r}')
    return tuple(Cap(int(match[1]), _SECONDS[match[2]]) for match in matches if match)


def quiet_hours(given: tuple[str, ...]) -> tuple[time, time] | None:
    """Return the start and end of QUIET_HOURS. Raises ConfigError unless they are two different times of day."""
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
    """Return `given` as a value. Raises ConfigError for an unknown key, a wrong type, or a number out of its range."""
    if not isinstance(given, dict):
        raise ConfigError(f"RCS_ROUTER must be a dict, not {type(given).__name__}")
    known = {f.name for f in fields(RouterSettings)}
    if unknown := sorted(str(key) for key in set(given) - known):
        raise ConfigError(
            f"RCS_ROUTER has an unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}"
        )
    return RouterSettings(**{name: in_range(name, typed(name, value)) for name, value in given.items()})


def typed(name: str, value: Any) -> Any:
    """Return `value` with the type of the key `name`."""
    try:
        return adapter(RouterSettings, name).validate_python(value)
    except ValidationError as error:
        raise ConfigError(f'RCS_ROUTER["{name}"]: {error.errors(include_url=False)[0]["msg"]}') from None


_ADAPTERS: dict[tuple[type, str], TypeAdapter[Any]] = {}  # to make one takes much longer than to use it


def adapter(of: type, name: str) -> TypeAdapter[Any]:
    """Return the TypeAdapter of the field `name` of a dataclass."""
    if (of, name) not in _ADAPTERS:
        _ADAPTERS[of, name] = TypeAdapter(get_type_hints(of)[name])
    return _ADAPTERS[of, name]


def in_range(name: str, value: Any) -> Any:
    """Return `value`. Raises ConfigError for a number that would stop the router or make it send without end."""
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
    """Return the current RCS_ROUTER; it is read once, and again after `override_settings`."""
    return read(getattr(settings, "RCS_ROUTER", {}))


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "RCS_ROUTER":
        router_settings.cache_clear()


setting_changed.connect(_forget)
