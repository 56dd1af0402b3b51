"""A test environment without a network: a stand-in for each backend of RCS_BACKENDS, and the phones that they reach."""

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any
from unittest import mock

from django.conf import settings
from django.db.models import QuerySet
from django.test import override_settings

from rcs_router import database, lookup_connections, wake
from rcs_router.backends import backends
from rcs_router.contract import Outbound, Parsed, Receipt, WebhookRequest
from rcs_router.inbox import intake, queue
from rcs_router.inbox.brake import brake
from rcs_router.inbox.media import fetch
from rcs_router.inbox.media.download import Download, Gone
from rcs_router.models import Contact, Message
from rcs_router.people.identities import normalise
from rcs_router.testing import waiting
from rcs_router.testing.handset import Handset
from rcs_router.testing.memory import Outcome
from rcs_router.testing.script import play
from rcs_router.testing.standin import StandIn

Apps = Sequence[str | type[Any]]


class AppFailed(AssertionError):
    """A router app raised. In production the other apps would go on; in a test it is a bug."""


class World:
    """A context manager in which no backend and no broker is called, and time passes only when you say so.

    `backends` and `apps` replace RCS_BACKENDS and RCS_ROUTER["APPS"] (dotted paths, or classes of a module); by default
    the settings apply. RATE, QUIET_HOURS and ANSWERS_A_MINUTE have no effect. `fail_fast`: an app that raises fails the
    test.
    """

    def __init__(
        self, *, apps: Apps | None = None, backends: dict[str, Any] | None = None, fail_fast: bool = True
    ) -> None:
        self.fail_fast = fail_fast
        self.phones: dict[str, Handset] = {}
        self.outcomes: deque[Outcome] = deque()
        self.transcript: list[str] = []
        self.pending: deque[tuple[str, Parsed]] = deque()  # what providers will report at the next work
        self._stand_ins: dict[str, StandIn] = {}
        self._reported: set[Any] = set()
        self._numbers = iter(range(1, 10_000))
        self.links: dict[str, tuple[bytes, str]] = {}  # the files that people send, by address
        self.changes = _changes(apps, backends)  # of the settings, while the world is open

    def __enter__(self) -> "World":
        with ExitStack() as stack:
            if self.changes:
                stack.enter_context(override_settings(**self.changes))
            stack.enter_context(wake.silenced())
            read, make = backends.config, backends.create_connection
            for where, name, instead in (
                (backends, "config", lambda alias: replace(read(alias), rate=None)),
                (backends, "create_connection", lambda alias: self._stand_in(make(alias))),
                (brake, "allows", lambda connection: True),  # a test answers more in a minute
                (fetch, "download", self._download),
                (queue, "_aside", _ImmediateExecutor()),
            ):
                stack.enter_context(mock.patch.object(where, name, instead))
            stack.enter_context(_hooks_run_once())
            backends.reset()  # backends that were made before this world…
            stack.callback(backends.reset)  # …and in it
            waiting.extra_work.append(self._between_rounds)
            stack.callback(waiting.extra_work.remove, self._between_rounds)
            self._outer_blocks = _open_blocks()
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._exit.close()

    def __getitem__(self, alias: str) -> StandIn:
        """Return the stand-in of a backend. What it was given is in `.sent`."""
        found = backends[alias]
        assert isinstance(found, StandIn)
        return found

    def is_sms(self, alias: str) -> bool:
        """Return True if this backend carries plain text only, which every phone can show."""
        return self[alias].is_sms

    def handset(self, number: str = "", *, rcs: bool = True) -> Handset:
        """Return the phone with this number, or a new phone. A number has one phone; `rcs` counts when it is made.

        Raises IdentityError for anything but a phone number or a provider's token.
        """
        return self.phone(normalise(number or f"+372555{next(self._numbers):05}", tokens=True), rcs=rcs)

    def phone(self, identity: str, *, rcs: bool = True) -> Handset:
        """Return the phone for an identity in the form in which connections store it."""
        return self.phones.setdefault(identity, Handset(identity, self, rcs=rcs))

    def contact(self, name: str = "", number: str = "", **fields: Any) -> Contact:
        """Create a contact with a connection on every backend. `fields`: of Contact, such as `language`."""
        person = Contact.objects.create(name=name, **fields)
        identity = self.handset(number).number
        for alias in backends:
            person.connections.add(*lookup_connections(alias, [identity]))
        return person

    def next_send(self, *outcomes: Outcome, alias: str = "") -> None:
        """Set what the next sends do, on one backend or on any: SendErrors, SendResults, or callables."""
        (self[alias].outcomes if alias else self.outcomes).extend(outcomes)

    @property
    def sent(self) -> list[Outbound]:
        """Everything that the backends were given, by backend, including attempts that were refused."""
        self.work()
        return [outbound for alias in backends for outbound in self[alias].sent]

    @property
    def inbound(self) -> QuerySet[Message]:
        """The messages that people sent, oldest first."""
        self.work()
        return Message.objects.filter(direction=Message.Direction.IN).order_by("created_at")

    @property
    def outbound(self) -> QuerySet[Message]:
        """The messages that were sent to people, oldest first."""
        self.work()
        return Message.objects.filter(direction=Message.Direction.OUT).order_by("created_at")

    def work(self) -> None:
        """Do everything that is due. Looking at a phone does this by itself.

        Raises AppFailed; RuntimeError if a transaction of yours is open: before its commit no worker would do anything.
        """
        waiting.work()
        self._look_for_failures()

    def passes(self, time: timedelta | None = None, **duration: float) -> None:
        """Let this much time pass (`passes(minutes=5)`), and do what has become due."""
        self.work()
        waiting.passes(time or timedelta(**duration))
        self.work()

    def no_waiting(self) -> AbstractContextManager[None]:
        return waiting.no_waiting()

    @contextmanager
    def conversation(self) -> Iterator[None]:
        """Check at the end of the block that no phone was shown a message that `hears()` did not check."""
        yield
        self.nothing_more()

    def nothing_more(self) -> None:
        """Raise ScriptFailed if a phone was shown a message that nobody expected."""
        self.work()
        for phone in list(self.phones.values()):
            phone.hears()

    def plays(self, script: str) -> None:
        """Play a scripted conversation. Raises ScriptFailed. See rcs_router.testing.script for the format."""
        play(self, script)

    def receive(self, alias: str, *reports: Parsed) -> None:
        """Store a webhook request of the provider that reports this, like any other request."""
        name = self[alias].keep_reports(reports)
        intake.accept(self[alias], WebhookRequest("POST", headers={"x-handset": name}))

    def _stand_in(self, real: Any) -> StandIn:
        made = StandIn(real, self)
        earlier = self._stand_ins.get(made.alias)
        if earlier:  # the test has changed the settings
            made.sent, made.outcomes, made.told = earlier.sent, earlier.outcomes, earlier.told
        self._stand_ins[made.alias] = made
        return made

    def _download(self, url: str, **limits: Any) -> Download:
        """Return what the handset has sent, instead of fetching it from the provider."""
        if url not in self.links:
            raise Gone("http_404")
        content, media_type = self.links[url]
        return Download(media_type, len(content), content[:65536], BytesIO(content))

    def _between_rounds(self) -> None:
        """Do what commits and providers do between two rounds of work."""
        if _open_blocks() > self._outer_blocks:
            raise RuntimeError("a transaction is open: nothing is sent or routed before it is committed")
        _run_commit_hooks()
        while self.pending:
            alias, report = self.pending.popleft()
            self.receive(alias, report)

    def _look_for_failures(self) -> None:
        failed = Message.objects.exclude(errors=[]).exclude(pk__in=self._reported)
        row = failed.first() if self.fail_fast else None
        if row:
            self._reported.add(row.pk)
            where = [f"{e.get('app')} in {e['phase']}: {e['error']} ({e.get('at', '')})" for e in row.errors]
            raise AppFailed(f"{row.text!r}: " + "; ".join(where))

    def receipt(self, alias: str, kind: Any, transmission: uuid.UUID, **more: Any) -> None:
        """Have the provider report this of a transmission at the next work. The sending threads call it."""
        self.pending.append((alias, Receipt(kind, transmission, event_id=uuid.uuid4().hex, **more)))


