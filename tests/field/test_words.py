"""What people type: to leave, to choose an option, to call a keyword."""

# ruff: noqa: RUF001  (what people type has such characters)

from typing import Any

import pytest
from django.core.checks import run_checks

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Reply, Text, spelling
from rcs_router.contract import Status
from rcs_router.handlers import Echo, KeywordHandler, PatternHandler, Ping
from rcs_router.inbox import intake
from rcs_router.models import Consent, Message, Transmission
from rcs_router.people import consent
from tests.core import ALICE

from .sites import SMS, site

pytestmark = pytest.mark.django_db
HERE = __name__


@pytest.mark.parametrize(
    "text",
    [
        *("OPT OUT", "Opt out.", "opt-out", "opt\u2011out", "opt \u2013 out", "OPTOUT", "Opt\u00a0Out"),
        *(
            "STOP-ALL",
            "stop\u2011all",
            "STOP ALL!",
            "Remove",
            "REMOVE.",
            "\ufeffSTOP",
            "ST\u200bOP",
            "stop\u00ad",
        ),
        *(
            "STOP\u200f",
            "\u2067STOP\u2069",
            "STOP。",
            "STOP؟",
            "¡STOP!",
            "„Stop“",
            "‚stop‘",
            "« arrêt »",
            "stop…",
        ),
        *(
            "STOP 🙏🏽",
            "🛑 Stop 🛑",
            "STOP❗️",
            "(stop)",
            "[STOP]",
            "ｓｔｏｐ",
            "Ⓢⓣⓞⓟ",
            "arre\u0302t",
            "stop\u3164",
        ),
        "STOP" + "\u200b" * 700,
        "\n\n stop" + " " * 5000,
    ],
    ids=ascii,
)
def test_words_that_end_offers(text: str) -> None:
    assert consent.said(text) is True


@pytest.mark.parametrize(
    "text",
    [
        *(
            "STOP 12345",
            "unsub",
            "stop it",
            "don't stop",
            "non-stop",
            "s t o p",
            "stopp",
            "remove me",
            "opt in",
        ),
        *("st\u0336op", "", "\u200b", "🛑", "stop " + "x" * 300, "stop" + "!" * 300, "stop the\u200bart"),
    ],
    ids=ascii,
)
def test_words_that_do_not(text: str) -> None:
    assert consent.said(text) is None


def choice(settings: Any, labels: list[str], typed: str) -> str:
    """The postback with which an answer to options by SMS arrives."""
    site(settings, {"sms": SMS})
    [who] = lookup_connections("sms", [ALICE])
    chips = tuple(Reply(label, f"option_{n}") for n, label in enumerate(labels, start=1))
    question = send(Text("Boots?", chips), who)
    Transmission.objects.filter(message=question).update(status=Status.ACCEPTED)
    receive(typed, who)
    intake.digest()
    return Message.objects.get(direction="in").postback


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "2",
            "2.",
            "2)",
            "(2)",
            "[2]",
            "{2}",
            "#2",
            "*2*",
            "“2”",
            "'2'",
            "2!",
            "2,",
            "2…",
            "2;",
            " 2 \n",
            "- 2",
        ),
        *("२", "٢", "２", "２。", "2؟", "②", "⑵", "⒉", "❷", "➋", "02", "<2>"[1:2]),
        *(
            "2\ufe0f\u20e3",
            "2\u20e3",
            "2\u200d",
            "\ufeff2",
            "2\u200e",
            "\u20662\u2069",
            "2\u00ad",
            "2 👍",
            "👍 2",
        ),
        *(
            "Return.",
            "Return!",
            "return",
            "RETURN",
            "“Return”",
            "‘return’",
            "(return)",
            "Return 👍🏽",
            "Ret\u00adurn",
        ),
        *("Re\u200bturn", "return。", "2) Return", "2. return", "2 Return", "2 - Return", "[2] Return"),
    ],
    ids=ascii,
)
def test_the_second_option(settings: Any, typed: str) -> None:
    assert choice(settings, ["Keep", "Return"], typed) == "option_2"


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "3",
            "Retur",
            "22",
            "2 or 1",
            "1 2",
            "1,2",
            "2/1",
            "1-2",
            "2.5",
            ".2",
            "-2",
            "2 %",
            "2€",
            "+2",
            "²",
            "½",
        ),
        *(
            "2 👎",
            "❌ 2",
            "❌ Return",
            "Return 🚫",
            "not 2",
            "2x",
            "No. 2",
            "2) Keep",
            "1 Return",
            "Keep Return",
            "⓪",
        ),
        *("Keep or Return?", "2" * 300, "Return " * 200, "1️⃣2️⃣", "", "👍", "?", "ⅱ"),
    ],
    ids=ascii,
)
def test_no_option(settings: Any, typed: str) -> None:
    assert choice(settings, ["Keep", "Return"], typed) == ""


