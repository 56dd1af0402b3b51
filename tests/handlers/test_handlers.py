"""The ready-made handlers: what they answer to, what they are given, and what they leave to others."""

from typing import Any

import pytest

from rcs_router.content import Reply, Text
from rcs_router.contract import IncomingKind
from rcs_router.handlers import (
    BaseHandler,
    DefaultResponse,
    Echo,
    HandlerApp,
    KeywordHandler,
    PatternHandler,
    Ping,
    PostbackHandler,
)
from rcs_router.models import Backend, Connection, Message
from rcs_router.phases import IncomingMessage

HELP = object()


def said(text: str, postback: str = "") -> IncomingMessage:
    row = Message(direction="in", kind=IncomingKind.TEXT, text=text, postback=postback)
    return IncomingMessage(row, Connection(backend=Backend("rcs"), identity="+37255501234"))


def words(message: IncomingMessage) -> list[str]:
    return [response["content"].text for response in message.responses]


class Heard(BaseHandler):
    """Notes what it was given."""

    given: list[Any]

    def handle(self, *parts: Any) -> None:
        self.given.append(parts if len(parts) != 1 else parts[0])

    def help(self) -> None:
        self.given.append(HELP)


def ask(base: type, text: str, postback: str = "", **attributes: Any) -> tuple[bool, Any]:
    """What `dispatch` answers, and what the handler was given (None: nothing)."""
    handler = type("Handler", (Heard, base), {"given": [], **attributes})
    answered = handler.dispatch(said(text, postback))
    assert len(handler.given) <= 1
    return answered, handler.given[0] if handler.given else None


def keyword(text: str, word: Any = "echo") -> tuple[bool, Any]:
    return ask(KeywordHandler, text, keyword=word)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("echo hello", "hello"),
        ("ECHO hello", "hello"),
        ("eChO Hello World", "Hello World"),
        ("  \n echo hello", "hello"),
        ("echo  hello", "hello"),
        ("echo hello  ", "hello  "),  # what follows is the handler's, blanks included
        ("echo,hello", "hello"),
        ("echo: hello", "hello"),
        ("echo;hello", "hello"),
        ("echo , ; : hello", "hello"),
        ("echo\nhello\nworld", "hello\nworld"),
        ("echo\thello", "hello"),
        ("echo\u00a0hello", "hello"),  # a no-break space, as phones make them
        ("echo-hello", "-hello"),
        ("echo #1", "#1"),
        ("echo echo", "echo"),
        ("echo 😀", "😀"),
    ],
)
def test_a_keyword_and_what_follows(text: str, rest: str) -> None:
    assert keyword(text) == (True, rest)


@pytest.mark.parametrize("text", ["echo", "ECHO", " echo ", "echo,", "echo : ; ,", "echo\n\n", "echo\u00a0"])
def test_a_keyword_alone_asks_for_help(text: str) -> None:
    assert keyword(text) == (True, HELP)


@pytest.mark.parametrize(
    "text", ["", " ", "echoes", "echo_1", "echo1", "echoé", "ech", "e c h o", "say echo"]
)
def test_what_is_not_the_keyword(text: str) -> None:
    assert keyword(text) == (False, None)


@pytest.mark.parametrize(
    ("word", "text", "given"),
    [
        (("yes", "ja"), "ja bitte", "bitte"),
        (("yes", "ja"), "yes", HELP),
        ("new order", "NEW  order 7", "7"),
        ("a.c", "abc x", "x"),  # a pattern too
        ("a.c", "a.c x", "x"),
        ("c++", "C++ now", "now"),
        ("#tag", "#tag me", "me"),
        ("größe", "GRÖSSE 7", "7"),  # the same word in capitals
        ("GRÖSSE", "größe 7", "7"),
        ("стоп", "СТОП сейчас", "сейчас"),
        ((), "anything", None),
        ("", "anything", None),
        ("", "", None),
    ],
)
def test_keywords_are_words_in_any_case(word: Any, text: str, given: Any) -> None:
    assert keyword(text, word) == (given is not None, given)


@pytest.mark.parametrize(
    ("pattern", "text", "given"),
    [
        (r"order (\d+)", "order 7", "7"),
        (r"order (\d+)", "ORDER 7 please", "7"),  # from the start, not to the end
        (r"order (\d+)", "my order 7", None),
        (r"order (\d+)", " order 7", None),
        (r"(\w+)-(\w+)", "a-b", ("a", "b")),
        (r"(\w+)(?:-(\w+))?$", "a", ("a", None)),
        (r"ping", "PING", ()),
        (r"(?P<n>\d)", "7", "7"),
        ("", "", None),
        ("", "anything", None),
    ],
)
def test_patterns(pattern: str, text: str, given: Any) -> None:
    assert ask(PatternHandler, text, pattern=pattern) == (given is not None, given)


@pytest.mark.parametrize(
    ("text", "given"), [("order 7", "7"), ("order 7 please", None), ("order 7\n", None), ("ORDER 7", "7")]
)
def test_patterns_of_whole_messages(text: str, given: Any) -> None:
    answer = ask(PatternHandler, text, pattern=r"order (\d+)", fullmatch=True)
    assert answer == (given is not None, given)


LONG = "7" * 1000  # as many characters as a pattern sees


