"""Kannel's wire: answers and texts, what an SMS can carry, delivery reports, what people write back."""

from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox
from rcs_backends.emulator.wire import sms_text
from rcs_backends.emulator.wire.kannel.callbacks import filled
from tests.emulator.conftest import NUMBER, Phone, Receiver

SENDSMS = "/emulator/kannel/cgi-bin/sendsms"
BASIC = {"username": "tester", "password": "foobar", "to": NUMBER, "from": "123", "text": "Hello"}


def ask(client: Client, verb: str = "get", **changes: Any) -> tuple[int, str]:
    query = {name: value for name, value in {**BASIC, **changes}.items() if value is not None}
    answer = getattr(client, verb)(
        SENDSMS, query_params={name.replace("_", "-"): value for name, value in query.items()}
    )
    return answer.status_code, answer.content.decode()


ACCEPTED = (202, "0: Accepted for delivery")
FORBIDDEN = (403, "Authorization failed for sendsms")


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, ACCEPTED),
        ({"text": None}, ACCEPTED),
        ({"text": ""}, ACCEPTED),
        ({"to": "+372 555-01234 15550001"}, ACCEPTED),
        ({"username": None, "user": "tester", "password": None, "pass": "foobar"}, ACCEPTED),
        ({"password": "wrong"}, FORBIDDEN),
        ({"password": None}, FORBIDDEN),
        ({"username": "nobody"}, FORBIDDEN),
        ({"username": None}, FORBIDDEN),
        ({"username": "nobody", "password": None}, FORBIDDEN),
        ({"password": "wrong", "to": None}, FORBIDDEN),
        ({"to": None}, (400, "Missing receiver number, rejected")),
        ({"to": ""}, (400, "Empty receiver number not allowed, rejected")),
        ({"to": "abc"}, (400, "Number(s) has/have been denied by white- and/or black-lists.")),
        ({"to": "+"}, (400, "Number(s) has/have been denied by white- and/or black-lists.")),
        ({"from": None}, (400, "Sender missing and no global set, rejected")),
        ({"coding": -1}, ACCEPTED),
        ({"coding": 2}, ACCEPTED),
        ({"coding": 3}, (400, "Coding field misformed, rejected")),
        ({"coding": "x"}, (400, "Coding field misformed, rejected")),
        ({"charset": "nonsense"}, (400, "Charset or body misformed, rejected")),
        ({"charset": "latin-1"}, ACCEPTED),
        ({"dlr-mask": 31}, ACCEPTED),
        ({"dlr-mask": 32}, (400, "DLR-Mask field misformed, rejected")),
        ({"dlrmask": 99}, (400, "DLR-Mask field misformed, rejected")),
        ({"priority": 3}, ACCEPTED),
        ({"priority": 4}, (400, "Priority field misformed, rejected")),
        ({"mclass": 4}, (400, "MClass field misformed, rejected")),
        ({"flash": 4}, (400, "MClass field misformed, rejected")),
        ({"mwi": 8}, (400, "MWI field misformed, rejected")),
        ({"pid": 256}, (400, "PID field misformed, rejected")),
        ({"rpi": 3}, (400, "RPI field misformed, rejected")),
        ({"alt-dcs": 2}, (400, "Alt-DCS field misformed, rejected")),
        ({"compress": 2}, (400, "Compress field misformed, rejected")),
        ({"validity": -1}, (400, "Validity field misformed, rejected")),
        ({"deferred": "soon"}, (400, "Deferred field misformed, rejected")),
    ],
)
def test_sendsms_answers_in_kannels_words(client: Client, changes, answer):
    assert ask(client, **changes) == answer
    assert bool(world.ledger.accepted) == (answer == ACCEPTED)


def test_the_answer_is_html_by_name_and_text_by_nature(client: Client):
    assert client.get(SENDSMS, BASIC).headers["Content-Type"] == "text/html"


def test_head_sends_like_get_and_a_form_does_not(client: Client, phone: Phone):
    assert client.head(SENDSMS, BASIC).status_code == 202
    phone.wait("delivered")
    assert (client.post(SENDSMS, BASIC).status_code, client.post(SENDSMS, BASIC).content) == (
        400,
        b"Invalid content-type",
    )
    assert len(phone.messages()) == 1


