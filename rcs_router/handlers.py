"""Ready-made router apps and base classes of handlers, to be listed in RCS_ROUTER["APPS"]."""

import re
from functools import lru_cache
from typing import Any, ClassVar, Literal

from rcs_router.backends import default_alias
from rcs_router.conf import router_settings
from rcs_router.content import Content, spelling
from rcs_router.contract import IncomingKind
from rcs_router.models import Backend, Connection, Message
from rcs_router.phases import IncomingMessage, RouterApp

_BETWEEN = re.compile(rf"[\s,;:{spelling.INVISIBLE}]*")  # what may stand between a keyword and the rest
_AROUND_BAR = re.compile(r"\s*\|\s*")
_BLANK_IN_PATTERN, _ANY_BLANKS = re.compile(r"\[ \]|\\?\s+"), r"\\s+"
_BLANKS = re.compile(r"[^\S\r\n]+")  # blanks of any kind and number, without line breaks


class BaseHandler:
    """Base of handlers, which are listed in APPS like router apps. Each message has an instance of its own."""

    def __init__(self, msg: IncomingMessage) -> None:
        self.msg = msg

    @classmethod
    def dispatch(cls, msg: IncomingMessage, /) -> bool:
        """Answer `msg` if it is for this handler; return something true if it was."""
        return False

    @classmethod
    def test(
        cls, text: str, identity: str = "+37255501234", *, postback: str = ""
    ) -> list[str] | Literal[False]:
        """Return the answers of this handler alone, as plain text; False if the message is not for it. For tests.

        No other app is asked and nothing is sent. What the handler itself stores remains.
        """
        backend, _ = Backend.objects.get_or_create(pk=default_alias() or "test")
        connection, _ = Connection.objects.get_or_create(backend=backend, identity=identity)
        kind = IncomingKind.SUGGESTION if postback else IncomingKind.TEXT
        row = Message(direction=Message.Direction.IN, kind=kind, backend=backend, connection=connection)
        row.text, row.postback = text, postback
        msg = IncomingMessage(row, connection)
        answered = cls.dispatch(msg)
        return [response["text"] for response in msg.responses] if answered else False

    def respond(self, content: Content | str | None = None, **options: Any) -> None:
        self.msg.respond(content, **options)

    def respond_error(self, content: Content | str | None = None, **options: Any) -> None:
        self.msg.error(content, **options)


class HandlerApp(RouterApp):
    """Router app that passes messages to a handler."""

    def __init__(self, handler: type[BaseHandler]) -> None:
        self.handler = handler

    @property
    def name(self) -> str:
        return f"{self.handler.__module__}.{self.handler.__qualname__}"

    def handle(self, message: IncomingMessage) -> bool | None:
        return True if self.handler.dispatch(message) else None


class KeywordHandler(BaseHandler):
    """Answer messages that begin with a keyword, in any case.

    `handle(text)` gets what follows the keyword, and `help()` is called for a bare keyword.

    Only typed words count: a tap, a form, a file and a place are for other handlers. `keyword` is a word, several words
    with any number of blanks between them, or a regular expression such as "join|register"; a tuple holds several. It
    is matched as a whole word: "echoes" is not for "echo".
    """

    keyword: ClassVar[str | tuple[str, ...]] = ()

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        if not _is_typed(msg):
            return False
        for keyword in (cls.keyword,) if isinstance(cls.keyword, str) else cls.keyword:
            rest = after(keyword, msg.text)
            if rest is not None:
                handler = cls(msg)
                handler.handle(rest) if rest else handler.help()
                return True
        return False

    def handle(self, text: str, /) -> None:
        """Answer a message in which `text` follows the keyword."""
        raise NotImplementedError

    def help(self) -> None:
        """Answer a message that is only the keyword."""
        raise NotImplementedError


