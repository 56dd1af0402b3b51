"""Router apps and the messages they see: an incoming one walks five phases, an outgoing one a single phase."""

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

    Only the literal True (False for `outgoing`) is a verdict; anything else means "go on". An app that raises is
    recorded on the message, what it wrote to the database is undone, and the others run.

    So is an app that takes longer than RCS_ROUTER["APP_TIMEOUT"] over one incoming message, all phases together; it is
    not asked about that message again. If it had used the database, everything is undone and the other apps are asked
    once more. An app may be asked twice for other reasons too (its process died): what it does outside of the database
    should bear that. No transaction is open before the first statement of an app, so that a slow request to another
    service holds no lock, if it comes before.
    """

    @property
    def name(self) -> str:
        """How the app is named in records: module and class."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    def filter(self, message: "IncomingMessage", /) -> bool | None:
        """True: nobody shall see this message; every later phase is skipped, cleanup included."""

    def parse(self, message: "IncomingMessage", /) -> None:
        """Read or annotate the message; the return value does not matter."""

    def handle(self, message: "IncomingMessage", /) -> bool | None:
        """True: answered; later apps' `handle` and all `default`s are skipped."""

    def default(self, message: "IncomingMessage", /) -> bool | None:
        """Nobody handled it. True: later defaults are skipped."""

    def cleanup(self, message: "IncomingMessage", /) -> None:
        """Always runs, unless the message was filtered."""

    def outgoing(self, message: "OutgoingMessage", /) -> bool | None:
        """Apps in reverse order. May change `content` and `connections`. False: nobody gets it."""


class IncomingMessage:
    """What router apps see of what a person said or did."""

    def __init__(self, row: Message, connection: Connection) -> None:
        self.row = row
        self.id: uuid.UUID = row.id
        self.text: str = row.text
        self.raw_text: str = row.text
        self.kind: str = row.kind
        self.content: Content | None = row.body
        self.postback: str = row.postback
        self.suggestion: str = row.text if row.postback else ""  # the label of the tapped chip
        self.interaction: Transmission | None = (
            row.answers if row.answers_id else None
        )  # what it answers, where that is sure: a tap, a form, or a reply that names it
        self.connections: list[Connection] = [connection]
        self.fields: dict[str, Any] = row.fields
        self.received_at: datetime = row.created_at
        self.handled = False
        self.processed = False
        self.responses: list[Response] = []
        self.app = ""  # the one that is asked, by its name
        self.aside: list[str] = []  # "typing", "read": said to the provider after the commit

    def __str__(self) -> str:
        return self.text

    @property
    def in_response_to(self) -> Message | None:
        """Our message that this answers: surely, if it is a tap or a form, else most likely. Loaded when asked for."""
        return self.interaction.message if self.interaction else self.row.in_response_to

    @property
    def connection(self) -> Connection:
        """The first of `connections`, as in RapidSMS."""
        return self.connections[0]

    @property
    def contact(self) -> Contact | None:
        return self.connection.contact

    @property
    def logger_msg(self) -> Message:
        """The stored message, as RapidSMS's message log calls it."""
        return self.row

    @cached_property
    def files(self) -> "list[InboundFile]":
        """What came with it, a thumbnail last. Fetching takes a moment: `state` says how far it is."""
        return list(InboundFile.objects.filter(message=self.row.pk).order_by("thumbnail", "created_at"))

    def respond(
        self,
        content: "Content | str | None" = None,
        *,
        text: str | None = None,
        connections: Recipients | None = None,
        **options: Unpack[SendOptions],
    ) -> "Response":
        """Answer with content, or `text`; sent in this order after all phases, once. `options` are those of `send()`.

        What `send()` then refuses is lost alone: it is recorded on the message, under the app's name.
        """
        response = Response(contents.translated(options), app=self.app, at=_where())
        response["content"] = text if content is None else content
        if text is not None and content is not None:
            response["text"] = text  # which send() refuses
        response["connections"] = list(self.connections) if connections is None else connections
        response.setdefault("in_response_to", self.row)
        with suppress(ContentError):
            response["content"] = contents.as_content(response["content"])
        self.responses.append(response)
        return response

    def error(self, content: "Content | str | None" = None, **options: Any) -> "Response":
        """Answer that something went wrong; the message is marked as an error."""
        return self.respond(content, **{"is_error": True, **options})

    def mark_read(self) -> None:
        """Show the person that their message was read, where the provider can."""
        self.aside.append("read")

    def typing(self) -> None:
        """Show the person that an answer is being written, where the provider can."""
        self.aside.append("typing")


