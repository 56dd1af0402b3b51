"""Content and a backend in; what travels natively, as plain text, or not at all out."""

from dataclasses import dataclass
from typing import Any

from rcs_router.content import Content, Text
from rcs_router.content.plain import Choice, render
from rcs_router.contract import BaseBackend
from rcs_router.errors import ContentError


@dataclass(frozen=True)
class Fit:
    """How a backend carries a content: `choices` are options that a plain text offers, `lost` what it cannot show."""

    choices: tuple[Choice, ...] = ()
    lost: tuple[str, ...] = ()


def is_native(backend: BaseBackend, content: Content) -> bool:
    """Does the backend carry all of it as it is?"""
    used = {type(suggestion) for suggestion in suggestions_of(content)}
    return type(content) in backend.capabilities.content and used <= backend.capabilities.suggestions


def fit(backend: BaseBackend, content: Content, fallback_text: str = "") -> Fit:
    """How `backend` will carry `content`."""
    if is_native(backend, content):
        return Fit()
    plain = render(content, fallback_text=fallback_text)
    return Fit(plain.choices, plain.lost)


def require(backend: BaseBackend, content: Content, fallback_text: str = "") -> None:
    """Raise ContentError, in the caller's stack, when the backend cannot carry the content or what became of it."""
    plain = backend.capabilities.content <= {Text}  # it says `outbound.text`, whatever the content
    if not plain and is_native(backend, content):
        carried, hint = content, ""
    else:
        carried = Text(_said(backend, content, fallback_text))
        hint = f" (as plain text for {backend.alias!r}: a fallback_text may be shorter)"
    if problems := backend.check(carried):
        path, colon, problem = problems[0].partition(": ")
        raise ContentError(path if colon else "", (problem if colon else path) + hint)


def _said(backend: BaseBackend, content: Content, fallback_text: str) -> str:
    text = render(content, fallback_text=fallback_text).text
    if not text.strip():
        raise ContentError(
            "", f"nothing of it can be said in plain text, which {backend.alias!r} needs: fallback_text="
        )
    return text


def suggestions_of(content: Any) -> list[Any]:
    """Every chip of a content, cards included, in reading order."""
    found: list[Any] = []
    for card in getattr(content, "cards", ()):
        found += [*card.suggestions, *card.chips]
    return [*found, *content.suggestions, *getattr(content, "chips", ())]
