"""How many examples a search tries: some in `make test`, all of them in `make services-test`."""

import os

LONG = "RCS_LONG_SEARCHES"


def examples(of: int) -> int:
    return of if os.environ.get(LONG) else of // 6
