"""Router apps that the tests list in APPS."""

from rcs_router.phases import IncomingMessage, RouterApp


class Typing(RouterApp):
    """Shows that it is writing."""

    def handle(self, message: IncomingMessage) -> None:
        message.typing()


class Read(RouterApp):
    """Marks what it sees as read."""

    def handle(self, message: IncomingMessage) -> None:
        message.mark_read()


class Deadly(RouterApp):
    """Kills its worker over "poison" and START, and greets everybody else."""

    def handle(self, message: IncomingMessage) -> None:
        if message.text in {"poison", "START"}:
            from tests.inbox.test_poison import Killed

            raise Killed
        message.respond("hello yourself")
