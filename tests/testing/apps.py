"""A small shop for the kit's own tests: what it answers to words, taps, forms, places and files."""

from django.db import transaction

from rcs_router import send
from rcs_router.content import Card, Form, FormField, Location, OpenUrl, Reply, RequestLocation, Text
from rcs_router.handlers import KeywordHandler, PostbackHandler
from rcs_router.phases import IncomingMessage, RouterApp

PRODUCTS = {"boots": "129 EUR", "tent": "249 EUR"}
FITTING = Form(
    "Try them on",
    (FormField("name", "Your name", required=True), FormField("both", "Two pairs", "checkbox")),
    name="fitting",
    button="Choose a day",
)


class Menu(KeywordHandler):
    keyword = "menu"

    def help(self) -> None:
        chips = tuple(Reply(key.title(), f"product_{key}") for key in PRODUCTS)
        self.respond(Text("What would you like?", chips))


class Product(PostbackHandler):
    prefix = "product_"

    def handle(self, key: str) -> None:
        buttons = (Reply("Buy", f"buy_{key}"), OpenUrl("See it", "seen", url=f"https://shop.example/{key}"))
        self.respond(Card(key.title(), PRODUCTS[key], suggestions=buttons))


class Buy(PostbackHandler):
    prefix = "buy_"

    def handle(self, key: str) -> None:
        self.respond(f"You bought {key}.")
        self.respond(Text("Where to?", (RequestLocation("Here", "here"), Reply("Shop", "fetch"))))


class Place(RouterApp):
    def handle(self, message: IncomingMessage) -> bool | None:
        if not isinstance(message.content, Location):
            return None
        message.respond(f"We come to {message.content.latitude}.")
        return True


class Fitting(KeywordHandler):
    keyword = "fitting"

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        if msg.kind != "form" or msg.postback != FITTING.name:
            return super().dispatch(msg)
        msg.respond(f"See you, {msg.fields['form']['name']}, both: {msg.fields['form']['both']}")
        return True

    def help(self) -> None:
        self.respond(FITTING)


class Files(RouterApp):
    def handle(self, message: IncomingMessage) -> bool | None:
        if message.kind != "file":
            return None
        message.respond(f"A {message.fields['media_type']}")
        return True


class Twice(KeywordHandler):
    """Answers, and once more when that is committed."""

    keyword = "twice"

    def help(self) -> None:
        self.respond("once")
        connections = list(self.msg.connections)
        transaction.on_commit(lambda: send("twice", connections))


class Polite(RouterApp):
    def parse(self, message: IncomingMessage) -> None:
        message.mark_read()
        message.typing()


class Broken(KeywordHandler):
    keyword = "broken"

    def help(self) -> None:
        raise LookupError("on purpose")


APPS = [Menu, Product, Buy, Place, Fitting, Files, Twice, Broken, "rcs_router.handlers.Echo"]
