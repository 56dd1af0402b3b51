"""The whole road in one process: our router, the emulator's providers and phones, and real sockets between them.

The web server runs in threads; everything that workers do is done by `Stage.work` in the test's own thread.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from example_project.phones import Emulator, Phone
from rcs_backends.emulator.phones import Message
from rcs_backends.emulator.state import World, world
from rcs_backends.emulator.webhooks import outbox as webhooks
from rcs_backends.emulator.wire.twilio.store import TwilioStore
from rcs_backends.emulator.wires import wire
from rcs_router import capability_checks, lookup_connections, send, sql, sweep, wake
from rcs_router.contract import Status
from rcs_router.inbox import intake, media
from rcs_router.models import BackendState, Event, StoredWebhook, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.outbox import expiry
from tests.acceptance import sides
from tests.acceptance.sides import SIDES, Side
from tests.core import ALICE, ROUTER

CLIENT_TOKEN = "acceptance-client-token"
USERNAME, PASSWORD = "tester", "acceptance-password"
WEBHOOK_SECRET = "acceptance-webhook-secret"
SHORT_CODE = "12345"
DEADLINE = 20.0  # seconds, for what takes milliseconds on a machine that is not busy
MOMENT = 0.1  # seconds: what the emulator is to do within it is waited for
QUICK = ROUTER | {"EXPIRY_GRACE": 0, "PAUSES": [0], "THREADS": 2, "WEBHOOK_RETRY_DELAYS": [0, 0]}

Json = dict[str, Any]
TASKS: dict[str, Callable[..., int]] = {
    wake.DRAIN: drain_module.drain,
    wake.DIGEST: intake.digest,
    wake.REVOKE: expiry.revoke_due,
    wake.FETCH: media.fetch_due,
    wake.CHECK: capability_checks.answer_due,
}


@dataclass
class Gate:
    """A WSGI application in front of the project's: counts what is under way, and keeps what webhooks were told."""

    application: Callable[..., Iterable[bytes]]
    active: int = 0
    is_open: bool = False
    told: list[tuple[str, int]] = field(default_factory=list)  # path and status of every webhook request

    def __call__(self, environ: Json, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]

        def started(status: str, *rest: Any) -> Any:
            if path.startswith("/rcs/"):
                self.told.append((path, int(status[:3])))
            return start_response(status, *rest)

        if not self.is_open:  # a straggler of the test before: it may not touch this one's database
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        with world.change():
            self.active += 1
        try:
            return self.application(environ, started)
        finally:
            with world.change():
                self.active -= 1


@dataclass
class Soon:
    """Put in the place of `world.after`: counts what the emulator's clock is about to do."""

    count: int = 0

    def after(self, seconds: float, call: Callable[..., None], *args: object) -> None:
        if seconds > MOMENT:
            return World.after(world, seconds, call, *args)

        def run() -> None:
            self.count -= 1
            call(*args)

        with world.change():
            self.count += 1
        return World.after(world, seconds, run)


