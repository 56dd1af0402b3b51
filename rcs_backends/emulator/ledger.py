"""What every provider accepted and every phone showed: counted as it happens, read by tests from the other side."""

from dataclasses import dataclass, field

from rcs_backends.emulator.phones import Json, Message, stamp

Key = tuple[str, str, str]  # provider, agent, ledger id


@dataclass(slots=True)
class Accepted:
    """A message that a provider took. `copies`: how often it was asked to."""

    message: Message
    copies: int = 1

    def as_json(self) -> Json:
        message = self.message
        return {
            "provider": message.provider,
            "id": message.ledger_id,
            "to": message.number,
            "at": stamp(message.at),
            "copies": self.copies,
        }


@dataclass(slots=True)
class Shown:
    """A message that a phone showed, `count` times."""

    message: Message
    count: int = 0

    def as_json(self) -> Json:
        message = self.message
        return {
            "provider": message.provider,
            "id": message.ledger_id,
            "number": message.number,
            "count": self.count,
        }


@dataclass(slots=True)
class Ledger:
    """`accepted` and `shown` by (provider, agent, id). `doubles` counts the messages shown more than once."""

    requests: int = 0
    doubles: int = 0
    accepted: dict[Key, Accepted] = field(default_factory=dict)
    shown: dict[Key, Shown] = field(default_factory=dict)

    def accept(self, message: Message) -> int:
        """Count a message that was taken, or asked for again; the number of times so far."""
        key = _key(message)
        entry = self.accepted.get(key)
        if entry is None:
            self.accepted[key] = Accepted(message)
            return 1
        entry.copies += 1
        return entry.copies

    def show(self, message: Message) -> int:
        """Count a message that appears on its phone; the number of times so far."""
        entry = self.shown.setdefault(_key(message), Shown(message))
        entry.count += 1
        if entry.count == 2:
            self.doubles += 1
        return entry.count


def _key(message: Message) -> Key:
    return (message.provider, message.agent, message.ledger_id)
