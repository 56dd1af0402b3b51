"""A backend whose parse may kill its process, and router apps that kill it, hang, or answer."""

import os
import socket
import time

from rcs_router.contract import Parsed, WebhookRequest
from rcs_router.phases import IncomingMessage, RouterApp
from rcs_router.testing import MemoryBackend


class Deadly(MemoryBackend):
    """Reads a request as the memory backend does; one that says "fatal" kills the process."""

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        if b"fatal" in request.body:
            os._exit(9)
        return super().parse(request)


class Difficult(RouterApp):
    """Does to its process what the message says."""

    def handle(self, message: IncomingMessage) -> None:
        if message.text == "die":
            os._exit(9)
        if message.text == "sleep":
            time.sleep(120)
        if message.text == "socket":
            ours, _theirs = socket.socketpair()
            ours.recv(1)


class Greeter(RouterApp):
    """Answers everybody."""

    def handle(self, message: IncomingMessage) -> None:
        message.respond(f"hello {message.text}")