def _changes(apps: Apps | None, backends: dict[str, Any] | None) -> dict[str, Any]:
    router = dict(getattr(settings, "RCS_ROUTER", {}))
    no_quiet_hours = {"QUIET_HOURS": ()} if router.get("QUIET_HOURS") else {}  # a test may run at night
    listed = {} if apps is None else {"APPS": [_path(app) for app in apps]}
    changes: dict[str, Any] = (
        {"RCS_ROUTER": router | no_quiet_hours | listed} if no_quiet_hours or listed else {}
    )
    return changes if backends is None else changes | {"RCS_BACKENDS": backends}


def _path(app: str | type[Any]) -> str:
    return app if isinstance(app, str) else f"{app.__module__}.{app.__qualname__}"


def _open_blocks() -> int:
    """Return how many atomic blocks are open. Those of the test case are open before a world begins."""
    return len(database.connection().atomic_blocks)


class _ImmediateExecutor:
    """An executor that runs each call at once, so that typing and read marks exist when a test looks for them."""

    def submit(self, call: Callable[..., Any], *args: Any) -> None:
        call(*args)


class _RunOnce:
    """A commit hook that Django's captureOnCommitCallbacks() may have run already."""

    def __init__(self, hook: Callable[[], Any]) -> None:
        self.hook: Callable[[], Any] | None = hook

    def __call__(self) -> None:
        hook, self.hook = self.hook, None
        if hook:
            hook()


def _hooks_run_once() -> AbstractContextManager[Any]:
    connection = database.connection()
    register = connection.on_commit
    return mock.patch.object(
        connection, "on_commit", lambda hook, robust=False: register(_RunOnce(hook), robust=robust)
    )


def _run_commit_hooks() -> None:
    """Run the commit hooks: a TestCase never commits, so they would never run."""
    connection: Any = database.connection()
    for _, hook, _ in list(connection.run_on_commit):
        if isinstance(hook, _RunOnce):
            hook()