def test_other_addresses_are_unknown(client: Client):
    answer = client.get("/emulator/kannel/cgi-bin/other")
    assert (answer.status_code, answer.content) == (404, b"Unknown request.")


@pytest.mark.parametrize(
    ("raw", "changes", "shown"),
    [
        ("Hello%20%C3%B5%20%D0%B6%D0%B6", "", "Hello ? ??"),
        ("%E2%82%AC%7B%7D%C3%A9%C3%84", "", "€{}éÄ"),
        ("%60%C3%A7%E2%80%99%09", "", "????"),
        ("%E9", "&charset=ISO-8859-1", "é"),
        ("%D0%B6%F0%9F%90%98", "&coding=2&charset=UTF-8", "ж🐘"),
        ("%04%36", "&coding=2", "ж"),
        ("%04%36", "&coding=2&charset=UTF-16BE", "ж"),
        ("%D0%B6", "&coding=0&charset=UTF-8", "?"),
        ("%00%FF", "&coding=1", "\x00ÿ"),
        ("a+b", "", "a b"),
        ("a%FF", "", "a?"),
        ("%04", "&coding=2", "\ufffd"),
    ],
)
def test_the_phone_shows_what_the_coding_carries(client: Client, phone: Phone, raw, changes, shown):
    query = f"username=tester&password=foobar&from=123&to=%2B{NUMBER[1:]}&text={raw}{changes}"
    assert client.get(f"{SENDSMS}?{query}").status_code == 202
    assert phone.wait("delivered")["text"] == shown


@pytest.mark.parametrize(
    "raw", ["%FF&charset=UTF-8", "%D8%3D&coding=2&charset=UTF-16BE", "a&charset=UTF-16BE"]
)
def test_bytes_that_are_no_text_are_refused(client: Client, raw):
    query = f"username=tester&password=foobar&from=123&to=1555&text={raw}"
    answer = client.get(f"{SENDSMS}?{query}")
    assert (answer.status_code, answer.content) == (400, b"Charset or body misformed, rejected")


@pytest.mark.parametrize(
    ("text", "parts", "ucs2", "kept"),
    [
        ("a" * 160, 1, False, 160),
        ("a" * 161, 1, False, 160),
        ("a" * 161, 2, False, 161),
        ("a" * 307, 2, False, 306),
        ("€" * 80, 1, False, 80),
        ("€" * 81, 1, False, 80),
        ("€" * 153, 2, False, 152),
        ("a" * 159 + "^", 1, False, 159),
        ("ж" * 70, 1, True, 70),
        ("ж" * 71, 1, True, 70),
        ("ж" * 135, 2, True, 134),
        ("🐘" * 36, 1, True, 35),
        ("🐘" * 67, 2, True, 66),
    ],
)
def test_a_text_is_cut_at_its_last_part(text, parts, ucs2, kept):
    assert len(sms_text.cut(text, parts, ucs2=ucs2)) == kept


def test_the_number_of_parts_is_a_dial(client: Client, phone: Phone):
    world.configure({"kannel": {"max_messages": 1}})
    ask(client, text="a" * 200)
    assert phone.wait("delivered")["text"] == "a" * 160


def test_the_same_request_twice_shows_two_sms_and_counts_as_a_double(client: Client, phone: Phone):
    ask(client, dlr_url="http://127.0.0.1:9/?id=1")
    ask(client, dlr_url="http://127.0.0.1:9/?id=1")
    ask(client, dlr_url="http://127.0.0.1:9/?id=2")
    assert world.wait_for(lambda: sum(entry.copies for entry in world.ledger.shown.values()) == 3)
    messages = phone.messages()
    assert len({message["id"] for message in messages}) == 3
    assert [message["doubles"] for message in messages] == [0, 1, 0]
    assert [entry.copies for entry in world.ledger.accepted.values()] == [2, 1]
    assert world.ledger.doubles == 1


def test_an_sms_reaches_a_phone_without_rcs_but_not_one_that_is_off(client: Client, phone: Phone):
    phone.set(rcs=False)
    ask(client)
    assert phone.wait("delivered")["channel"] == "sms"
    phone.set(online=False)
    assert ask(client, text="later") == ACCEPTED
    assert world.wait_for(lambda: world.handset(NUMBER).waiting)
    phone.set(online=True)
    phone.wait("delivered")


