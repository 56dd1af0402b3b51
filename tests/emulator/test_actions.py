"""What a person does, on a wire that knows no provider: who is spoken to, what is said, and what the phone refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Handset, Json, Message, Suggestion
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wires import Delivered, Problem, Said, Wire, wires
from tests.emulator.conftest import NUMBER, Phone


class Parrot(Wire):
    """A provider of RCS that remembers what it is told."""

    provider = "parrot"
    dials: Json = {"bots": {}, "up": True, "mood": "gay", "patience": 1}
    open_dials = ("bots",)
    choices = {"mood": ("gay", "grave")}
    methods = ("squawk",)

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.actions = {"whistle": self.whistle}

    def agents(self) -> list[str]:
        return list(world.config[self.provider]["bots"])

    def is_up(self) -> bool:
        return bool(world.config[self.provider]["up"])

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        if said.text == "unspeakable":
            raise Problem("That is not said.")
        self.told.append((message, said))
        delivered()

    def typing(self, agent: str, number: str, active: bool) -> None:
        self.told.append(("typing", agent, active))

    def subscription(self, agent: str, number: str, subscribed: bool) -> None:
        self.told.append(("subscription", agent, subscribed))

    def whistle(self, handset: Handset, action: Json) -> None:
        self.told.append(("whistle", handset.number))

    def said(self) -> list[Said]:
        return [each[1] for each in self.told if isinstance(each[1], Said)]


class Magpie(Parrot):
    """Another one, whose subscriptions are told before the keyword."""

    provider = "magpie"

    def subscription_comes_first(self) -> bool:
        return True


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Parrot]:
    """Two wires more; one bot of the first can be written to."""
    found = Parrot()
    monkeypatch.setitem(wires(), "parrot", found)
    monkeypatch.setitem(wires(), "magpie", Magpie())
    world.forget(config=True)
    world.configure({"delivery_delay": 0, "parrot": {"bots": {"polly": {}}}})
    yield found
    monkeypatch.undo()
    world.forget(config=True)


def receive(message_id: str = "m1", provider: str = "parrot", agent: str = "polly", **more: Any) -> Message:
    """Show a message on the phone."""
    message = Message(message_id, provider, agent, NUMBER, **{"state": "delivered", **more})
    with world.change():
        world.handset(NUMBER).messages[message_id] = message
    return message


def chip(kind: str, **detail: Any) -> Suggestion:
    return Suggestion("Do it", kind, "p1", detail)


# Whom a person talks to


def test_the_only_agent_is_spoken_to_first(parrot: Parrot, phone: Phone):
    bubble = phone.do("text", text="hi")
    assert bubble is not None
    assert (bubble["provider"], bubble["agent"], bubble["channel"], bubble["state"]) == (
        "parrot",
        "polly",
        "rcs",
        "delivered",
    )
    assert [said.text for said in parrot.said()] == ["hi"]
    assert parrot.told[0][0].id == bubble["id"] == phone.messages()[0]["id"]


def test_several_agents_are_named(parrot: Parrot, phone: Phone):
    world.configure({"google": {"agents": {"acme": {}}}})
    problem = phone.refused("text", text="hi")
    assert "acme (google)" in problem
    assert "polly (parrot)" in problem
    assert phone.messages() == []


@pytest.mark.parametrize(
    ("asked", "spoken_to"),
    [
        ({}, ("magpie", "mag", "rcs")),  # the newest
        ({"via": "rcs"}, ("magpie", "mag", "rcs")),
        ({"via": "sms"}, ("kannel", "1550", "sms")),
        ({"via": "kannel"}, ("kannel", "1550", "sms")),
        ({"via": "parrot"}, ("parrot", "polly", "rcs")),
        ({"via": "google"}, ("google", "acme", "rcs")),  # the only agent there is
        ({"to": "polly"}, ("parrot", "polly", "rcs")),  # who wrote under this name
        ({"to": "acme"}, ("google", "acme", "rcs")),  # whose agent it is
        ({"to": "nobody"}, ("magpie", "nobody", "rcs")),  # the conversation's wire
        ({"via": "google", "to": "nobody"}, ("google", "nobody", "rcs")),
        ({"via": "sms", "to": "999"}, ("kannel", "999", "sms")),
    ],
)
def test_who_is_spoken_to(parrot: Parrot, phone: Phone, asked, spoken_to):
    world.configure({"google": {"agents": {"acme": {}}}})
    receive("m1")
    receive("m2", "kannel", "1550", channel="sms")
    receive("m3", "magpie", "mag")
    bubble = phone.do("text", text="hi", **asked)
    assert bubble is not None
    assert (bubble["provider"], bubble["agent"], bubble["channel"]) == spoken_to


def test_an_agent_that_two_providers_have_needs_the_provider(parrot: Parrot, phone: Phone):
    world.configure({"google": {"agents": {"polly": {}}}})
    assert "google, parrot" in phone.refused("text", text="hi", to="polly")
    assert phone.do("text", text="hi", to="polly", via="parrot")


@pytest.mark.parametrize("asked", [{}, {"via": "sms"}, {"via": "parrot"}, {"to": "polly"}])
def test_the_sms_of_a_provider_of_rcs_is_answered_by_sms(parrot: Parrot, phone: Phone, asked):
    phone.set(rcs=False)
    receive(channel="sms")
    bubble = phone.do("text", text="1", **asked)
    assert bubble is not None
    assert (bubble["provider"], bubble["agent"], bubble["channel"]) == ("parrot", "polly", "sms")


@pytest.mark.parametrize("asked", [{"via": "rcs"}, {"via": "parrot"}, {"to": "polly", "via": "rcs"}])
def test_a_phone_without_rcs_speaks_to_no_agent(parrot: Parrot, phone: Phone, asked):
    phone.set(rcs=False)
    assert "RCS" in phone.refused("text", text="hi", **asked)


# What is said


def test_what_the_wire_does_not_take_leaves_no_bubble(parrot: Parrot, phone: Phone):
    assert phone.refused("text", text="unspeakable") == "That is not said."
    assert phone.messages() == []


@pytest.mark.parametrize(
    ("action", "kind", "media_type", "name"),
    [
        ({"url": "https://a.example/b.jpg"}, "file", "image/jpeg", "b.jpg"),
        ({"url": "https://a.example/"}, "file", "application/octet-stream", "file"),
        ({"url": "https://a.example/b.mp3"}, "audio", "audio/mpeg", "b.mp3"),
        ({"url": "https://a.example/b", "media_type": "audio/amr"}, "audio", "audio/amr", "b"),
        ({"url": "https://a.example/b", "audio": True, "name": "B"}, "audio", "audio/mp4", "B"),
        (
            {"url": "https://a.example/b.ogg", "audio": True, "media_type": "audio/ogg"},
            "audio",
            "audio/ogg",
            "b.ogg",
        ),
    ],
)
def test_a_file_is_a_sound_or_not(parrot: Parrot, phone: Phone, action, kind, media_type, name):
    bubble = phone.do("file", **action, size=1200, seconds=7)
    said = parrot.said()[0]
    assert (said.kind, said.media_type, said.name, said.size, said.url) == (
        kind,
        media_type,
        name,
        1200,
        action["url"],
    )
    assert bubble is not None
    media = bubble["media"]
    assert (bubble["kind"], media["media_type"], media["name"], media["size"], media["seconds"]) == (
        kind,
        media_type,
        name,
        1200,
        7,
    )


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("file", {"url": "https://a.example/b", "size": -1}),
        ("file", {"url": "https://a.example/b", "seconds": "7"}),
        ("file", {"url": "https://a.example/b", "size": True}),
        ("location", {"latitude": 1, "longitude": 10**400}),
        ("location", {"latitude": 1, "longitude": 2, "label": 3}),
        ("type", {"active": "yes"}),
        ("form", {"data": {}}),
    ],
)
def test_what_makes_no_sense_is_refused(parrot: Parrot, phone: Phone, action, details):
    assert phone.refused(action, **details).endswith(".")
    assert parrot.told == []


def test_a_place_may_have_a_label(parrot: Parrot, phone: Phone):
    phone.do("location", latitude=59.4, longitude=24.7, label="Home")
    phone.do("location", latitude=59.4, longitude=24.7)
    assert [(said.text, said.latitude, said.longitude) for said in parrot.said()] == [
        ("Home", 59.4, 24.7),
        ("", 59.4, 24.7),
    ]
    assert [each["text"] for each in phone.messages()] == ["Home", "59.4, 24.7"]


def test_typing_begins_and_stops(parrot: Parrot, phone: Phone):
    phone.do("type")
    phone.do("type", active=False)
    assert parrot.told == [("typing", "polly", True), ("typing", "polly", False)]


@pytest.mark.parametrize(("provider", "first"), [("parrot", "STOP"), ("magpie", "subscription")])
def test_the_wire_says_what_of_a_subscription_comes_first(parrot: Parrot, phone: Phone, provider, first):
    receive(provider=provider)
    phone.do("unsubscribe")
    told = wires()[provider].told  # type: ignore[attr-defined]
    words = [each[1].text if isinstance(each[1], Said) else each[0] for each in told]
    assert sorted(words) == ["STOP", "subscription"]
    assert words[0] == first


# Taps


@pytest.mark.parametrize(
    ("suggestion", "kinds", "bubbles"),
    [
        (chip("reply"), ["reply"], ["Do it"]),
        (chip("open_url", url="https://a.example/"), ["action"], []),
        (chip("compose_text", phone="+372", text="x"), ["action"], []),
        (chip("disable_anonymization"), ["action"], []),
        (chip("request_location"), ["action", "location"], ["59.437, 24.7536"]),
        (chip("request_device_specifics"), ["action", "device"], []),
    ],
    ids=lambda value: value.kind if isinstance(value, Suggestion) else None,
)
def test_a_tap_says_what_the_suggestion_is_for(parrot: Parrot, phone: Phone, suggestion, kinds, bubbles):
    suggestion.tapped = False
    message = receive(suggestions=[suggestion])
    phone.do("tap", suggestion="Do it")
    assert [said.kind for said in parrot.said()] == kinds
    first = parrot.said()[0]
    assert (first.label, first.postback, first.about) == ("Do it", "p1", message)
    assert suggestion.tapped
    assert [each["text"] for each in phone.messages()[1:]] == bubbles


def test_a_phone_tells_of_itself(parrot: Parrot, phone: Phone):
    receive(suggestions=[chip("request_device_specifics")])
    phone.do("tap", suggestion=0)
    assert set(parrot.said()[1].data) == {
        "deviceModel",
        "platformVersion",
        "clientVendor",
        "clientVersion",
        "batteryRemainingMinutes",
    }


@pytest.mark.parametrize(
    ("kind", "lacking"), [("request_location", "location"), ("request_device_specifics", "device")]
)
def test_a_tap_is_told_even_where_the_wire_cannot_tell_what_follows(
    parrot: Parrot, phone: Phone, kind, lacking
):
    def say(message: Message, said: Said, delivered: Delivered) -> None:
        if said.kind == lacking:
            raise Problem("That is not said.")
        Parrot.say(parrot, message, said, delivered)

    parrot.say = say
    shown = receive(suggestions=[chip(kind)])
    phone.do("tap", suggestion=0)
    assert [said.kind for said in parrot.said()] == ["action"]
    assert shown.suggestions[0].tapped


def test_a_tap_at_an_impossible_place_does_nothing(parrot: Parrot, phone: Phone):
    shown = receive(suggestions=[chip("request_location")])
    phone.refused("tap", suggestion=0, latitude=91)
    assert parrot.told == []
    assert not shown.suggestions[0].tapped


def test_nothing_in_an_sms_can_be_tapped(parrot: Parrot, phone: Phone):
    receive(channel="sms", suggestions=[chip("reply")])
    assert "no suggestion" in phone.refused("tap", suggestion=0)


# Forms


def field(name: str, kind: str, *, required: bool = False, options: tuple[str, ...] = ()) -> Json:
    return {"name": name, "label": name.title(), "type": kind, "required": required, "options": list(options)}


FIELDS = [
    field("who", "text", required=True),
    field("size", "select", options=("41", "42")),
    field("when", "date"),
    field("mail", "email"),
    field("tel", "phone"),
    field("count", "number"),
    field("gift", "checkbox"),
]


def form(message_id: str = "f1", *fields: Json) -> Message:
    content = {"id": message_id, "title": "Order", "text": "", "submit": "Go", "postback": "order_7"}
    return receive(message_id, kind="form", form={**content, "fields": list(fields or FIELDS)})


def test_a_form_is_filled_in(parrot: Parrot, phone: Phone):
    message = form()
    data = {"who": "Mari", "size": "42", "when": "2026-11-27", "mail": "", "count": 2, "gift": True}
    bubble = phone.do("form", data=data)
    said = parrot.said()[0]
    kept = {key: value for key, value in data.items() if value != ""}
    assert (said.kind, said.postback, said.about, said.data) == ("form", "order_7", message, kept)
    assert bubble is not None
    assert bubble["text"] == "Order\nWho: Mari\nSize: 42\nWhen: 2026-11-27\nCount: 2\nGift: yes"
    assert phone.messages()[0]["form"]["answer"] == kept


def test_the_newest_form_is_filled_in_unless_one_is_named(parrot: Parrot, phone: Phone):
    first, second, third = form("f1"), form("f2"), form("f3")
    third.state = "waiting"
    phone.do("form", data={"who": "A"})
    phone.do("form", data={"who": "B"}, message="f1")
    phone.refused("form", data={"who": "C"}, message="f3")
    assert [said.about for said in parrot.said()] == [second, first]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (None, "data"),
        ([], "data"),
        ({}, "who"),
        ({"who": ""}, "who"),
        ({"who": None}, "who"),
        ({"who": 7}, "who"),
        ({"who": "A", "shoe": "42"}, "shoe"),
        ({"who": "A", "size": "43"}, "size"),
        ({"who": "A", "size": ["42"]}, "size"),
        ({"who": "A", "when": "tomorrow"}, "when"),
        ({"who": "A", "when": "20261127"}, "when"),
        ({"who": "A", "when": 20261127}, "when"),
        ({"who": "A", "mail": "mari"}, "mail"),
        ({"who": "A", "tel": "call me"}, "tel"),
        ({"who": "A", "count": "two"}, "count"),
        ({"who": "A", "count": True}, "count"),
        ({"who": "A", "gift": "yes"}, "gift"),
    ],
)
def test_a_form_is_refused_as_the_phone_would(parrot: Parrot, phone: Phone, data, named):
    message = form()
    assert named in phone.refused("form", data=data)
    assert parrot.told == []
    assert message.form is not None
    assert "answer" not in message.form


def test_a_box_that_must_be_ticked_is_ticked(parrot: Parrot, phone: Phone):
    form("f1", field("terms", "checkbox", required=True))
    assert "terms" in phone.refused("form", data={"terms": False})
    assert phone.do("form", data={"terms": True})


# What only some phones can do


def test_a_wires_own_action_needs_no_conversation(parrot: Parrot, phone: Phone):
    phone.do("whistle")
    assert parrot.told == [("whistle", NUMBER)]


def test_the_conversations_own_wire_is_asked_first(parrot: Parrot, phone: Phone):
    receive(provider="magpie")
    phone.do("whistle")
    assert parrot.told == []
    assert wires()["magpie"].told == [("whistle", NUMBER)]  # type: ignore[attr-defined]


def test_an_unknown_action_is_answered_by_all_that_there_are(parrot: Parrot, phone: Phone):
    problem = phone.refused("dance")
    for known in ("text", "form", "whistle"):
        assert known in problem


# What the core asks a wire


def test_a_network_that_is_down_holds_messages_until_it_is_up(parrot: Parrot, phone: Phone):
    world.configure({"parrot": {"up": False}})
    with world.change():
        delivery.accept(Message("m1", "parrot", "polly", NUMBER, ledger_id="m1"))
    assert world.wait_for(lambda: "m1" in world.handset(NUMBER).waiting)
    assert phone.messages()[0]["state"] == "waiting"
    phone.client.post("/emulator/config/", {"parrot": {"up": True}}, content_type="application/json")
    phone.wait("delivered")
