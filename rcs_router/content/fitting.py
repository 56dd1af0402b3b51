"""Fit a content to a backend: return the nearest content that the backend can carry, and what was lost.

The declared rules apply in order: to the kind of content, to its chips, then to their features. Where no rule leads to
something that the backend carries, only plain text is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from rcs_router.content.forms import Form
from rcs_router.content.lines import degrees, lines_of, map_link
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


class Feature(StrEnum):
    """The optional features of contents and chips, which a backend has or has not."""

    WEBVIEW = "webview"  # OpenUrl inside the conversation
    ENRICHED_CALL = "enriched_call"
    VIDEO_CALL = "video_call"
    MAP_QUERY = "map_query"  # ShowLocation by a search query
    ALT = "alt"  # texts for screen readers
    THUMBNAIL = "thumbnail"
    THUMBNAIL_NAME = "thumbnail_name"
    UPLOAD = "upload"  # files by the provider's name for an upload
    FILE_NAME = "file_name"
    CARD_TEXT = "card_text"  # a text beside a card or a carousel


class CannotFit(Exception):
    """No rule leads to anything but plain text."""


@dataclass
class Fitting:
    """One content on its way to one backend. `lost`: short sentences, each once, with a count."""

    content_types: frozenset[type]
    chip_types: frozenset[type]
    features: frozenset[Feature] = frozenset()
    fallback_urls: frozenset[type] = frozenset()
    form_link: str = ""
    _lost: dict[str, int] = field(default_factory=dict)

    def fit(self, content: Content) -> Content:
        """Return the fitted content and the losses. Raises CannotFit."""
        content = self._kind(content)
        if isinstance(content, Carousel):
            content = self._carousel(content)
        elif isinstance(content, Card):
            content = self._card(content)
        elif isinstance(content, File):
            content = self._named(self._source(content))
        elif isinstance(content, Audio):
            content = self._named(content)
        return content if isinstance(content, Card) else self._with_chips(content)

    @property
    def lost(self) -> tuple[str, ...]:
        return tuple(f"{what} ({count} times)" if count > 1 else what for what, count in self._lost.items())

    def lose(self, what: str) -> None:
        self._lost[what] = self._lost.get(what, 0) + 1

    # The kind of content

    def _kind(self, content: Content) -> Content:
        """Follow the rules from one kind to the next until one is native."""
        while type(content) not in self.content_types:
            rule = _RULES.get(type(content))
            if rule is None:
                raise CannotFit
            content = rule(self, content)
        return content

    def audio(self, audio: Audio) -> File:
        self.lose("audio became a file" + ("" if audio.seconds is None else ": its playing length is lost"))
        names = ("url", "uploaded", "name", "media_type", "size", "suggestions")
        return File(**{name: getattr(audio, name) for name in names})

    def location(self, location: Location) -> Text:
        if ShowLocation not in self.chip_types and OpenUrl not in self.chip_types:
            raise CannotFit
        self.lose("location became a text with a chip that opens the map")
        if location.radius is not None or location.at or location.expires_at:
            self.lose("radius and times of a location")
        words = location.label.strip()
        place = ShowLocation(
            "View location",
            latitude=location.latitude,
            longitude=location.longitude,
            place=location.label,
        )
        position = f"{degrees(location.latitude)}, {degrees(location.longitude)}"
        return Text(words or position, (place, *location.suggestions))

    def file(self, file: File) -> Text:
        if not file.url:
            raise CannotFit
        self.lose("file became a link")
        return Text(file.url, file.suggestions)

    def card(self, card: Card) -> Text:
        """Return the words and the picture's address as text; a card's buttons become chips."""
        media = card.media.url if card.media else None
        if card.media and not media:
            raise CannotFit
        self.lose("card became a text" + (" with a link to its picture" if media else ""))
        alt = card.media.alt if card.media else ""
        picture = f"{alt}: {media}" if alt and media else media or ""
        lines = [card.text, card.title, card.description, picture]
        return Text("\n".join(line for line in lines if line.strip()), (*card.suggestions, *card.chips))

    def form(self, form: Form) -> Text:
        if OpenUrl not in self.chip_types or not self.form_link:
            raise CannotFit
        self.lose("form became a web page")
        link = OpenUrl(form.button, url=self.form_link, application="webview")
        words = f"{form.title}\n\n{form.text}" if form.text.strip() else form.title
        return Text(words, (link, *form.suggestions))

    # Cards and media

    def _carousel(self, content: Carousel) -> Carousel:
        """Return a carousel; its text moves into the first card where the backend has no place for it."""
        first, *rest = (self._card(card) for card in content.cards)
        if content.text and Feature.CARD_TEXT not in self.features:
            self.lose("text beside a carousel became part of its first card")
            words = "\n".join(filter(None, [content.text, first.description]))
            content, first = replace(content, text=""), replace(first, description=words)
        return replace(content, cards=(first, *rest))

    def _card(self, card: Card) -> Card:
        if card.text and Feature.CARD_TEXT not in self.features:
            self.lose("text beside a card became part of its description")
            words = "\n".join(filter(None, [card.text, card.description]))
            card = replace(card, text="", description=words)
        buttons, lines = self._chips(card.suggestions)
        chips, more = self._chips(card.chips)
        description = "\n".join(filter(None, [card.description, *lines, *more]))
        media = self._source(card.media) if card.media else None
        if not (card.title.strip() or description.strip() or media):
            raise CannotFit
        return replace(card, description=description, media=media, suggestions=buttons, chips=chips)

    def _source(self, media: Any) -> Any:
        """Return a File or Media with only the fields that the backend carries; None for another provider's file."""
        if media.uploaded and Feature.UPLOAD not in self.features:
            if isinstance(media, File):
                raise CannotFit
            self.lose("uploaded picture left out: another provider keeps it")
            return None
        changes: dict[str, Any] = {}
        if Feature.THUMBNAIL not in self.features and (media.thumbnail_url or media.uploaded_thumbnail):
            self.lose("thumbnail")
            changes |= {
                "thumbnail_url": None,
                "uploaded_thumbnail": "",
                "thumbnail_type": "",
                "thumbnail_size": None,
                **({"thumbnail_name": ""} if isinstance(media, File) else {}),
            }
        elif isinstance(media, File) and media.thumbnail_name and Feature.THUMBNAIL_NAME not in self.features:
            self.lose("name of the thumbnail")
            changes["thumbnail_name"] = ""
        if isinstance(media, Media) and media.alt and Feature.ALT not in self.features:
            self.lose("words for screen readers")
            changes["alt"] = ""
        return replace(media, **changes) if changes else media

    def _named(self, file: Any) -> Any:
        if file.uploaded and Feature.UPLOAD not in self.features:
            raise CannotFit
        if file.name and Feature.FILE_NAME not in self.features:
            self.lose("file name")
            return replace(file, name="")
        return file

    # Chips

    def _with_chips(self, content: Any) -> Any:
        """Attach chips; those that cannot be buttons become lines where there is room for words."""
        chips, lines = self._chips(content.suggestions)
        content = replace(content, suggestions=chips)
        if not lines:
            return content
        if isinstance(content, Text | Form):
            return replace(content, text="\n".join(filter(None, [content.text, *lines])))
        if isinstance(content, Carousel):
            *cards, last = content.cards
            words = "\n".join(filter(None, [last.description, *lines]))
            return replace(content, cards=(*cards, replace(last, description=words)))
        raise CannotFit

    def _chips(self, chips: Sequence[Suggestion]) -> tuple[tuple[Suggestion, ...], list[str]]:
        kept: list[Suggestion] = []
        lines: list[str] = []
        for chip in chips:
            fitted = self._finer(self._chip(chip))
            if fitted is None:
                continue
            if type(fitted) in self.chip_types:
                kept.append(fitted)
            else:
                self.lose("chip became a line of text: its tap is not reported")
                lines += lines_of(fitted)
        return tuple(kept), lines

    def _chip(self, chip: Suggestion) -> Suggestion | None:
        """Return the nearest chip that the backend carries, or None if there is none."""
        by_query = isinstance(chip, ShowLocation) and chip.query and Feature.MAP_QUERY not in self.features
        if type(chip) in self.chip_types and not by_query:
            return chip
        match chip:
            case SendPostback() if Reply in self.chip_types:
                self.lose("button became a reply: its label is said in the conversation")
                return Reply(chip.label, postback_of(chip))
            case Reply() | SendPostback():
                raise CannotFit  # numbered options would be the nearest, and those are plain text
            case ShowLocation() if OpenUrl in self.chip_types:
                self.lose("map chip became a link to a map")
                return OpenUrl(chip.label, chip.postback, url=map_link(chip), fallback_url=chip.fallback_url)
            case RequestLocation() if Reply in self.chip_types:
                self.lose("request for the position became a reply: the answer carries none")
                return Reply(chip.label, postback_of(chip))
            case RequestDeviceSpecifics() | DisableAnonymization() | EnableDisplayedNotifications():
                self.lose(f"chip “{chip.label}” left out: the provider cannot ask that")
                return None
        return chip

    def _finer(self, chip: Suggestion | None) -> Suggestion | None:
        if isinstance(chip, OpenUrl) and Feature.WEBVIEW not in self.features:
            chip = self._link(chip)
        if isinstance(chip, Dial) and chip.mode != "voice" and _CALLS[chip.mode] not in self.features:
            lost = ": its subject is lost" if chip.subject else ""
            self.lose(f"{chip.mode} call became a voice call{lost}")
            chip = replace(chip, mode="voice", subject="")
        return self._without_fallback(chip)

    def _without_fallback(self, chip: Any) -> Any:
        unsupported = type(chip) in self.chip_types and type(chip) not in self.fallback_urls
        if unsupported and getattr(chip, "fallback_url", None):
            self.lose("fallback link of a chip")
            return replace(chip, fallback_url=None)
        return chip

    def _link(self, chip: OpenUrl) -> OpenUrl:
        if chip.application == "webview":
            self.lose("webview became a link: its size and description are lost")
        elif chip.description:
            self.lose("description of a link")
        return replace(chip, application="browser", description="")


_CALLS = {"enriched": Feature.ENRICHED_CALL, "video": Feature.VIDEO_CALL}
_RULES: dict[type, Callable[[Fitting, Any], Content]] = {
    Audio: Fitting.audio,
    Location: Fitting.location,
    File: Fitting.file,
    Card: Fitting.card,
    Form: Fitting.form,
}
