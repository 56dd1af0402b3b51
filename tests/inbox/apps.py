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
