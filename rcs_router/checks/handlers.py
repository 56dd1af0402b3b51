"""Check the handlers among the router apps: report those that are incomplete or never get their messages."""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings
from django.core.checks import CheckMessage

from rcs_router.checks.ids import found
from rcs_router.conf import RouterSettings
from rcs_router.handlers import (
    BaseHandler,
    DefaultResponse,
    HandlerApp,
    KeywordHandler,
    PatternHandler,
    PostbackHandler,
    after,
)
from rcs_router.people import consent
from rcs_router.phases import RouterApp

Handlers = Sequence[type[BaseHandler]]


def check_handlers(apps: Sequence[RouterApp], good: RouterSettings) -> list[CheckMessage]:
    """Check each handler by itself, and the order of the handlers."""
    handlers = [app.handler for app in apps if isinstance(app, HandlerApp)]
    return [
        *_incomplete(handlers),
        *_keywords(handlers, good),
        *_prefixes(handlers),
        *_shadowed(handlers),
        *_after_default_response(apps, good),
    ]


def _incomplete(handlers: Handlers) -> Iterator[CheckMessage]:
    for handler in handlers:
        problem = ""
        if issubclass(handler, KeywordHandler) and not all(_declared(handler) or [""]):
            problem = "has no keyword, or an empty one"
        elif issubclass(handler, PostbackHandler) and not handler.prefix:
            problem = "has no prefix"
        elif issubclass(handler, PatternHandler):
            problem = _pattern_problem(handler.pattern)
        if problem:
            yield found("E108", f"{_name(handler)} {problem}")
        try:
            inspect.signature(handler.dispatch).bind(None)
        except TypeError:
            yield found("E115", f"{_name(handler)}.dispatch() must take the message as its only argument")


def _pattern_problem(pattern: str) -> str:
    try:
        return "" if pattern and re.compile(pattern) else "has no pattern"
    except re.error as error:
        return f"has a pattern that is not a regular expression: {error}"


def _keywords(handlers: Handlers, good: RouterSettings) -> Iterator[CheckMessage]:
    taken: dict[str, type] = {}
    limited = {consent.word(word) for word in good.OPT_OUT_WORDS_AFTER_OFFERS}
    reserved = {consent.word(word): "an OPT_OUT_WORD" for word in good.OPT_OUT_WORDS}
    reserved = {word: what for word, what in reserved.items() if word not in limited}
    if _answers_help(good):
        reserved.update({consent.word(word): "a word that HELP_REPLY answers" for word in good.HELP_WORDS})
    for handler in handlers:
        for keyword in _words(handler):
            if reason := reserved.get(consent.word(keyword)):
                yield found("W106", f"{_name(handler)} has the keyword {keyword!r}, which is {reason}")
            first = taken.setdefault(_folded(keyword), handler)
            if first is not handler:
                yield found("W103", f"{_name(first)} and {_name(handler)} have the keyword {keyword!r}")
        if words := _matched_words(handler, reserved):
            yield found(
                "W106", f"{_name(handler)} has a pattern for {', '.join(words)} ({reserved[words[0]]})"
            )


def _answers_help(good: RouterSettings) -> bool:
    """Return True if HELP_REPLY, of the router or of any backend, answers HELP instead of the apps."""
    given = getattr(settings, "RCS_BACKENDS", {})
    entries = (
        [entry for entry in given.values() if isinstance(entry, dict)] if isinstance(given, dict) else []
    )
    return any(entry.get("HELP_REPLY", good.HELP_REPLY) for entry in entries or [{}])


def _matched_words(handler: type[BaseHandler], words: Iterable[str]) -> list[str]:
    """Return the words that a pattern is written for: none if it matches anything."""
    if (
        not issubclass(handler, PatternHandler)
        or _pattern_problem(handler.pattern)
        or handler.matches("qxzj")
    ):
        return []
    return sorted(word for word in words if handler.matches(word))


def _declared(handler: type[BaseHandler]) -> tuple[str, ...]:
    if not issubclass(handler, KeywordHandler):
        return ()
    return (handler.keyword,) if isinstance(handler.keyword, str) else handler.keyword


def _words(handler: type[BaseHandler]) -> list[str]:
    """Return the keywords: each word of "join|register", and any other regular expression as it is."""
    split = [[word.strip() for word in written.split("|")] for written in _declared(handler)]
    return [
        word
        for written, words in zip(_declared(handler), split, strict=True)
        for word in (words if all(map(_is_plain, words)) else [written])
    ]


def _is_plain(word: str) -> bool:
    return bool(word) and not re.search(r"[^\w\s-]", word)


def _folded(keyword: str) -> str:
    return " ".join(keyword.split()).casefold()


def _prefixes(handlers: Handlers) -> Iterator[CheckMessage]:
    earlier: list[type[PostbackHandler]] = []
    for handler in handlers:
        if not issubclass(handler, PostbackHandler) or not handler.prefix:
            continue
        for other in earlier:
            if handler.prefix.startswith(other.prefix):
                names = f"{_name(other)} ({other.prefix!r}) answers all taps for {_name(handler)}"
                yield found("W105", f"{names} ({handler.prefix!r})")
        earlier.append(handler)


def _shadowed(handlers: Handlers) -> Iterator[CheckMessage]:
    """Report keywords that an earlier handler always answers."""
    for number, handler in enumerate(handlers):
        for keyword in filter(_is_plain, _words(handler)):
            first = next((other for other in handlers[:number] if _takes(other, keyword)), None)
            if first:
                yield found("W115", f"{_name(first)} answers the keyword {keyword!r} of {_name(handler)}")


def _takes(handler: type[BaseHandler], keyword: str) -> bool:
    """Return True if `handler` answers `keyword`, alone and with text after it. W103 reports equal keywords."""
    said = (keyword, f"{keyword} 1")
    if _overrides_dispatch(handler) or _folded(keyword) in map(_folded, _words(handler)):
        return False
    if issubclass(handler, PatternHandler) and not _pattern_problem(handler.pattern):
        return all(handler.matches(text) for text in said)
    return any(after(own, keyword) is not None for own in _declared(handler))


def _overrides_dispatch(handler: type[BaseHandler]) -> bool:
    return handler.dispatch.__func__ not in {  # type: ignore[attr-defined]
        base.dispatch.__func__  # type: ignore[attr-defined]
        for base in (KeywordHandler, PatternHandler)
    }


def _after_default_response(apps: Sequence[RouterApp], good: RouterSettings) -> Iterator[CheckMessage]:
    """Report apps with a default() of their own that are listed after a DefaultResponse."""
    kinds = [type(app) for app in apps]
    place = next((n for n, kind in enumerate(kinds) if issubclass(kind, DefaultResponse)), len(kinds))
    late: Iterable[type] = [kind for kind in kinds[place + 1 :] if kind.default is not RouterApp.default]
    if good.DEFAULT_RESPONSE and late:
        yield found("W116", f"{_name(kinds[place])} is listed before {', '.join(map(_name, late))}")


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
