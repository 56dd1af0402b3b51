"""A phone for tests: its actions become webhook requests of a provider, and it keeps the messages that it was shown."""

from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.test import Client
from django.utils import timezone

from rcs_router import lookup_connections
from rcs_router.backends import backends, default_alias
from rcs_router.content import Content, Form, dump, postback_of
from rcs_router.content.forms import postback_of_form
from rcs_router.content.links import form_link
from rcs_router.contract import BaseBackend, Incoming, IncomingKind, Outbound, Parsed, ReceiptKind
from rcs_router.inbox.forms import Questions
from rcs_router.models import Connection, Message, Transmission
from rcs_router.testing.comparison import ScriptFailed, compare
from rcs_router.testing.reading import blocks_of, chips_of, line_of, without_options


class Network(Protocol):
    """What a handset needs of the World around it."""

    transcript: list[str]
    links: dict[str, tuple[bytes, str]]  # address → content and media type of files that people send

    def work(self) -> None:
        """Do everything that is due."""

    def receive(self, alias: str, *reports: Parsed) -> None:
        """Store a webhook request of the provider of `alias` that reports this."""

    def receipt(self, alias: str, kind: ReceiptKind, transmission: UUID, **more: Any) -> None:
        """Have the provider report this at the next `work()`."""

    def is_sms(self, alias: str) -> bool:
        """Return True if this backend carries plain text only."""


