"""How many examples a search tries: some in `make test`, all of them in `make services-test`."""

import os

LONG = "RCS_LONG_SEARCHES"  # the environment variable that `make services-test` sets


def examples(count: int, few: int = 0) -> int:
    """Return `count` where searches are long; elsewhere `few`, or a sixth of `count`."""
    return count if os.environ.get(LONG) else few or count // 6