@pytest.mark.parametrize(
    ("pattern", "text", "given"),
    [
        (r"(\d+)", LONG, LONG),
        (r"(\d)\d{4}", f"{LONG}7", "7"),  # what it matches is within what it sees
        (r"(\d+)", f"{LONG}7", None),  # its group would lack something
        (r"(\d+)$", f"{LONG} no", None),  # there is more, so this is not its end
        (r"(\d+) no", f"{LONG} no", None),
    ],
    ids=["all seen", "a part", "a cut group", "not the end", "not seen"],
)
def test_a_pattern_sees_the_first_characters_of_a_long_text(pattern: str, text: str, given: Any) -> None:
    assert ask(PatternHandler, text, pattern=pattern) == (given is not None, given)
    whole = given if text == given else None
    assert ask(PatternHandler, text, pattern=pattern, fullmatch=True) == (whole is not None, whole)


def test_a_handler_says_how_much_its_pattern_sees() -> None:
    assert ask(PatternHandler, f"{LONG} no", pattern=r"(\d+) no", most=2000) == (True, LONG)
    assert ask(PatternHandler, "123456", pattern=r"(\d+)", most=5) == (False, None)


def test_a_keyword_that_is_a_regular_expression_sees_no_more() -> None:
    assert keyword(f"x{LONG}", r"x\d+") == (False, None)
    assert keyword(f"x77 {LONG}", r"x\d+") == (True, LONG)


@pytest.mark.parametrize(
    ("prefix", "postback", "given"),
    [
        ("product_", "product_123", "123"),
        ("product_", "product_", ""),
        ("product_", "product_a_b", "a_b"),
        ("product_", "product_product_1", "product_1"),
        ("product_", "Product_123", None),  # data, not words: every character counts
        ("product_", "my_product_123", None),
        ("product_", "", None),
        ("", "anything", None),
    ],
)
def test_postbacks(prefix: str, postback: str, given: str | None) -> None:
    assert ask(PostbackHandler, "Buy", postback, prefix=prefix) == (given is not None, given)


def test_typed_text_is_no_postback() -> None:
    assert ask(PostbackHandler, "product_123", prefix="product_") == (False, None)


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("echo hello", ["hello"]),
        ("Echo: hello\nworld", ["hello\nworld"]),
        ("echo", ["To echo some text, send: ECHO <ANYTHING>"]),
        ("echoes", []),
    ],
)
def test_echo(text: str, answers: list[str]) -> None:
    message = said(text)
    assert HandlerApp(Echo).handle(message) is (True if answers else None)
    assert words(message) == answers


@pytest.mark.parametrize(
    ("text", "answers"), [("ping", ["pong"]), ("PING", ["pong"]), ("ping me", []), (" ping", [])]
)
def test_ping(text: str, answers: list[str]) -> None:
    message = said(text)
    assert HandlerApp(Ping).handle(message) is (True if answers else None)
    assert words(message) == answers


def test_a_handler_in_the_place_of_an_app_has_the_handlers_name() -> None:
    assert HandlerApp(Echo).name == "rcs_router.handlers.Echo"


def test_a_verdict_is_the_literal_true_whatever_dispatch_answers() -> None:
    truthy = type("Truthy", (BaseHandler,), {"dispatch": classmethod(lambda cls, msg: "yes")})
    assert HandlerApp(truthy).handle(said("hi")) is True


def test_each_message_has_a_handler_of_its_own() -> None:
    made: list[BaseHandler] = []

    class Counting(KeywordHandler):
        keyword = "go"

        def help(self) -> None:
            made.append(self)

    for _ in range(2):
        Counting.dispatch(said("go"))
    assert made[0] is not made[1]
    assert made[0].msg is not made[1].msg


def test_responses_of_a_handler() -> None:
    class Both(KeywordHandler):
        keyword = "go"

        def help(self) -> None:
            self.respond("fine", traffic="authentication")
            self.respond_error("sorry")

    message = said("go")
    assert Both.dispatch(message)
    assert words(message) == ["fine", "sorry"]
    assert message.responses[0]["traffic"] == "authentication"
    assert [response.get("is_error", False) for response in message.responses] == [False, True]


@pytest.mark.parametrize(("answer", "wanted"), [("Pardon?", ["Pardon?"]), (None, []), ("", [])])
def test_the_default_response(settings: Any, answer: str | None, wanted: list[str]) -> None:
    settings.RCS_ROUTER = {"DEFAULT_RESPONSE": answer}
    message = said("blah")
    assert DefaultResponse().default(message) is (True if wanted else None)
    assert words(message) == wanted
    assert all(response["is_error"] for response in message.responses)


# A handler on its own


class Greeting(KeywordHandler):
    keyword = "hi"

    def handle(self, text: str) -> None:
        self.respond(Text(f"Hi {text}", (Reply("Bye"),)))
        self.respond_error(self.msg.connections[0].identity)

    def help(self) -> None:
        """Nothing to say."""


class Bye(PostbackHandler):
    prefix = "bye_"

    def handle(self, key: str) -> None:
        self.respond(f"Bye {key}: {self.msg.contact}")


@pytest.mark.django_db
@pytest.mark.parametrize("backends", [{}, {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend"}}])
def test_what_a_handler_alone_answers(settings: Any, backends: dict[str, Any]) -> None:
    settings.RCS_BACKENDS = backends
    assert Greeting.test("hi Kati") == ["Hi Kati\n1) Bye", "+37255501234"]
    assert Greeting.test("hi Kati", "+37255501235")[1:] == ["+37255501235"]  # type: ignore[index]
    assert Greeting.test("hi") == []
    assert Greeting.test("hello") is False
    assert Bye.test("Bye", postback="bye_7") == ["Bye 7: None"]
    assert Bye.test("bye_7") is False
    assert Message.objects.count() == 0
