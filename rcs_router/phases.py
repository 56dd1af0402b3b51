"""Router apps, the messages they see, and the phases: five for an incoming message, one for an outgoing one."""

import sys
import time
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from types import FrameType
from typing import Any, Unpack

from rcs_router import content as contents
from rcs_router import logs, timelimit
from rcs_router.arguments import SendOptions
from rcs_router.content import Content, Text
from rcs_router.content.characters import storable
from rcs_router.content.plain import render
from rcs_router.errors import ContentError
from rcs_router.models import Connection, Contact, InboundFile, Message, Transmission
from rcs_router.people.recipients import Recipients


class RouterApp:
    """Base of the apps listed in RCS_ROUTER["APPS"]. One instance per process: keep no state of a message in it.

    Only the literal True (False for `outgoing`) is a verdict; after anything else the next app is asked. If an app
    raises, the error is recorded on the message, what the app wrote to the database is undone, and the others run.

    The same holds for an app that takes longer than RCS_ROUTER["APP_TIMEOUT"] for one incoming message, all phases
    together; it is not asked about that message again. If it had used the database, everything is undone and the other
    apps are asked once more. An app may also be asked twice because its process died, so what it does outside of the
    database must allow that. A transaction opens with the first statement of an app: what it asks of other services
    before that holds no lock.
    """

    @property
    def name(self) -> str:
        """Return the name of the app in records: module and class."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    def filter(self, message: "IncomingMessage", /) -> bool | None:
        """Return True to hide the message from all apps: every later phase is skipped, `cleanup` too."""

    def parse(self, message: "IncomingMessage", /) -> None:
        """Read or annotate the message; the return value is ignored."""

    def handle(self, message: "IncomingMessage", /) -> bool | None:
        """Answer the message. Return True to skip the `handle` of later apps and `default` of all."""

    def default(self, message: "IncomingMessage", /) -> bool | None:
        """Answer a message that no app has handled. Return True to skip the `default` of later apps."""

    def cleanup(self, message: "IncomingMessage", /) -> None:
        """Finish. This always runs, unless the message was filtered."""

    def outgoing(self, message: "OutgoingMessage", /) -> bool | None:
        """Look at a message before it is sent; apps are asked in reverse order.

        This may change `content` and `connections`. Return False to send it to nobody.
        """


class IncomingMessage:
    """What a person said or did, as router apps see it."""

    def __init__(self, row: Message, connection: Connection) -> None:
        self.row = row
        self.id: uuid.UUID = row.id
        self.text: str = row.text
        self.raw_text: str = row.text
        self.kind: str = row.kind
        self.content: Content | None = row.body
        self.postback: str = row.postback
        self.suggestion: str = row.text if row.postback else ""  # the label of the tapped chip
        # What it answers, where that is certain: after a tap, a form, or a reply that names it.
        self.interaction: Transmission | None = row.answers if row.answers_id else None
        self.connections: list[Connection] = [connection]
        self.fields: dict[str, Any] = row.fields
        self.received_at: datetime = row.created_at
        self.handled = False
        self.processed = False
        self.responses: list[Response] = []
        self.app = ""  # name of the app that is being asked
        self.aside: list[str] = []  # "typing" and "read": the provider is told after the commit

    def __str__(self) -> str:
        return self.text

    @property
    def in_response_to(self) -> Message | None:
        """Return our message that this answers: for a tap or a form it is certain, else the most likely one."""
        return self.interaction.message if self.interaction else self.row.in_response_to

    @property
    def connection(self) -> Connection:
        """Return the first of `connections`, as in RapidSMS."""
        return self.connections[0]

    @property
    def contact(self) -> Contact | None:
        return self.connection.contact

    @property
    def logger_msg(self) -> Message:
        """Return the stored message, under the name that RapidSMS's message log uses."""
        return self.row

    @cached_property
    def files(self) -> "list[InboundFile]":
        """Return the files that came with it, a thumbnail last. `state` says whether one is fetched yet."""
        return list(InboundFile.objects.filter(message=self.row.pk).order_by("thumbnail", "created_at"))

    def respond(
        self,
        content: "Content | str | None" = None,
        *,
        text: str | None = None,
        connections: Recipients | None = None,
        **options: Unpack[SendOptions],
    ) -> "Response":
        """Answer with `content` or `text`. Answers are sent once, in their order, after all phases.

        `options` are those of `send()`. If `send()` refuses an answer, only that one is lost, and the error is recorded
        on the message under the app's name.
        """
        response = Response(contents.translated(options), app=self.app, at=_where())
        response["content"] = text if content is None else content
        if text is not None and content is not None:
            response["text"] = text  # send() refuses both
        response["connections"] = list(self.connections) if connections is None else connections
        response.setdefault("in_response_to", self.row)
        with suppress(ContentError):
            response["content"] = contents.as_content(response["content"])
        self.responses.append(response)
        return response

    def error(self, content: "Content | str | None" = None, **options: Any) -> "Response":
        """Answer that something went wrong; the answer is marked as an error."""
        return self.respond(content, **{"is_error": True, **options})

    def mark_read(self) -> None:
        """Show the person that their message was read, where the provider can."""
        self.aside.append("read")

    def typing(self) -> None:
        """Show the person that an answer is being written, where the provider can."""
        self.aside.append("typing")


