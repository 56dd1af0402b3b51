"""RCS_BACKENDS in, a world without a network out: a stand-in for each backend, and the phones that they reach."""

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
    """A router app raised. In production the others would have gone on; in a test it is a bug."""


class World:
    """`with World() as rcs:` no backend is called, no broker is rung, and time passes when you say so.

    `backends` and `apps` replace RCS_BACKENDS and RCS_ROUTER["APPS"] (dotted paths, or classes of a module); else the
    settings hold. RATE, QUIET_HOURS and ANSWERS_A_MINUTE are not kept. `fail_fast`: an app that raises fails the test.
    """

    def __init__(
        self, *, apps: Apps | None = None, backends: dict[str, Any] | None = None, fail_fast: bool = True
    ) -> None:
        self.fail_fast = fail_fast
        self.phones: dict[str, Handset] = {}
        self.outcomes: deque[Outcome] = deque()
        self.said: list[str] = []  # the transcript
        self.soon: deque[tuple[str, Parsed]] = deque()  # what providers are about to tell us
        self._stand_ins: dict[str, StandIn] = {}
        self._reported: set[Any] = set()
        self._numbers = iter(range(1, 10_000))
        self.links: dict[str, tuple[bytes, str]] = {}  # what lies at the addresses of files that people send
        self.changes = _changes(apps, backends)  # of the settings, while it lasts

    def __enter__(self) -> "World":
        with ExitStack() as stack:
            if self.changes:
                stack.enter_context(override_settings(**self.changes))
            stack.enter_context(wake.silenced())
            read, make = backends.config, backends.create_connection
            for where, name, instead in (
                (backends, "config", lambda alias: replace(read(alias), rate=None)),
                (backends, "create_connection", lambda alias: self._stand_in(make(alias))),
                (brake, "allows", lambda connection: True),  # a test's minute has more turns than a person's
                (fetch, "download", self._download),
                (queue, "_aside", _Here()),
            ):
                stack.enter_context(mock.patch.object(where, name, instead))
            stack.enter_context(_hooks_run_once())
            backends.reset()  # those that were made before we came…
            stack.callback(backends.reset)  # …and before we went
            waiting.besides.append(self._meanwhile)
            stack.callback(waiting.besides.remove, self._meanwhile)
            self._depth = _depth()
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._exit.close()

    def __getitem__(self, alias: str) -> StandIn:
        """The stand-in of a backend: what it was given is `.sent`."""
        found = backends[alias]
        assert isinstance(found, StandIn)
        return found

    def is_sms(self, alias: str) -> bool:
        """Return True if this backend carries plain text only, which every phone can show."""
        return self[alias].is_sms

    def handset(self, number: str = "", *, rcs: bool = True) -> Handset:
        """The phone with this number, the same one each time; without a number a new one. `rcs`: of a new one.

        Raises IdentityError for what is no phone number, nor a provider's token.
        """
        return self.phone(normalise(number or f"+372555{next(self._numbers):05}", tokens=True), rcs=rcs)

    def phone(self, identity: str, *, rcs: bool = True) -> Handset:
        """The same for an identity as connections have it."""
        return self.phones.setdefault(identity, Handset(identity, self, rcs=rcs))

    def contact(self, name: str = "", number: str = "", **fields: Any) -> Contact:
        """A person with a connection on every backend; `fields` are those of Contact, such as `language`."""
        person = Contact.objects.create(name=name, **fields)
        identity = self.handset(number).number
        for alias in backends:
            person.connections.add(*lookup_connections(alias, [identity]))
        return person

    def next_send(self, *outcomes: Outcome, alias: str = "") -> None:
        """What the next sends do (of one backend, or of any): a SendError, a SendResult, or a callable that decides."""
        (self[alias].outcomes if alias else self.outcomes).extend(outcomes)

    @property
    def sent(self) -> list[Outbound]:
        """All that backends were given, refused attempts included; backend by backend."""
        self.work()
        return [outbound for alias in backends for outbound in self[alias].sent]

    @property
    def inbound(self) -> QuerySet[Message]:
        """What people said, oldest first."""
        self.work()
        return Message.objects.filter(direction=Message.Direction.IN).order_by("created_at")

    @property
    def outbound(self) -> QuerySet[Message]:
        """What was said to people, oldest first."""
        self.work()
        return Message.objects.filter(direction=Message.Direction.OUT).order_by("created_at")

    def work(self) -> None:
        """Everything that is due is done. Looking at a phone does that by itself.

        Raises AppFailed, and RuntimeError inside of a transaction of yours: before its commit nobody would work.
        """
        waiting.work()
        self._look_for_failures()

    def passes(self, time: timedelta | None = None, **duration: float) -> None:
        """So much time passes (`passes(minutes=5)`), and what has become due is done."""
        self.work()
        waiting.passes(time or timedelta(**duration))
        self.work()

    def no_waiting(self) -> AbstractContextManager[None]:
        return waiting.no_waiting()

    @contextmanager
    def conversation(self) -> Iterator[None]:
        """At its end no phone may have been shown anything that `hears()` was not asked about."""
        yield
        self.nothing_more()

    def nothing_more(self) -> None:
        """Raises ScriptFailed when a phone was shown what nobody expected."""
        self.work()
        for phone in list(self.phones.values()):
            phone.hears()

    def plays(self, script: str) -> None:
        """A scripted conversation, strictly: rcs_router.testing.script tells how it is written. Raises ScriptFailed."""
        play(self, script)

    def hear(self, alias: str, *said: Parsed) -> None:
        """A provider's webhook request that says this, stored as any other is."""
        name = self[alias].will_say(said)
        intake.accept(self[alias], WebhookRequest("POST", headers={"x-handset": name}))

    def _stand_in(self, real: Any) -> StandIn:
        made = StandIn(real, self)
        earlier = self._stand_ins.get(made.alias)
        if earlier:  # the settings were changed in the middle of a test
            made.sent, made.outcomes, made.told = earlier.sent, earlier.outcomes, earlier.told
        self._stand_ins[made.alias] = made
        return made

    def _download(self, url: str, **limits: Any) -> Download:
        """In the place of the fetch from a provider: what the handset has sent."""
        if url not in self.links:
            raise Gone("http_404")
        content, media_type = self.links[url]
        return Download(media_type, len(content), content[:65536], BytesIO(content))

    def _meanwhile(self) -> None:
        """What a commit, and the providers, do between two rounds of work."""
        if _depth() > self._depth:
            raise RuntimeError("a transaction is open: nothing is sent or routed before it is committed")
        _run_commit_hooks()
        while self.soon:
            alias, what = self.soon.popleft()
            self.hear(alias, what)

    def _look_for_failures(self) -> None:
        failed = Message.objects.exclude(errors=[]).exclude(pk__in=self._reported)
        row = failed.first() if self.fail_fast else None
        if row:
            self._reported.add(row.pk)
            where = [f"{e.get('app')} in {e['phase']}: {e['error']} ({e.get('at', '')})" for e in row.errors]
            raise AppFailed(f"{row.text!r}: " + "; ".join(where))

    def receipt(self, alias: str, kind: Any, transmission: uuid.UUID, **more: Any) -> None:
        """The provider will say this of a transmission, at the next work. Called from the threads that send."""
        self.soon.append((alias, Receipt(kind, transmission, event_id=uuid.uuid4().hex, **more)))