def test_several_receivers_get_one_sms_each(client: Client):
    ask(client, to="+3725550001 003725550002 3725550003")
    assert set(world.handsets) == {"+3725550001", "+3725550002", "+3725550003"}


# Delivery reports


def reports(receiver: Receiver, count: int) -> list[dict[str, str]]:
    found = [parse_qs(urlsplit(one.path).query, keep_blank_values=True) for one in receiver.wait(count)]
    return sorted(
        ({name: values[0] for name, values in one.items()} for one in found), key=lambda one: -int(one["s"])
    )


def dlr(receiver: Receiver, more: str = "") -> str:
    return f"{receiver.url}/dlr?id=7&s=%d{more}"


@pytest.mark.parametrize(
    ("mask", "outcome", "told"),
    [
        (31, "delivered", ["8", "1"]),
        (1, "delivered", ["1"]),
        (24, "delivered", ["8"]),
        (31, "failed", ["8", "2"]),
        (31, "rejected", ["16"]),
        (2, "failed", ["2"]),
    ],
)
def test_reports_come_as_the_mask_asks(client: Client, phone: Phone, acme: Receiver, mask, outcome, told):
    world.configure({"kannel": {"outcome": outcome}})
    ask(client, dlr_mask=mask, dlr_url=dlr(acme))
    assert [one["s"] for one in reports(acme, len(told))] == told
    phone.wait("delivered" if outcome == "delivered" else "expired")
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert len(acme.requests) == len(told)


@pytest.mark.parametrize("changes", [{"dlr-mask": 31}, {"dlr-mask": 0}, {}])
def test_no_report_without_mask_and_address(client: Client, phone: Phone, acme: Receiver, changes):
    if "dlr-mask" not in changes or not changes["dlr-mask"]:
        changes = {**changes, "dlr-url": dlr(acme)}
    ask(client, **changes)
    phone.wait("delivered")
    assert outbox.as_json() == []


def test_a_report_fills_the_escapes(client: Client, acme: Receiver):
    url = dlr(acme, "&a=%A&p=%p&P=%P&i=%i&I=%I&t=%t&T=%T&n=%n&x=%N&F=%F&pc=%%&z=%20")
    ask(client, dlr_mask=31, dlr_url=url)
    first, second = reports(acme, 2)
    assert (first["a"], second["a"]) == ("ACK/", "")
    assert (first["p"], first["P"], first["i"], first["n"]) == (NUMBER, "123", "EMULATOR", "tester")
    assert first["I"] != second["I"]
    assert first["F"] == second["F"]
    assert len(first["t"]) == 19
    assert first["T"].isdigit()
    assert "p=%2B372" in acme.requests[0].path
    assert (first["x"], first["pc"], first["z"]) == ("%N", "%", " ")
    assert acme.requests[0].headers["User-Agent"] == "Kannel/1.4.5"


def test_reports_may_overtake_each_other(client: Client, acme: Receiver):
    """8 and 1 are fetched in parallel: on different lanes, so that neither waits for the other."""
    lanes: set[int | None] = set()
    ask(client, dlr_mask=31, dlr_url=dlr(acme))
    reports(acme, 2)
    with world.change():
        lanes = {webhook.lane for webhook in outbox._log.webhooks}
    assert len(lanes) == 2


def test_a_failed_report_is_not_tried_again_unless_configured(client: Client, phone: Phone, acme: Receiver):
    acme.statuses = [500]
    ask(client, dlr_mask=1, dlr_url=dlr(acme))
    assert world.wait_for(lambda: outbox.as_json() and outbox.as_json()[0]["state"] == "given_up")
    world.configure({"kannel": {"http_request_retry": 2}})
    acme.statuses = [500, 500, 500]
    ask(client, dlr_mask=1, dlr_url=dlr(acme), text="again")
    assert world.wait_for(lambda: [entry["state"] for entry in outbox.as_json()] == ["given_up", "given_up"])
    assert [entry["tries"] for entry in outbox.as_json()] == [1, 3]


def test_a_report_that_gets_any_2xx_is_done(client: Client, acme: Receiver):
    acme.statuses = [204]
    ask(client, dlr_mask=1, dlr_url=dlr(acme))
    assert world.wait_for(lambda: outbox.as_json() and outbox.as_json()[0]["state"] == "delivered")