@pytest.mark.parametrize(
    ("labels", "typed", "number"),
    [
        (["✅ Yes", "❌ No"], "yes", 1),
        (["✅ Yes", "❌ No"], "Yes.", 1),
        (["✅ Yes", "❌ No"], "✅ yes", 1),
        (["✅ Yes", "❌ No"], "no", 2),
        (["✅ Yes", "❌ No"], "❌ No", 2),
        (["✅ Yes", "❌ No"], "❌ Yes", 0),
        (["✅ Yes", "❌ No"], "✅", 0),
        (["👍", "👎"], "👍", 1),
        (["👍", "👎"], "👍🏽", 1),
        (["👍", "👎"], "👎", 2),
        (["👍 OK", "👎 OK"], "ok", 0),
        (["👍 OK", "👎 OK"], "👎 ok", 2),
        (["ℹ️ Help me", "Bye"], "help me", 1),
        (["Return.", "Keep"], "return", 1),
        (["“Return”", "Keep"], "return", 1),
        (["More?", "Less?"], "less", 2),
        (["A+", "A", "A-"], "a", 2),
        (["A+", "A", "A-"], "a+", 1),
        (["A+", "A-"], "a", 0),
        (["5 €", "5 $"], "5 $", 2),
        (["5 €", "5 $"], "5", 0),
        (["Buy", "Buy"], "buy", 0),
        (["Buy", "Buy"], "2) Buy", 2),
        (["2 tickets", "tickets"], "2 tickets", 0),  # the first label, or the second line
        (["Café", "Thé"], "cafe\u0301", 1),
        (["Straße", "Weg"], "STRASSE", 1),
        (["نعم", "لا"], "\u200fنعم\u200f", 1),
        (["हाँ", "नहीं"], "हाँ।", 1),
        (["C", "C++"], "c++", 2),
        (["New\u2011York", "Oslo"], "new-york", 1),
        ([f"Option {n}" for n in range(1, 11)], "🔟", 10),
        ([f"Option {n}" for n in range(1, 13)], "1️⃣2️⃣", 12),
    ],
    ids=ascii,
)
def test_labels_as_they_are_typed(settings: Any, labels: list[str], typed: str, number: int) -> None:
    assert choice(settings, labels, typed) == (f"option_{number}" if number else "")


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "echo hello",
            "ECHO: hello",
            "\ufeffecho hello",
            "\u200cecho hello",
            "e\u00adcho hello",
            "echo\u200b hello",
        ),
        *(
            "\u2067echo\u2069 hello",
            " \n\u200eecho  hello",
            "echo,\u200bhello",
            "ｅｃｈｏ hello",
            "\ufe0fEcho;hello",
        ),
    ],
    ids=ascii,
)
def test_a_keyword_with_something_invisible_in_it(settings: Any, typed: str) -> None:
    site(settings, {"sms": SMS})
    assert Echo.test(typed) == ["hello"]


@pytest.mark.parametrize(
    "typed", ["echoes", "echo\u200bes", "echo\u0301 x", "my echo", "ec ho", "\u200b"], ids=ascii
)
def test_other_words_are_not_the_keyword(settings: Any, typed: str) -> None:
    site(settings, {"sms": SMS})
    assert Echo.test(typed) is False


def test_what_follows_a_keyword_stays_as_it_was(settings: Any) -> None:
    """A family is one emoji by its invisible joiners."""
    site(settings, {"sms": SMS})
    assert Echo.test("echo 👨\u200d👩\u200d👧") == ["👨\u200d👩\u200d👧"]


class Coffee(KeywordHandler):
    keyword = "café au lait"

    def handle(self, text: str) -> None:
        self.respond(text)

    def help(self) -> None:
        self.handle("")


