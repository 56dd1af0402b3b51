"""Code of users: what a type checker must let pass, and, on lines with `# wrong`, what it must not."""

RIGHT = """\
from datetime import timedelta
from typing import assert_type

from django.db.models import QuerySet

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Card, Carousel, Form, FormField, OpenUrl, Reply, Text
from rcs_router.handlers import KeywordHandler, PatternHandler, PostbackHandler
from rcs_router.models import Backend, Connection, Contact, Message, Transmission
from rcs_router.phases import IncomingMessage, OutgoingMessage, RouterApp

chips: list[Reply | OpenUrl] = [Reply("Keep"), OpenUrl("See", url="https://shop.example/7")]
boots = Card("Boots", suggestions=chips, chips=[Reply("Next")])
Card("Boots", suggestions=(Reply("Keep"), Reply("Return")))
Text("Which?", [Reply(size) for size in ("38", "39")])
Carousel([boots, Card("Jacket")], suggestions=[Reply("None")])
Form("How was it?", [FormField("stars", "Stars", "select", options=["1", "2"])], suggestions=[Reply("Later")])

to = lookup_connections("acme", ["+37255501234"])
assert_type(to, list[Connection])
lookup_connections(Backend("acme"), (number for number in ("+37255501234",)))
message = send("Hello", to)
assert_type(message, Message)
send(boots, to[0], ttl=timedelta(minutes=5), fall_back_after=15, fields={"a": 1}, traffic="transaction")
send("Hello", (connection for connection in to), in_response_to=message)
send("Hello", Contact())
send("Hello", [Contact(), to[0]])
send("Hello", Connection.objects.filter(backend="acme"))
send("Hello", Contact.objects.all(), idempotency_key="seven", strict=True)
send(text="Hello", connections=to, is_error=True)
row = receive("STATUS", to[0], external_id="x", fields={"a": 1})
assert_type(row, Message)
assert_type(row.connections, list[Connection])
assert_type(row.contact, Contact | None)
assert_type(row.raw_text, str)
assert_type(row.processed, bool)
assert_type(row.responses, QuerySet[Message, Message])
assert_type(Contact().default_connection, Connection | None)
for transmission in message.transmissions.all():
    assert_type(transmission, Transmission)
    assert_type(transmission.connection, Connection)
    assert_type(transmission.message.connection, Connection | None)
    print(transmission.connection.identity, transmission.message_id)


class Orders(RouterApp):
    def handle(self, message: IncomingMessage) -> bool:
        message.respond(boots, traffic="transaction", connections=message.connections)
        message.respond(text="Hello", in_response_to=message)
        message.error("Sorry")
        return message.connection.contact is not None

    def outgoing(self, message: OutgoingMessage) -> bool | None:
        message.text = message.text.upper()
        return None


class Order(KeywordHandler):
    keyword = "order|buy"

    def handle(self, text: str) -> None:
        self.respond(Text(text, [Reply("Yes")]))

    def help(self) -> None:
        self.respond_error("Send ORDER and a number")


class Number(PatternHandler):
    pattern = r"(\\d+)"

    def handle(self, number: str) -> None:
        send(number, self.msg.connections, in_response_to=self.msg)


class Pair(PatternHandler):
    pattern = r"(\\d+) (\\w+)?"

    def handle(self, count: str, what: str | None) -> None:
        self.respond(f"{count} {what}")


class OfRapidSMS(RouterApp):
    def filter(self, msg: IncomingMessage) -> bool:
        return msg.text == "spam"

    def parse(self, msg: IncomingMessage) -> None: ...

    def default(self, msg: IncomingMessage) -> None: ...

    def cleanup(self, msg: IncomingMessage) -> None: ...

    def outgoing(self, msg: OutgoingMessage) -> bool:
        return bool(msg.connections)


class Tap(PostbackHandler):
    prefix = "tap_"

    def handle(self, product: str) -> None:
        self.respond(product)
"""

WRONG = """\
from rcs_router import lookup_connections, receive, send
from rcs_router import sned  # wrong
from rcs_router.content import Card, Reply, Text
from rcs_router.models import Message
from rcs_router.phases import IncomingMessage

to = lookup_connections("acme", ["+37255501234"])
send("Hello")  # wrong
send("Hello", to, trafic="promotion")  # wrong
send("Hello", to, ttl=5)  # wrong
send(7, to)  # wrong
send("Hello", "+37255501234")  # wrong
send("Hello", 7)  # wrong
send("Hello", to).stauts  # wrong
print(to[0].contact.name)  # wrong
print(to[0].backend.nme)  # wrong
send(text=Text("Hello"), connections=to)  # wrong
receive("Hello")  # wrong
receive("Hello", "+37255501234")  # wrong
lookup_connections(7, ["+37255501234"])  # wrong
Card("Boots", suggestions=["Keep"])  # wrong
Card("Boots", sugestions=[Reply("Keep")])  # wrong
Reply()  # wrong


def handle(message: IncomingMessage) -> None:
    message.respond("Hello", ttl=5)  # wrong
    message.respond("Hello", trafic="promotion")  # wrong
    message.respnd("Hello")  # wrong
"""
WRONG_LINES = [number for number, line in enumerate(WRONG.splitlines(), 1) if line.endswith("# wrong")]
