"""The shop: functions that start a conversation, and router apps that answer what customers write and tap."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.conf import settings
from django.templatetags.static import static
from django.utils import timezone

from rcs_router import lookup_connections, send
from rcs_router.content import (
    Audio,
    CalendarEvent,
    Card,
    Carousel,
    ComposeText,
    Dial,
    File,
    Form,
    FormField,
    Location,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Text,
)
from rcs_router.handlers import KeywordHandler, PostbackHandler
from rcs_router.models import Contact, Message
from rcs_router.phases import IncomingMessage, RouterApp

PHONE = "+3726000000"
CALL_US = Dial("Call us", "done_call", phone=PHONE)
OUR_SHOP = ShowLocation("Our shop", "done_map", latitude=59.4372, longitude=24.7454, place="Acme, Tallinn")
WRITE_US = ComposeText("Write us", "done_write", phone=PHONE, text="My order is late: ")
NEAREST = ShowLocation("Parcel machines", "done_machines", query="parcel machine")
FITTING = Form(
    "Try your boots on",
    (
        FormField("name", "Your name", required=True),
        FormField("day", "Day", "date", required=True),
        FormField("size", "Size", "select", options=("38", "40", "42", "44")),
        FormField("mail", "E-mail for the reminder", "email"),
        FormField("both", "Bring a second pair", "checkbox"),
    ),
    "We keep a chair and a coffee for you.",
    name="fitting",
    button="Choose a day",
    submit="Book",
)
PARCEL = Location(59.4285, 24.7615, "Your parcel is at the sorting office", suggestions=(CALL_US,))


@dataclass(frozen=True)
class Product:
    """A product of the shop. `key` is the name of its picture and a part of postbacks."""

    key: str
    name: str
    price: str


PRODUCTS = {
    product.key: product
    for product in (
        Product("boots", "Trail boots", "129 EUR"),
        Product("jacket", "Rain jacket", "89 EUR"),
        Product("tent", "Tent for two", "249 EUR"),
    )
}


def address(path: str) -> str:
    """Return the full address of a path of the shop, for phones and providers."""
    return f"{settings.SHOP_URL}{path}"


def picture(product: Product) -> Media:
    return Media(address(static(f"shop/{product.key}.png")), alt=product.name)


def card(product: Product, *buttons: Reply | OpenUrl) -> Card:
    return Card(product.name, product.price, picture(product), suggestions=buttons)


def catalogue() -> Carousel:
    cards = [card(product, Reply("Tell me more", f"menu_{key}")) for key, product in PRODUCTS.items()]
    return Carousel(tuple(cards), suggestions=(OUR_SHOP, CALL_US))


def customer(name: str, number: str) -> Contact:
    """Create a contact that the shop can reach by RCS and by SMS."""
    person = Contact.objects.create(name=name)
    for alias in ("acme", "sms"):
        person.connections.add(*lookup_connections(alias, [number]))
    return person


def order_shipped(person: Contact, order: str, key: str = "boots") -> Message:
    """Tell a customer that their order is on its way. Each order is announced once."""
    product, link = PRODUCTS[key], address(f"/?order={order}")
    buttons = (
        Reply("Track", f"track_{order}"),
        Reply("Keep", f"keep_{order}"),
        Reply("Return", f"return_{order}"),
        OpenUrl("See order", f"done_order_{order}", url=link),
    )
    what = f"{product.name}, {product.price}"
    return send(
        Card(f"Order {order} is on its way", what, picture(product), suggestions=buttons),
        person,
        traffic="transaction",
        fallback_text=f"Order {order} is on its way: {what}. See {link}",
        idempotency_key=f"order-{order}-shipped",
    )


def sign_in_code(person: Contact, code: str, valid: timedelta = timedelta(minutes=5)) -> Message:
    """Send a one-time password. If RCS does not deliver it while it is valid, it goes out as an SMS."""
    text = f"{code} is your Acme code."
    return send(text, person, traffic="authentication", ttl=valid, time_critical=True)


def offer(people: Iterable[Contact]) -> Message:
    """Send the catalogue as a promotion: people who said STOP do not get it."""
    return send(catalogue(), people, traffic="promotion")


class Track(PostbackHandler):
    prefix = "track_"

    def handle(self, key: str) -> None:
        self.msg.mark_read()
        self.respond(PARCEL)


class Keep(PostbackHandler):
    prefix = "keep_"

    def handle(self, key: str) -> None:
        self.respond("Enjoy! Here is your receipt.")
        self.respond(File(address(static("shop/receipt.pdf"))))


class Return(PostbackHandler):
    """Offer two ways to return an order: a courier, with an entry for the calendar, or the shop's counter."""

    prefix = "return_"

    def handle(self, key: str) -> None:
        start = timezone.make_aware(datetime.combine(timezone.localdate() + timedelta(days=1), time(17)))
        slot = CalendarEvent(
            "Save the date",
            f"done_slot_{key}",
            start=start,
            end=start + timedelta(hours=2),
            title=f"Acme fetches order {key}",
            description="Please have the parcel ready.",
        )
        fetch = RequestLocation("Fetch it here", f"fetch_{key}")
        self.respond(Text("Our courier comes tomorrow from 17 to 19. Where to?", (fetch, slot, OUR_SHOP)))


