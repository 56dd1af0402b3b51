"""Twilio's own Python library, unchanged, against the emulator: send, read, list, cancel, redact, delete."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from rcs_backends.emulator import server
from rcs_backends.emulator.state import world
from tests.emulator.conftest import Receiver, fresh_world, receiver  # noqa: F401

pytestmark = pytest.mark.services

ACCOUNT, TOKEN = "AC" + "4" * 32, "the-auth-token"
KEY = "SK" + "5" * 32
SERVICE = "MG" + "6" * 32
SENDER, POOLED = "+15550001000", "+15550002000"
ALICE = "+37255501234"
PROVIDER = "https://api.twilio.com"


class Redirected(TwilioHttpClient):
    """The library's client, with the emulator in Twilio's place."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=10)
        self.base = base

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        assert url.startswith(f"{PROVIDER}/")
        return super().request(method, self.base + url.removeprefix(PROVIDER), *args, **kwargs)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with server.start(application=server.EmulatorOnly()) as running:
        yield f"{running.url}/emulator/twilio"


@pytest.fixture
def login(base: str, receiver: Receiver) -> Callable[..., Client]:  # noqa: F811
    account = {
        "auth_token": TOKEN,
        "api_keys": {KEY: "the-secret"},
        "numbers": [SENDER],
        "messaging_services": {SERVICE: [POOLED]},
        "sms_url": f"{receiver.url}/sms",
    }
    world.configure({"twilio": {"accounts": {ACCOUNT: account}}})
    return lambda *credentials: Client(*credentials, http_client=Redirected(base))


@pytest.fixture
def twilio(login: Callable[..., Client]) -> Client:
    return login(ACCOUNT, TOKEN)


def delivered(twilio: Client, sid: str) -> Any:
    """The message, once the phone shows it."""
    assert world.wait_for(lambda: world.handset(ALICE).messages[sid].state == "delivered")
    return twilio.messages(sid).fetch()


def scheduled(twilio: Client) -> Any:
    return twilio.messages.create(
        to=ALICE,
        messaging_service_sid=SERVICE,
        body="Later",
        schedule_type="fixed",
        send_at=datetime.now(UTC) + timedelta(hours=1),
    )


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"to": "123"}, 400, 21211),
        ({"to": "+15005550001"}, 400, 21211),
        ({"to": "+15005550004"}, 400, 21610),
        ({"from_": "+15550009999"}, 400, 21606),
        ({"body": "x" * 1601}, 400, 21617),
    ],
)
def test_a_refusal_is_understood(twilio: Client, changes: dict[str, str], status: int, code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(**{"to": ALICE, "from_": SENDER, "body": "Hello", **changes})
    assert (refused.value.status, refused.value.code) == (status, code)
    assert refused.value.uri == f"/Accounts/{ACCOUNT}/Messages.json"


@pytest.mark.parametrize(
    "credentials", [(ACCOUNT, "wrong"), ("AC" + "9" * 32, TOKEN), (KEY, "wrong", ACCOUNT)]
)
def test_a_wrong_login_is_understood(login: Callable[..., Client], credentials: tuple[str, ...]) -> None:
    with pytest.raises(TwilioRestException) as refused:
        login(*credentials).messages.create(to=ALICE, from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_an_api_key_logs_in(login: Callable[..., Client]) -> None:
    assert login(KEY, "the-secret", ACCOUNT).messages.create(to=ALICE, from_=SENDER, body="Hello").sid


def test_a_message_is_created_and_read(twilio: Client) -> None:
    created = twilio.messages.create(to=ALICE, from_=SENDER, body="Tere õhtust " * 10)
    assert (created.status, created.direction, created.num_segments) == ("queued", "outbound-api", "2")
    assert (created.to, created.from_, created.account_sid) == (ALICE, SENDER, ACCOUNT)
    assert created.date_created.tzinfo
    assert created.date_sent is None
    read = delivered(twilio, created.sid)
    assert (read.status, read.body, read.error_code) == ("delivered", "Tere õhtust " * 10, None)
    assert read.date_sent >= read.date_created


def test_a_list_is_followed_to_its_end(twilio: Client) -> None:
    for number in range(7):
        twilio.messages.create(to=ALICE, from_=SENDER, body=str(number))
    twilio.messages.create(to="+37255501235", from_=SENDER, body="elsewhere")
    found = twilio.messages.list(to=ALICE, page_size=3)
    assert [one.body for one in found] == ["6", "5", "4", "3", "2", "1", "0"]
    assert len(twilio.messages.list(limit=2)) == 2
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert len(twilio.messages.list(date_sent_after=yesterday)) == 8
    assert twilio.messages.list(date_sent_before=yesterday) == []


def test_a_scheduled_message_is_cancelled(twilio: Client) -> None:
    created = scheduled(twilio)
    assert (created.status, created.messaging_service_sid) == ("scheduled", SERVICE)
    assert twilio.messages(created.sid).update(status="canceled").status == "canceled"
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages(created.sid).update(status="canceled")
    assert refused.value.code == 30409


def test_the_words_are_taken_out_and_the_message_is_deleted(twilio: Client) -> None:
    sid = twilio.messages.create(to=ALICE, from_=SENDER, body="Secret").sid
    message = delivered(twilio, sid)
    assert message.update(body="").body == ""
    assert message.delete()
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages(sid).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_stop_blocks_and_start_unblocks(twilio: Client, client: Any) -> None:
    def write(text: str) -> None:
        action = {"action": "text", "text": text, "via": "twilio", "to": SENDER}
        path = f"/emulator/handsets/{ALICE}/actions/"
        assert client.post(path, action, content_type="application/json").status_code == 200

    client.post("/emulator/handsets/", {"number": ALICE}, content_type="application/json")
    write("STOP")
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(to=ALICE, from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (400, 21610)
    write("START")
    assert twilio.messages.create(to=ALICE, from_=SENDER, body="Hello").sid


def test_its_validator_accepts_what_the_emulator_signs(
    twilio: Client,
    receiver: Receiver,  # noqa: F811
) -> None:
    callback = f"{receiver.url}/status?mid=42&shop=a%20b"
    twilio.messages.create(to=ALICE, messaging_service_sid=SERVICE, body="Hello", status_callback=callback)
    validator, stranger = RequestValidator(TOKEN), RequestValidator("another-token")
    for request in receiver.wait(4):
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        signature = request.headers["X-Twilio-Signature"]
        assert validator.validate(callback, form, signature)
        assert not validator.validate(callback, {**form, "MessageStatus": "read"}, signature)
        assert not stranger.validate(callback, form, signature)


def test_its_validator_accepts_what_people_write(
    login: Callable[..., Client],
    receiver: Receiver,  # noqa: F811
    client: Any,
) -> None:
    client.post("/emulator/handsets/", {"number": ALICE}, content_type="application/json")
    action = {"action": "text", "text": "Tere õhtust & head ööd", "via": "twilio", "to": POOLED}
    assert client.post(
        f"/emulator/handsets/{ALICE}/actions/", action, content_type="application/json"
    ).json()["ok"]
    request = receiver.wait(1)[0]
    form = parse_qs(request.body.decode(), keep_blank_values=True)
    signature = request.headers["X-Twilio-Signature"]
    flat = {name: values[0] for name, values in form.items()}
    assert RequestValidator(TOKEN).validate(f"{receiver.url}/sms", flat, signature)
    assert (flat["Body"], flat["FromCity"], flat["MessagingServiceSid"]) == (action["text"], "", SERVICE)
