"""Check RCS_ROUTER: report every wrong key, app and reference."""

import unicodedata
from collections.abc import Iterator
from dataclasses import fields
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from rcs_router import conf
from rcs_router.checks.handlers import check_handlers
from rcs_router.checks.ids import found
from rcs_router.checks.media import check_media
from rcs_router.checks.surroundings import aliases_with_webhook
from rcs_router.conf import RouterSettings
from rcs_router.errors import ConfigError
from rcs_router.handlers import DefaultResponse
from rcs_router.people import consent
from rcs_router.phases import RouterApp
from rcs_router.router_apps import load_app


def check_router(**kwargs: object) -> list[CheckMessage]:
    """Check each key of RCS_ROUTER by itself, the apps, and the references to other settings."""
    given = getattr(settings, "RCS_ROUTER", {})
    if not isinstance(given, dict):
        return [found("E101", f"RCS_ROUTER must be a dict, not {type(given).__name__}")]
    good, wrong = _keys(given)
    return [*wrong, *_apps(good), *_references(good), *_words(good), *_public_url(good), *check_media(good)]


def _keys(given: dict[Any, Any]) -> tuple[RouterSettings, list[CheckMessage]]:
    """Return the settings, with the default in the place of each wrong value, and the problems."""
    known = {f.name for f in fields(RouterSettings)}
    good: dict[str, Any] = {}
    wrong: list[CheckMessage] = []
    for name, value in given.items():
        if name not in known:
            wrong.append(found("E102", f"RCS_ROUTER has an unknown key {name!r}"))
            continue
        number = "E103"
        try:
            value = conf.typed(name, value)
            number = "E104"
            good[name] = conf.in_range(name, value)
        except ConfigError as error:
            wrong.append(found(number, str(error)))
    return RouterSettings(**good), wrong


def good_settings() -> RouterSettings:
    given = getattr(settings, "RCS_ROUTER", {})
    return _keys(given if isinstance(given, dict) else {})[0]


def _apps(good: RouterSettings) -> list[CheckMessage]:
    wrong: list[CheckMessage] = []
    apps: list[RouterApp] = []
    for path in dict.fromkeys(good.APPS):
        if good.APPS.count(path) > 1:
            wrong.append(found("W104", f'RCS_ROUTER["APPS"] lists {path!r} more than once'))
        app = _app(path)
        if isinstance(app, RouterApp):
            apps.append(app)
        else:
            wrong.append(app)
    if good.DEFAULT_RESPONSE and not any(isinstance(app, DefaultResponse) for app in apps):
        wrong.append(found("W107", 'RCS_ROUTER["DEFAULT_RESPONSE"] is set, but no app sends it'))
    return [*wrong, *check_handlers(apps, good)]


def _app(path: str) -> RouterApp | CheckMessage:
    where = 'RCS_ROUTER["APPS"]'
    try:
        import_string(path)
    except Exception as error:
        return found("E105", f"{where}: {path!r} cannot be imported: {type(error).__name__}: {error}")
    try:
        return load_app(path)
    except ConfigError as error:
        return found("E106", str(error))
    except Exception as error:
        return found("E107", f"{where}: {path!r} cannot be created: {type(error).__name__}: {error}")


def _references(good: RouterSettings) -> Iterator[CheckMessage]:
    """Check the references to a backend and a region, and the token that a monitor sends."""
    backends = getattr(settings, "RCS_BACKENDS", {})
    if good.DEFAULT_BACKEND and isinstance(backends, dict) and good.DEFAULT_BACKEND not in backends:
        yield found("E109", f'RCS_ROUTER["DEFAULT_BACKEND"]: RCS_BACKENDS has no {good.DEFAULT_BACKEND!r}')
    if good.DEFAULT_REGION is not None and good.DEFAULT_REGION not in phonenumbers.SUPPORTED_REGIONS:
        yield found("E110", f'RCS_ROUTER["DEFAULT_REGION"]: {good.DEFAULT_REGION!r} is not a known region')
    if is_unclean(good.HEALTH_TOKEN):
        yield found(
            "E118", 'RCS_ROUTER["HEALTH_TOKEN"] begins or ends with white space, or has a control character'
        )


def is_unclean(secret: str) -> bool:
    """Return True for white space at an end or a control character, which a provider's secret never has."""
    return secret != secret.strip() or any(unicodedata.category(sign) in {"Cc", "Cf"} for sign in secret)


def _words(good: RouterSettings) -> Iterator[CheckMessage]:
    """Check the word lists. Words are compared as in incoming messages: without upper case, punctuation and emoji."""
    known = {consent.word(word) for word in good.OPT_OUT_WORDS}
    for word in good.OPT_OUT_WORDS_AFTER_OFFERS:
        if consent.word(word) not in known:
            yield found(
                "E119",
                f'RCS_ROUTER["OPT_OUT_WORDS_AFTER_OFFERS"] has {word!r}, which is not in OPT_OUT_WORDS',
            )
    lists = {name: getattr(good, name) for name in ("OPT_OUT_WORDS", "OPT_IN_WORDS", "HELP_WORDS")}
    meaning: dict[str, str] = {}
    for name, words in lists.items():
        for word in words:
            first = meaning.setdefault(consent.word(word), name)
            if not consent.word(word):
                yield found("E113", f'RCS_ROUTER["{name}"] has {word!r}, which has no letter or digit')
            elif first != name:
                yield found("E112", f"{word!r} is in both {first} and {name} of RCS_ROUTER")


def _public_url(good: RouterSettings) -> Iterator[CheckMessage]:
    where = 'RCS_ROUTER["PUBLIC_URL"]'
    if not good.PUBLIC_URL:
        if aliases := aliases_with_webhook():
            yield found(
                "W101",
                f"{where} is empty, but these backends need it for their webhooks: {', '.join(aliases)}",
            )
        return
    try:
        url = urlsplit(good.PUBLIC_URL)
        absolute = url.scheme in {"http", "https"} and bool(url.hostname) and not (url.query or url.fragment)
    except ValueError:
        absolute = False
    if not absolute or any(character.isspace() for character in good.PUBLIC_URL):
        yield found("E111", f"{where} is not an absolute http or https URL")
    elif url.scheme == "http" and not settings.DEBUG and not _is_loopback(url.hostname or ""):
        yield found("W102", f"{where} is http, not https")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
