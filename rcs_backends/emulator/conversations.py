"""Whom a person talks to: the control API's `via` and `to` come in, a wire and one of its agents go out."""

from collections.abc import Iterable
from dataclasses import dataclass

from rcs_backends.emulator.phones import Handset, Json, Message
from rcs_backends.emulator.wires import ActionProblem, Wire, wires


@dataclass(frozen=True, slots=True)
class Conversation:
    """One agent of one provider, as the phone sees it."""

    wire: Wire
    agent: str


def conversation(handset: Handset, action: Json) -> Conversation:
    """As asked for by `via` (rcs, sms or a provider) and `to`; else that of the newest message on the phone; else the
    only agent there is. Raises ActionProblem, which names the choice where there is one.
    """
    candidates = _candidates(handset, action.get("via"))
    if candidates[0].channel == "rcs" and not handset.rcs:
        raise ActionProblem("The phone has no RCS.")
    latest = _latest(handset, candidates)
    if to := action.get("to"):
        return Conversation(_wire_of(str(to), candidates, latest), str(to))
    if latest:
        return Conversation(wires()[latest.provider], latest.agent)
    return _only(candidates)


def _candidates(handset: Handset, via: object) -> list[Wire]:
    """The wires of a channel, or the one that is named."""
    if isinstance(via, str) and via in wires():
        return [wires()[via]]
    newest = handset.newest()
    channel = via or (newest.channel if newest else "rcs" if handset.rcs else "sms")
    if channel not in ("rcs", "sms"):
        raise ActionProblem(f"via must be rcs, sms or one of {', '.join(wires())}.")
    return [wire for wire in wires().values() if wire.channel == channel]


def _latest(handset: Handset, candidates: list[Wire]) -> Message | None:
    """The newest message over one of these wires, shown or not."""
    providers = {wire.provider for wire in candidates}
    return next((m for m in reversed(handset.messages.values()) if m.provider in providers), None)


def _wire_of(agent: str, candidates: list[Wire], latest: Message | None) -> Wire:
    """Who has this agent. A name that nobody has is one of the conversation's wire, or of the first: Google's agents
    need not be set up, and whom an SMS goes to is anybody's choice.
    """
    having = [wire for wire in candidates if agent in wire.agents()]
    current = [wire for wire in having or candidates if latest and wire.provider == latest.provider]
    if len(having) > 1 and not current:
        raise ActionProblem(
            f"via must say whose {agent} is meant: {_listed(one.provider for one in having)}."
        )
    return (current or having or candidates)[0]


def _only(candidates: list[Wire]) -> Conversation:
    found = [Conversation(wire, agent) for wire in candidates for agent in wire.agents()]
    if not found:
        raise ActionProblem("to must name the agent: the phone has no conversation yet.")
    if len(found) > 1:
        names = _listed(f"{one.agent} ({one.wire.provider})" for one in found)
        raise ActionProblem(f"to must name the agent, and via its provider where two have it: {names}.")
    return found[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
