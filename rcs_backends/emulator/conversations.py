"""Find whom a person talks to: the provider and agent that `via` and `to` of the control API name."""

from dataclasses import dataclass

from rcs_backends.emulator.phones import Handset, Json, Message
from rcs_backends.emulator.wires import Problem, Wire, wire, wires

CHANNELS = ("rcs", "sms")


@dataclass(frozen=True, slots=True)
class Conversation:
    """One agent of one provider, as the phone sees it. `channel`: the provider's, or sms where the person answers an
    SMS that a provider of RCS sent in its place.
    """

    wire: Wire
    agent: str
    channel: str


def conversation(handset: Handset, action: Json) -> Conversation:
    """Return the one asked for by `via` (rcs, sms or a provider) and `to`; else that of the newest message on the
    phone; else the only agent there is. Raises Problem, which names the choice where there is one.
    """
    via, to, newest = action.get("via"), action.get("to"), handset.newest()
    if newest and not via and not to:
        found = continued(newest)
    else:
        channel = newest.channel if newest else "rcs" if handset.rcs else "sms"
        found = _asked_for(handset, str(via or channel), str(to or ""))
    if found.channel == "rcs" and not handset.rcs:
        raise Problem("The phone has no RCS.")
    return found


def continued(message: Message) -> Conversation:
    return Conversation(wire(message.provider), message.agent, message.channel)


def _asked_for(handset: Handset, via: str, to: str) -> Conversation:
    if via == "rcs" and not handset.rcs:
        raise Problem("The phone has no RCS.")
    known = [m for m in reversed(handset.messages.values()) if via in (m.provider, m.channel)]
    known = [m for m in known if handset.rcs or m.channel == "sms"]
    providers = {message.provider for message in known}
    having = [
        one for one in wires().values() if via in (one.provider, one.channel) or one.provider in providers
    ]
    if not having:
        raise Problem(f"via must be rcs, sms or one of {', '.join(wires())}.")
    if to:
        return _named(to, via, known, having)
    return continued(known[0]) if known else _only(having)


def _named(agent: str, via: str, known: list[Message], candidates: list[Wire]) -> Conversation:
    """Find the agent of this name: who wrote under it last, else whose agent it is. Nobody needs to have the name:
    then it is the conversation's provider, or the first. Google's agents need not be set up, and an SMS may go to any
    number.
    """
    written = next((message for message in known if message.agent == agent), None)
    if written:
        return continued(written)
    having = [one for one in candidates if agent in one.agents()]
    if len(having) > 1:
        names = ", ".join(sorted(one.provider for one in having))
        raise Problem(f"via must say whose {agent} is meant: {names}.")
    current = [wire(message.provider) for message in known[:1]]
    found = (having or current or candidates)[0]
    return Conversation(found, agent, via if via in CHANNELS else found.channel)


def _only(candidates: list[Wire]) -> Conversation:
    found = [Conversation(one, agent, one.channel) for one in candidates for agent in one.agents()]
    if not found:
        raise Problem("to must name the agent: the phone has no conversation yet.")
    if len(found) > 1:
        names = ", ".join(sorted(f"{one.agent} ({one.wire.provider})" for one in found))
        raise Problem(f"to must name the agent, and via its provider where two have it: {names}.")
    return found[0]
