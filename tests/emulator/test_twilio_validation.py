"""What Twilio's wire takes and what it refuses, in its own codes; how many parts a text has; nothing ends in a 500."""

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_backends.emulator.phones import now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import sms_text
from tests.emulator.conftest import NUMBER
from tests.searches import examples

ACCOUNT = "AC" + "0" * 32
SERVICE = "MG" + "1" * 32
EMPTY_SERVICE = "MG" + "2" * 32
KEY = "SK" + "3" * 32
SENDER, POOLED = "+15550001000", "+15550002000"
BASE = f"/emulator/twilio/2010-04-01/Accounts/{ACCOUNT}/"
MESSAGES = f"{BASE}Messages.json"
FORM = "application/x-www-form-urlencoded"
BASIC = {"To": NUMBER, "From": SENDER, "Body": "Hello"}
SCHEDULED = {"MessagingServiceSid": SERVICE, "ScheduleType": "fixed"}


def basic(user: str = ACCOUNT, password: str = "emulator-token") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def post(client: Client, path: str = MESSAGES, headers: dict[str, str] | None = None, **form: Any) -> Any:
    given = {name: value for name, value in form.items() if value is not None}
    body = urlencode(given, doseq=True)
    return client.post(path, body, content_type=FORM, headers=basic() if headers is None else headers)


def send(client: Client, **changes: Any) -> Any:
    return post(client, **{**BASIC, **changes})


def after(**duration: float) -> str:
    return (now() + timedelta(**duration)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(autouse=True)
def account() -> None:
    services = {SERVICE: [POOLED], EMPTY_SERVICE: []}
    known = {"numbers": [SENDER], "messaging_services": services, "api_keys": {KEY: "secret"}}
    world.configure({"twilio": {"accounts": {ACCOUNT: known}}})


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"To": None}, 400, 21604),
        ({"To": ""}, 400, 21604),
        ({"To": "123"}, 400, 21211),
        ({"To": "whatsapp:+15550003000"}, 400, 21211),
        ({"To": "+15005550001"}, 400, 21211),
        ({"To": "+15005550002"}, 400, 21612),
        ({"To": "+15005550003"}, 400, 21408),
        ({"To": "+15005550004"}, 400, 21610),
        ({"To": "+15005550009"}, 400, 21614),
        ({"From": None}, 400, 21603),
        ({"From": ""}, 400, 21603),
        ({"From": "+1"}, 400, 21212),
        ({"From": "A name too long"}, 400, 21212),
        ({"From": "+15005550001"}, 400, 21212),
        ({"From": "+15005550007"}, 400, 21606),
        ({"From": "+15005550008"}, 400, 21611),
        ({"From": "+15550009999"}, 400, 21606),
        ({"From": "Shop"}, 400, 21606),
        ({"From": None, "MessagingServiceSid": "MG1"}, 400, 21705),
        ({"From": None, "MessagingServiceSid": "MG" + "9" * 32}, 404, 21701),
        ({"From": None, "MessagingServiceSid": EMPTY_SERVICE}, 400, 21704),
        ({"From": SENDER, "MessagingServiceSid": SERVICE}, 400, 21606),
        ({"Body": None}, 400, 21602),
        ({"Body": ""}, 400, 21602),
        ({"Body": "x" * 1601}, 400, 21617),
        ({"MediaUrl": ["https://a.example/1.png"] * 11}, 400, 21623),
        ({"MediaUrl": "1.png"}, 400, 21620),
        ({"StatusCallback": "callback"}, 400, 21609),
        ({"StatusCallback": "http://a_b.example/x"}, 400, 21609),
        ({"StatusCallback": "http://[::1/x"}, 400, 21609),
        ({"StatusCallback": "http://a.example/" + "x" * 4000}, 400, 21609),
        ({"ValidityPeriod": "0"}, 400, 21624),
        ({"ValidityPeriod": "36001"}, 400, 21624),
        ({"ValidityPeriod": "soon"}, 400, 21624),
        ({"ScheduleType": "fixed", "SendAt": after(hours=1)}, 400, 35118),
        ({**SCHEDULED, "From": None}, 400, 35111),
        ({**SCHEDULED, "From": None, "ScheduleType": "daily"}, 400, 35126),
        ({**SCHEDULED, "From": None, "SendAt": "tomorrow"}, 400, 35115),
        ({**SCHEDULED, "From": None, "SendAt": after(hours=1)[:-1]}, 400, 35115),
        ({**SCHEDULED, "From": None, "SendAt": after(seconds=100)}, 400, 35115),
        ({**SCHEDULED, "From": None, "SendAt": after(days=36)}, 400, 35115),
    ],
)
def test_a_refusal_has_twilios_code(client: Client, changes, status, code):
    answer = send(client, **changes)
    body = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (status, code, status)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert not world.ledger.accepted


