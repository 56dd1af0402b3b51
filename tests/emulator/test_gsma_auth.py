"""Who may call the MaaP API: fixed tokens, tokens from the token endpoint, and everything that is neither."""

import base64
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from tests.emulator.gsma_bot import ID, TEXT, TO, TOKEN, Bot, connected, dial, reason

TOKEN_URL = "/emulator/gsma/oauth2/v1/token"
GRANT = {"grant_type": "client_credentials", "scope": "botmessage"}


@pytest.fixture
def bot(client: Client) -> Bot:
    return connected(client)


def ask(client: Client, form: Any = None, *, login: str | None = f"{ID}:shh", **more: Any) -> Any:
    basic = base64.b64encode(login.encode()).decode() if login is not None else ""
    headers = {"Authorization": f"Basic {basic}"} if login is not None else {}
    content_type = more.pop("content_type", "application/x-www-form-urlencoded")
    body = "&".join(f"{key}={value}" for key, value in (GRANT if form is None else form).items())
    return client.generic(
        more.pop("verb", "POST"), TOKEN_URL, body, content_type=content_type, headers=headers
    )


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("", 401, "40001"),
        ("Bearer", 401, "40002"),
        ("Bearer  ", 401, "40002"),
        (TOKEN, 401, "40002"),
        (f"Basic {TOKEN}", 401, "40002"),
        ("Bearer wrong", 401, "40003"),
        ("Bearer tok-øther", 401, "40003"),
        ("Bearer tok-other", 403, "40006"),
    ],
)
def test_a_caller_who_may_not(bot: Bot, header, status, code):
    answer = bot.call("GET", "contactCapabilities", headers={"Authorization": header})
    assert reason(answer) == (status, code)
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


def test_the_scheme_is_read_in_any_case(bot: Bot):
    headers = {"Authorization": f"bearer {TOKEN}"}
    body = {"RCSMessage": TEXT, "messageContact": TO}
    assert bot.call("POST", "messages", body, headers=headers).status_code == 202


def test_the_log_in_comes_before_the_message(bot: Bot):
    assert reason(bot.call("POST", "messages", "no json", headers={"Authorization": "Bearer x"}))[0] == 401


def test_a_bot_that_is_not_there(client: Client, bot: Bot):
    bot.id = "nobody"
    assert reason(bot.send()) == (404, "42001")


def test_a_bot_without_a_token_is_open_to_no_token(client: Client):
    bot = connected(client, token="")
    assert reason(bot.call("POST", "messages", {}, headers={"Authorization": "Bearer "})) == (401, "40002")
    assert reason(bot.send()) == (401, "40003")


def test_without_bots_any_id_and_any_token_is_good(client: Client):
    assert Bot(client, "sip:any@bots.example", "whatever").send().status_code == 202
    assert reason(Bot(client, "any", "").send()) == (401, "40002")


# The token endpoint


def test_a_secret_buys_a_token_for_its_bot(client: Client, bot: Bot):
    answer = ask(client)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 3600)
    assert set(found) == {"access_token", "token_type", "expires_in", "refresh_token"}
    bot.token = found["access_token"]
    assert bot.send().status_code == 202
    bot.id = "other"
    assert reason(bot.send()) == (403, "40006")


def test_the_secret_may_be_in_the_form(client: Client, bot: Bot):
    answer = ask(client, {**GRANT, "client_id": ID, "client_secret": "shh"}, login=None)
    bot.token = answer.json()["access_token"]
    assert bot.send().status_code == 202


def test_a_bot_may_have_another_client_id(client: Client):
    bot = connected(client, client_id="c-1")
    assert reason(ask(client)) == (401, "40003")
    bot.token = ask(client, login="c-1:shh").json()["access_token"]
    assert bot.send().status_code == 202


def test_an_id_may_hold_a_colon(client: Client):
    world.configure({"gsma": {"bots": {"sip:b@bots.example": {"client_secret": "shh"}, "sip": {}}}})
    bot = Bot(
        client, "sip:b@bots.example", ask(client, login="sip:b@bots.example:shh").json()["access_token"]
    )
    assert bot.send().status_code == 202


def test_a_token_ends(client: Client, bot: Bot):
    dial(token_life=0)
    first = ask(client).json()
    bot.token = first["access_token"]
    assert first["expires_in"] == 0
    assert reason(bot.send()) == (401, "40004")
    dial(token_life=60)
    bot.token = ask(client).json()["access_token"]
    assert bot.send().status_code == 202


def test_an_issued_token_ends_where_any_token_is_good(client: Client):
    dial(token_life=0)
    token = ask(client, login="any:thing").json()["access_token"]
    assert reason(Bot(client, "any", token).send()) == (401, "40004")


def test_a_refresh_token_buys_another_one(client: Client, bot: Bot):
    refresh = ask(client).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "scope": "botmessage", "refresh_token": refresh}
    bot.token = ask(client, form).json()["access_token"]
    assert bot.send().status_code == 202
    assert reason(ask(client, {**form, "refresh_token": "r"})) == (401, "40003")
    assert reason(ask(client, {**form, "refresh_token": bot.token})) == (401, "40003")


@pytest.mark.parametrize(
    ("form", "login", "status", "code"),
    [
        (GRANT, f"{ID}:wrong", 401, "40003"),
        (GRANT, "nobody:shh", 401, "40003"),
        (GRANT, f"{ID}", 401, "40003"),
        (GRANT, None, 401, "40003"),
        (GRANT, "other:", 401, "40003"),
        ({"grant_type": "client_credentials"}, f"{ID}:shh", 400, "40007"),
        ({**GRANT, "scope": "all"}, f"{ID}:shh", 400, "40007"),
        ({**GRANT, "grant_type": "password"}, f"{ID}:shh", 400, "42002"),
        ({"scope": "botmessage"}, f"{ID}:shh", 400, "42002"),
    ],
)
def test_a_token_that_is_not_given(client: Client, bot: Bot, form, login, status, code):
    assert reason(ask(client, form, login=login)) == (status, code)


def test_an_empty_secret_is_nobodys(client: Client):
    connected(client, client_secret="")
    assert reason(ask(client, login=f"{ID}:")) == (401, "40003")


def test_the_token_endpoint_is_strict_about_the_request(client: Client, bot: Bot):
    assert reason(ask(client, verb="GET"))[0] == 405
    assert reason(ask(client, content_type="application/json"))[0] == 415
    headers = {"Authorization": "Basic %%%"}
    answer = client.post(
        TOKEN_URL,
        "grant_type=client_credentials&scope=botmessage",
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )
    assert reason(answer) == (401, "40003")


def test_a_form_with_too_many_fields_is_refused(client: Client, bot: Bot):
    form = {f"f{index}": "x" for index in range(1001)}
    assert reason(ask(client, form)) == (400, "42002")


def test_the_token_endpoint_is_struck_by_name_only(client: Client, bot: Bot):
    faults = "/emulator/faults/"
    strike = {"on": "request", "kind": "503", "provider": "gsma", "times": 1}
    client.post(faults, strike, content_type="application/json")
    assert ask(client).status_code == 200
    assert reason(bot.send())[0] == 503
    client.post(faults, {**strike, "method": "token"}, content_type="application/json")
    assert reason(ask(client))[0] == 503
