"""The router apps of the service tests."""

import os
import time
from pathlib import Path

from rcs_router.handlers import KeywordHandler, PostbackHandler


class Orders(PostbackHandler):
    """Answers `keep_7` with what was kept."""

    prefix = "keep_"

    def handle(self, key: str) -> None:
        self.respond(f"Order {key} is yours")


class Dawdle(KeywordHandler):
    """Answers `slow 7`. The first time, it creates a file and then sleeps before its answer is committed."""

    keyword = "slow"

    def handle(self, text: str) -> None:
        self.respond(f"done {text}")
        begun = Path(os.environ["RCS_MARKS"]) / text
        if not begun.exists():
            begun.touch()
            time.sleep(20)