@dataclass
class Stage:
    """One test's providers and phones. `url` is the web server's, without a slash at the end.

    `provider` carries RCS (acme and solo), `text` SMS: names of tests.acceptance.sides.
    """

    url: str
    gate: Gate
    account: Json  # the service account's key
    provider: str = "google"
    text: str = "kannel"
    soon: Soon = field(default_factory=Soon)
    emulator: Emulator = field(init=False)

    def __post_init__(self) -> None:
        self.emulator = Emulator(f"{self.url}/emulator/")

    # How it is set up.

    @property
    def public_url(self) -> str:
        return f"{self.url}/rcs/"

    @property
    def side(self) -> Side:
        return SIDES[self.provider]

    @property
    def aliases(self) -> list[str]:
        """Those of RCS."""
        return ["acme", "solo"] if self.side.second else ["acme"]

    def backends(self, **options: Any) -> Json:
        """acme falls back to sms, gateway to solo (or acme); sms and solo fall back to nothing. `options`: of RCS."""
        rcs = {alias: self.rcs(alias, **options) for alias in self.aliases}
        rcs["acme"]["FALLBACK"] = ["sms"]
        return {**rcs, "sms": self.sms(), "gateway": {**self.sms(), "FALLBACK": [self.aliases[-1]]}}

    def rcs(self, alias: str, **options: Any) -> Json:
        if self.provider == "google":
            return self.google(alias, **options)
        return self.side.backend(self.emulator.url, self.account, alias, **options)

    def sms(self, **options: Any) -> Json:
        return sides.twilio(self.emulator.url, **options) if self.text == "twilio" else self.kannel(**options)

    def google(self, agent: str, **options: Any) -> Json:
        own = {
            "agent_id": agent,
            "service_account": self.account,
            "client_token": CLIENT_TOKEN,
            "base_url": f"{self.emulator.url}google",
        }
        return {"BACKEND": "rcs_backends.google_rbm.GoogleRBM", "OPTIONS": own | options}

    def kannel(self, **options: Any) -> Json:
        own = {
            "url": f"{self.emulator.url}kannel/cgi-bin/sendsms",
            "username": USERNAME,
            "password": PASSWORD,
            "webhook_secret": WEBHOOK_SECRET,
            "sender": SHORT_CODE,
        }
        return {"BACKEND": "rcs_backends.kannel.Kannel", "OPTIONS": own | options}

    def dials(self) -> Json:
        """A strict provider without pauses."""
        of_rcs = (self.side.dials(self.webhook(alias), alias) for alias in self.aliases)
        rcs = self.google_dials() if self.provider == "google" else sides.merged(*of_rcs)
        twilio = self.text == "twilio"
        sms = sides.twilio_dials(self.webhook("sms")) if twilio else self.kannel_dials()
        return {**rcs, **sms, "delivery_delay": 0, "retry_scale": 0.001}

    def google_dials(self) -> Json:
        agents = {
            name: {"webhook": self.webhook(name), "client_token": CLIENT_TOKEN} for name in ("acme", "solo")
        }
        return {"google": {"agents": agents, "strict_uuids": True, "batch_minimum": True}}

    def kannel_dials(self) -> Json:
        mo = f"{self.webhook('sms')}?secret={WEBHOOK_SECRET}"
        return {
            "kannel": {
                "users": {USERNAME: PASSWORD},
                "short_code": SHORT_CODE,
                "mo_url": f"{mo}&from=%p&to=%P&text=%b&charset=%C&coding=%c&sms_id=%I&at=%T",
                "http_request_retry": 3,
            }
        }

    def webhook(self, alias: str) -> str:
        return f"{self.public_url}webhooks/{alias}/"

    # What tests do.

    def phone(self, number: str = ALICE, **state: Any) -> Phone:
        return self.emulator.phone(number, "", **state)

    def fault(self, kind: str, on: str = "request", **more: Any) -> None:
        self.emulator.post("faults/", {"on": on, "kind": kind, **more})

    def dial(self, **changes: Any) -> None:
        self.emulator.post("config/", changes)

    def send(
        self, content: Any = "Hello", alias: str = "acme", number: str = ALICE, **options: Any
    ) -> Transmission:
        """A message that waits for its first drain."""
        message = send(content, lookup_connections(alias, [number]), **options)
        return message.transmissions.get()

    def quiet(self) -> None:
        """Wait until nothing is under way: no request, no message, no webhook that was never tried."""

        def is_quiet() -> bool:
            return not (self.gate.active or self.soon.count or _on_its_way() or _untried())

        is_so = world.wait_for(is_quiet, DEADLINE)
        assert is_so, (self.gate.active, self.soon.count, _on_its_way(), _untried())

    def work(self) -> None:
        """Do what workers and beat would do until nothing is due."""
        for _ in range(100):
            self.quiet()
            sweep.mend(sql.now(Transmission))
            if not self._workers():
                return
        raise AssertionError("there is always something due")

    def _workers(self) -> int:
        """Run due tasks, webhooks first so that they count, until none is left. Return the number of turns."""
        for turn in range(100):
            self.quiet()
            wake_ups = sorted(sweep.due(sql.now(Transmission)), key=lambda one: one[0] != wake.DIGEST)
            if not wake_ups:
                return turn
            for task, *alias in wake_ups:
                TASKS[task](*alias)
        raise AssertionError(f"there is always something due: {wake_ups}")

    def drain(self, *aliases: str) -> None:
        """Only send; what comes back is digested by nobody yet."""
        for alias in aliases or ("acme",):
            drain_module.drain(alias, budget=10)
        self.quiet()

    def later(self) -> None:
        """The time comes for every retry and every rest."""
        now = sql.now(Transmission)
        Transmission.objects.filter(status=Status.QUEUED).update(due_at=now)
        BackendState.objects.update(paused_until=None)

    def too_late(self, t: Transmission) -> None:
        """The time of a message is up, by our own clock."""
        Transmission.objects.filter(pk=t.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    def provider_expires(self, t: Transmission) -> None:
        """The same by the provider's clock."""
        t.refresh_from_db()  # it may know the provider's id by now
        with world.change():
            sides.expire(t)
        self.quiet()

    # What tests look at.

    def shown(self, number: str = ALICE, channel: str = "") -> list[Json]:
        """What the phone shows of ours, oldest first."""
        messages = self.emulator.phone(number, "").shows() if number in world.handsets else []
        return [message for message in messages if not channel or message["channel"] == channel]

    def counts(self, number: str = ALICE) -> tuple[int, int]:
        """How many RCS messages and how many SMS the phone shows."""
        return len(self.shown(number, "rcs")), len(self.shown(number, "sms"))

    def totals(self) -> Json:
        return self.emulator.get("ledger/")["totals"]

    def statuses(self) -> set[int]:
        """Every status that a webhook was answered with."""
        return {status for _, status in self.gate.told}


def _on_its_way() -> list[str]:
    """Messages that were accepted, and are neither shown nor kept for a phone that cannot be reached."""
    return [
        message.id
        for handset in world.handsets.values()
        for message in handset.messages.values()
        if message.direction == "in" and message.state == "waiting" and not _scheduled(message)
        if message.id not in handset.waiting
        or (handset.reachable(message.channel) and wire(message.provider).is_up())
    ]


def _scheduled(message: Message) -> bool:
    """Does its provider keep it until a time that was asked for? (Messente makes a message only then.)"""
    record = world.store(TwilioStore).records.get(message.id)
    return record is not None and record.status == "scheduled"


def _untried() -> list[str]:
    """Webhooks that are about to leave; not those that a dial holds back until another one overtakes them."""
    log = webhooks._current()
    held = {id(webhook) for group in log.held.values() for webhook in group}
    return [
        webhook.event
        for webhook in log.webhooks
        if webhook.state == "waiting" and not webhook.tries and id(webhook) not in held
    ]


def status(t: Transmission) -> Status:
    t.refresh_from_db()
    return Status(t.status)


def fallback(t: Transmission) -> Transmission | None:
    return Transmission.objects.filter(fallback_of=t).first()


def causes(t: Transmission) -> list[str]:
    """The words of a transmission's timeline, oldest first."""
    return list(Event.objects.filter(transmission=t).order_by("id").values_list("code", flat=True))


def stored() -> int:
    return StoredWebhook.objects.count()
