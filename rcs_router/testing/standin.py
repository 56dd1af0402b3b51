"""A replacement for a backend that shows messages on handsets. It carries what the real backend carries."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

from rcs_router.content import Content, Text
from rcs_router.contract import (
    BaseBackend,
    Outbound,
    Parsed,
    SendResult,
    WebhookAnswer,
    WebhookRequest,
)
from rcs_router.errors import SendError, Unreachable
from rcs_router.testing.handset import Handset
from rcs_router.testing.memory import MemoryBackend, Outcome


class Phones(Protocol):
    """What a stand-in needs of the World around it."""

    outcomes: deque[Outcome]  # of the next sends, on any backend

    def phone(self, identity: str) -> Handset:
        """Return the phone with this identity."""


class StandIn(MemoryBackend):
    """Has the options, capabilities and checks of `real`, which also reads webhook requests of other senders."""

    def __init__(self, real: BaseBackend, world: Phones) -> None:
        options: Any = real.options
        super().__init__(real.alias, options, webhook_url=real.webhook_url)
        self.real = real
        self.world = world
        self.extra = real.extra
        self.capabilities = replace(real.capabilities, upload=False, opt_out_list=False)
        self._reports: dict[str, Sequence[Parsed]] = {}

    def __repr__(self) -> str:
        return f"<StandIn {self.alias!r} for {type(self.real).__name__}>"

    @property
    def is_sms(self) -> bool:
        """Does it carry plain text only, which every phone can show?"""
        return self.capabilities.content <= {Text} and not self.capabilities.suggestions

    def send(self, outbound: Outbound) -> SendResult:
        """Do what `next_send()` says, else show the message. Raises Unreachable if the phone has no RCS."""
        self.sent.append(outbound)
        outcome = _first(self.outcomes) or _first(self.world.outcomes) or SendResult()
        if isinstance(outcome, SendError):
            raise outcome
        result = outcome if isinstance(outcome, SendResult) else outcome(outbound)
        phone = self.world.phone(outbound.to)
        by_sms = self.is_sms or (not phone.rcs and self.capabilities.own_fallback)
        if not (phone.rcs or by_sms):
            raise Unreachable("the handset has no RCS")
        phone.show(self, outbound, by_sms=by_sms)
        return result

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        return [self._one(outbound) for outbound in outbounds]

    def _one(self, outbound: Outbound) -> SendResult | SendError:
        try:
            return self.send(outbound)
        except SendError as error:
            return error

    def check(self, content: Content) -> list[str]:
        return self.real.check(content)

    def refused_extra(self, extra: Mapping[str, Any]) -> list[str]:
        return self.real.refused_extra(extra)

    def problems(self) -> list[str]:
        return self.real.problems()

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool | None:
        """Revoke a message that waits for a phone that is off, unless `revocable` says otherwise."""
        answer = super().revoke(transmission, to, provider_id)
        return self.world.phone(to).forget_waiting(transmission) if answer else answer

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        reachable = frozenset(["rcs"])
        return {identity: reachable if self.world.phone(identity).rcs else None for identity in identities}

    # Webhook requests of handsets, and those that a test posts in the real provider's format.

    def keep_reports(self, reports: Sequence[Parsed]) -> str:
        """Store what a webhook request will report. Return the name of the request."""
        name = uuid4().hex
        self._reports[name] = reports
        return name

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        name = request.headers.get("x-handset", "")
        return list(self._reports[name]) if name in self._reports else self.real.parse(request)

    def verify(self, request: WebhookRequest) -> None:
        self.real.verify(request)

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        return self.real.handshake(request)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return None if "x-handset" in request.headers else self.real.dedupe_key(request)

    def dedupe_window(self, key: str) -> timedelta | None:
        return self.real.dedupe_window(key)

    def acknowledge(self) -> WebhookAnswer:
        return self.real.acknowledge()


def _first(outcomes: Any) -> Outcome | None:
    try:
        found: Outcome = outcomes.popleft()
    except IndexError:
        return None
    return found
