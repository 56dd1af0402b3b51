"""Pages and lists that show what providers said: times outside of the calendar, half characters, deep JSON, NUL."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Reply, Text
from rcs_router.inbox import intake
from rcs_router.models import (
    ConsentRecord,
    Contact,
    Event,
    InboundFile,
    Message,
    StoredWebhook,
    Transmission,
)
from rcs_router.people import consent
from tests.core import ALICE

from . import raw
from .raw import ALL, CALLS, Call
from .sites import SECRET, SMS, site

pytestmark = pytest.mark.django_db
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
ZONES = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"]  # +14, -11


def staff(*names: str) -> Client:
    """Somebody with exactly these permissions."""
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


def page(row: Any) -> str:
    return reverse(f"admin:rcs_router_{row._meta.model_name}_change", args=[row.pk])


def listed(model: Any) -> str:
    return reverse(f"admin:rcs_router_{model._meta.model_name}_changelist")


# Times.


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [FIRST, LAST])
def test_a_provider_s_time_outside_of_the_calendar_brings_no_page_down(
    at: datetime, zone: str, settings: Any, admin_client: Client
) -> None:
    site(settings, {"sms": SMS})
    settings.TIME_ZONE = zone
    message = send("Hello", lookup_connections("sms", [ALICE]))
    t = message.transmissions.get()
    Event.objects.create(transmission=t, kind="receipt", code="delivered", at=at)
    receive("hi", lookup_connections("sms", [ALICE])[0])
    heard = Message.objects.get(direction="in")
    Message.objects.filter(pk=heard.pk).update(said_at=at)
    consent.record(ALICE, opted_out=True, source="keyword")
    ConsentRecord.objects.update(said_at=at)
    times = ("accepted_at", "delivered_at", "read_at", "failed_at", "expires_at", "due_at")
    Transmission.objects.filter(pk=t.pk).update(**dict.fromkeys(times, at))
    file = InboundFile.objects.create(message=heard, url="https://f.example/", expires_at=at)
    record = ConsentRecord.objects.get()
    for row in (message, heard, t, file, record, t.connection):
        for address in (page(row), listed(type(row))):
            assert admin_client.get(address).status_code == 200, address
    api = ("messages/", f"messages/{heard.pk}/", "transmissions/", f"transmissions/{t.pk}/", "interactions/")
    for path in (*api, f"consent/{ALICE}/", f"consent/{ALICE}/export/"):
        answer = admin_client.get(f"/rcs/api/{path}")
        assert answer.status_code == 200, path
        assert str(at.year).zfill(4) in json.dumps(answer.json()) or path in {"messages/", "interactions/"}
    assert admin_client.get(f"/admin/rcs_router/consent/{record.pk}/evidence/").status_code in {200, 404}


# Half characters and deep JSON in webhooks.

DEPTHS = [100, 600, 900, 5000]
ODD = {
    "half an emoji": b'{"text": "\\ud83d", "\\udc00": ["\\ud83d"]}',
    "half an emoji in a form": b"text=%ED%A0%BD&%ED%A0%BD=x",
    "no text": b"\xff\xfe\x00",
    "nul": b'{"te\\u0000xt": "\\u0000"}',
    "infinite": b'{"a": 1e999, "b": NaN}',
    "a long number": b'{"a": ' + b"9" * 5000 + b"}",
    **{f"{depth} lists": b"[" * depth + b"]" * depth for depth in DEPTHS},
    **{f"{depth} objects": b'{"a":' * depth + b"1" + b"}" * depth for depth in DEPTHS},
    "600 unfinished": b'{"a":[' * 600,
    "an envelope": json.dumps({"message": {"data": "W1tbW1tb"}}).encode(),
    "an envelope with half an emoji": json.dumps({"message": {"data": "eyJhIjoiXHVkODNkIn0="}}).encode(),
}


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"]
)
@pytest.mark.parametrize("case", ODD)
def test_a_webhook_that_is_odd_has_a_page(
    case: str, media_type: str, settings: Any, admin_client: Client
) -> None:
    site(settings, ALL)
    query = f"secret={SECRET}&te%00xt=%00&%ED%A0%BD=%ED%A0%BD&text=%F0%9F%91"
    call = Call("gs", ODD[case], query, {"content-type": media_type, "x-odd": "\udcff"})
    assert raw.wsgi(raw.environ(call, length=str(len(call.body)))) == 200
    intake.digest()
    row = StoredWebhook.objects.get()
    for address in (page(row), listed(StoredWebhook), f"{page(row).removesuffix('change/')}history/"):
        answer = admin_client.get(address)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
    for message in Message.objects.all():
        assert admin_client.get(page(message)).status_code == 200
    assert admin_client.get("/rcs/api/messages/").status_code == 200


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_secret_in_a_deep_body_is_masked(depth: int, settings: Any, admin_client: Client) -> None:
    site(settings, ALL)
    body = b'{"access_token": "canary-1", "a": ' + b"[" * depth + b"]" * depth + b"}"
    call = Call("gs", body, f"secret={SECRET}")
    assert raw.wsgi(raw.environ(call, length=str(len(body)))) == 200
    answer = admin_client.get(page(StoredWebhook.objects.get()))
    assert answer.status_code == 200
    assert b"canary-1" not in answer.content


@pytest.mark.parametrize("odd", ["\ud83d", [["\udc00"]], {"\ud83d": "\ud83d"}])
def test_half_an_emoji_in_a_message_s_fields(odd: Any, settings: Any, admin_client: Client) -> None:
    site(settings, {"sms": SMS})
    receive("hi", lookup_connections("sms", [ALICE])[0])
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL stores none")
    Message.objects.update(fields={"odd": odd}, errors=[{"detail": odd}])
    message = Message.objects.get()
    assert admin_client.get(page(message)).status_code == 200
    assert admin_client.get("/rcs/api/messages/").status_code == 200


# NUL.

NUL = ["%00", "a%00b", "x%00"]


@pytest.mark.parametrize("wire", sorted(CALLS))
@pytest.mark.parametrize("name", ["te%00xt", "%00", "text", "id", "%00secret"])
def test_nul_in_a_parameter_of_a_webhook_is_stored(wire: str, name: str, settings: Any) -> None:
    """In its name or its value: a 503 would make the provider repeat it for ever."""
    site(settings, ALL)
    call = CALLS[wire]()
    if wire == "tw":
        return  # signs its query
    call.query = f"{call.query}&{name}=a%00b".lstrip("&")
    assert raw.wsgi(raw.environ(call, length=str(len(call.body)))) == 200
    intake.digest()
    assert StoredWebhook.objects.count() == 1
    assert "\0" not in json.dumps(StoredWebhook.objects.get().query)


@pytest.mark.parametrize("nul", NUL)
@pytest.mark.parametrize(
    "path",
    [
        "messages/",
        "transmissions/",
        "interactions/",
        "contacts/",
        "connections/",
        "capabilities/",
        f"consent/{ALICE}/",
    ],
)
def test_nul_in_a_query_of_the_api_is_a_400(path: str, nul: str, settings: Any, admin_client: Client) -> None:
    site(settings, ALL)
    for query in (
        f"{nul}=1",
        f"x{nul}=y",
        f"backend={nul}",
        f"identity={nul}",
        f"cursor={nul}",
        f"limit={nul}",
    ):
        assert admin_client.get(f"/rcs/api/{path}?{query}").status_code == 400, query


@pytest.mark.parametrize("nul", NUL)
@pytest.mark.parametrize("path", ["consent/{}/", "consent/{}/export/", "messages/{}/", "contacts/{}/", "{}/"])
def test_nul_in_an_address_of_the_api(path: str, nul: str, settings: Any, admin_client: Client) -> None:
    site(settings, ALL)
    assert admin_client.get(f"/rcs/api/{path.format(nul)}").status_code in {400, 404}


@pytest.mark.parametrize("address", ["webhooks/{}/", "webhooks/gs{}/", "forms/{}/", "forms/{}.x/", "{}"])
@pytest.mark.parametrize("nul", NUL)
def test_nul_in_an_address_for_strangers(address: str, nul: str, settings: Any) -> None:
    site(settings, ALL)
    assert Client().get(f"/rcs/{address.format(nul)}").status_code == 404


MODELS = ["message", "transmission", "storedwebhook", "inboundfile", "consent", "consentrecord", "contact"]
MODELS += ["connection", "backendstate", "alarm"]


@pytest.mark.parametrize("model", MODELS)
def test_nul_in_any_query_of_the_admin(model: str, settings: Any, admin_client: Client) -> None:
    site(settings, ALL)
    base = f"/admin/rcs_router/{model}/"
    names = [
        "q",
        "%00",
        "x%00",
        "backend__exact",
        "state__exact",
        "status__exact",
        "pk",
        "o",
        "p",
        "all",
        "review",
    ]
    names += ["created_at__year", "id__exact", "language__exact", "opted_out__exact", "_to_field", "_popup"]
    for name in names:
        answer = admin_client.get(f"{base}?{name}=a%00b")
        assert answer.status_code in {200, 302, 400}, name
        assert admin_client.post(f"{base}?{name}=a%00b", {"action": "x"}).status_code in {200, 302, 400, 403}
    for key in ("%00", "_00", "a_00b", "1_00"):
        for tail in ("change", "delete", "history"):
            assert admin_client.get(f"{base}{key}/{tail}/").status_code in {302, 403, 404}
    assert admin_client.get(f"{base}add/?contact=%00&name=%00&%00=1").status_code in {302, 403}
    for selected in ("\0", "a\0", "no-key", "-1", "9" * 40):
        data = {"action": "delete_selected", "_selected_action": selected}
        assert admin_client.post(base, data).status_code in {200, 302, 403}
    where = f"app_label=rcs_router&model_name=connection&field_name=contact&term={quote(chr(0))}"
    assert admin_client.get(f"/admin/autocomplete/?{where}").status_code == 200


# Whoever may look and not change.


@pytest.mark.parametrize(
    "names", [("view_connection",), ("view_connection", "view_contact"), ("view_contact",)]
)
def test_people_s_pages_for_those_who_only_look(names: tuple[str, ...], settings: Any) -> None:
    site(settings, {"sms": SMS})
    contact = Contact.objects.create(name="Ann")
    (row,) = lookup_connections("sms", [ALICE])
    row.contact = contact
    row.save()
    send("Hello", row)
    client = staff(*names)
    for one in (row, contact):
        expected = 200 if f"view_{one._meta.model_name}" in names else 403
        assert client.get(page(one)).status_code == expected
        assert client.get(listed(type(one))).status_code == expected


OTP = "482913"


@pytest.fixture
def code(settings: Any) -> Transmission:
    """A one-time code on its way, with a chip, and a webhook that holds one."""
    site(settings, {**ALL, "sms": SMS})
    contact = Contact.objects.create(name="Ann")
    (row,) = lookup_connections("sms", [ALICE])
    row.contact = contact
    row.save()
    body = OTP.encode()
    call = Call("gs", b'{"text": "' + body + b'"}', f"secret={SECRET}&text={OTP}")
    raw.wsgi(raw.environ(call, length=str(len(call.body))))
    return send(
        Text(f"Your code is {OTP}", [Reply(OTP, OTP)]), row, traffic="authentication"
    ).transmissions.get()


LOOKING = [
    "contact",
    "connection",
    "transmission",
    "storedwebhook",
    "inboundfile",
    "consent",
    "consentrecord",
]
LOOKING += ["backendstate", "alarm", "event", "backend"]


def test_no_look_only_page_shows_a_one_time_code(code: Transmission) -> None:
    """In pages, inlines, lists, histories and delete confirmations, whatever is viewed, added and deleted."""
    InboundFile.objects.create(message=code.message, url="https://f.example/")
    client = staff(*(f"{verb}_{model}" for model in LOOKING for verb in ("view", "add", "delete")))
    rows = [
        code,
        code.connection,
        code.connection.contact,
        StoredWebhook.objects.get(),
        InboundFile.objects.get(),
    ]
    for row in rows:
        base = page(row).removesuffix("change/")
        for address in (page(row), listed(type(row)), f"{base}history/", f"{base}delete/"):
            assert OTP not in client.get(address).content.decode(), address
    answer = client.post(listed(Contact), {"action": "delete_selected", "_selected_action": rows[2].pk})
    assert OTP not in answer.content.decode()
    for path in ("transmissions/", f"transmissions/{code.pk}/", "contacts/", "connections/"):
        assert OTP not in client.get(f"/rcs/api/{path}").content.decode(), path
    assert client.get("/rcs/api/messages/").status_code == 403


def test_with_view_message_they_do(code: Transmission) -> None:
    client = staff(*(f"view_{model}" for model in (*LOOKING, "message")))
    for row in (code, code.connection, code.connection.contact, code.message, StoredWebhook.objects.get()):
        assert OTP in client.get(page(row)).content.decode(), row


@pytest.mark.parametrize(
    "address",
    [
        "transmission/?q=482",
        "transmission/?q=code+is",
        "transmission/?choices__icontains=482",
        "transmission/?message__text__contains=482",
        "transmission/?message__content__icontains=482",
        "transmission/?connection__messages__text__contains=482",
        "storedwebhook/?q=482",
        "storedwebhook/?body__contains=482",
        "storedwebhook/?query__icontains=482",
        "storedwebhook/?headers__icontains=482",
        "contact/?q=482",
        "connection/?q=482",
        "connection/?transmissions__message__text__contains=482",
        "inboundfile/?message__text__contains=482",
        "inboundfile/?url__contains=f.example",
    ],
)
def test_no_search_or_filter_answers_what_a_message_says(address: str, code: Transmission) -> None:
    """A search that finds by the text would tell the code digit by digit."""
    InboundFile.objects.create(message=code.message, url="https://f.example/")
    client = staff(*(f"view_{model}" for model in LOOKING))
    hit = client.get(f"/admin/rcs_router/{address}")
    miss = client.get(f"/admin/rcs_router/{address.replace('482', '999').replace('code+is', 'no+such')}")
    assert hit.status_code in {200, 302, 400}
    if hit.status_code == 200:
        assert hit.context["cl"].result_count == miss.context["cl"].result_count == 0
