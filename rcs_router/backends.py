"""Configured backends: `backends["acme"]`, built from settings.RCS_BACKENDS by Django's connection handler."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.connection import BaseConnectionHandler
from django.utils.module_loading import import_string

from rcs_router.conf import router_settings
from rcs_router.contract import BaseBackend, Traffic
from rcs_router.errors import ConfigError

REPLIES = (
    "OPT_OUT_REPLY",
    "OPT_IN_REPLY",
    "HELP_REPLY",
)  # each replaces the text of the same name in RCS_ROUTER
KEYS = (
    "BACKEND",
    "BRAND",
    "FALLBACK",
    "FALLBACK_AFTER",
    *REPLIES,
    "OPTIONS",
    "RATE",
    "RETRY_DELAYS",
    "SILENT_AFTER",
    "TRAFFIC",
)
FALLBACK_AFTER: Mapping[str, float] = {
    Traffic.AUTHENTICATION: 15.0
}  # seconds; other traffic types have no deadline
SILENT_AFTER = 900.0  # seconds
BRAND = 60  # characters
_PER = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class BackendConfig:
    """One entry of RCS_BACKENDS."""

    alias: str
    path: str
    options: Mapping[str, Any]
    fallback: tuple[str, ...]
    rate: float | None  # messages per second, shared by all workers; None: no limit
    traffic: Traffic
    retry_delays: tuple[float, ...] | None
    brand: str = ""  # the sender's brand; a refusal holds on all backends of the same brand
    fallback_after: Mapping[str, float] = field(default_factory=lambda: FALLBACK_AFTER)  # traffic → seconds
    silent_after: float = SILENT_AFTER  # seconds without a receipt after which the provider is asked
    replies: Mapping[str, str] = field(
        default_factory=dict
    )  # the texts of REPLIES that this backend has of its own

    @classmethod
    def read(cls, alias: str, given: Any) -> "BackendConfig":
        """Return the entry of `alias`. Raises ConfigError: one sentence that names the alias and the key."""
        where = f'RCS_BACKENDS["{alias}"]'
        if not isinstance(given, dict):
            raise ConfigError(f"{where} must be a dict with BACKEND and OPTIONS, not {type(given).__name__}")
        if unknown := sorted(str(key) for key in set(given) - set(KEYS)):
            raise ConfigError(f"{where} has an unknown key {unknown[0]!r}; known are {', '.join(KEYS)}")
        if not isinstance(given.get("BACKEND"), str):
            raise ConfigError(f'{where} lacks BACKEND, a dotted path such as "rcs_backends.kannel.Kannel"')
        if not isinstance(given.get("OPTIONS", {}), dict):
            raise ConfigError(f'{where}["OPTIONS"] must be a dict')
        return cls(
            alias=alias,
            path=given["BACKEND"],
            options=given.get("OPTIONS", {}),
            fallback=_aliases(where, given.get("FALLBACK", ())),
            rate=_rate(where, given.get("RATE")),
            traffic=_traffic(where, given.get("TRAFFIC", Traffic.TRANSACTION)),
            retry_delays=_delays(where, given.get("RETRY_DELAYS")),
            brand=_brand(where, given.get("BRAND", "")),
            fallback_after=_fallback_after(where, given.get("FALLBACK_AFTER", FALLBACK_AFTER)),
            silent_after=_seconds(f'{where}["SILENT_AFTER"]', given.get("SILENT_AFTER", SILENT_AFTER)),
            replies={name: _reply(f'{where}["{name}"]', given[name]) for name in REPLIES if name in given},
        )


class BackendHandler(BaseConnectionHandler):
    """`backends["acme"]` returns the configured backend; each process has one instance for all of its threads."""

    settings_name = "RCS_BACKENDS"
    exception_class = ConfigError

    def __init__(self) -> None:
        super().__init__()
        self._connections = (
            SimpleNamespace()
        )  # shared by threads, because a backend keeps its provider's token
        self._configs: dict[str, BackendConfig] = {}

    def configure_settings(self, settings: Any) -> dict[str, Any]:
        configured = getattr(django_settings, self.settings_name, {})
        if not isinstance(configured, dict):
            raise ConfigError(f"RCS_BACKENDS must be a dict, not {type(configured).__name__}")
        return configured

    def create_connection(self, alias: str) -> BaseBackend:
        config = self.config(alias)
        try:
            cls = import_string(config.path)
        except ImportError as error:
            raise ConfigError(f'RCS_BACKENDS["{alias}"]["BACKEND"]: {error}') from error
        if not (isinstance(cls, type) and issubclass(cls, BaseBackend)):
            raise ConfigError(f'RCS_BACKENDS["{alias}"]["BACKEND"]: {config.path} is not a BaseBackend')
        return cls(alias, cls.Options.read(alias, config.options), webhook_url=webhook_url(alias))

    def config(self, alias: str) -> BackendConfig:
        """Return the entry of `alias`. Raises ConfigError when it is missing or wrong."""
        if alias not in self._configs:
            if alias not in self.settings:
                raise ConfigError(
                    f"there is no backend {alias!r}; RCS_BACKENDS has {', '.join(self) or 'none'}"
                )
            self._configs[alias] = BackendConfig.read(alias, self.settings[alias])
        return self._configs[alias]

    def __getitem__(self, alias: str) -> BaseBackend:
        self.config(alias)  # names the aliases that exist
        backend: BaseBackend = super().__getitem__(alias)
        return backend

    def __contains__(self, alias: object) -> bool:
        return alias in self.settings

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings)

    def reset(self) -> None:
        """Read the settings again at the next use."""
        self.__dict__.pop("settings", None)
        self._connections = SimpleNamespace()
        self._configs = {}


def webhook_url(alias: str, public_url: str | None = None) -> str:
    """Return the address of the webhook of `alias`; empty while PUBLIC_URL is not set."""
    base = router_settings().PUBLIC_URL if public_url is None else public_url
    return f"{base.rstrip('/')}/webhooks/{alias}/" if base else ""


def fallbacks_after(alias: str, root: str = "") -> tuple[str, ...]:
    """Return the aliases that follow `alias` in the fallback chain of `root` (default: of `alias`)."""
    if (root or alias) not in backends:  # the backend was removed from the settings, with its list
        return ()
    chain = backends.config(root or alias).fallback
    return (
        chain[chain.index(alias) + 1 :]
        if root and alias in chain
        else chain
        if not root or root == alias
        else ()
    )


def default_alias() -> str:
    """Return the backend that a contact is written to first."""
    return router_settings().DEFAULT_BACKEND or next(iter(backends), "")


def brand_of(alias: str) -> str:
    """Return the BRAND of a backend; empty without one, and for an alias that RCS_BACKENDS does not have (any more).

    Raises nothing: a STOP is recorded even if the entry is wrong.
    """
    entry = backends.settings.get(alias)
    brand = entry.get("BRAND", "") if isinstance(entry, dict) else ""
    return brand if isinstance(brand, str) else ""


def reply(alias: str, name: str) -> str:
    """Return the answer of `alias` to a STOP, a START or HELP (`name` is one of REPLIES); empty: no answer.

    Raises nothing: a STOP is recorded even if the entry is wrong.
    """
    usual: str = getattr(router_settings(), name)
    entry = backends.settings.get(alias)
    own = entry.get(name, usual) if isinstance(entry, dict) else usual
    return own if isinstance(own, str) else usual


def _reply(where: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ConfigError(f'{where} must be a text, or "" for no answer')
    return value


def _aliases(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(alias, str) for alias in value):
        raise ConfigError(f'{where}["FALLBACK"] must be a list of aliases')
    return tuple(value)


def _rate(where: str, value: Any) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)/([smh])", value) if isinstance(value, str) else None
    if not match or float(match[1]) == 0:
        raise ConfigError(f'{where}["RATE"] must look like "100/s", "600/m" or "5000/h", not {value!r}')
    return float(match[1]) / _PER[match[2]]


def _brand(where: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > BRAND:
        raise ConfigError(f'{where}["BRAND"] must be a text of at most {BRAND} characters, not {value!r}')
    return value


def _traffic(where: str, value: Any) -> Traffic:
    try:
        return Traffic(value)
    except ValueError:
        raise ConfigError(f'{where}["TRAFFIC"] must be one of {", ".join(Traffic)}, not {value!r}') from None


def _delays(where: str, value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(
        isinstance(n, int | float) and 0 <= n < inf for n in value
    ):
        raise ConfigError(f'{where}["RETRY_DELAYS"] must be a list of seconds')
    return tuple(float(n) for n in value)


def _fallback_after(where: str, value: Any) -> Mapping[str, float]:
    """Return the seconds for each traffic type with a deadline; a single number holds for all types, None for none."""
    where = f'{where}["FALLBACK_AFTER"]'
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return dict.fromkeys(Traffic, _seconds(where, value))
    if unknown := [name for name in value if name not in list(Traffic)]:
        raise ConfigError(
            f"{where} has an unknown traffic type {unknown[0]!r}; known are {', '.join(Traffic)}"
        )
    own = {str(name): _seconds(where, seconds) for name, seconds in value.items() if seconds is not None}
    return {**{k: v for k, v in FALLBACK_AFTER.items() if k not in value}, **own}


def _seconds(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
        raise ConfigError(f"{where} must be a number of seconds above 0, not {value!r}")
    return float(value)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in {"RCS_BACKENDS", "RCS_ROUTER"}:
        backends.reset()


backends = BackendHandler()
setting_changed.connect(_forget)
