"""The story of `manage.py demo`: the shop writes, customers answer, and each step is printed and checked.

Each step is checked on both sides: in the shop's database, and in the emulator's ledger and on its phones.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any, TypeVar

from example_project import shop
from example_project.phones import Emulator, Json, Phone
from example_project.providers import AGENT, PROVIDERS
from rcs_router.contract import Status
from rcs_router.models import Consent, Message, StoredWebhook, Transmission

DEADLINE = 10.0  # seconds that a step waits for its facts
LOOK = 0.05  # seconds between two checks
VALID = timedelta(seconds=4)  # validity of the code that expires
T = TypeVar("T")


class StepFailed(Exception):
    """A step of the story did not happen."""


class Story:
    """`name`: the provider that carries RCS. `title` and `done` print the steps."""

    def __init__(
        self, emulator: Emulator, name: str, title: Callable[[str], None], done: Callable[[str], None]
    ) -> None:
        self.emulator = emulator
        self.name = name
        self.provider = PROVIDERS[name]
        self.who = self.provider.title[0].upper() + self.provider.title[1:]
        self.title = title
        self.done = done
        self.step = ""
        self.maria = emulator.phone("+37255500001", "Maria")
        self.jaan = emulator.phone("+37255500002", "Jaan", rcs=False)
        self.kati = emulator.phone("+37255500003", "Kati")
        phones = (self.maria, self.jaan, self.kati)
        self.customers = {phone: shop.customer(phone.name, phone.number) for phone in phones}

    def play(self) -> None:
        """Play all steps in order. Raises StepFailed, which names the step."""
        steps = {
            f"{self.who} verifies the shop's webhook": self.webhook,
            "Maria's order ships: a card by RCS": self.card,
            "Maria taps “Track”": self.tap,
            "Jaan's phone has no RCS: he gets an SMS": self.sms,
            "Jaan answers “1”": self.number,
            "Kati is in a plane when her code is sent": self.expiry,
            "Maria says STOP": self.stop,
            "The books agree": self.books,
        }
        for self.step, play in steps.items():
            if play == self.webhook and not self.provider.verifies:
                continue
            self.title(self.step)
            try:
                play()
            except (StepFailed, BrokenPipeError):  # BrokenPipeError: nobody reads the output
                raise
            except Exception as error:
                raise StepFailed(f"{self.step}: {type(error).__name__}: {error}") from error

    def expect(self, what: str, fact: Callable[[], T], within: float | None = None) -> T:
        """Wait until `fact()` is true, print `what`, and return the value. `within`: seconds, by default DEADLINE.

        Raises StepFailed.
        """
        seconds = DEADLINE if within is None else within
        until = time.monotonic() + seconds
        while not (found := fact()):
            if time.monotonic() >= until:
                raise StepFailed(f"{self.step}: not seen after {seconds:g} s: {what}. {self.evidence()}")
            Event().wait(LOOK)
        self.done(what)
        return found

    def evidence(self) -> str:
        """Return the state of the newest transmission and of the webhooks, to help find the cause of a failure."""
        newest = Transmission.objects.order_by("-created_at").first()
        state = f"{Status(newest.status).name.lower()} {newest.reason}".strip() if newest else "missing"
        refused = [w["status"] for w in self.emulator.get("ledger/")["webhooks"] if w["state"] != "delivered"]
        return f"The newest transmission is {state}; webhooks not accepted: {refused or 'none'}."

    # The steps

    def webhook(self) -> None:
        self.expect("its handshake is answered", self._is_verified, within=0)

    def _is_verified(self) -> bool:
        return bool(self.emulator.post("config/", {"verify": AGENT})["verification"]["verified"])

    def card(self) -> None:
        row = _transmission(shop.order_shipped(self.customers[self.maria], "1001"))
        self.expect(
            f"{self.provider.title} accepted it, once",
            lambda: _has_time(row, "accepted_at") and self._accepted_of(self.maria) == [1],
        )
        self.expect(
            "delivered: the phone shows the card",
            lambda: _has_time(row, "delivered_at") and _card(self.maria),
        )
        self.maria.does("read")
        self.expect("read", lambda: _has_status(row, Status.READ) and _card(self.maria)["state"] == "read")

    def tap(self) -> None:
        self.maria.does("tap", suggestion="Track")
        self._expect_tracking("1001", Status.READ)
        self.expect("the shop answers with the place, on a map", lambda: _map(self.maria))

    def sms(self) -> None:
        row = _transmission(shop.order_shipped(self.customers[self.jaan], "1002"))
        self.expect(
            f"{self.provider.title} says that this phone cannot be reached",
            lambda: _has_status(row, Status.FAILED) and not self.jaan.shows(),
        )
        self.expect("Kannel delivers an SMS instead", lambda: _has_status(_fallback(row), Status.DELIVERED))
        self.expect("with numbers to answer: 1) Track  2) Keep  3) Return", lambda: _numbered(self.jaan))

    def number(self) -> None:
        self.jaan.does("text", text="1")
        self._expect_tracking("1002", Status.DELIVERED, typed="1")
        self.expect("the shop answers with the place, as a link", lambda: _link(self.jaan))

    def _expect_tracking(self, order: str, status: Status, typed: str = "") -> None:
        """Check that the same postback reaches the same handler from RCS and from SMS."""

        def is_routed() -> bool:
            found = Message.objects.filter(postback=f"track_{order}", routed_at__isnull=False).first()
            return bool(
                found
                and found.handled_by == "example_project.shop.Track"
                and found.fields.get("typed", "") == typed
                and found.answers
                and found.answers.status == status
            )

        self.expect(f"it reaches the shop as “track_{order}”, an answer to the card", is_routed)

    def expiry(self) -> None:
        self.kati.set(online=False)
        row = _transmission(shop.sign_in_code(self.customers[self.kati], "739 184", VALID))
        self.expect(f"{self.provider.title} keeps it for {VALID.seconds} s", lambda: self._is_kept(row))
        if self.provider.takes_back:
            self.expect(
                "it expires, and the provider takes it back", lambda: _has_status(row, Status.EXPIRED)
            )
        else:
            self.expect("it expires and may still be shown: an SMS goes out, too", lambda: _fallback(row))
        self.expect("Kannel has it as an SMS", lambda: _has_time(_fallback(row), "accepted_at"))
        self.kati.set(online=True)
        code = "739 184 is your Acme code."
        expected = {"rcs": [] if self.provider.takes_back else [code], "sms": [code]}
        self.expect(
            "Kati lands: the code arrives, once" if self.provider.takes_back else "Kati lands: it arrives",
            lambda: (
                _has_status(_fallback(row), Status.DELIVERED)
                and expected == {via: _texts(self.kati, via) for via in expected}
            ),
        )

    def _is_kept(self, row: Transmission) -> bool:
        return _has_time(row, "accepted_at") and self._accepted_of(self.kati) == [1] and not self.kati.shows()

    def _accepted_of(self, phone: Phone) -> list[int]:
        """Return how often the provider of RCS was asked to accept each message to this phone."""
        return self.emulator.accepted(phone.number, self.name)

    def stop(self) -> None:
        self.maria.does("unsubscribe")
        self.expect("her refusal is on file", lambda: _opted_out(self.maria))
        self.expect("and acknowledged, once", lambda: len(_acknowledged(self.maria)) == 1)
        offer = shop.offer([self.customers[self.maria], self.customers[self.kati]])
        self.expect("Kati gets the next offer: a carousel", lambda: _carousels(self.kati))
        order = _transmission(shop.order_shipped(self.customers[self.maria], "1003", "jacket"))
        self.expect("Maria still gets what she ordered", lambda: _has_status(order, Status.DELIVERED))
        mine = offer.transmissions.get(connection__identity=self.maria.number)
        self.expect(
            "but not the offer: it never left",
            lambda: (
                _has_status(mine, Status.CANCELLED, "opted_out")
                and not mine.accepted_at
                and not _carousels(self.maria)
            ),
        )

    def books(self) -> None:
        self.expect("every webhook was accepted and understood", self._webhooks_are_done)
        sent = self.expect("what we sent is what the providers accepted", self._accepted_count)
        self.expect(f"{sent} messages, each shown once; none lost, none doubled", self._shown)
        self.expect("nothing waits for a person", lambda: not _open_problems())

    def _webhooks_are_done(self) -> bool:
        webhooks = self.emulator.get("ledger/")["webhooks"]
        pending = StoredWebhook.objects.filter(digested_at=None).exists()
        failed = StoredWebhook.objects.exclude(note="").exists()
        return all(w["state"] == "delivered" for w in webhooks) and not pending and not failed

    def _accepted_count(self) -> int:
        """Return the number of accepted messages if both sides agree and each was sent once, else 0."""
        accepted = self.emulator.get("ledger/")["accepted"]
        ours = Transmission.objects.filter(accepted_at__isnull=False).count()
        return ours if ours == len(accepted) == sum(entry["copies"] for entry in accepted) else 0

    def _shown(self) -> bool:
        """Was every accepted message shown, except those that expired or failed?"""
        shown = self.emulator.get("ledger/")["shown"]
        taken = Transmission.objects.filter(accepted_at__isnull=False)
        ours = taken.filter(status__gte=Status.DELIVERED).count()
        lost = taken.filter(status__in=[Status.EXPIRED, Status.FAILED]).count()
        return [entry["count"] for entry in shown] == [1] * ours and ours + lost == self._accepted_count()


# The shop's side


def _transmission(message: Message) -> Transmission:
    return message.transmissions.get(fallback_of=None)


def _has_status(row: Transmission | None, status: Status, reason: str = "") -> bool:
    if row:
        row.refresh_from_db()
    return bool(row and row.status == status and (not reason or row.reason == reason))


def _has_time(row: Transmission | None, time: str) -> bool:
    if row:
        row.refresh_from_db()
    return bool(row and getattr(row, time))


def _fallback(row: Transmission) -> Transmission | None:
    return Transmission.objects.filter(fallback_of=row, backend="sms").first()


def _opted_out(phone: Phone) -> bool:
    return Consent.objects.filter(subject=phone.number, opted_out=True).exists()


def _open_problems() -> bool:
    return (
        Transmission.objects.filter(status__in=[Status.QUEUED, Status.SENDING, Status.REVIEW]).exists()
        or Message.objects.exclude(errors=[]).exists()
    )


# The phones


def _newest(phone: Phone) -> Json:
    return (phone.shows() or [{"kind": "nothing", "text": "", "suggestions": [], "cards": []}])[-1]


def _labels(suggestions: list[Json]) -> list[Any]:
    return [suggestion["label"] for suggestion in suggestions]


def _card(phone: Phone) -> Json:
    """Return the newest message if it is the card of an order."""
    newest = _newest(phone)
    labels = _labels(newest["cards"][0]["suggestions"]) if newest["kind"] == "card" else []
    return newest if labels == ["Track", "Keep", "Return", "See order"] else {}


def _texts(phone: Phone, channel: str) -> list[str]:
    return [m["text"] for m in phone.shows() if m["channel"] == channel]


def _map(phone: Phone) -> bool:
    """Is the newest message a location, or a text with a chip that opens the map, if the provider has no locations?"""
    newest = _newest(phone)
    if newest["kind"] == "location":
        return (newest["latitude"], newest["longitude"]) == (shop.PARCEL.latitude, shop.PARCEL.longitude)
    kinds = [suggestion["kind"] for suggestion in newest["suggestions"]]
    return newest["text"] == shop.PARCEL.label and "show_location" in kinds


def _numbered(phone: Phone) -> bool:
    """Was exactly one SMS shown, with the numbered options?"""
    shown = phone.shows()
    options = ("1) Track", "2) Keep", "3) Return")
    return [m["channel"] for m in shown] == ["sms"] and all(line in shown[0]["text"] for line in options)


def _link(phone: Phone) -> bool:
    newest = _newest(phone)
    position = f"{shop.PARCEL.latitude},{shop.PARCEL.longitude}"
    return (
        newest["text"].startswith(shop.PARCEL.label)
        and f"https://maps.google.com/?q={position}" in newest["text"]
    )


def _acknowledged(phone: Phone) -> list[Json]:
    return [m for m in phone.shows() if m["text"].startswith("You will get no more offers")]


def _carousels(phone: Phone) -> list[Json]:
    return [m for m in phone.shows() if m["kind"] == "carousel"]
