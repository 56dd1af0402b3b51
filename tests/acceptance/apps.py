"""Router apps that the acceptance tests list in APPS."""

from rcs_router.content import Reply, Text
from rcs_router.handlers import PostbackHandler
from rcs_router.models import Message
from rcs_router.phases import IncomingMessage, RouterApp


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


class Quiz(RouterApp):
    """Asks twenty questions, each after the answer to the one before; the score travels in the postbacks' past."""

    def handle(self, message: IncomingMessage) -> bool | None:
        if message.text == "quiz":
            message.respond(self.question(0))
            return True
        if not message.postback.startswith("quiz_"):
            return None
        turn = int(message.postback.split("_")[1]) + 1
        message.respond(self.question(turn) if turn < 20 else f"You said yes {self.score()} times.")
        return True

    def question(self, turn: int) -> Text:
        return Text(f"Question {turn}?", (Reply("Yes", f"quiz_{turn}_yes"), Reply("No", f"quiz_{turn}_no")))

    def score(self) -> int:
        return Message.objects.filter(postback__endswith="_yes").count()
