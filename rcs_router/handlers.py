"""Ready-made router apps and handlers, listed in RCS_ROUTER["APPS"]; an incoming message in, answers out."""

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
_BLANKS = re.compile(r"[^\S\r\n]+")  # blanks of any kind and number; a line break is none


class BaseHandler:
    """One instance per message that it answers, so `self.msg` is at hand. Listed in APPS like a router app."""

    def __init__(self, msg: IncomingMessage) -> None:
        self.msg = msg

    @classmethod
    def dispatch(cls, msg: IncomingMessage, /) -> bool:
        """Answer `msg` if it is for this handler; True (or what counts as true) when it was."""
        return False

    @classmethod
    def test(
        cls, text: str, identity: str = "+37255501234", *, postback: str = ""
    ) -> list[str] | Literal[False]:
        """For tests: what this handler alone answers, as plain text; False: it left the message to others.

        No other app is asked and nothing is sent; what the handler itself stores stays.
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
    """A handler in the place of a router app."""

    def __init__(self, handler: type[BaseHandler]) -> None:
        self.handler = handler

    @property
    def name(self) -> str:
        return f"{self.handler.__module__}.{self.handler.__qualname__}"

    def handle(self, message: IncomingMessage) -> bool | None:
        return True if self.handler.dispatch(message) else None


class KeywordHandler(BaseHandler):
    """Answers messages that begin with a keyword, in any case: `handle(text)` gets the rest, `help()` a bare keyword.

    Only typed words count: a tap, a form, a file and a place are for other handlers. `keyword` is a word, several words
    with blanks between them in any number, or a regular expression such as "join|register"; several are a tuple. It is
    matched as a whole word: "echoes" is not for "echo".
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
        """The keyword was followed by `text`."""
        raise NotImplementedError

    def help(self) -> None:
        """The keyword stood alone."""
        raise NotImplementedError


class PatternHandler(BaseHandler):
    """Answers messages that match `pattern` from their start, in any case; its groups are the arguments of `handle`.

    Only typed words count. A blank in the pattern stands for blanks in any number.
    """

    pattern: ClassVar[str] = ""
    fullmatch: ClassVar[bool] = False  # must the whole message match?

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        match = cls.matches(msg.text) if _is_typed(msg) else None
        if match is None:
            return False
        cls(msg).handle(*match.groups())
        return True

    @classmethod
    def matches(cls, text: str) -> re.Match[str] | None:
        """Match `text` as it is, or else with single blanks, or else without its invisible characters, too."""
        if not cls.pattern:
            return None
        match = re.fullmatch if cls.fullmatch else re.match
        spellings = (text, _BLANKS.sub(" ", text), _BLANKS.sub(" ", spelling.visible(text)))
        found = (match(cls.pattern, said, re.IGNORECASE) for said in dict.fromkeys(spellings))
        return next(filter(None, found), None)

    def handle(self, *groups: Any, **nothing: Any) -> None:
        """Any parameters may stand here, one for each group; None comes for a group that took no part."""
        raise NotImplementedError


class PostbackHandler(BaseHandler):
    """Answers taps whose postback begins with `prefix`: "product_123" comes to prefix "product_" as handle("123").

    The same for a reply chip, an action, and a numbered option that an SMS answers.
    """

    prefix: ClassVar[str] = ""

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        if not cls.prefix or not msg.postback.startswith(cls.prefix):
            return False
        cls(msg).handle(msg.postback.removeprefix(cls.prefix))
        return True

    def handle(self, key: str, /) -> None:
        raise NotImplementedError


class Echo(KeywordHandler):
    """`echo hello` answers `hello`."""

    keyword = "echo"

    def handle(self, text: str) -> None:
        self.respond(text)

    def help(self) -> None:
        self.respond("To echo some text, send: ECHO <ANYTHING>")


class Ping(PatternHandler):
    """`ping`, and nothing else, answers `pong`: is anybody there?"""

    pattern = "ping"
    fullmatch = True

    def handle(self, *groups: str) -> None:
        self.respond("pong")


class DefaultResponse(RouterApp):
    """Answers with RCS_ROUTER["DEFAULT_RESPONSE"] what nobody handled; list it last.

    But not a wordless something of a kind that a provider has invented since: the person may have said nothing.
    """

    def default(self, message: IncomingMessage) -> bool | None:
        answer = router_settings().DEFAULT_RESPONSE
        if not answer or (message.kind == IncomingKind.UNKNOWN and not message.text):
            return None
        message.error(answer)
        return True


def after(keyword: str, text: str) -> str | None:
    """Return what follows the keyword in `text`; None where it does not begin with it, as a whole word.

    The keyword counts as it is written, in any case ("größe" is "GRÖSSE"), and as a regular expression.
    """
    end = spelling.begins_with(text, keyword)
    rest = text[end:] if end else _after_pattern(keyword, text)
    return None if rest is None else _BETWEEN.sub("", rest, count=1)


def _after_pattern(keyword: str, text: str) -> str | None:
    """The same with the keyword as a regular expression, if need be in the text without its invisible characters."""
    if (pattern := _compiled(keyword)) is None:
        return None
    for said in (text.lstrip(), spelling.visible(text).lstrip()):
        if (match := pattern.match(said)) and match[0] and not spelling.goes_on(said, match.end()):
            return said[match.end() :]
    return None


@lru_cache(maxsize=1000)
def _compiled(keyword: str) -> re.Pattern[str] | None:
    """The keyword as a regular expression; None where it is none ("*100#").

    RapidSMS reads it in verbose mode, so blanks beside a bar and escaped ones may stand in it.
    """
    written = _AROUND_BAR.sub("|", keyword.strip())
    try:
        return re.compile(rf"(?:{_BLANK_IN_PATTERN.sub(_ANY_BLANKS, written)})(?!\w)", re.IGNORECASE)
    except re.error:
        return None


def _is_typed(msg: IncomingMessage) -> bool:
    """A tap has its chip's label for a text, a form its title, a place its label, and a file perhaps its name."""
    return msg.kind == IncomingKind.TEXT