class PatternHandler(BaseHandler):
    """Answer messages that match `pattern` from their start, in any case; its groups are the arguments of `handle`.

    Only typed words count. Blanks in any number match a single blank in the pattern. The pattern sees the first `most`
    characters, and what it matches must end before them, or with the message.
    """

    pattern: ClassVar[str] = ""
    fullmatch: ClassVar[bool] = False  # must the whole message match?
    most: ClassVar[int] = spelling.MOST  # characters of the message that the pattern sees

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        match = cls.matches(msg.text) if _is_typed(msg) else None
        if match is None:
            return False
        cls(msg).handle(*match.groups())
        return True

    @classmethod
    def matches(cls, text: str) -> re.Match[str] | None:
        """Match `text` as it is, then with single blanks, then also without invisible characters."""
        if not cls.pattern:
            return None
        pattern = re.compile(cls.pattern, re.IGNORECASE)
        spellings = (text, _BLANKS.sub(" ", text), _BLANKS.sub(" ", spelling.visible(text)))
        found = (_match(pattern, said, cls.most, whole=cls.fullmatch) for said in dict.fromkeys(spellings))
        return next(filter(None, found), None)

    def handle(self, *groups: Any, **nothing: Any) -> None:
        """Answer the message. Declare one parameter for each group; a group that did not take part is None."""
        raise NotImplementedError


class PostbackHandler(BaseHandler):
    """Answer taps whose postback begins with `prefix`: with the prefix "product_", "product_123" is handle("123").

    This holds for reply chips, for actions, and for the numbered options that an SMS answers.
    """

    prefix: ClassVar[str] = ""

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        if not cls.prefix or not msg.postback.startswith(cls.prefix):
            return False
        cls(msg).handle(msg.postback.removeprefix(cls.prefix))
        return True

    def handle(self, key: str, /) -> None:
        """Answer a tap; `key` is what follows the prefix."""
        raise NotImplementedError


class Echo(KeywordHandler):
    """Answer `echo hello` with `hello`."""

    keyword = "echo"

    def handle(self, text: str) -> None:
        self.respond(text)

    def help(self) -> None:
        self.respond("To echo some text, send: ECHO <ANYTHING>")


class Ping(PatternHandler):
    """Answer `ping`, and nothing else, with `pong`, to try whether a line works."""

    pattern = "ping"
    fullmatch = True

    def handle(self, *groups: str) -> None:
        self.respond("pong")


class DefaultResponse(RouterApp):
    """Answer messages that no app handled with RCS_ROUTER["DEFAULT_RESPONSE"]; list it last.

    Messages of an unknown kind without text are not answered: the person may have said nothing.
    """

    def default(self, message: IncomingMessage) -> bool | None:
        answer = router_settings().DEFAULT_RESPONSE
        if not answer or (message.kind == IncomingKind.UNKNOWN and not message.text):
            return None
        message.error(answer)
        return True


def after(keyword: str, text: str) -> str | None:
    """Return what follows the keyword in `text`; None if `text` does not begin with it as a whole word.

    The keyword is compared as it is written, in any case ("größe" is "GRÖSSE"), and then as a regular expression.
    """
    end = spelling.begins_with(text, keyword)
    rest = text[end:] if end else _after_pattern(keyword, text)
    return None if rest is None else _BETWEEN.sub("", rest, count=1)


def _after_pattern(keyword: str, text: str) -> str | None:
    """Return the same with the keyword as a regular expression, also for the text without invisible characters."""
    if (pattern := _compiled(keyword)) is None:
        return None
    for said in (text.lstrip(), spelling.visible(text).lstrip()):
        match = _match(pattern, said, spelling.MOST)
        if match and match[0] and not spelling.goes_on(said, match.end()):
            return said[match.end() :]
    return None


@lru_cache(maxsize=1000)
def _compiled(keyword: str) -> re.Pattern[str] | None:
    """Return the keyword as a regular expression; None if it is not one ("*100#").

    RapidSMS reads it in verbose mode, so it may have blanks beside a bar, and escaped ones.
    """
    written = _AROUND_BAR.sub("|", keyword.strip())
    try:
        return re.compile(rf"(?:{_BLANK_IN_PATTERN.sub(_ANY_BLANKS, written)})(?!\w)", re.IGNORECASE)
    except re.error:
        return None


def _match(pattern: re.Pattern[str], text: str, most: int, *, whole: bool = False) -> re.Match[str] | None:
    """Match the first `most` characters of `text`; None if the match ends there and the text goes on.

    Many patterns take time with the square of the length, and in a thread nothing can interrupt them.
    """
    match = pattern.fullmatch(text, 0, most) if whole else pattern.match(text, 0, most)
    return match if match and (match.end() < most or len(text) <= most) else None


def _is_typed(msg: IncomingMessage) -> bool:
    """Return whether a person typed the text: that of a tap is a label, of a form a title, of a file perhaps a name."""
    return msg.kind == IncomingKind.TEXT
