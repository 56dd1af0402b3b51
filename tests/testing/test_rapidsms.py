"""A test case that was written for RapidSMS: its names, and what they mean here."""

from typing import Any

import pytest

from rcs_router import send
from rcs_router.errors import IdentityError
from rcs_router.handlers import Echo, KeywordHandler
from rcs_router.models import Connection
from rcs_router.phases import IncomingMessage, RouterApp
from rcs_router.testing import AppFailed, RapidTest, RapidTransactionTest
from tests.core import ALICE, BOB


class Join(KeywordHandler):
    keyword = "join"

    def help(self) -> None:
        self.respond("Send JOIN and your name")

    def handle(self, text: str) -> None:
        self.respond(f"Welcome, {text}")


class Hello(RouterApp):
    def default(self, message: IncomingMessage) -> bool:
        message.respond(f"Hello, {message.contact}")
        return True


class Broken(RouterApp):
    def handle(self, message: IncomingMessage) -> None:
        raise ValueError("on purpose")


class HandlersTest(RapidTest):
    handlers = (Join, Echo)

    def test_all_is_done_when_receive_returns(self) -> None:
        [alice] = self.lookup_connections([ALICE])
        message = self.receive("join Alice", alice, fields={"external_id": "in-1"})
        assert (message.text, message.handled, message.connections) == ("join Alice", True, [alice])
        assert [response.text for response in message.responses] == ["Welcome, Alice"]
        assert self.inbound == [message]
        assert [one.text for one in self.outbound] == ["Welcome, Alice"]
        assert self.outbound[0].in_response_to == message

    def test_what_the_backend_was_given(self) -> None:
        message = self.send("Hello", self.lookup_connections([ALICE, BOB]))
        assert message.processed
        [given] = self.sent_messages
        assert (given["id_"], given["text"]) == (str(message.id), "Hello")
        assert sorted(given["identities"]) == sorted([ALICE, BOB])
        self.clear_sent_messages()
        assert self.sent_messages == []
        assert self.outbound == [message]

    def test_what_the_code_under_test_sends(self) -> None:
        send("Hello", self.create_connection())
        send("Hello again", self.create_connection())
        assert sorted(given["text"] for given in self.sent_messages) == ["Hello", "Hello again"]


class AppsTest(RapidTest):
    apps = (Hello,)
    handlers = (Join,)

    def test_apps_and_handlers(self) -> None:
        contact = self.create_contact({"name": "Alice"})
        alice = self.create_connection({"contact": contact, "identity": ALICE})
        assert contact.default_connection == alice
        self.receive("hi", alice)
        self.receive("join", alice)
        assert [one.text for one in self.outbound] == ["Hello, Alice", "Send JOIN and your name"]

    def test_people_have_names_and_numbers_of_their_own(self) -> None:
        people = [self.create_contact() for _ in range(2)]
        assert len({person.name for person in people}) == 2
        made = {self.create_connection({"contact": person}).identity for person in people}
        assert len(made) == 2
        assert Connection.objects.filter(contact__in=people).count() == 2

    def test_an_identity_is_a_number(self) -> None:
        with pytest.raises(IdentityError):
            self.create_connection({"identity": "somebody"})


class SettingsTest(RapidTest):
    backends: Any = None

    def test_settings_hold_for_what_is_left_out(self) -> None:
        [alice] = self.lookup_connections([ALICE], backend="acme")
        self.receive("echo hello", alice)
        assert [given["text"] for given in self.sent_messages] == ["hello"]


class BrokenTest(RapidTransactionTest):
    apps = (Broken,)

    def test_an_app_that_raises_fails_the_test(self) -> None:
        [alice] = self.lookup_connections([ALICE])
        with pytest.raises(AppFailed, match="on purpose"):
            self.receive("hello", alice)
