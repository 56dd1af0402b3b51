"""Count what every provider accepted and every phone showed, for tests to compare with their own count."""

from dataclasses import dataclass, field

from rcs_backends.emulator.phones import Json, Message, stamp

Key = tuple[str, str, str]  # provider, agent, ledger id


@dataclass(slots=True)
class Counted:
    """A message and how often it was accepted, or shown."""

    message: Message
    copies: int = 0


@dataclass(slots=True)
class Ledger:
    """`accepted` and `shown` by (provider, agent, id). `doubles` counts the messages shown more than once."""

    requests: int = 0
    doubles: int = 0
    accepted: dict[Key, Counted] = field(default_factory=dict)
    shown: dict[Key, Counted] = field(default_factory=dict)

    def accept(self, message: Message) -> int:
        """Count a message that was taken, or asked for again. Return the number of times so far."""
        return _count(self.accepted, message)

    def show(self, message: Message) -> int:
        """Count a message that appears on its phone. Return the number of times so far."""
        count = _count(self.shown, message)
        self.doubles += count == 2
        return count

    def as_json(self) -> Json:
        return {
            "accepted": [
                {
                    **_named(one.message),
                    "to": one.message.number,
                    "at": stamp(one.message.at),
                    "copies": one.copies,
                }
                for one in self.accepted.values()
            ],
            "shown": [
                {**_named(one.message), "number": one.message.number, "count": one.copies}
                for one in self.shown.values()
            ],
        }


def _count(counted: dict[Key, Counted], message: Message) -> int:
    entry = counted.setdefault((message.provider, message.agent, message.ledger_id), Counted(message))
    entry.copies += 1
    return entry.copies


def _named(message: Message) -> Json:
    return {"provider": message.provider, "id": message.ledger_id}
