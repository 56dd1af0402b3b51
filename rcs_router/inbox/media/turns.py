"""Whose file is fetched next: no host has more than its share of the threads, so that a silent one holds up none."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from rcs_router.inbox.media import addresses
from rcs_router.inbox.media.addresses import RefusedAddress
from rcs_router.models import InboundFile

OF_ONE_HOST = 4  # files that one process fetches from one host side by side
MOST = 32  # files that wait in one process for their host
TURN = 5.0  # seconds that they do; then they go back, and are looked at again so much later


@dataclass
class Turns:
    """What one run has claimed and not begun, each with the moment until which it may wait here."""

    waiting: list[tuple[float, InboundFile]] = field(default_factory=list)

    def take(
        self, rows: list[InboundFile], flying: Collection[InboundFile], threads: int, moment: float
    ) -> tuple[list[InboundFile], list[InboundFile]]:
        """Return those that begin now and those that go back. `moment`: by time.monotonic()."""
        busy, free = Counter(map(host, flying)), threads - len(flying)
        begin, back, stay = list[InboundFile](), list[InboundFile](), list[tuple[float, InboundFile]]()
        for until, row in [*self.waiting, *((moment + TURN, row) for row in rows)]:
            if free and busy[host(row)] < OF_ONE_HOST:
                busy[host(row)] += 1
                free -= 1
                begin.append(row)
            elif until < moment or len(stay) >= MOST:
                back.append(row)
            else:
                stay.append((until, row))
        self.waiting = stay
        return begin, back


def host(row: InboundFile) -> str:
    """Return the host that a link leads to first; all that cannot be read are one."""
    try:
        return addresses.origin(row.url)[1]
    except RefusedAddress:
        return ""