@pytest.mark.parametrize(
    "typed", ["café au lait 2", "cafe\u0301  au\u00a0lait 2", "CAFÉ AU LAIT: 2"], ids=ascii
)
def test_keywords_of_several_words_and_letters_composed_in_either_way(settings: Any, typed: str) -> None:
    site(settings, {"sms": SMS})
    assert Coffee.test(typed) == ["2"]


@pytest.mark.parametrize(
    "typed", ["ping", "\ufeffping", "ping\u200d", "pi\u00adng", "\u200ePING\u200e"], ids=ascii
)
def test_a_pattern_with_something_invisible_in_the_text(settings: Any, typed: str) -> None:
    site(settings, {"sms": SMS})
    assert Ping.test(typed) == ["pong"]


# Words that are ordinary answers, too

LIMITED = ("cancel", "end", "quit")


def answered(
    settings: Any, typed: str, *, traffic: str | None, limited: tuple[str, ...] = LIMITED
) -> Message:
    """What becomes of an answer to a question with options, or to nothing."""
    site(settings, {"sms": SMS}, OPT_OUT_WORDS_AFTER_OFFERS=list(limited), APPS=["rcs_router.handlers.Echo"])
    [who] = lookup_connections("sms", [ALICE])
    if traffic:
        question = send(Text("Your order?", (Reply("Keep"), Reply("Cancel"))), who, traffic=traffic)
        Transmission.objects.filter(message=question).update(status=Status.ACCEPTED)
    receive(typed, who)
    intake.digest()
    return Message.objects.get(direction="in")


@pytest.mark.parametrize("typed", ["cancel", "Cancel!", "CAN\u200bCEL"])
def test_a_limited_word_answers_what_is_no_promotion(settings: Any, typed: str) -> None:
    answer = answered(settings, typed, traffic="transaction")
    assert (answer.postback, answer.urgent, answer.handled_by) == ("Cancel", False, "")
    assert not Consent.objects.exists()


@pytest.mark.parametrize("traffic", ["promotion", None])
def test_a_limited_word_is_a_stop_after_a_promotion_and_after_nothing(
    settings: Any, traffic: str | None
) -> None:
    answer = answered(settings, "cancel", traffic=traffic)
    assert (answer.postback, answer.urgent, answer.handled_by) == ("", True, "consent")
    assert Consent.objects.get().opted_out


@pytest.mark.parametrize(("typed", "limited"), [("STOP", LIMITED), ("cancel", ())])
def test_other_words_are_a_stop_whatever_they_answer(
    settings: Any, typed: str, limited: tuple[str, ...]
) -> None:
    assert answered(settings, typed, traffic="transaction", limited=limited).handled_by == "consent"


class Survey(PatternHandler):
    pattern = r"(keep|end|quit)\b"


class Anything(PatternHandler):
    pattern = r"(.*)"


class End(KeywordHandler):
    keyword = "end"


def complaints(settings: Any, app: type, **router: Any) -> list[str]:
    site(settings, {"sms": SMS}, APPS=[f"{HERE}.{app.__name__}"], **router)
    return [
        f"{check.id} {check.msg}"
        for check in run_checks()
        if check.id in {"rcs_router.W106", "rcs_router.E119"}
    ]


def test_a_check_names_the_apps_that_never_see_a_stop_word(settings: Any) -> None:
    assert complaints(settings, Survey) == [
        f"rcs_router.W106 {HERE}.Survey has a pattern for end, quit (an OPT_OUT_WORD)"
    ]
    assert complaints(settings, End) == [
        f"rcs_router.W106 {HERE}.End has the keyword 'end', which is an OPT_OUT_WORD"
    ]
    assert complaints(settings, Anything) == []


@pytest.mark.parametrize("app", [Survey, End])
def test_no_complaint_about_limited_words(settings: Any, app: type) -> None:
    assert complaints(settings, app, OPT_OUT_WORDS_AFTER_OFFERS=["end", "quit"]) == []


def test_a_limited_word_must_be_among_the_words(settings: Any) -> None:
    [complaint] = complaints(settings, Anything, OPT_OUT_WORDS_AFTER_OFFERS=["enough"])
    assert complaint.startswith("rcs_router.E119")


@pytest.mark.parametrize(
    "text", ["a" * 900_000, "\u0301" * 900_000, "stop" + "\u0301" * 900_000, "1" * 900_000]
)
def test_a_long_text_is_no_word(text: str) -> None:
    assert (spelling.word(text), spelling.number(text), spelling.copied(text)) == ("", None, None)
