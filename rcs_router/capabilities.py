"""Fit a content to a backend: natively, as the nearest content, as plain text, or not at all."""

from dataclasses import dataclass

from rcs_router.content import Content, Form, Text
from rcs_router.content.fitting import CannotFit, Fitting
from rcs_router.content.plain import Choice, render
from rcs_router.contract import BaseBackend
from rcs_router.errors import ContentError


@dataclass(frozen=True)
class Fit:
    """How a backend carries a content. `choices`: the options of a plain text; `lost`: what cannot be shown."""

    content: Content
    choices: tuple[Choice, ...] = ()
    lost: tuple[str, ...] = ()
    is_plain: bool = False


def fit(backend: BaseBackend, content: Content, fallback_text: str = "", form_link: str = "") -> Fit:
    """Return how `backend` carries `content`. `form_link`: the page where a Form is filled in."""
    can = backend.capabilities
    if not can.content <= {Text} or can.suggestions:  # else "plain text" would be recorded for every content
        fitting = Fitting(can.content, can.suggestions, can.features, can.fallback_urls, form_link)
        try:
            return Fit(fitting.fit(content), _by_its_own_sms(backend, content, fallback_text), fitting.lost)
        except (CannotFit, ContentError):  # a rule may end in something that is not a content
            pass
    plain = render(content, fallback_text=fallback_text, form_link=form_link)
    said = Text(plain.text) if plain.text.strip() else content
    return Fit(said, plain.choices, plain.lost, is_plain=True)


def _by_its_own_sms(backend: BaseBackend, content: Content, fallback_text: str) -> tuple[Choice, ...]:
    """Return the numbered options for a provider that sends our plain text as an SMS itself."""
    if not backend.capabilities.own_fallback:
        return ()
    return render(content, fallback_text=fallback_text).choices


def require(
    backend: BaseBackend,
    content: Content,
    fallback_text: str = "",
    form_link: str = "",
    *,
    strict: bool = False,
) -> None:
    """Raise ContentError, in the caller's stack, when the backend cannot carry the content.

    `strict`: also when anything of it would be lost.
    """
    if isinstance(content, Form) and Form not in backend.capabilities.content and not form_link:
        raise ContentError(
            "", f'a form becomes a web page on {backend.alias!r}, which needs RCS_ROUTER["PUBLIC_URL"]'
        )
    fitted = fit(backend, content, fallback_text, form_link)
    if fitted.is_plain and not isinstance(fitted.content, Text):
        raise ContentError(
            "", f"nothing of it can be said in plain text, which {backend.alias!r} needs: fallback_text="
        )
    if strict and fitted.lost:
        raise ContentError("", f"{backend.alias!r} cannot carry all of it: {'; '.join(fitted.lost)}")
    if problems := backend.check(fitted.content):
        path, colon, problem = problems[0].partition(": ")
        hint = _HINT[fitted.is_plain].format(backend.alias) if fitted.content != content else ""
        raise ContentError(path if colon else "", (problem if colon else path) + hint)


_HINT = {
    True: " (as plain text for {!r}: a fallback_text may be shorter)",
    False: " (of what it became for {!r})",
}
