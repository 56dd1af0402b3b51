"""Messente's own client, unchanged, against the emulator: what it sends is accepted, and it reads every answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import messente_api as vendor
import pytest

from rcs_backends.emulator import server
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente.store import MessenteStore

pytestmark = pytest.mark.services

ALICE = "+37251000000"
BOB = "+37251000001"
URL = "https://shop.example/boots"


@pytest.fixture
def api() -> Iterator[vendor.ApiClient]:
    """The client, with the log-in that the emulator knows by default."""
    world.forget(config=True)
    with server.start(application=server.EmulatorOnly()) as running:
        yield client(running.url)
    world.forget(config=True)


def client(url: str, password: str = "emu-pass") -> vendor.ApiClient:
    host = f"{url}/emulator/messente/v1"
    return vendor.ApiClient(
        vendor.Configuration(host=host, username="tester", password=password, ignore_operation_servers=True)
    )


def omnimessage(*messages: Any, to: str = ALICE, **fields: Any) -> vendor.Omnimessage:
    wrapped = [vendor.OmnimessageMessagesInner(message) for message in messages]
    return vendor.Omnimessage(to=to, messages=wrapped, **fields)


def send(api: vendor.ApiClient, *messages: Any, **fields: Any) -> vendor.OmniMessageCreateSuccessResponse:
    answer = vendor.OmnimessageApi(api).send_omnimessage(omnimessage(*messages, **fields))
    assert isinstance(answer, vendor.OmniMessageCreateSuccessResponse), answer
    return answer


def bubble(sent: vendor.OmniMessageCreateSuccessResponse, index: int = 0) -> dict[str, Any]:
    """What the phone shows of one of the channels."""
    wanted = sent.messages[index].message_id

    def shown() -> bool:
        message = world.handset(sent.to).messages.get(wanted)
        return message is not None and message.state == "delivered"

    assert world.wait_for(shown)
    return world.handset(sent.to).messages[wanted].as_json()


def reply(label: str = "Keep") -> vendor.RcsSuggestion:
    return vendor.RcsSuggestion(reply=vendor.RcsSuggestedReply(text=label, postback_data=label.lower()))


def action(**fields: Any) -> vendor.RcsSuggestion:
    return vendor.RcsSuggestion(action=vendor.RcsSuggestedAction(text="Go", postback_data="go", **fields))


def picture() -> vendor.RcsContentInfo:
    return vendor.RcsContentInfo(file_url=f"{URL}.jpg", thumbnail_url=f"{URL}-s.jpg", force_refresh=False)


def card(title: str) -> vendor.RcsCardContent:
    media = vendor.RcsMedia(height=vendor.RcsMediaHeight.MEDIUM, content_info=picture())
    return vendor.RcsCardContent(title=title, description="Warm", media=media, suggestions=[reply()])


# What can be said


def test_a_text_with_every_suggestion(api: vendor.ApiClient) -> None:
    browser, webview = vendor.RcsOpenUrlApplication.BROWSER, vendor.RcsOpenUrlApplication.WEBVIEW
    half = vendor.RcsWebviewViewMode.HALF
    place = vendor.RcsLatLng(latitude=59.437, longitude=24.7536)
    event = vendor.RcsCreateCalendarEventAction(
        start_time="2030-01-01T10:00:00Z",
        end_time="2030-01-01T11:00:00Z",
        title="Pick-up",
        description="Bring it",
    )
    suggestions = [
        reply(),
        action(dial_action=vendor.RcsDialAction(phone_number=BOB)),
        action(open_url_action=vendor.RcsOpenUrlAction(url=URL, application=browser), fallback_url=URL),
        action(
            open_url_action=vendor.RcsOpenUrlAction(
                url=URL, application=webview, webview_view_mode=half, description="The shop"
            )
        ),
        action(view_location_action=vendor.RcsViewLocationAction(lat_long=place, label="Here")),
        action(view_location_action=vendor.RcsViewLocationAction(query="post office")),
        action(share_location_action={}),
        action(create_calendar_event_action=event),
    ]
    sent = send(api, vendor.Rcs(sender="Acme", text="Your order ✓", suggestions=suggestions))
    assert (sent.to, sent.messages[0].channel, sent.messages[0].sender) == (ALICE, vendor.Channel.RCS, "Acme")
    shown = bubble(sent)
    assert (shown["kind"], shown["text"], shown["channel"], shown["agent"]) == (
        "text",
        "Your order ✓",
        "rcs",
        "Acme",
    )
    assert [(chip["kind"], chip["detail"]) for chip in shown["suggestions"]] == [
        ("reply", {}),
        ("dial", {"phone": BOB, "mode": "voice"}),
        ("open_url", {"url": URL, "application": "browser", "fallback_url": URL}),
        (
            "open_url",
            {"url": URL, "application": "webview", "view_mode": "half", "description": "The shop"},
        ),
        ("show_location", {"latitude": 59.437, "longitude": 24.7536, "label": "Here"}),
        ("show_location", {"query": "post office"}),
        ("request_location", {}),
        (
            "calendar_event",
            {
                "start": "2030-01-01T10:00:00Z",
                "end": "2030-01-01T11:00:00Z",
                "title": "Pick-up",
                "description": "Bring it",
            },
        ),
    ]
    assert [chip["postback"] for chip in shown["suggestions"]] == ["keep", *["go"] * 7]


def test_a_card(api: vendor.ApiClient) -> None:
    standalone = vendor.RcsStandaloneCard(
        card_orientation=vendor.RcsCardOrientation.HORIZONTAL,
        thumbnail_image_alignment=vendor.RcsImageAlignment.RIGHT,
        card_content=card("Boots"),
    )
    shown = bubble(
        send(api, vendor.Rcs(sender="Acme", rich_card=vendor.RcsRichCard(standalone_card=standalone)))
    )
    (only,) = shown["cards"]
    assert (shown["kind"], only["title"], only["description"]) == ("card", "Boots", "Warm")
    assert (only["orientation"], only["alignment"], only["media"]["height"]) == (
        "horizontal",
        "right",
        "medium",
    )
    assert (only["media"]["url"], only["media"]["thumbnail"]) == (f"{URL}.jpg", f"{URL}-s.jpg")
    assert [chip["label"] for chip in only["suggestions"]] == ["Keep"]


def test_a_carousel(api: vendor.ApiClient) -> None:
    carousel = vendor.RcsCarouselCard(
        card_width=vendor.RcsCardWidth.SMALL, card_contents=[card("Boots"), card("Hat")]
    )
    shown = bubble(send(api, vendor.Rcs(sender="Acme", rich_card=vendor.RcsRichCard(carousel_card=carousel))))
    assert (shown["kind"], shown["card_width"]) == ("carousel", "small")
    assert [one["title"] for one in shown["cards"]] == ["Boots", "Hat"]


def test_a_file(api: vendor.ApiClient) -> None:
    shown = bubble(send(api, vendor.Rcs(sender="Acme", content_info=picture())))
    assert (shown["kind"], shown["media"]["url"], shown["media"]["media_type"]) == (
        "file",
        f"{URL}.jpg",
        "image/jpeg",
    )


@pytest.mark.parametrize("autoconvert", [None, "full", "true", "false"])
def test_an_sms(api: vendor.ApiClient, autoconvert: str | None) -> None:
    shown = bubble(send(api, vendor.SMS(text="Tere õhtust", sender="ACME", autoconvert=autoconvert)))
    assert (shown["channel"], shown["text"], shown["agent"]) == ("sms", "Tere õhtust", "ACME")


# The chain


def test_a_chain_ends_where_it_arrives(api: vendor.ApiClient) -> None:
    world.handset(ALICE).rcs = False
    sent = send(
        api,
        vendor.Rcs(sender="Acme", text="Your order", validity=5),
        vendor.Viber(text="Your order", ttl=60),
        vendor.WhatsApp(text=vendor.WhatsAppText(body="Your order")),
        vendor.SMS(text="Your order", sender="ACME"),
        text_store=vendor.TextStore.NOSTORE,
        priority=vendor.Priority.HIGH,
    )
    assert bubble(sent, 3)["channel"] == "sms"
    report = vendor.DeliveryReportApi(api).retrieve_delivery_report(sent.omnimessage_id)
    assert (report.to, report.omnimessage_id) == (ALICE, sent.omnimessage_id)
    assert [one.message_id for one in report.statuses] == [one.message_id for one in sent.messages]
    expected = ["UNDELIV", "UNDELIV", "UNDELIV", "DELIVRD"]
    assert [one.status for one in report.statuses] == expected
    assert [one.err for one in report.statuses] == [1, 1, 1, 0]
    assert [one.error for one in report.statuses] == [*["Delivery failure"] * 3, None]
    assert report.statuses[3].price_info == vendor.PriceInfo(
        part_price="0.05", parts_count=1, total_price="0.05"
    )
    assert report.statuses[0].price_info is None
    assert all(isinstance(one.timestamp, datetime) for one in report.statuses)


def test_what_was_not_tried_has_no_status(api: vendor.ApiClient) -> None:
    sent = send(api, vendor.Rcs(sender="Acme", text="Hello"), vendor.SMS(text="Hello"))
    bubble(sent)
    statuses = vendor.DeliveryReportApi(api).retrieve_delivery_report(sent.omnimessage_id).statuses
    assert [(one.status, one.err) for one in statuses] == [("DELIVRD", 0), (None, None)]


@pytest.mark.parametrize("outcome", ["undeliv", "failed", "rejectd", "nack", "expired", "unknown"])
def test_the_client_knows_every_status(api: vendor.ApiClient, outcome: str) -> None:
    world.configure({"messente": {"rcs_outcome": outcome}})
    sent = send(api, vendor.Rcs(sender="Acme", text="Hello"))
    leg = world.store(MessenteStore).omnimessages[sent.omnimessage_id].legs[0]
    assert world.wait_for(lambda: leg.status == outcome.upper())
    (status,) = vendor.DeliveryReportApi(api).retrieve_delivery_report(sent.omnimessage_id).statuses
    assert status.status == outcome.upper()


# Many at once


def test_a_bulk_tells_each_of_its_fate(api: vendor.ApiClient) -> None:
    text = vendor.Rcs(sender="Acme", text="Hello")
    many = [omnimessage(text), omnimessage(text, to="nobody"), omnimessage(text, to=BOB)]
    answer = vendor.BulkMessagingApi(api).send_bulk_omnimessage(vendor.BulkOmnimessage(messages=many))
    first, refused, last = [one.actual_instance for one in answer.messages]
    assert isinstance(first, vendor.OmniMessageCreateSuccessResponse)
    assert isinstance(last, vendor.OmniMessageCreateSuccessResponse)
    assert (bubble(first)["text"], bubble(last)["text"]) == ("Hello", "Hello")
    assert isinstance(refused, vendor.ErrorOmnichannel)
    assert (refused.errors[0].code, refused.errors[0].source) == ("105", "payload[to]")


# Later


@pytest.mark.parametrize("at", [datetime(2099, 1, 2, 3, 4, 5), datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)])
def test_a_scheduled_message_is_cancelled(api: vendor.ApiClient, at: datetime) -> None:
    sent = send(api, vendor.Rcs(sender="Acme", text="Hello"), time_to_send=at)
    assert world.handset(ALICE).messages == {}
    assert vendor.OmnimessageApi(api).cancel_scheduled_message(sent.omnimessage_id) == {}
    (status,) = vendor.DeliveryReportApi(api).retrieve_delivery_report(sent.omnimessage_id).statuses
    assert status.status == vendor.Status.DELETED
    with pytest.raises(vendor.exceptions.NotFoundException):
        vendor.OmnimessageApi(api).cancel_scheduled_message(sent.omnimessage_id)


# Who wants nothing


def test_the_blacklist(api: vendor.ApiClient) -> None:
    blacklist = vendor.BlacklistApi(api)
    blacklist.add_to_blacklist(vendor.NumberToBlacklist(phone_number=ALICE))
    assert blacklist.fetch_blacklist().phone_numbers == [ALICE]
    blacklist.is_blacklisted(ALICE)
    with pytest.raises(vendor.exceptions.ConflictException):
        blacklist.add_to_blacklist(vendor.NumberToBlacklist(phone_number=ALICE))
    sent = send(api, vendor.Rcs(sender="Acme", text="Hello"))
    leg = world.store(MessenteStore).omnimessages[sent.omnimessage_id].legs[0]
    assert world.wait_for(lambda: leg.status == "REJECTD")
    (status,) = vendor.DeliveryReportApi(api).retrieve_delivery_report(sent.omnimessage_id).statuses
    assert (status.status, status.err) == ("REJECTD", 8)
    blacklist.delete_from_blacklist(ALICE)
    with pytest.raises(vendor.exceptions.NotFoundException):
        blacklist.is_blacklisted(ALICE)


def test_contacts_and_groups(api: vendor.ApiClient) -> None:
    contacts, groups = vendor.ContactsApi(api), vendor.GroupsApi(api)
    made = contacts.create_contact(vendor.ContactFields(phone_number=ALICE, first_name="Ann")).contact
    assert (made.phone_number, made.first_name, made.last_name) == (ALICE, "Ann", None)
    assert made.scheduled_deletion_date is not None
    group = groups.create_group(vendor.GroupName(name="VIP")).group
    contacts.add_contact_to_group(group.id, ALICE)
    assert groups.fetch_group(group.id).group.contacts_count == 1
    assert [one.id for one in contacts.fetch_contact_groups(ALICE).groups] == [group.id]
    assert [one.phone_number for one in contacts.fetch_contacts(group_ids=[group.id]).contacts] == [ALICE]
    changed = contacts.update_contact(ALICE, vendor.ContactUpdateFields(last_name="Lee")).contact
    assert (changed.first_name, changed.last_name) == ("Ann", "Lee")
    contacts.remove_contact_from_group(group.id, ALICE)
    groups.delete_group(group.id)
    contacts.delete_contact(ALICE)
    assert contacts.fetch_contacts().contacts == []


def test_statistics_and_lookups(api: vendor.ApiClient) -> None:
    bubble(send(api, vendor.Rcs(sender="Acme", text="Hello")))
    period = vendor.StatisticsReportSettings(
        start_date=datetime(2020, 1, 1).date(), end_date=datetime(2099, 1, 1).date(), message_types=["rcs"]
    )
    (report,) = vendor.StatisticsApi(api).create_statistics_report(period).reports
    assert (report.total_messages, report.total_price, report.country) == (1, "0.05", "EE")
    numbers = vendor.NumbersToInvestigate(numbers=[ALICE, BOB])
    found = vendor.NumberLookupApi(api).fetch_info(numbers).result
    assert [(one.number, one.status) for one in found] == [(ALICE, "true"), (BOB, "UNKNOWN")]


# Refused


@pytest.mark.parametrize(
    ("message", "code", "source"),
    [
        (
            vendor.Rcs(sender="Acme", text="Hello", content_info=picture()),
            "105",
            "payload[rcs][content_info]",
        ),
        (vendor.Rcs(sender="Acme", text="Hello", ttl=60, validity=1), "105", "payload[rcs][ttl]"),
        (vendor.Rcs(sender="Acme", text="Hello", ttl=0), "105", "payload[rcs][ttl]"),
        (
            vendor.Rcs(sender="Acme", text="Hello", suggestions=[vendor.RcsSuggestion()]),
            "105",
            "payload[rcs][suggestions]",
        ),
        (vendor.Viber(), "105", "payload[viber][text]"),
        (vendor.WhatsApp(), "105", "payload[whatsapp][text]"),
    ],
)
def test_what_the_client_lets_pass_and_messente_does_not(
    api: vendor.ApiClient, message: Any, code: str, source: str
) -> None:
    with pytest.raises(vendor.exceptions.BadRequestException) as caught:
        send(api, message)
    assert caught.value.status == 400
    (error,) = caught.value.data.errors
    assert (error.code, error.source) == (code, source)


def test_the_same_channel_twice_and_none_at_all(api: vendor.ApiClient) -> None:
    text = vendor.Rcs(sender="Acme", text="Hello")
    for messages in ([], [text, text]):
        with pytest.raises(vendor.exceptions.BadRequestException) as caught:
            send(api, *messages)
        assert caught.value.data.errors[0].source == "payload[messages]"


def test_a_wrong_password(api: vendor.ApiClient) -> None:
    stranger = client(api.configuration.host.partition("/emulator")[0], password="guessed")
    with pytest.raises(vendor.exceptions.UnauthorizedException) as caught:
        send(stranger, vendor.Rcs(sender="Acme", text="Hello"))
    assert (caught.value.data.errors[0].code, caught.value.data.errors[0].source) == ("103", None)


def test_an_unknown_omnimessage(api: vendor.ApiClient) -> None:
    with pytest.raises(vendor.exceptions.NotFoundException) as caught:
        vendor.DeliveryReportApi(api).retrieve_delivery_report("6b0f1f5e-5d0e-4b0a-9d0e-3f0a8c1b2d3e")
    assert json.loads(caught.value.body)["errors"][0]["code"] == "101"


def test_a_provider_in_trouble(api: vendor.ApiClient) -> None:
    world.faults.add({"on": "request", "kind": "503", "provider": "messente", "times": 1})
    with pytest.raises(vendor.exceptions.ServiceException):
        send(api, vendor.Rcs(sender="Acme", text="Hello"))
    bubble(send(api, vendor.Rcs(sender="Acme", text="Hello")))