def _changes(apps: Apps | None, backends: dict[str, Any] | None) -> dict[str, Any]:
    router = dict(getattr(settings, "RCS_ROUTER", {}))
    calm = {"QUIET_HOURS": ()} if router.get("QUIET_HOURS") else {}  # a test may run at night
    listed = {} if apps is None else {"APPS": [_path(app) for app in apps]}
    changes: dict[str, Any] = {"RCS_ROUTER": router | calm | listed} if calm or listed else {}
    return changes if backends is None else changes | {"RCS_BACKENDS": backends}


def _path(app: str | type[Any]) -> str:
    return app if isinstance(app, str) else f"{app.__module__}.{app.__qualname__}"


def _depth() -> int:
    """How many atomic blocks are open: those of the test case itself are there when a world begins."""
    return len(database.connection().atomic_blocks)


class _Here:
    """An executor that does it at once: typing and read marks are there when a test looks for them."""

    def submit(self, call: Callable[..., Any], *args: Any) -> None:
        call(*args)


class _Once:
    """A hook that Django's captureOnCommitCallbacks() may have run already."""

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
        connection, "on_commit", lambda hook, robust=False: register(_Once(hook), robust=robust)
    )


def _run_commit_hooks() -> None:
    """In a TestCase nothing is ever committed, so what waits for that would never run."""
    connection: Any = database.connection()
    for _, hook, _ in list(connection.run_on_commit):
        if isinstance(hook, _Once):
            hook()
