"""RCS_ROUTER in; every wrong key, app and reference out."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import fields
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from rcs_router import conf, consent
from rcs_router.checks.ids import found
from rcs_router.checks.media import check_media
from rcs_router.checks.surroundings import webhook_takers
from rcs_router.conf import RouterSettings
from rcs_router.errors import ConfigError
from rcs_router.handlers import DefaultResponse, HandlerApp, KeywordHandler, PatternHandler, PostbackHandler
from rcs_router.phases import RouterApp
from rcs_router.router import load_app


def check_router(**kwargs: object) -> list[CheckMessage]:
    """RCS_ROUTER: each key by itself, the apps, and what the keys refer to."""
    given = getattr(settings, "RCS_ROUTER", {})
    if not isinstance(given, dict):
        return [found("E101", f"RCS_ROUTER must be a dict, not {type(given).__name__}")]
    good, wrong = _keys(given)
    return [*wrong, *_apps(good), *_references(good), *_words(good), *_public_url(good), *check_media(good)]


def _keys(given: dict[Any, Any]) -> tuple[RouterSettings, list[CheckMessage]]:
    """The settings as far as they are good, defaults in the place of the others; and what is wrong with those."""
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
        wrong.append(found("W107", 'RCS_ROUTER["DEFAULT_RESPONSE"] is set, and no app gives it'))
    handlers = [app.handler for app in apps if isinstance(app, HandlerApp)]
    return [*wrong, *_incomplete(handlers), *_keywords(handlers, good), *_prefixes(handlers)]


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
        return found("E107", f"{where}: {path!r} cannot be made: {type(error).__name__}: {error}")


def _incomplete(handlers: Iterable[type]) -> Iterator[CheckMessage]:
    for handler in handlers:
        problem = ""
        if issubclass(handler, KeywordHandler) and not all(_keywords_of(handler) or [""]):
            problem = "has no keyword, or an empty one"
        elif issubclass(handler, PostbackHandler) and not handler.prefix:
            problem = "has no prefix"
        elif issubclass(handler, PatternHandler):
            problem = _pattern_problem(handler.pattern)
        if problem:
            yield found("E108", f"{_name(handler)} {problem}")


def _pattern_problem(pattern: str) -> str:
    try:
        return "" if pattern and re.compile(pattern) else "has no pattern"
    except re.error as error:
        return f"has a pattern that is no regular expression: {error}"


def _keywords(handlers: Iterable[type], good: RouterSettings) -> Iterator[CheckMessage]:
    taken: dict[str, type] = {}
    limited = {consent.word(word) for word in good.OPT_OUT_WORDS_AFTER_OFFERS}
    taken_by_us = {consent.word(word): "an OPT_OUT_WORD" for word in good.OPT_OUT_WORDS}
    taken_by_us = {word: what for word, what in taken_by_us.items() if word not in limited}
    if _answers_help(good):
        taken_by_us.update({consent.word(word): "a word that HELP_REPLY answers" for word in good.HELP_WORDS})
    for handler in handlers:
        for keyword in _keywords_of(handler):
            word = keyword.casefold()
            if ours := taken_by_us.get(consent.word(keyword)):
                yield found("W106", f"{_name(handler)} has the keyword {keyword!r}, {ours}")
            first = taken.setdefault(word, handler)
            if first is not handler:
                yield found("W103", f"{_name(first)} and {_name(handler)} have the keyword {keyword!r}")
        if words := _matched_words(handler, taken_by_us):
            yield found(
                "W106", f"{_name(handler)} has a pattern for {', '.join(words)}: {taken_by_us[words[0]]}"
            )


def _matched_words(handler: type, words: Iterable[str]) -> list[str]:
    """Those that the handler's pattern is meant for; one that matches anything is meant for none of them."""
    if not issubclass(handler, PatternHandler) or _pattern_problem(handler.pattern):
        return []
    matches = re.fullmatch if handler.fullmatch else re.match
    if matches(handler.pattern, "qxzj", re.IGNORECASE):
        return []
    return sorted(word for word in words if matches(handler.pattern, word, re.IGNORECASE))


