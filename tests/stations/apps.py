"""Router apps that keep a thread for themselves."""

import threading

from rcs_router.phases import IncomingMessage, RouterApp

RELEASE = threading.Event()


class Hangs(RouterApp):
    """Answers "hang" by waiting in C, where no exception reaches it, until RELEASE is set."""

    def handle(self, message: IncomingMessage) -> None:
        if message.text == "hang":
            RELEASE.wait(60)