class Response(dict[str, Any]):
    """The arguments of a `send()` that waits for the end of the phases; `app` and `at`: who responded, and where."""

    def __init__(self, options: Mapping[str, Any], *, app: str, at: str) -> None:
        super().__init__(options)
        self.app = app
        self.at = at

    def __missing__(self, name: str) -> str:
        if name == "text":  # as RapidSMS calls it
            return render(contents.as_content(self["content"])).text
        raise KeyError(name)


class OutgoingMessage:
    """What the outgoing phase sees: change `content` (or `text`), or drop connections."""

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
        """The first of `connections`, as in RapidSMS."""
        first: Connection = next(iter(self.connections))
        return first

    @property
    def contact(self) -> Contact | None:
        return self.connection.contact

    @property
    def logger_msg(self) -> Message:
        """What is to be stored, as RapidSMS's message log calls it."""
        return self.row

    @property
    def fields(self) -> dict[str, Any]:
        return self.row.fields

    @fields.setter
    def fields(self, value: dict[str, Any]) -> None:
        self.row.fields = value

    @property
    def text(self) -> str:
        """The text of a Text; empty for other contents."""
        return self.content.text if isinstance(self.content, Text) else ""

    @text.setter
    def text(self, value: str) -> None:
        chips = self.content.suggestions if isinstance(self.content, Text) else ()
        self.content = Text(value, suggestions=chips)


class StartOver(BaseException):
    """An app used the database and did not come to an end: nothing may be kept, and it is not to be asked again."""

    def __init__(self, problem: dict[str, str]) -> None:
        self.problem = problem


NO_ANSWER = "no answer within"  # how the error of an app begins whose time was up


def no_answer(app: str, phase: str, seconds: float) -> dict[str, str]:
    """Return the record of an app whose time was up."""
    return {"app": app, "phase": phase, "error": f"{NO_ANSWER} {seconds:g} s"}


@dataclass
class Asking:
    """How apps are asked about one incoming message: each call in a savepoint of its own, and within the time limit.

    `seconds` are those that one app has for all its phases. `slow()` and `abandon(app, phase)` are called from another
    thread, as in rcs_router.timelimit.
    """

    isolated: Callable[[], AbstractContextManager[Any]]
    seconds: float | None = None
    slow: Callable[[], object] = lambda: None
    abandon: Callable[[str, str], object] = lambda app, phase: None
    used_database: bool = False  # did the app that was asked last?
    _spent: dict[str, float] = field(default_factory=dict)

    def ask(self, app: RouterApp, phase: str, message: IncomingMessage) -> Any:
        """Return the verdict. Raises what the app raises, and OutOfTime."""
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
        """Record it. Raises StartOver if the app may have left the transaction in the middle of something."""
        seconds = self.seconds or 0
        problem = no_answer(app.name, phase, seconds)
        tell_no_answer(row, problem)
        if self.used_database:
            raise StartOver(problem)
        row.errors = [*row.errors, problem]


def tell_no_answer(row: Message, problem: dict[str, str]) -> None:
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
    """The outgoing phase, apps in reverse order; the name of the app that stopped the message, or empty."""
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
        if message.handled and not message.row.handled_by:  # an app may say so itself
            message.row.handled_by = app.name[:200]
        if verdicts and verdict is True:
            message.row.handled_by = app.name[:200]
            return True
    return False


def _out_of_time(row: Message, app: RouterApp) -> bool:
    """Has this app failed to answer this message in time, now or before it was routed anew?"""
    return any(e.get("app") == app.name and str(e.get("error")).startswith(NO_ANSWER) for e in row.errors)


def _takes_part(app: RouterApp, phase: str) -> bool:
    """Apps that leave a phase as it is are not called, which spares a savepoint each."""
    return getattr(type(app), phase) is not getattr(RouterApp, phase)


def _record(row: Message, app: RouterApp, phase: str, error: Exception) -> None:
    row.errors = [*row.errors, problem(app.name, phase, error, _place(error))]
    logs.app_raised(row.backend_id or "", row.pk, app.name, phase, type(error).__name__)


def problem(app: str, phase: str, error: Exception, at: str) -> dict[str, str]:
    """Return the record of an error; it can be stored, whatever the error says."""
    try:
        words = f"{type(error).__name__}: {error}"
    except Exception:  # it cannot even be said
        words = type(error).__name__
    return {"app": app, "phase": phase, "error": storable(words)[:500], "at": storable(at)}


def _place(error: Exception) -> str:
    """Where in the app it was raised: `shop.py:42 in handle`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""


def _where() -> str:
    """The same for where an app responds."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_code.co_name in {"respond", "error", "respond_error"}:
        frame = frame.f_back
    return (
        f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} in {frame.f_code.co_name}" if frame else ""
    )