def test_the_words_of_an_invalid_number(client: Client):
    assert send(client, To="123").json()["message"] == "The 'To' number 123 is not a valid phone number."


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "queued"),
        ({"Body": "x" * 1600}, "queued"),
        ({"From": "+15005550006"}, "queued"),
        ({"From": POOLED}, "queued"),
        ({"From": None, "MessagingServiceSid": SERVICE}, "accepted"),
        ({"From": SERVICE}, "accepted"),
        ({"From": POOLED, "MessagingServiceSid": SERVICE}, "accepted"),
        ({**SCHEDULED, "From": None, "SendAt": after(hours=1)}, "scheduled"),
        ({**SCHEDULED, "From": None, "SendAt": after(days=34)}, "scheduled"),
        ({"SendAt": "whenever"}, "queued"),
        ({"ValidityPeriod": "1"}, "queued"),
        ({"ValidityPeriod": "36000"}, "queued"),
        ({"StatusCallback": "http://127.0.0.1:8000/status?mid=42"}, "queued"),
        ({"Body": None, "MediaUrl": ["https://a.example/1.png"] * 10}, "queued"),
        ({"Body": None, "ContentSid": "HX" + "1" * 32}, "queued"),
        ({"RiskCheck": "enable", "SomethingNew": "1"}, "queued"),
    ],
)
def test_what_keeps_the_rules_is_taken(client: Client, changes, status):
    answer = send(client, **changes)
    assert (answer.status_code, answer.json()["status"]) == (201, status)
    assert len(world.ledger.accepted) == 1


@pytest.mark.parametrize("sender", ["+15550009999", "12345", "Shop", "Boots & Co"])
def test_an_account_without_numbers_may_send_as_anybody(client: Client, sender):
    world.configure({"twilio": {"accounts": {ACCOUNT: {"numbers": [], "messaging_services": {}}}}})
    assert send(client, From=sender).json()["from"] == sender


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (MESSAGES, {}),
        (MESSAGES, {"Authorization": "Basic"}),
        (MESSAGES, {"Authorization": "Basic ***"}),
        (MESSAGES, {"Authorization": "Bearer emulator-token"}),
        (MESSAGES, basic(password="wrong")),
        (MESSAGES, basic(user="AC" + "9" * 32)),
        (MESSAGES, basic(KEY, "emulator-token")),
        (MESSAGES.replace(ACCOUNT, "AC" + "9" * 32), basic()),
        (f"{BASE}Messages/SM1.json", {}),
    ],
)
def test_a_stranger_is_refused(client: Client, path, headers):
    answer = post(client, path, headers, **BASIC)
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert not world.ledger.accepted


def test_an_api_key_is_as_good_as_the_token(client: Client):
    assert post(client, MESSAGES, basic(KEY, "secret"), **BASIC).status_code == 201


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", ""])
def test_only_a_form_has_fields(client: Client, content_type):
    answer = client.generic("POST", MESSAGES, urlencode(BASIC).encode(), content_type, headers=basic())
    assert (answer.status_code, answer.json()["code"]) == (400, 21604)


