"""Test a backend's table of limits: a content at each limit passes, and check() names a content that is above it."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    ComposeText,
    Content,
    Dial,
    File,
    Location,
    Media,
    OpenUrl,
    Reply,
    ShowLocation,
    Text,
)
from rcs_router.content.fitting import Feature
from rcs_router.contract import Capabilities, SendResult
from rcs_router.testing.conformance.provider import Provider, outbound
from rcs_router.testing.conformance.suite import Suite, ended, over
from rcs_router.testing.stub import Stub

START, END = datetime(2026, 11, 27, 17, tzinfo=UTC), datetime(2026, 11, 27, 19, tzinfo=UTC)
ADDRESS = "https://shop.example/"
BOOTS = Media("https://cdn.example/b.jpg")


@dataclasses.dataclass(frozen=True)
class Limit:
    """How to reach a limit. `make` builds a content of a given size; `path` is the name of the place in check()."""

    path: str
    make: Callable[[int], Content]
    needs: tuple[Any, ...] = ()  # content, chips and features without which the limit does not apply


def _on_text(field: str, chip: Callable[[str], Any], *needs: Any) -> Limit:
    return Limit(f"suggestions[0].{field}", lambda n: Text("x", (chip("x" * n),)), needs)


LIMITS = {
    "text": Limit("text", lambda n: Text("x" * n)),
    "label": _on_text("label", lambda s: Reply(s, "p"), Reply),
    "postback": _on_text("postback", lambda s: Reply("x", s), Reply),
    "url": _on_text("url", lambda s: OpenUrl("x", url=ADDRESS + s[len(ADDRESS) :]), OpenUrl),
    "title": Limit("title", lambda n: Card("x" * n, media=BOOTS), (Card,)),
    "description": Limit("description", lambda n: Card("x", "x" * n, BOOTS), (Card,)),
    "alt": Limit(
        "media.alt", lambda n: Card("x", media=dataclasses.replace(BOOTS, alt="x" * n)), (Card, Feature.ALT)
    ),
    "suggestions": Limit("suggestions", lambda n: Text("x", _replies(n)), (Reply,)),
    "card suggestions": Limit(
        "suggestions", lambda n: Card("x", media=BOOTS, suggestions=_replies(n)), (Card, Reply)
    ),
    "cards": Limit("cards", lambda n: Carousel(tuple(Card("x", media=BOOTS) for _ in range(n))), (Carousel,)),
    "subject": _on_text(
        "subject",
        lambda s: Dial("x", phone="112", mode="enriched", subject=s),
        *(Dial, Feature.ENRICHED_CALL),
    ),
    "place": _on_text("place", lambda s: ShowLocation("x", latitude=1, longitude=2, place=s), ShowLocation),
    "map query": _on_text("query", lambda s: ShowLocation("x", query=s), ShowLocation, Feature.MAP_QUERY),
    "event title": _on_text(
        "title", lambda s: CalendarEvent("x", start=START, end=END, title=s), CalendarEvent
    ),
    "event description": _on_text(
        "description",
        lambda s: CalendarEvent("x", start=START, end=END, title="x", description=s),
        CalendarEvent,
    ),
    "compose text": _on_text("text", lambda s: ComposeText("x", phone="112", text=s), ComposeText),
    "location label": Limit("label", lambda n: Location(1, 2, "x" * n), (Location,)),
}


def _replies(count: int) -> tuple[Reply, ...]:
    return tuple(Reply(str(number)) for number in range(count))


def limited(provider: Provider) -> dict[str, tuple[Limit, int]]:
    """Return the limits of the provider's table that the content of this backend can reach."""
    backend = provider.make()
    most = backend.limits.most if backend.limits else {}
    return {
        name: (limit, most[name])
        for name, limit in LIMITS.items()
        if name in most and all(_has(backend.capabilities, need) for need in limit.needs)
    }


def _has(can: Capabilities, need: Any) -> bool:
    return need in can.content | can.suggestions | can.features


class Limits(Suite):
    """What check() returns before anything is sent."""

    @over(limited)
    def test_content_at_a_limit_passes_and_can_be_sent(self, case: tuple[Limit, int], stub: Stub) -> None:
        limit, most = case
        content, backend = limit.make(most), self.provider.make(stub)
        problems = backend.check(content)
        assert not problems, f"exactly at the limit of {most}, and refused: {problems}"
        assert isinstance(ended(backend, outbound(content)), SendResult)

    @over(limited)
    def test_content_above_a_limit_is_named_by_its_path(self, case: tuple[Limit, int]) -> None:
        limit, most = case
        problems = self.provider.make().check(limit.make(most + 1))
        named = [problem for problem in problems if problem.startswith(f"{limit.path}: ")]
        assert named, f"check() does not name {limit.path}, only {problems}"
        assert str(most) in named[0].replace(",", ""), (
            f"the problem does not say how much is allowed: {named}"
        )

    def test_message_that_is_too_big_is_named(self) -> None:
        backend = self.provider.make()
        if (
            not backend.limits
            or "message" not in backend.limits.most
            or File not in backend.capabilities.content
        ):
            return
        content = File(ADDRESS + "x" * backend.limits.most["message"])
        assert any(problem.startswith("message: ") for problem in backend.check(content))

    def test_the_table_is_dated_and_has_a_source(self) -> None:
        if table := self.provider.make().limits:
            assert datetime.strptime(table.as_of, "%Y-%m")
            assert table.source.strip()
            assert table.provider.strip()
