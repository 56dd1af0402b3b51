"""What a backend carries natively, as plain text, or not at all."""

from typing import Any

import pytest

from rcs_router.backends import backends
from rcs_router.capabilities import Fit, fit, is_native, require, suggestions_of
from rcs_router.content import Card, Carousel, Content, Dial, File, Location, Media, OpenUrl, Reply, Text
from rcs_router.contract import BaseBackend, Capabilities, Options
from rcs_router.errors import ContentError

LINK = "https://shop.example/7"
KEEP, TRACK = Reply("Keep", "keep_7"), OpenUrl("Track", url=LINK)


class Limited(BaseBackend):
    """Carries texts and cards with replies; its `check` knows what it was asked about."""

    capabilities = Capabilities(content=frozenset({Text, Card}), suggestions=frozenset({Reply}))
    problems_found: list[str] = []

    def __init__(self) -> None:
        super().__init__("limited", Options())
        self.asked: list[Content] = []

    def check(self, content: Content) -> list[str]:
        self.asked.append(content)
        return self.problems_found


NATIVE: list[tuple[Any, bool]] = [
    (Text("a"), True),
    (Text("a", suggestions=[KEEP]), True),
    (Text("a", suggestions=[KEEP, TRACK]), False),
    (Card("a", suggestions=[KEEP]), True),
    (Card("a", chips=[TRACK]), False),
    (Card("a", media=Media(LINK)), True),
    (File(LINK), False),
    (Location(1, 2), False),
    (Carousel([Card("a"), Card("b")]), False),
]


@pytest.mark.parametrize(("content", "native"), NATIVE)
def test_native_means_all_of_it(content: Content, native: bool) -> None:
    assert is_native(Limited(), content) is native
    if native:
        assert fit(Limited(), content) == Fit()


def test_every_chip_of_every_card_counts() -> None:
    content = Carousel(
        [Card("a", suggestions=[KEEP]), Card("b", chips=[TRACK])], suggestions=[Dial("Call", phone="112")]
    )
    assert [s.label for s in suggestions_of(content)] == ["Keep", "Track", "Call"]
    single = Card("a", suggestions=[KEEP], chips=[TRACK])
    assert suggestions_of(single) == [KEEP, TRACK]


def test_what_becomes_plain_text_has_options_and_losses() -> None:
    how = fit(Limited(), Text("a", suggestions=[KEEP, TRACK]))
    assert [(c.number, c.label, c.postback) for c in how.choices] == [(1, "Keep", "keep_7")]
    assert how.lost


def test_the_check_sees_what_will_be_sent() -> None:
    backend = Limited()
    native = Text("a", suggestions=[KEEP])
    require(backend, native)
    require(backend, File(LINK))
    require(backend, File(LINK), "the picture")
    assert backend.asked == [native, Text(LINK), Text("the picture")]


def test_a_fallback_text_does_not_replace_what_is_native() -> None:
    backend = Limited()
    require(backend, Text("a"), "b")
    assert backend.asked == [Text("a")]


@pytest.mark.parametrize(
    ("problem", "path", "words"),
    [
        (
            "cards[3].title: 201 characters, Limited allows 200",
            "cards[3].title",
            "201 characters, Limited allows 200",
        ),
        ("text: a: b", "text", "a: b"),
        ("too much", "", "too much"),
    ],
)
def test_the_first_problem_is_raised_with_its_path(problem: str, path: str, words: str) -> None:
    backend = Limited()
    backend.problems_found = [problem, "second: problem"]
    with pytest.raises(ContentError) as caught:
        require(backend, Text("a"))
    assert (caught.value.path, caught.value.problem) == (path, words)
    assert str(caught.value) == problem


def test_what_a_fallback_cannot_say_names_the_fallback_and_the_cure(router: None) -> None:
    with pytest.raises(ContentError, match=r"as plain text for 'sms': a fallback_text may be shorter"):
        require(backends["sms"], Card("x" * 200, "y" * 2900))
    with pytest.raises(ContentError, match="which 'sms' needs: fallback_text="):
        require(backends["sms"], File(uploaded="files/1"))
    require(backends["sms"], File(uploaded="files/1"), fallback_text="See your mail")
