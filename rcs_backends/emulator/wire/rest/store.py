"""What the REST platform remembers: messages by the sender's ids, who writes under which conversation, and the pace."""

from collections import deque
from dataclasses import dataclass, field

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world


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
    conversations: dict[str, str] = field(
        default_factory=dict
    )  # number → the name it was last written to under
    requests: deque[float] = field(
        default_factory=deque
    )  # when those of the last second came, monotonic seconds


def number_of(conversation: str) -> str | None:
    """Return whose number a conversation has: that of the dial `conversations`, or its own name."""
    named: str | None = world.config["rest"]["conversations"].get(conversation)
    return named or (conversation if conversation.startswith("+") else None)


def conversation_of(number: str) -> str:
    """Return the conversation of a phone's events: the last message's, else the dial's, else the number."""
    used = world.store(RestStore).conversations.get(number)
    named = world.config["rest"]["conversations"].items()
    return used or next((name for name, known in named if known == number), number)
