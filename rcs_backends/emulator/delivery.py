"""Bring accepted messages to their phones, and tell the provider what became of them.

Everything here is called with the world's lock held.
"""

from rcs_backends.emulator.phones import Handset, Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wires import wire


def accept(message: Message, *, deferred: float = 0.0) -> int:
    """Show a message after `delivery_delay` plus `deferred` seconds. Return how often it was asked for."""
    copies = world.ledger.accept(message)
    world.handset(message.number).messages[message.id] = message
    world.after(world.config["delivery_delay"] + deferred, deliver, message)
    if message.expires_at:
        world.after((message.expires_at - now()).total_seconds(), _expire, message)
    return copies


def deliver(message: Message) -> None:
    """Show a message on its phone, or keep it until the phone is back."""
    if message.state != "waiting":
        return
    handset = world.handset(message.number)
    network_up = wire(message.provider).is_up()
    if network_up and not message.submitted:
        message.submitted = True
        message.tell("submitted")
    if network_up and message.state == "waiting" and handset.reachable(message.channel):
        _show(handset, message)
    elif message.state == "waiting":
        handset.waiting[message.id] = message


def _show(handset: Handset, message: Message) -> None:
    handset.waiting.pop(message.id, None)
    message.state = "delivered"
    message.doubles = world.ledger.show(message) - 1
    handset.unread += 1
    handset.typing_until = 0.0
    message.tell("delivered")
    if world.config["auto_read"]:
        world.after(world.config["delivery_delay"], read, handset, message)


def read(handset: Handset, message: Message) -> None:
    """Note that the person looks at a message."""
    if message.state == "delivered" and message.direction == "in":
        message.state = "read"
        handset.unread -= 1
        message.tell("read")


def flush(handset: Handset) -> None:
    """Deliver what waited, in order: the phone (or the network) is back."""
    for message in list(handset.waiting.values()):
        if wire(message.provider).is_up():
            world.after(world.config["delivery_delay"], deliver, message)


def _expire(message: Message) -> None:
    """Take back a message whose time is up. The provider may decide that this failed, and leave it waiting."""
    if message.state == "waiting":
        message.state = "expired"
        world.handset(message.number).waiting.pop(message.id, None)
        message.tell("expired")


def revoke(message: Message) -> bool:
    """Take a message back; False when the phone has it. A message that is gone already stays gone."""
    if message.state in ("delivered", "read"):
        return False
    if message.state == "waiting":
        message.state = "revoked"
        world.handset(message.number).waiting.pop(message.id, None)
    return True