class Response(dict[str, Any]):
    """Arguments of `send()`, which is called after the phases. `app` and `at` say which app responded, and where."""

    def __init__(self, options: Mapping[str, Any], *, app: str, at: str) -> None:
        super().__init__(options)
        self.app = app
        self.at = at

    def __missing__(self, name: str) -> str:
        if name == "text":  # as RapidSMS calls it
            return render(contents.as_content(self["content"])).text
        raise KeyError(name)


class OutgoingMessage:
    """A message in the outgoing phase, which may change its `content` (or `text`) and remove `connections`."""

    def __init__(self, row: Message, content: Content, connections: Any) -> None:
        self.row = row
        self.id: uuid.UUID = row.id
        self.content = content
        self.connections = connections
        self.in_response_to = row.in_response_to
        self.is_error: bool = row.is_error
        self.raw_text = render(content, fallback_text=row.fallback_text).text
        self.handled = False
        self.processed = False

    def __str__(self) -> str:
        return self.text

    @property
    def connection(self) -> Connection:
        """Return the first of `connections`, as in RapidSMS."""
        first: Connection = next(iter(self.connections))
        return first

    @property
    def contact(self) -> Contact | None:
        return self.connection.contact

    @property
    def logger_msg(self) -> Message:
        """Return the message that will be stored, under the name that RapidSMS's message log uses."""
        return self.row

    @property
    def fields(self) -> dict[str, Any]:
        return self.row.fields

    @fields.setter
    def fields(self, value: dict[str, Any]) -> None:
        self.row.fields = value

    @property
    def text(self) -> str:
        """Return the text of a Text; empty for other content."""
        return self.content.text if isinstance(self.content, Text) else ""

    @text.setter
    def text(self, value: str) -> None:
        chips = self.content.suggestions if isinstance(self.content, Text) else ()
        self.content = Text(value, suggestions=chips)


class StartOver(BaseException):
    """Raised when an app that used the database ran out of time: all is undone, and the app is not asked again."""

    def __init__(self, problem: dict[str, str]) -> None:
        self.problem = problem


NO_ANSWER = "no answer within"  # the error of an app that ran out of time begins so


def no_answer(app: str, phase: str, seconds: float) -> dict[str, str]:
    """Return the record of an app that ran out of time."""
    return {"app": app, "phase": phase, "error": f"{NO_ANSWER} {seconds:g} s"}


@dataclass
class Asking:
    """Asks apps about one incoming message, each time in a savepoint and within the time limit.

    `seconds` is the limit of one app for all its phases. `slow()` and `abandon(app, phase)` are called from another
    thread, as in rcs_router.timelimit.
    """

    isolated: Callable[[], AbstractContextManager[Any]]
    seconds: float | None = None
    slow: Callable[[], object] = lambda: None
    abandon: Callable[[str, str], object] = lambda app, phase: None
    used_database: bool = False  # whether the app that was asked last did
    _spent: dict[str, float] = field(default_factory=dict)

    def ask(self, app: RouterApp, phase: str, message: IncomingMessage) -> Any:
        """Call a phase of an app, and return its verdict. Raises what the app raises, and OutOfTime."""
        spent, began = self._spent.get(app.name, 0), time.monotonic()
        left = None if self.seconds is None else max(self.seconds - spent, 0.001)
        method = partial(getattr(app, phase), message)
        self.used_database, part = False, None
        try:
            with self.isolated() as part:
                abandon = partial(self.abandon, app.name, phase)
                message.app = app.name
                return timelimit.call(method, left, slow=self.slow, abandon=abandon)
        finally:
            self.used_database = getattr(part, "used", False)
            self._spent[app.name] = spent + time.monotonic() - began

    def too_late(self, row: Message, app: RouterApp, phase: str) -> None:
        """Record that an app ran out of time. Raises StartOver if the app used the database."""
        seconds = self.seconds or 0
        problem = no_answer(app.name, phase, seconds)
        tell_no_answer(row, problem)
        if self.used_database:
            raise StartOver(problem)
        row.errors = [*row.errors, problem]


