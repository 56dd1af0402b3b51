"""What a person reads of a content, block by block or on one line."""

from collections.abc import Iterable, Iterator, Sequence

from rcs_router.content import (
    Audio,
    Card,
    Carousel,
    Content,
    File,
    Form,
    Location,
    Suggestion,
    Text,
)
from rcs_router.content.lines import degrees

Block = tuple[str, list[str]]  # words, and the labels of the chips below them


def blocks_of(content: Content) -> list[Block]:
    """Return the words and chips of a content in reading order. Each card of a carousel is a block of its own."""
    if isinstance(content, Carousel):
        words: list[Block] = [(content.text, [])] if content.text else []
        cards = [*words, *(block for card in content.cards for block in blocks_of(card))]
        return [*cards, ("", _labels(content.suggestions))] if content.suggestions else cards
    if isinstance(content, Form):
        return [(_words(content), [content.button, *_labels(content.suggestions)])]
    return [(_words(content), _labels(chips_of(content)))]


def chips_of(content: Content) -> Sequence[Suggestion]:
    """Return all chips that can be tapped."""
    if isinstance(content, Carousel):
        return (*(chip for card in content.cards for chip in chips_of(card)), *content.suggestions)
    return (*content.suggestions, *content.chips) if isinstance(content, Card) else content.suggestions


def line_of(blocks: Iterable[Block]) -> str:
    """Return the blocks on one line, with single spaces: `Which one? [Boots|Jacket]`."""
    return " ".join(" ".join(part.split()) for part in _parts(blocks) if part.strip())


def without_options(text: str, options: dict[int, str]) -> str:
    """Return the text of an SMS without the lines of its numbered options."""
    lines = {f"{number}) {label}" for number, label in options.items()}
    return "\n".join(line for line in text.splitlines() if line not in lines).strip()


def _parts(blocks: Iterable[Block]) -> Iterator[str]:
    for words, labels in blocks:
        yield words
        if labels:
            yield f"[{'|'.join(labels)}]"


def _labels(chips: Iterable[Suggestion]) -> list[str]:
    return [chip.label for chip in chips]


def _words(content: Content) -> str:
    match content:
        case Text():
            return content.text
        case Card():
            return "\n".join(filter(None, [content.text, content.title, content.description]))
        case File() | Audio():
            return content.name or content.url or content.uploaded
        case Location():
            return content.label or f"{degrees(content.latitude)}, {degrees(content.longitude)}"
        case Form():
            return "\n".join(filter(None, [content.title, content.text]))
    return ""
