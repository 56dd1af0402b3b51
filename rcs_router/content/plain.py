"""Content → what an SMS says: each reply, link, number, date and place stays reachable; losses are named.

The numbers of the replies are kept on the transmission; `match` turns the answer "2" back into its postback.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from rcs_router.content.messages import Card, Carousel, Content, File, Location, Media, Text
from rcs_router.content.suggestions import (
    CalendarEvent,
    Dial,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Suggestion,
    postback_of,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One numbered option: what the person may answer with, and the postback that this answer stands for."""

    number: int
    label: str
    postback: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A message as plain text, its numbered options, and short sentences about what was lost on the way."""

    text: str
    choices: tuple[Choice, ...]
    lost: tuple[str, ...]


def render(content: Content, *, fallback_text: str = "") -> Plain:
    """The message as plain text. `fallback_text` replaces the body; options it does not name are added."""
    draft = _Draft()
    if fallback_text:
        draft.use(fallback_text, _suggestions(content))
    else:
        draft.write(content)
    return Plain("\n\n".join(draft.blocks), tuple(draft.choices), tuple(draft.losses()))


def match(text: str, choices: Iterable[Choice]) -> Choice | None:
    """The option that an answer means, or None if in doubt: "2", "2)", " 2." are numbers, all else labels.

    Labels are compared without regard to case and spaces. A number wins over a label that looks like one,
    since the numbers are what the message asks for.
    """
    choices = list(choices)
    if number := re.fullmatch(r"\s*(\d{1,4})\s*[).]?\s*", text):
        found = [choice for choice in choices if choice.number == int(number[1])]
        if found:
            return found[0]
    found = [choice for choice in choices if _folded(choice.label) == _folded(text)]
    return found[0] if len(found) == 1 else None


class _Draft:
    """The text while it is written: blocks of lines, the options counted through, and a tally of losses."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.choices: list[Choice] = []
        self._lost: dict[tuple[str, str], int] = {}

    def use(self, text: str, suggestions: Iterable[Suggestion]) -> None:
        """The caller's own text. What it does not say of links and places is the caller's decision."""
        self._lose("message: its text was replaced by fallback_text", "")
        options = [s for s in suggestions if isinstance(s, Reply | RequestLocation)]
        missing = [line for line in map(self._option, options) if not _contains(text, line)]
        self.blocks.append("\n".join([text, *missing]))

    def write(self, content: Content) -> None:
        match content:
            case Text():
                self._block([content.text], content.suggestions)
            case Location():
                self._block([_place(content.label, content.latitude, content.longitude)], content.suggestions)
            case File():
                self._block(self._media(content, alt=""), content.suggestions)
            case Card():
                self._card(content)
            case Carousel():
                self._lose("carousel became a list of texts", "")
                for card in content.cards:
                    self._card(card)
                self._block([], content.suggestions)

    def losses(self) -> Iterator[str]:
        for (one, many), count in self._lost.items():
            yield one if not many else f"1 {one}" if count == 1 else f"{count} {many}"

    def _card(self, card: Card) -> None:
        if card.orientation == "horizontal":
            self._lose("alignment lost", "")
        media = self._media(card.media, alt=card.media.alt) if card.media else []
        self._block([card.title, card.description, *media], card.suggestions)
        self._block([], card.chips)

    def _block(self, lines: Iterable[str], suggestions: Iterable[Suggestion]) -> None:
        kept = [line for line in [*lines, *self._chips(suggestions)] if line.strip()]
        if kept:
            self.blocks.append("\n".join(kept))

    def _chips(self, suggestions: Iterable[Suggestion]) -> Iterator[str]:
        for suggestion in suggestions:
            if isinstance(suggestion, Reply | RequestLocation):
                yield self._option(suggestion)
            else:
                self._lose(
                    "chip became a line of text: its tap is not reported",
                    "chips became lines of text: their taps are not reported",
                )
                yield f"{_label(suggestion)}: {self._action(suggestion)}"
            if isinstance(suggestion, RequestLocation | CalendarEvent) and suggestion.fallback_url:
                yield f"{_label(suggestion)}: {suggestion.fallback_url}"  # text performs neither

    def _option(self, suggestion: Reply | RequestLocation) -> str:
        choice = Choice(len(self.choices) + 1, _label(suggestion), postback_of(suggestion))
        self.choices.append(choice)
        self._lose("chip became a numbered option", "chips became numbered options")
        if isinstance(suggestion, RequestLocation):
            self._lose(
                "request for the position: the answer carries none",
                "requests for the position: the answers carry none",
            )
        return f"{choice.number}) {choice.label}"

    def _action(self, suggestion: OpenUrl | Dial | ShowLocation | CalendarEvent) -> str:
        match suggestion:
            case OpenUrl():
                if suggestion.application == "webview":
                    self._lose(
                        "webview became a link: its size is lost", "webviews became links: their size is lost"
                    )
                return suggestion.url
            case Dial():
                return suggestion.phone
            case ShowLocation():
                return _place(suggestion.place, suggestion.latitude, suggestion.longitude)
            case CalendarEvent():
                what = f"{suggestion.title}, {_span(suggestion.start, suggestion.end)}"
                return f"{what}\n{suggestion.description}" if suggestion.description.strip() else what

    def _media(self, media: File | Media, *, alt: str) -> list[str]:
        if media.url:
            name = "file" if isinstance(media, File) else "picture"
            self._lose(f"{name} became a link", f"{name}s became links")
            return [f"{alt}: {media.url}" if alt.strip() else media.url]
        self._lose("upload was lost: it has no public link", "uploads were lost: they have no public link")
        return [alt]

    def _lose(self, one: str, many: str) -> None:
        """Count a loss. Without `many`, `one` is a sentence of its own and said once."""
        self._lost[one, many] = self._lost.get((one, many), 0) + 1


def _suggestions(content: Content) -> Iterator[Suggestion]:
    """Every suggestion of a message in reading order."""
    if isinstance(content, Carousel):
        for card in content.cards:
            yield from _suggestions(card)
    yield from content.suggestions
    if isinstance(content, Card):
        yield from content.chips


def _label(suggestion: Suggestion) -> str:
    return " ".join(suggestion.label.split())


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _contains(text: str, line: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(_folded(line))}(?!\w)", _folded(text)) is not None


def _place(name: str, latitude: float, longitude: float) -> str:
    """Name, degrees, and a link that every phone opens in its map application."""
    position = f"{_degrees(latitude)},{_degrees(longitude)}"
    return f"{name} {position} https://maps.google.com/?q={position}".strip()


def _degrees(value: float) -> str:
    """Six decimals are 0.1 m; never an exponent, which map applications do not read."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _span(start: datetime, end: datetime) -> str:
    """Both times by the clock of `start`, with its offset from UTC; only characters of the GSM alphabet."""
    zone = timezone(start.utcoffset() or timedelta())
    end = end.astimezone(zone)
    day = "" if end.date() == start.date() else f"{end:%Y-%m-%d} "
    return f"{start:%Y-%m-%d %H:%M} - {day}{end:%H:%M} {zone}"
