"""How many examples a search tries: some in `make test`, all of them in `make services-test`."""

import os

LONG = "RCS_LONG_SEARCHES"  # the environment variable that `make services-test` sets


def examples(count: int) -> int:
    """Return `count` where searches are long, and a sixth of it elsewhere."""
    return count if os.environ.get(LONG) else count // 6