def _answers_help(good: RouterSettings) -> bool:
    """Does any backend, or all of them, answer HELP instead of the apps?"""
    given = getattr(settings, "RCS_BACKENDS", {})
    entries = (
        [entry for entry in given.values() if isinstance(entry, dict)] if isinstance(given, dict) else []
    )
    return any(entry.get("HELP_REPLY", good.HELP_REPLY) for entry in entries or [{}])


def _keywords_of(handler: type) -> tuple[str, ...]:
    if not issubclass(handler, KeywordHandler):
        return ()
    return (handler.keyword,) if isinstance(handler.keyword, str) else handler.keyword


def _prefixes(handlers: Iterable[type]) -> Iterator[CheckMessage]:
    earlier: list[type[PostbackHandler]] = []
    for handler in handlers:
        if not issubclass(handler, PostbackHandler) or not handler.prefix:
            continue
        for other in earlier:
            if handler.prefix.startswith(other.prefix):
                names = f"{_name(other)} ({other.prefix!r}) takes the taps of {_name(handler)}"
                yield found("W105", f"{names} ({handler.prefix!r})")
        earlier.append(handler)


def _name(handler: type) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"


def _references(good: RouterSettings) -> Iterator[CheckMessage]:
    """What names something elsewhere: a backend, a country, what a monitor sends."""
    backends = getattr(settings, "RCS_BACKENDS", {})
    if good.DEFAULT_BACKEND and isinstance(backends, dict) and good.DEFAULT_BACKEND not in backends:
        yield found("E109", f'RCS_ROUTER["DEFAULT_BACKEND"]: there is no backend {good.DEFAULT_BACKEND!r}')
    if good.DEFAULT_REGION is not None and good.DEFAULT_REGION not in phonenumbers.SUPPORTED_REGIONS:
        yield found("E110", f'RCS_ROUTER["DEFAULT_REGION"]: {good.DEFAULT_REGION!r} is no known region')
    if is_unclean(good.HEALTH_TOKEN):
        yield found("E118", 'RCS_ROUTER["HEALTH_TOKEN"] has a blank at an end or a control character')


def is_unclean(secret: str) -> bool:
    """Has it a blank at an end, or a control character? Then it is not what the provider has."""
    return secret != secret.strip() or any(unicodedata.category(sign) in {"Cc", "Cf"} for sign in secret)


def _words(good: RouterSettings) -> Iterator[CheckMessage]:
    """Compared as what people write is: without case and signs."""
    known = {consent.word(word) for word in good.OPT_OUT_WORDS}
    for word in good.OPT_OUT_WORDS_AFTER_OFFERS:
        if consent.word(word) not in known:
            yield found(
                "E119", f'RCS_ROUTER["OPT_OUT_WORDS_AFTER_OFFERS"] has {word!r}, which is no OPT_OUT_WORD'
            )
    lists = {name: getattr(good, name) for name in ("OPT_OUT_WORDS", "OPT_IN_WORDS", "HELP_WORDS")}
    meaning: dict[str, str] = {}
    for name, words in lists.items():
        for word in words:
            first = meaning.setdefault(consent.word(word), name)
            if not consent.word(word):
                yield found(
                    "E113", f'RCS_ROUTER["{name}"] has {word!r}, in which there is no letter or digit'
                )
            elif first != name:
                yield found("E112", f"{word!r} is in {first} and in {name} of RCS_ROUTER")


def _public_url(good: RouterSettings) -> Iterator[CheckMessage]:
    where = 'RCS_ROUTER["PUBLIC_URL"]'
    if not good.PUBLIC_URL:
        if takers := webhook_takers():
            yield found("W101", f"{where} is empty, and webhooks are taken by {', '.join(takers)}")
        return
    try:
        url = urlsplit(good.PUBLIC_URL)
        absolute = url.scheme in {"http", "https"} and bool(url.hostname) and not (url.query or url.fragment)
    except ValueError:
        absolute = False
    if not absolute or any(character.isspace() for character in good.PUBLIC_URL):
        yield found("E111", f"{where} is no absolute http or https address")
    elif url.scheme == "http" and not settings.DEBUG and not _is_loopback(url.hostname or ""):
        yield found("W102", f"{where} is not encrypted")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
