"""Render a Markdown page: what each backend carries natively, what happens to the rest, and its limits.

Nothing on the page is written by hand: each example is fitted to a backend like a message.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rcs_router.capabilities import fit
from rcs_router.content import Content, Text
from rcs_router.content.examples import CHIPS, CONTENTS, FINER, FORM_LINK, fallback_urls
from rcs_router.content.fitting import Feature
from rcs_router.content.limits import NAMES, Limits
from rcs_router.contract import BaseBackend, Capabilities, Options

NATIVE, NO, UNKNOWN = "native", "no", "not given"
FEATURES = {
    Feature.WEBVIEW: "OpenUrl in a webview",
    Feature.ENRICHED_CALL: "Dial, enriched",
    Feature.VIDEO_CALL: "Dial, video",
    Feature.MAP_QUERY: "ShowLocation by a query",
    Feature.ALT: "words for screen readers",
    Feature.THUMBNAIL: "thumbnail of a file",
    Feature.THUMBNAIL_NAME: "name of a thumbnail",
    Feature.UPLOAD: "file stored by the provider",
    Feature.FILE_NAME: "name of a file",
    Feature.CARD_TEXT: "text beside a card",
}


@dataclass(frozen=True)
class Column:
    """One column of the table: a backend."""

    title: str
    capabilities: Capabilities
    limits: Limits | None
    tested: str

    @classmethod
    def of(cls, backend: BaseBackend | type[BaseBackend], title: str = "") -> "Column":
        """Return the column of a backend class, or of a configured backend, whose options may narrow it."""
        return cls(title or backend.provider, backend.capabilities, backend.limits, backend.tested)

    def carries(self, content: Content) -> str:
        """Describe what the backend makes of a content."""
        carrier = BaseBackend(self.title, Options())
        carrier.capabilities = self.capabilities
        how = fit(carrier, content, form_link=FORM_LINK)
        if how.is_plain and not isinstance(how.content, Text):
            return "needs a fallback_text"
        if how.content == content:
            return NATIVE
        lost = "; ".join(map(_described, how.lost))
        return ": ".join(filter(None, ["plain text" if how.is_plain else "", lost])) or NATIVE


def _described(loss: str) -> str:
    return loss if re.search("became|left out|lost", loss) else f"lost: {loss}"


OTHER_FEATURES: dict[str, Callable[[Column], str]] = {
    "deduplicates messages by their id": lambda c: _yes(c.capabilities.idempotent),
    "messages in one request": lambda c: f"{c.capabilities.bulk:,}" if c.capabilities.bulk else "1",
    "can revoke a message": lambda c: _yes(c.capabilities.revoke),
    "can return the status of a message": lambda c: _yes(c.capabilities.status),
    "can return the capabilities of a phone": lambda c: _yes(c.capabilities.check),
    "shows typing": lambda c: _yes(c.capabilities.typing),
    "marks messages from people as read": lambda c: _yes(c.capabilities.mark_read),
    "stores uploaded files": lambda c: _yes(c.capabilities.upload),
    "uses a webhook": lambda c: _yes(c.capabilities.webhook),
    "may give a token instead of a person's number": lambda c: _yes(c.capabilities.tokens),
    "falls back to SMS by itself": lambda c: _yes(c.capabilities.own_fallback),
    "tested against": lambda c: c.tested,
}


def _yes(value: bool) -> str:
    return "yes" if value else NO


def page(columns: list[Column]) -> str:
    """Return the whole page."""
    return "\n".join(_lines(columns)) + "\n"


def _lines(columns: list[Column]) -> Iterator[str]:
    yield "# What each backend carries"
    yield ""
    yield "`manage.py rcs_features` writes this page; do not edit it. *native*: the backend carries it unchanged."
    yield "*plain text*: it becomes plain text, as in an SMS. All other texts say what is lost: the admin shows them,"
    yield "and `strict=True` refuses such a message. Each backend is shown with its default options; some options"
    yield "change what it carries."
    sections: dict[str, list[tuple[str, Content]]] = {
        "Content": [(type(content).__name__, content) for content in CONTENTS],
        "Chips": [(type(chip).__name__, Text("Look", (chip,))) for chip in CHIPS],
        "Details": [(FEATURES[feature], content) for feature, content in FINER.items()],
        "A chip's `fallback_url`": [(kind.__name__, content) for kind, content in fallback_urls()],
    }
    for title, rows in sections.items():
        cells = ((name, [column.carries(content) for column in columns]) for name, content in rows)
        yield from _table(title, columns, cells)
    others = ((feature, [answer(column) for column in columns]) for feature, answer in OTHER_FEATURES.items())
    yield from _table("Other features", columns, others)
    yield from _limits([column for column in columns if column.limits])


def _table(title: str, columns: list[Column], rows: Iterable[tuple[str, list[str]]]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield _row("", [column.title for column in columns])
    yield "|---" * (len(columns) + 1) + "|"
    for name, cells in rows:
        yield _row(name, cells)


def _row(name: str, cells: list[str]) -> str:
    return " | ".join([f"| {name}".rstrip(), *(cell.replace("|", "\\|") for cell in cells)]) + " |"


def _limits(columns: list[Column]) -> Iterator[str]:
    tables = [column.limits.most if column.limits else {} for column in columns]
    rows = [
        (words, [f"{most[name]:,}" if name in most else UNKNOWN for most in tables])
        for name, words in NAMES.items()
        if any(name in most for most in tables)
    ]
    if not rows:
        return
    yield from _table("Limits", columns, rows)
    yield ""
    for column in columns:
        if column.limits:
            yield f"- {column.title}: as of {column.limits.as_of}, {column.limits.source}."
