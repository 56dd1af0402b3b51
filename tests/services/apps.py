"""The router app of the service tests."""

from rcs_router.handlers import PostbackHandler


class Orders(PostbackHandler):
    """Answers `keep_7` with what was kept."""

    prefix = "keep_"

    def handle(self, key: str) -> None:
        self.respond(f"Order {key} is yours")