class Fetch(PostbackHandler):
    """With RCS the phone sends its position next. In an SMS the person typed the answer, so ask for the address."""

    prefix = "fetch_"

    def handle(self, key: str) -> None:
        if self.msg.fields.get("typed"):
            self.respond(f"Please tell us the address: {PHONE}")


class PickUp(RouterApp):
    """Take a position as the answer to "Where to?"."""

    def handle(self, message: IncomingMessage) -> bool | None:
        if not isinstance(message.content, Location):
            return None
        place = message.content
        message.respond(f"The courier will come to {place.latitude:.4f}, {place.longitude:.4f}.")
        return True


class Menu(KeywordHandler):
    """Answer `menu` with all products, and `menu boots` (or its chip) with one."""

    keyword = ("menu", "shop")

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        if msg.postback.startswith("menu_"):
            cls(msg).handle(msg.postback.removeprefix("menu_"))
            return True
        return super().dispatch(msg)

    def handle(self, text: str) -> None:
        product = PRODUCTS.get(text.strip().lower())
        if product is None:
            return self.help()
        return self.respond(card(product, OpenUrl("Buy", f"done_buy_{product.key}", url=address("/"))))

    def help(self) -> None:
        self.respond(catalogue())


class Fitting(KeywordHandler):
    """Answer `fitting` with a form that asks for a day. Its answers name the form, from every provider."""

    keyword = "fitting"

    @classmethod
    def dispatch(cls, msg: IncomingMessage) -> bool:
        answers = msg.fields.get("form") if msg.postback == FITTING.name else None
        if answers is None:
            return super().dispatch(msg)
        cls(msg).booked(answers)
        return True

    def handle(self, text: str) -> None:
        self.help()

    def help(self) -> None:
        self.respond(FITTING)

    def booked(self, answers: dict[str, str]) -> None:
        self.respond(f"Booked: {answers['day']}. See you, {answers['name']}!")
        self.respond(Audio(address(static("shop/ready.wav")), 1, name="ready.wav", media_type="audio/wav"))


class Done(PostbackHandler):
    """Accept chips that the phone has handled by itself (opened, dialled or shown something), without an answer."""

    prefix = "done_"

    def handle(self, key: str) -> None:
        pass


class Help(KeywordHandler):
    keyword = ("help", "?")

    def handle(self, text: str) -> None:
        self.help()

    def help(self) -> None:
        words = "MENU shows what we sell, FITTING lets you try it on. STOP ends our offers."
        self.respond(Text(words, (CALL_US, WRITE_US, OUR_SHOP, NEAREST)))