def test_an_address_that_is_none_does_not_stop_the_others(client: Client, acme: Receiver):
    for url in ("nonsense", "http://[", "http://127.0.0.1:99999/", dlr(acme)):
        ask(client, dlr_mask=1, dlr_url=url)
    acme.wait(1)
    assert world.wait_for(lambda: outbox.waiting == 0)


def test_an_sms_that_outlives_its_validity_fails(client: Client, phone: Phone, acme: Receiver):
    phone.set(online=False)
    ask(client, validity=1, dlr_mask=2, dlr_url=dlr(acme))
    message = world.handset(NUMBER).messages[phone.messages()[0]["id"]]
    assert message.expires_at is not None
    assert 50 < (message.expires_at - message.at).total_seconds() < 61


def test_a_network_that_is_down_queues_until_it_is_up(client: Client, phone: Phone, acme: Receiver):
    world.configure({"kannel": {"link": "down"}})
    assert ask(client, dlr_mask=31, dlr_url=dlr(acme)) == (202, "3: Queued for later delivery")
    assert world.wait_for(lambda: world.handset(NUMBER).waiting)
    assert acme.requests == []
    client.post("/emulator/config/", {"kannel": {"link": "up"}}, content_type="application/json")
    assert [one["s"] for one in reports(acme, 2)] == ["8", "1"]


def test_a_stopped_link_is_not_routable(client: Client):
    world.configure({"kannel": {"link": "stopped"}})
    assert ask(client) == (403, "Not routable. Do not try again.")


# What people write


def test_a_text_goes_to_the_sender_of_the_last_sms(client: Client, phone: Phone, acme: Receiver):
    ask(client, **{"from": "456"})
    phone.wait("delivered")
    said = phone.do("text", text="Tere  õhtust ж")
    assert said is not None
    assert (said["channel"], said["agent"]) == ("sms", "456")
    request = acme.wait(1)[0]
    query = parse_qs(urlsplit(request.path).query)
    assert query == {
        "id": [NUMBER],
        "to": ["456"],
        "text": ["Tere õhtust ж"],
        "charset": ["UTF-8"],
        "coding": ["0"],
    }
    phone.wait("delivered")


def test_without_recoding_unicode_comes_as_utf16(phone: Phone, acme: Receiver):
    world.configure({"kannel": {"mo_recode": False}})
    phone.do("text", text="ж", via="sms", to="456")
    phone.do("text", text="yes", via="sms", to="456")
    paths = sorted(request.path for request in acme.wait(2))
    assert "charset=UTF-16BE&coding=2" in paths[0]
    assert unquote_to_bytes(paths[0].split("text=")[1].split("&")[0]) == "ж".encode("utf-16-be")
    assert "text=yes&charset=UTF-8&coding=0" in paths[1]


def test_stop_by_sms_is_only_the_word(phone: Phone, acme: Receiver):
    phone.set(rcs=False)
    phone.do("unsubscribe")
    assert "text=STOP" in acme.wait(1)[0].path
    assert phone.set()["unsubscribed"] is True
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert len(acme.requests) == 1


def test_a_lost_mo_is_lost(phone: Phone, acme: Receiver):
    acme.statuses = [500]
    phone.do("text", text="hi", via="sms")
    assert world.wait_for(lambda: outbox.as_json() and outbox.as_json()[0]["state"] == "given_up")
    assert phone.messages()[0]["state"] == "waiting"


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("/?a=%a&b=%b", "/?a=two+words&b=two++words"),
        ("/?k=%k&s=%s&S=%S&r=%r", "/?k=two&s=w%C3%B6rds&S=wörds&r=w%C3%B6rds"),
        ("/?p=%%&n=%N&h=%2B&e=%", "/?p=%25&n=%25N&h=%2B&e=%25"),
    ],
)
def test_escapes_are_filled_and_others_stay(url, result):
    escapes: dict[str, str | bytes] = {
        "a": b"two words",
        "b": b"two  words",
        "k": "two",
        "s": "wörds",
        "S": "wörds",
        "r": "wörds",
    }
    assert filled(url, escapes) == result
