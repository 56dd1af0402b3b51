"""For your tests: a backend without a network; in `stub` a provider made of sockets, in `conformance` the suite.

`conformance` needs pytest and hypothesis; the rest needs nothing.
"""

from rcs_router.testing.memory import CHIPS, RICH, MemoryBackend, MemoryOptions, MemorySMS

__all__ = ["CHIPS", "RICH", "MemoryBackend", "MemoryOptions", "MemorySMS"]
