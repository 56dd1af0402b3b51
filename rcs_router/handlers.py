"""Ready-made router apps and handlers, listed in RCS_ROUTER["APPS"]; an incoming message in, answers out."""

import re
from typing import Any, ClassVar, Literal

from rcs_router import spelling
from rcs_router.backends import default_alias
from rcs_router.conf import router_settings
from rcs_router.content import Content
from rcs_router.content.plain import render
from rcs_router.contract import IncomingKind
from rcs_router.models import Backend, Connection, Message
from rcs_router.phases import IncomingMessage, RouterApp

_BETWEEN = re.compile(rf"[\s,;:{spelling.INVISIBLE}]*")  # what may stand between a keyword and the rest


class BaseHandler:
    """One instance per message that it answers, so `self.msg` is at hand. Listed in APPS like a router app."""

    def __init__(self, msg: IncomingMessage) -> None:
        self.msg = msg

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
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
        return [render(response["content"]).text for response in msg.responses] if answered else False

    def respond(self, content: Content | str, **options: Any) -> None:
        self.msg.respond(content, **options)

    def respond_error(self, text: str, **options: Any) -> None:
        self.msg.error(text, **options)


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

    The keyword is matched literally and as a whole word: "echoes" is not for "echo". Several: a tuple.
    """

    keyword: ClassVar[str | tuple[str, ...]] = ()

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        for keyword in (cls.keyword,) if isinstance(cls.keyword, str) else cls.keyword:
            rest = _after(keyword, msg.text)
            if rest is not None:
                handler = cls(msg)
                handler.handle(rest) if rest else handler.help()
                return True
        return False

    def handle(self, text: str) -> None:
        """The keyword was followed by `text`."""
        raise NotImplementedError

    def help(self) -> None:
        """The keyword stood alone."""
        raise NotImplementedError


class PatternHandler(BaseHandler):
    """Answers messages that match `pattern` from their start, in any case; its groups are the arguments of `handle`."""

    pattern: ClassVar[str] = ""
    fullmatch: ClassVar[bool] = False  # must the whole message match?

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        match = _matched(cls.pattern, msg.text, whole=cls.fullmatch)
        if not cls.pattern or match is None:
            return False
        cls(msg).handle(*match.groups())
        return True

    def handle(self, *groups: str) -> None:
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

    def handle(self, key: str) -> None:
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


def _after(keyword: str, said: str) -> str | None:
    """What follows the keyword; None where `said` does not begin with it as a whole word."""
    end = spelling.begins_with(said, keyword)
    return _BETWEEN.sub("", said[end:], count=1) if end else None


def _matched(pattern: str, text: str, *, whole: bool) -> re.Match[str] | None:
    """The match, if need be in the text without its invisible characters."""
    matches = re.fullmatch if whole else re.match
    if found := matches(pattern, text, re.IGNORECASE):
        return found
    seen = spelling.visible(text)
    return matches(pattern, seen, re.IGNORECASE) if seen != text else None