@dataclass
class Shown:
    """One message on a phone. `content`: as the backend sent it. `by_sms`: as plain text with numbered options."""

    id: UUID  # of the transmission
    alias: str
    content: Content
    plain: str
    by_sms: bool
    read: bool = field(default=False, compare=False)

    @property
    def transmission(self) -> Transmission:
        return Transmission.objects.select_related("message").get(pk=self.id)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The label and postback of everything that the person can tap, or answer by its number."""
        if self.by_sms:
            return [(choice["label"], choice["postback"]) for choice in self.transmission.choices]
        return [(chip.label, postback_of(chip)) for chip in chips_of(self.content)]

    @property
    def options(self) -> dict[int, str]:
        """The labels, numbered from 1. An SMS shows the same numbers."""
        return {number: label for number, (label, _) in enumerate(self.choices, 1)}

    @property
    def text(self) -> str:
        """The words of the message: of a card its title and description, of an SMS all but the lines of its options."""
        if self.by_sms:
            return without_options(self.plain, self.options)
        return "\n".join(words for words, _ in blocks_of(self.content) if words)

    @property
    def line(self) -> str:
        """The whole message on one line, as scripts write it: `Which one? [Boots|Jacket]`."""
        if self.by_sms:
            return line_of([(self.text, list(self.options.values()))])
        return line_of(blocks_of(self.content))


class Handset:
    """One phone. Each action goes through the provider's webhook, the inbox and the router.

    Each action that sends something returns the stored incoming message after all work that follows from it is done.
    Get a handset from `World.handset()`.
    """

    def __init__(self, number: str, world: Network, *, rcs: bool = True) -> None:
        self.number = number
        self.world = world
        self.rcs = rcs
        self.on = True
        self._shown: list[Shown] = []
        self._waiting: list[tuple[Shown, bool]] = []  # while it is off; True: report delivery
        self._checked = 0  # how many of the shown messages `hears()` has checked
        self._alias = ""  # of the open conversation

    def __repr__(self) -> str:
        return f"<Handset {self.number} {'RCS' if self.rcs else 'SMS'}>"

    # What the phone shows

    @property
    def messages(self) -> list[Shown]:
        """All messages that the phone was shown. Does all work that is due first."""
        self.world.work()
        return list(self._shown)

    @property
    def texts(self) -> list[str]:
        return [shown.text for shown in self.messages]

    @property
    def last(self) -> Shown:
        """The newest message. Raises ScriptFailed if there is none."""
        if not self.messages:
            raise ScriptFailed(f"{self.number} was shown nothing")
        return self._shown[-1]

    @property
    def options(self) -> dict[int, str]:
        """The options of the last message: number → label."""
        return self.last.options

    def hears(self, *expected: str | Content) -> list[Shown]:
        """Check that the phone was shown exactly these messages since the last call, or none without arguments.

        The order counts. A string is written like a line of a script. Raises ScriptFailed with the difference.
        """
        new = self.messages[self._checked :]
        self._checked += len(new)
        wanted = [one if isinstance(one, str) else line_of(blocks_of(one)) for one in expected]
        compare(self.number, wanted, [shown.line for shown in new], self.world.transcript)
        return new

    # What the person does

    def says(self, text: str, *, via: str = "") -> Message:
        """Send a text. `via`: a backend's alias; by default that of the open conversation."""
        self._record(">", text)
        return self._act(IncomingKind.TEXT, text=text, via=via)

    def taps(self, what: str) -> Message:
        """Tap the chip with this label or postback, in the newest message that has it.

        In an SMS, answer with the chip's number, or with its label if another message has come since. Raises
        ScriptFailed if there is no such chip, if two chips of one message have this label, or if the router takes the
        answer for another chip.
        """
        shown, number, label, postback = self._find(what)
        self._record("!", label)
        if not shown.by_sms:
            return self._act(IncomingKind.SUGGESTION, text=label, postback=postback, via=shown.alias)
        answer = str(number) if shown is self._shown[-1] else label
        row = self._act(IncomingKind.TEXT, text=answer, via=shown.alias)
        if row.postback != postback:
            raise ScriptFailed(
                f"{answer!r} should mean {postback!r}, but was taken for {row.postback or 'text'!r}"
            )
        return row

    def types(self) -> None:
        """Show that the person is typing."""
        self._act(IncomingKind.TYPING)

    def reads(self) -> None:
        """Mark everything that the phone shows as read."""
        for shown in self.messages:
            if not shown.read and self._reports(shown.alias):
                self.world.receipt(shown.alias, ReceiptKind.READ, shown.id, at=timezone.now())
            shown.read = True
        self.world.work()

    def sends_file(
        self, url: str, media_type: str = "image/jpeg", *, name: str = "", content: bytes = b""
    ) -> Message:
        """Send a file, by RCS only. With `content` the link works, else the provider has lost the file."""
        if content:
            self.world.links[url] = (content, media_type)
        return self._act(IncomingKind.FILE, text=name, url=url, media_type=media_type)

    def shares(self, latitude: float, longitude: float, label: str = "") -> Message:
        """Send the phone's position, in degrees, by RCS only."""
        return self._act(IncomingKind.LOCATION, text=label, latitude=latitude, longitude=longitude)

    def unsubscribes(self) -> None:
        """Unsubscribe by the phone's menu, without a text, by RCS only."""
        self._act(IncomingKind.UNSUBSCRIBE)

    def subscribes(self) -> None:
        self._act(IncomingKind.SUBSCRIBE)

    def fills_in(self, form: Form | str = "", /, **answers: Any) -> Message:
        """Fill in the newest form (called `form`), in the chat or on its page. Raises ScriptFailed if it is refused."""
        shown, asked = self._find_form(form.name if isinstance(form, Form) else form)
        if not isinstance(shown.content, Form):
            return self._fills_in_page(shown, answers)
        questions = Questions(asked, answers)
        if not questions.is_valid():
            raise ScriptFailed(f"the form {asked.name!r} refuses: {questions.errors.as_json()}")
        plain = {
            name: v if isinstance(v, bool | None) else str(v) for name, v in questions.cleaned_data.items()
        }
        return self._act(
            IncomingKind.FORM,
            text=asked.title,
            postback=postback_of_form(asked),
            answers=shown.id,
            fields={"form": plain},
            via=shown.alias,
        )

    # What happens to the phone

    def loses_rcs(self) -> None:
        """Switch RCS off: from now on the phone sends and receives by SMS only."""
        self.rcs = False
        self.world.transcript.append(f"{self.number} ~ sms")

    def has_rcs(self) -> None:
        """Switch RCS on (again): the conversation continues by RCS."""
        self.rcs, self._alias = True, ""
        self.world.transcript.append(f"{self.number} ~ rcs")

    def switches_off(self) -> None:
        """Switch the phone off. Providers still accept messages, which wait for the phone or are revoked."""
        self.on = False
        self.world.transcript.append(f"{self.number} ~ off")

    def switches_on(self) -> None:
        self.on = True
        self.world.transcript.append(f"{self.number} ~ on")
        waiting, self._waiting = self._waiting, []
        for shown, reports in waiting:
            self._display(shown, reports)
        self.world.work()

    def connection(self, alias: str = "") -> Connection:
        """Return a connection to send to: on this backend, or on the one by which the phone would write now."""
        return lookup_connections(alias or self._alias_to_write_to(), [self.number])[0]

    # The provider's side

    def show(self, backend: BaseBackend, outbound: Outbound, *, by_sms: bool) -> None:
        """Show a message once if the provider deduplicates. Runs in sending threads: must not use the database."""
        known = [shown.id for shown in self._shown] + [shown.id for shown, _ in self._waiting]
        if outbound.id in known and backend.capabilities.idempotent:
            return
        shown = Shown(outbound.id, backend.alias, outbound.content, outbound.text, by_sms)
        if self.on:
            self._display(shown, self._reports(backend.alias))
        else:
            self._waiting.append((shown, self._reports(backend.alias)))

    def forget_waiting(self, transmission: UUID) -> bool:
        """Forget a message that was revoked before it was shown. Return False if the phone has shown it already."""
        kept = [one for one in self._waiting if one[0].id != transmission]
        found, self._waiting = len(kept) < len(self._waiting), kept
        return found

    def _display(self, shown: Shown, reports: bool) -> None:
        self._shown.append(shown)
        self._alias = shown.alias
        if reports:
            self.world.receipt(shown.alias, ReceiptKind.DELIVERED, shown.id, at=timezone.now())

    def _reports(self, alias: str) -> bool:
        return backends[alias].capabilities.webhook

    def _act(self, kind: IncomingKind, *, via: str = "", **what: Any) -> Any:
        self.world.work()  # earlier messages come first, and may open another conversation
        alias = via or self._alias_to_write_to()
        if kind != IncomingKind.TEXT and self.world.is_sms(alias):
            raise ScriptFailed(f"{self.number} writes by SMS, which carries text only, not {kind}")
        name = f"handset-{uuid4().hex}"
        incoming = Incoming(kind, self.number, id=name, at=timezone.now(), **what)
        self.world.receive(alias, incoming)
        self.world.work()
        return Message.objects.filter(direction=Message.Direction.IN, external_id=name).first()

    def _alias_to_write_to(self) -> str:
        """Return the alias by which the phone writes: the open conversation's, its fallback's, or any that works."""
        open_now = [self._alias, *backends.config(self._alias).fallback] if self._alias else []
        for alias in [*open_now, default_alias(), *backends]:
            if alias and (self.world.is_sms(alias) or self.rcs):
                return alias
        raise ScriptFailed(f"{self.number} has no RCS, and no backend of RCS_BACKENDS carries SMS")

    def _find(self, what: str) -> tuple[Shown, int, str, str]:
        for shown in reversed(self.messages):
            found = [(n, *one) for n, one in enumerate(shown.choices, 1) if what in one]
            exact = [one for one in found if one[2] == what] or found
            if len({one[2] for one in exact}) > 1:
                raise ScriptFailed(
                    f"{what!r} is the label of several chips: tap a postback, one of {[one[2] for one in exact]}"
                )
            if exact:
                return shown, *exact[0]
        offered = [label for shown in self._shown for label, _ in shown.choices]
        raise ScriptFailed(f"{self.number} has no chip {what!r}; its chips: {offered or 'none'}")

    def _find_form(self, name: str) -> tuple[Shown, Form]:
        for shown in reversed(self.messages):
            asked = shown.transmission.message.body
            if isinstance(asked, Form) and name in {"", asked.name}:
                return shown, asked
        raise ScriptFailed(f"{self.number} was shown no form {name}".rstrip())

    def _fills_in_page(self, shown: Shown, answers: dict[str, Any]) -> Any:
        link = form_link(shown.id)
        if link not in (shown.plain if shown.by_sms else str(dump(shown.content))):
            raise ScriptFailed("the message does not contain the address of the form's page")
        data = {name: value for name, value in answers.items() if value is not None and value is not False}
        response = Client().post(urlsplit(link).path, data, secure=link.startswith("https:"))
        if response.status_code != 200:
            problems = getattr((response.context or {}).get("questions"), "errors", None)
            raise ScriptFailed(
                f"the form's page answers {response.status_code}: {problems and problems.as_json()}"
            )
        self.world.work()
        return Message.objects.filter(external_id=f"form:{shown.id}").first()

    def _record(self, sign: str, text: str) -> None:
        self.world.transcript.append(f"{self.number} {sign} {' '.join(text.split())}")
