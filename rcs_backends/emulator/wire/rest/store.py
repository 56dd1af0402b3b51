"""What the REST platform remembers: messages by the sender's ids, who writes under which conversation, and the pace.

The dial `renamed` translates JSON between the names of a look-alike of the REST API and ours. Names change wherever
they stand; answers to a form (`data`) have names of the form's own and stay as they are.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.rules import Invalid


@dataclass(slots=True)
class Sent:
    """One accepted request; `message` is None when no phone gets anything."""

    conversation: str
    number: str
    body: Json
    answer: Json
    message: Message | None = None


@dataclass(slots=True)
class RestStore:
    """Get it with `world.store(RestStore)`."""

    sent: dict[str, Sent] = field(default_factory=dict)  # by messageId
    # number → the name it was last written to under
    conversations: dict[str, str] = field(default_factory=dict)
    # when those of the last second came, monotonic seconds
    requests: deque[float] = field(default_factory=deque)


def number_of(conversation: str) -> str | None:
    """Return whose number a conversation has: that of the dial `conversations`, or its own name."""
    named: str | None = world.config["rest"]["conversations"].get(conversation)
    return named or (conversation if conversation.startswith("+") else None)


def conversation_of(number: str) -> str:
    """Return the conversation of a phone's events: the last message's, else the dial's, else the number."""
    used = world.store(RestStore).conversations.get(number)
    named = world.config["rest"]["conversations"].items()
    return used or next((name for name, known in named if known == number), number)


def theirs(value: Any) -> Any:
    """Return an answer or webhook in the names that the client knows."""
    return _translated(value, world.config["rest"]["renamed"])


def ours(value: Any) -> Any:
    """Return a request in our names. Raises Invalid for a field that has another name here."""
    renamed = world.config["rest"]["renamed"]
    unknown = set(renamed) - set(renamed.values())
    try:
        if name := next((name for name in _names(value) if name in unknown), ""):
            raise Invalid(name, "Cannot find field.")
        return _translated(value, {their: our for our, their in renamed.items()})
    except RecursionError:
        raise Invalid("message", "the JSON is nested too deep.") from None


def _translated(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            names.get(name, name): part if name == "data" else _translated(part, names)
            for name, part in value.items()
        }
    return [_translated(part, names) for part in value] if isinstance(value, list) else value


def _names(value: Any) -> set[str]:
    """Return the names of all fields, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()
