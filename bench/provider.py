"""An HTTP server that accepts every message after a given delay.

It does as little work per request as Python allows, so that the benchmark measures the client.
"""

import asyncio
import sys

TOKEN = b'{"access_token": "bench", "expires_in": 3600, "token_type": "Bearer"}'
TAKEN = b'{"name": "phones/+37255501234/agentMessages/1", "sendTime": "2026-11-20T09:00:00Z"}'


class Connection(asyncio.Protocol):
    """A keep-alive connection."""

    delay = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (whole := self.length()) and len(self.received) >= whole:
            request, self.received = self.received[:whole], self.received[whole:]
            body = TOKEN if b"/token" in request.split(b"\r\n", 1)[0] else TAKEN
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self.answer, body)
            else:
                self.answer(body)

    def length(self) -> int:
        """Return the length of the first request, with head and body; 0 while its head is incomplete."""
        head, end, _ = self.received.partition(b"\r\n\r\n")
        if not end:
            return 0
        _, _, rest = head.lower().partition(b"content-length:")
        return len(head) + 4 + int(rest.split(b"\r\n", 1)[0] or 0)

    def answer(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


async def main(port: int, delay: float) -> None:
    Connection.delay = delay
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