def tell_no_answer(row: Message, problem: dict[str, str]) -> None:
    """Log that an app ran out of time."""
    logs.app_out_of_time(row.backend_id or "", row.pk, problem["app"], problem["phase"], problem["error"])


def run_incoming(apps: Sequence[RouterApp], message: IncomingMessage, asking: Asking) -> None:
    """Take the message through all phases over all apps."""
    if _phase(apps, "filter", message, asking):
        message.row.handled_by = f"filtered by {message.row.handled_by}"[:200]
        return
    _phase(apps, "parse", message, asking, verdicts=False)
    message.handled = _phase(apps, "handle", message, asking) or message.handled
    message.row.handled = message.handled
    if not message.handled:
        _phase(apps, "default", message, asking)
    message.processed = True
    _phase(apps, "cleanup", message, asking, verdicts=False)


def run_outgoing(
    apps: Sequence[RouterApp],
    message: OutgoingMessage,
    isolated: Callable[[], AbstractContextManager[Any]],
) -> str:
    """Ask the apps, in reverse order; return the name of the app that stopped the message, or an empty string."""
    for app in reversed(apps):
        if _takes_part(app, "outgoing"):
            try:
                with isolated():
                    verdict = app.outgoing(message)
            except Exception as error:
                _record(message.row, app, "outgoing", error)
                continue
            if verdict is False:
                return app.name
    message.processed = True
    return ""


def _phase(
    apps: Sequence[RouterApp],
    phase: str,
    message: IncomingMessage,
    asking: Asking,
    verdicts: bool = True,
) -> bool:
    for app in apps:
        if not _takes_part(app, phase) or _out_of_time(message.row, app):
            continue
        try:
            verdict = asking.ask(app, phase, message)
        except timelimit.OutOfTime:
            asking.too_late(message.row, app, phase)
            continue
        except Exception as error:
            _record(message.row, app, phase, error)
            continue
        if message.handled and not message.row.handled_by:  # an app may set it, as in RapidSMS
            message.row.handled_by = app.name[:200]
        if verdicts and verdict is True:
            message.row.handled_by = app.name[:200]
            return True
    return False


def _out_of_time(row: Message, app: RouterApp) -> bool:
    """Return whether this app ran out of time over this message, now or when it was routed before."""
    return any(e.get("app") == app.name and str(e.get("error")).startswith(NO_ANSWER) for e in row.errors)


def _takes_part(app: RouterApp, phase: str) -> bool:
    """Return whether the app defines this phase; one that does not is not called, which saves a savepoint."""
    return getattr(type(app), phase) is not getattr(RouterApp, phase)


def _record(row: Message, app: RouterApp, phase: str, error: Exception) -> None:
    row.errors = [*row.errors, problem(app.name, phase, error, _place(error))]
    logs.app_raised(row.backend_id or "", row.pk, app.name, phase, type(error).__name__)


def problem(app: str, phase: str, error: Exception, at: str) -> dict[str, str]:
    """Return the record of an error, in a form that any database stores."""
    try:
        words = f"{type(error).__name__}: {error}"
    except Exception:  # str() of the error raises
        words = type(error).__name__
    return {"app": app, "phase": phase, "error": storable(words)[:500], "at": storable(at)}


def _place(error: Exception) -> str:
    """Return where in the app it was raised: `shop.py:42 in handle`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""


def _where() -> str:
    """Return the same for the place where an app responds."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_code.co_name in {"respond", "error", "respond_error"}:
        frame = frame.f_back
    return (
        f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} in {frame.f_code.co_name}" if frame else ""
    )