def test_a_body_larger_than_the_server_takes_is_refused(client: Client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert send(client, Body="x" * 1500).status_code == 400


@pytest.mark.parametrize(
    ("verb", "path", "status", "code"),
    [
        ("put", "Messages.json", 405, 20004),
        ("delete", "Messages.json", 405, 20004),
        ("get", "Messages/SM1.json", 404, 20404),
        ("delete", "Messages/SM1.json", 404, 20404),
        ("get", "Calls.json", 404, 20404),
        ("get", "Messages/SM1/Media.json", 404, 20404),
    ],
)
def test_what_is_not_there(client: Client, verb, path, status, code):
    answer = getattr(client, verb)(f"{BASE}{path}", headers=basic())
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "accounts",
    [
        {ACCOUNT: "token"},
        {ACCOUNT: {"auth_token": ""}},
        {ACCOUNT: {"auth_token": 7}},
        {ACCOUNT: {"password": "x"}},
        {ACCOUNT: {"numbers": [7]}},
        {ACCOUNT: {"messaging_services": {SERVICE: POOLED}}},
        {ACCOUNT: {"api_keys": {KEY: 7}}},
        {ACCOUNT: {"sms_url": "sms"}},
        {"AC1": {"numbers": []}},
    ],
)
def test_an_account_that_makes_no_sense_is_refused(client: Client, accounts):
    answer = client.post(
        "/emulator/config/", {"twilio": {"accounts": accounts}}, content_type="application/json"
    )
    assert answer.status_code == 400
    assert "twilio.accounts" in answer.json()["error"]


# Parts


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 159 + "^", 2),
        ("a" * 152 + "^" + "a" * 151, 2),
        ("a" * 152 + "^" + "a" * 152, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("🐘" * 35, 1),
        ("🐘" * 36, 2),
        ("🐘" * 66, 2),
        ("🐘" * 67, 3),
        ("a" * 160 + "`", 3),
        ("Ç" * 160, 1),
        ("ç" * 160, 3),
    ],
)
def test_parts_are_counted_as_a_network_does(text, count):
    assert sms_text.segments(text) == count


def test_smart_encoding_writes_it_plainer(client: Client):
    typed = "\u201cBoots\u201d \u2013 it\u2019s 5\u00a0\u20ac\u2026"
    plain = '"Boots" - it\'s 5 €...'
    assert send(client, Body=typed, SmartEncoded="true").json()["body"] == plain
    assert send(client, Body=typed).json()["body"] == typed
    assert sms_text.plainer("Šokolaad 🐘") == "Šokolaad 🐘"


# Fuzz

NAMES = (
    *("To", "From", "Body", "MessagingServiceSid", "MediaUrl", "ContentSid", "StatusCallback"),
    *("ValidityPeriod", "ScheduleType", "SendAt", "SmartEncoded", "Status", "PageSize", "Page", "DateSent"),
)
VALUES = st.text(max_size=8) | st.sampled_from(
    (
        "fixed",
        SERVICE,
        SENDER,
        NUMBER,
        "http://a.example/",
        "http://[",
        "9999-12-31",
        "0001-01-01T00:00:00+23:59",
    )
)
quickly = settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@quickly
@given(form=st.dictionaries(st.sampled_from(NAMES), VALUES | st.lists(VALUES, max_size=3)))
def test_any_form_is_answered(form: dict[str, Any]):
    account = {"numbers": [], "messaging_services": {SERVICE: [POOLED]}}
    world.configure({"twilio": {"accounts": {ACCOUNT: account}}})
    answer = post(Client(), **{**BASIC, **form})
    assert answer.status_code in (201, 400, 404)
    assert answer.json()


@quickly
@given(body=st.binary(max_size=40))
def test_any_bytes_are_answered(body: bytes):
    answer = Client().generic("POST", MESSAGES, body, FORM, headers=basic())
    assert answer.status_code in (201, 400)


@quickly
@given(query=st.dictionaries(st.sampled_from((*NAMES, "DateSent<", "DateSent>")), VALUES))
def test_any_query_of_the_list_is_answered(query: dict[str, str]):
    answer = Client().get(MESSAGES, query_params=query, headers=basic())
    assert answer.status_code in (200, 400)
    assert answer.json()


@quickly
@given(
    user=st.text(max_size=5), header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
)
def test_any_login_is_answered(user: str, header: str):
    for headers in ({"Authorization": f"Basic {header}"}, {"Authorization": header}, basic(user)):
        assert post(Client(), MESSAGES, headers, **BASIC).status_code == 401
