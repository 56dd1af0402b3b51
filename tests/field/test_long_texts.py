"""One message of 900,000 characters: nobody else waits for it."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_backends import http
from rcs_router import lookup_connections, receive
from rcs_router.content import Reply, Text
from rcs_router.content.plain import match, render
from rcs_router.contract import IncomingKind
from rcs_router.handlers import KeywordHandler, PatternHandler, Ping
from rcs_router.inbox import intake
from rcs_router.models import Connection, Message
from rcs_router.people import consent
from rcs_router.phases import IncomingMessage
from tests.core import ALICE

from .sites import SMS, site

LONG = 900_000  # characters
TEXTS = {
    "letters": "a",
    "blanks": " ",
    "marks": "\u0301",
    "marks of another order": "\u0316\u0301",
    "invisible": "\u200b",
    "signs": "!",
    "digits": "1",
    "hyphens": "-a",
    "words": "stop ",
    "ligatures": "\ufdfa",
    "tokens": "bearer ",
    "quotes": '"token" ',
    "names": "a-token-",
    "parameters": "token=",
    "tags": "<script",
}
CHOICES = render(Text("?", (Reply("Keep"), Reply("Return")))).choices


def handled(handler: Any, text: str) -> None:
    row = Message(direction="in", kind=IncomingKind.TEXT, text=text)
    handler.dispatch(IncomingMessage(row, Connection(identity=ALICE)))


class Order(KeywordHandler):
    keyword = ("order", "bestellung")

    def handle(self, text: str) -> None:
        pass

    def help(self) -> None:
        self.handle("")


QUADRATIC = r".*\w+\W*#"  # the end of each word is looked for from every place in it


class Slow(PatternHandler):
    pattern = QUADRATIC


class SlowWhole(Slow):
    fullmatch = True


class SlowOrder(Order):
    keyword = QUADRATIC


LOOKS: dict[str, Callable[[str], object]] = {
    "consent": consent.said,
    "help": consent.asks_for_help,
    "options": lambda text: match(text, CHOICES),
    "keyword": lambda text: handled(Order, text),
    "pattern": lambda text: handled(Ping, text),
    "slow keyword": lambda text: handled(SlowOrder, text),
    "slow pattern": lambda text: handled(Slow, text),
    "slow pattern of the whole text": lambda text: handled(SlowWhole, text),
    "redact": lambda text: http.redact(text, ["s3cret", "p4ss/word"]),
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_a_long_text_takes_no_time(settings: Any, look: str, text: str) -> None:
    """Measured as the time of this thread, so that a busy machine makes no difference; quadratic work takes minutes."""
    site(settings, {"sms": SMS})
    for begin in ("", "order ", "STOP ", "2"):
        long = begin + TEXTS[text] * (LONG // len(TEXTS[text]))
        before = time.thread_time()
        LOOKS[look](long)
        assert time.thread_time() - before < 0.3


@given(st.text(max_size=3000), st.sampled_from(["s3cret", "a/b c", "x" * 400]))
def test_no_secret_is_shown_where_a_text_is_cut(text: str, secret: str) -> None:
    for size in (http.MAX_SEEN - len(secret) // 2, http.MAX_SEEN - 1):
        long = (text + " " * size)[:size] + secret + " and more" * 1000
        assert secret[:5] not in http.redact(long, [secret]).replace(text, "")


def test_a_cut_text_of_nothing_but_secrets_shows_none() -> None:
    assert set(http.redact("0-secret-0" * 5000, ["0-secret-0"])) <= {"*", "…"}


@pytest.mark.parametrize("name", ["password", "x-api-key", "my_long_name_of_a_refresh_token"])
def test_parameters_are_masked_as_before(name: str) -> None:
    assert http.redact(f"at {name}=abcdef123 it") == f"at {name}=*** it"
    assert re.fullmatch(rf'\{{"{name}": ?"\*\*\*"\}}', http.redact(f'{{"{name}": "abc"}}'))


@pytest.mark.django_db
def test_a_long_text_arrives_whole(settings: Any) -> None:
    """Only the looks are bounded."""
    site(settings, {"sms": SMS})
    [who] = lookup_connections("sms", [ALICE])
    receive("order " + "a" * LONG, who)
    intake.digest()
    assert len(Message.objects.get(direction="in").text) == LONG + 6
