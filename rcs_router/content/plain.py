"""Render a content as plain text for an SMS: replies, links, numbers, dates and places stay usable; losses are named.

The numbers of the replies are stored on the transmission; `match` turns the answer "2" back into its postback.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rcs_router.content import spelling
from rcs_router.content.forms import Form
from rcs_router.content.lines import label_of, lines_of, place
from rcs_router.content.media import Audio, File, Media
from rcs_router.content.messages import Card, Carousel, Content, Location, Text
from rcs_router.content.suggestions import (
    Dial,
    DisableAnonymization,
    EnableDisplayedNotifications,
    OpenUrl,
    Reply,
    RequestDeviceSpecifics,
    RequestLocation,
    SendPostback,
    ShowLocation,
    Suggestion,
    postback_of,
)

_MEANT = "Sc Sm Pd"  # symbols that make labels different: "A+" is not "A-", and 5 € is not 5 $
_ONLY_A_PHONE = (RequestDeviceSpecifics, DisableAnonymization, EnableDisplayedNotifications)


@dataclass(frozen=True, slots=True)
class Choice:
    """One numbered option: the label, and the postback that an answer with its number stands for."""

    number: int
    label: str
    postback: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A message as plain text, its numbered options, and short sentences about what was lost."""

    text: str
    choices: tuple[Choice, ...]
    lost: tuple[str, ...]


def render(content: Content, *, fallback_text: str = "", form_link: str = "") -> Plain:
    """Return the message as plain text. `fallback_text` replaces the body; options that it does not name are added.

    `form_link`: the address of a Form, which is added to a `fallback_text` that does not contain it.
    """
    draft = _Draft(form_link)
    if fallback_text:
        draft.use(fallback_text, content)
    else:
        draft.write(content)
    return Plain("\n\n".join(draft.blocks), tuple(draft.choices), tuple(draft.losses()))


def match(text: str, choices: Iterable[Choice]) -> Choice | None:
    """Return the option that a typed answer means, or None if in doubt.

    A number in any spelling ("2", "(2)", a keycap) selects that option. Other answers are compared with the labels,
    first as they are, then without punctuation, quotes and emoji around them. A number wins over a label that looks
    like one, because the message asks for numbers. A copied line with number and label is accepted too.
    """
    choices, number = list(choices), spelling.number(text)
    if chosen := [choice for choice in choices if choice.number == number]:
        return chosen[0]
    found = _labelled(text, choices) + _copied(text, choices)
    return found[0] if found and all(choice == found[0] for choice in found) else None


def _labelled(text: str, choices: list[Choice]) -> list[Choice]:
    typed = spelling.folded(text)
    exact = [choice for choice in choices if typed and spelling.folded(choice.label) == typed]
    if exact or spelling.refuses(text):  # a "no" next to a word may reverse its meaning
        return exact
    bare = spelling.core(text, _MEANT)
    return [choice for choice in choices if bare and spelling.core(choice.label, _MEANT) == bare]


def _copied(text: str, choices: list[Choice]) -> list[Choice]:
    line = spelling.copied(text)
    return [
        choice
        for choice in choices
        if line and choice.number == line[0] and spelling.core(choice.label) == spelling.core(line[1])
    ]


