"""What a backend is given in, shown on a phone out: it carries what the real one carries, and calls nobody."""

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
    """In the place of `real`: its options, capabilities and checks, and its reading of webhooks that are not ours."""

    def __init__(self, real: BaseBackend, world: Phones) -> None:
        options: Any = real.options
        super().__init__(real.alias, options, webhook_url=real.webhook_url)
        self.real = real
        self.world = world
        self.extra = real.extra
        self.capabilities = replace(real.capabilities, upload=False, opt_out_list=False)
        self._said: dict[str, Sequence[Parsed]] = {}

    def __repr__(self) -> str:
        return f"<StandIn {self.alias!r} for {type(self.real).__name__}>"

    @property
    def is_sms(self) -> bool:
        """Does it carry plain text only, which every phone can show?"""
        return self.capabilities.content <= {Text} and not self.capabilities.suggestions

    def send(self, outbound: Outbound) -> SendResult:
        """As told by `next_send()`, else it is shown, or Unreachable where the phone has no RCS."""
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
        """What a phone that is off has not shown yet can be taken back, unless `revocable` says otherwise."""
        answer = super().revoke(transmission, to, provider_id)
        return self.world.phone(to).forget_waiting(transmission) if answer else answer

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        reachable = frozenset(["rcs"])
        return {identity: reachable if self.world.phone(identity).rcs else None for identity in identities}

    # The webhook: what a handset does, and what a test posts as the real provider.

    def will_say(self, said: Sequence[Parsed]) -> str:
        """Keep what a request will mean; returns the request's name."""
        name = uuid4().hex
        self._said[name] = said
        return name

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        name = request.headers.get("x-handset", "")
        return list(self._said[name]) if name in self._said else self.real.parse(request)

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
