"""Router apps that the acceptance tests list in APPS."""

from rcs_router.handlers import PostbackHandler


class Keep(PostbackHandler):
    """The customer keeps what was sent."""

    prefix = "keep_"

    def handle(self, key: str) -> None:
        self.respond(f"Order {key} is yours")


class Booked(PostbackHandler):
    """The customer filled in the form of a table's booking."""

    prefix = "book_"

    def handle(self, key: str) -> None:
        answers = self.msg.fields["form"]
        self.respond(f"Table {key} for {answers['people']}, {answers['name']}")