class _Draft:
    """The text while it is built: blocks of lines, the numbered options, and a count of losses."""

    def __init__(self, form_link: str = "") -> None:
        self.form_link = form_link
        self.blocks: list[str] = []
        self.choices: list[Choice] = []
        self._lost: dict[tuple[str, str], int] = {}

    def use(self, text: str, content: Content) -> None:
        """Use the caller's own text. The caller decides what it says about links and places."""
        self._lose("message: its text was replaced by fallback_text", "")
        options = [s for s in _suggestions(content) if isinstance(s, Reply | SendPostback | RequestLocation)]
        missing = [line for line in map(self._option, options) if not _contains(text, line)]
        if isinstance(content, Form) and self.form_link and self.form_link not in text:
            missing.insert(0, self.form_link)
        self.blocks.append("\n".join([text, *missing]))

    def write(self, content: Content) -> None:
        match content:
            case Text():
                self._block([content.text], content.suggestions)
            case Location():
                self._location(content)
            case File() | Audio():
                self._block(self._media(content, alt=content.name), content.suggestions)
            case Form():
                self._lose("form became a web page", "")
                link = f"{content.button}: {self.form_link}" if self.form_link else content.button
                self._block([content.title, content.text, link], content.suggestions)
            case Card():
                self._card(content)
            case Carousel():
                self._lose("carousel became a list of texts", "")
                self._block([content.text], ())
                for card in content.cards:
                    self._card(card)
                self._block([], content.suggestions)

    def losses(self) -> Iterator[str]:
        for (one, many), count in self._lost.items():
            yield one if not many else f"1 {one}" if count == 1 else f"{count} {many}"

    def _location(self, content: Location) -> None:
        if content.radius is not None or content.at or content.expires_at:
            self._lose("radius and times of a location", "")
        self._block([place(content.label, content.latitude, content.longitude)], content.suggestions)

    def _card(self, card: Card) -> None:
        if card.orientation == "horizontal":
            self._lose("alignment lost", "")
        media = self._media(card.media, alt=card.media.alt) if card.media else []
        self._block([card.text], ())
        self._block([card.title, card.description, *media], card.suggestions)
        self._block([], card.chips)

    def _block(self, lines: Iterable[str], suggestions: Iterable[Suggestion]) -> None:
        kept = [line for line in [*lines, *self._chips(suggestions)] if line.strip()]
        if kept:
            self.blocks.append("\n".join(kept))

    def _chips(self, suggestions: Iterable[Suggestion]) -> Iterator[str]:
        for suggestion in suggestions:
            if isinstance(suggestion, _ONLY_A_PHONE):
                self._lose(f"chip “{label_of(suggestion)}” left out: an SMS cannot ask that", "")
            elif isinstance(suggestion, Reply | SendPostback):
                yield self._option(suggestion)
            elif isinstance(suggestion, RequestLocation):
                yield self._option(suggestion)
                yield from lines_of(suggestion)[1:]  # text cannot ask for the position; its fallback may
            else:
                self._lose_of(suggestion)
                yield from lines_of(suggestion)

    def _option(self, suggestion: Reply | SendPostback | RequestLocation) -> str:
        choice = Choice(len(self.choices) + 1, label_of(suggestion), postback_of(suggestion))
        self.choices.append(choice)
        self._lose("chip became a numbered option", "chips became numbered options")
        if isinstance(suggestion, RequestLocation):
            self._lose(
                "request for the position: the answer carries none",
                "requests for the position: the answers carry none",
            )
        return f"{choice.number}) {choice.label}"

    def _lose_of(self, suggestion: Suggestion) -> None:
        """Return what the chip could do and its line of text cannot."""
        self._lose(
            "chip became a line of text: its tap is not reported",
            "chips became lines of text: their taps are not reported",
        )
        if isinstance(suggestion, OpenUrl) and suggestion.application == "webview":
            self._lose("webview became a link: its size is lost", "webviews became links: their size is lost")
        if isinstance(suggestion, OpenUrl) and suggestion.description:
            self._lose("description of a link", "descriptions of links")
        if isinstance(suggestion, OpenUrl | Dial | ShowLocation) and suggestion.fallback_url:
            self._lose("fallback link of a chip", "fallback links of chips")

    def _media(self, media: File | Audio | Media, *, alt: str) -> list[str]:
        if media.url:
            name = "picture" if isinstance(media, Media) else media.type
            if getattr(media, "thumbnail_url", None):
                self._lose("thumbnail", "thumbnails")
            self._lose(f"{name} became a link", f"{name}s became links")
            return [f"{alt}: {media.url}" if alt.strip() else media.url]
        self._lose("upload was lost: it has no public link", "uploads were lost: they have no public link")
        return [alt]

    def _lose(self, one: str, many: str) -> None:
        """Count a loss. Without `many`, `one` is a complete sentence and is said once."""
        self._lost[one, many] = self._lost.get((one, many), 0) + 1


def _suggestions(content: Content) -> Iterator[Suggestion]:
    """Yield every suggestion of a message in reading order."""
    if isinstance(content, Carousel):
        for card in content.cards:
            yield from _suggestions(card)
    yield from content.suggestions
    if isinstance(content, Card):
        yield from content.chips


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _contains(text: str, line: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(_folded(line))}(?!\w)", _folded(text)) is not None
