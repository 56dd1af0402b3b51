"""What a provider tells beside the words reaches `fields`; and a reply that names its message is linked to it."""

import base64
import hmac
import json
import uuid
from typing import Any

import pytest
from django.test import Client

from rcs_router import lookup_connections, send, signals
from rcs_router.content import Reply, Text
from rcs_router.contract import Incoming, IncomingKind, Status, WebhookRequest
from rcs_router.inbox import intake
from rcs_router.models import Message, Transmission
from tests.core import ALICE, BOB

from . import wires
from .sites import GSMA, REST, SECRET, TWILIO, site

pytestmark = pytest.mark.django_db
SENT_TIME = "2026-11-20T09:03:00Z"
METADATA = {
    "type": "rcs",
    "data": {
        "context": {"agentId": "a@rbm.goog", "channelPayload": {"sendTime": SENT_TIME, "messageId": "Mx1"}}
    },
}


def heard() -> Message:
    return Message.objects.filter(direction="in").latest("created_at")


# Twilio


@pytest.mark.parametrize(
    ("parameters", "fields"),
    [
        ({"OriginalRepliedMessageSid": "SM9"}, {"original_replied_message_sid": "SM9"}),
        ({"OriginalRepliedMessageSender": "rcs:a"}, {"original_replied_message_sender": "rcs:a"}),
        ({"ButtonType": "REPLY", "ButtonPayload": "yes"}, {"button_type": "reply"}),
        ({"ButtonType": "ACTION", "ButtonPayload": "yes"}, {"button_type": "action"}),
        ({"ChannelMetadata": json.dumps(METADATA)}, {"channel_metadata": METADATA}),
        ({"ChannelMetadata": "no JSON"}, {"channel_metadata": "no JSON"}),
        ({"ChannelMetadata": "[1]"}, {"channel_metadata": "[1]"}),
        (
            {"ChannelMetadata": '{"a": "b\\u0000", "c": NaN}'},
            {"channel_metadata": '{"a": "b\\u0000", "c": NaN}'},
        ),
        ({"ChannelMetadata": '{"a": "b\\u0000c"}'}, {"channel_metadata": {"a": "bc"}}),
        ({"ProfileName": "Alice"}, {"profile_name": "Alice"}),
        ({"FromCountry": "EE", "ToZip": ""}, {"from_country": "EE"}),
        ({"OptOutType": "HELP"}, {"opt_out_type": "help", "answered_by": "provider"}),
        ({"From": f"rcs:{ALICE}"}, {"channel": "rcs"}),
        ({}, {}),
    ],
)
def test_every_parameter_of_twilio_s_reaches_the_fields(
    settings: Any, parameters: dict[str, str], fields: dict[str, Any]
) -> None:
    site(settings, {"tw": TWILIO})
    wires.twilio_sms("hello", **parameters)
    assert heard().fields == {"to": "+15005550006", **fields}


def test_twilio_s_one_time_is_read(settings: Any) -> None:
    site(settings, {"tw": TWILIO})
    wires.twilio_sms("hello", ChannelMetadata=json.dumps(METADATA))
    assert heard().said_at.isoformat() == "2026-11-20T09:03:00+00:00"  # type: ignore[union-attr]


# Google


def google(**said: Any) -> Incoming:
    from rcs_backends.google_rbm import webhook

    payload = {
        "senderPhoneNumber": ALICE,
        "messageId": "Mx1",
        "sendTime": SENT_TIME,
        "agentId": "acme",
        **said,
    }
    data = base64.b64encode(json.dumps(payload).encode()).decode()
    body = json.dumps({"message": {"data": data}}).encode()
    [incoming] = webhook.parse(WebhookRequest("POST", body), "acme")
    assert isinstance(incoming, Incoming)
    return incoming


FILE = {
    "mimeType": "image/jpeg",
    "fileSizeBytes": 248113,
    "fileName": "a.jpg",
    "fileUri": "https://f.example/1",
}
THUMBNAIL = {
    "mimeType": "image/png",
    "fileSizeBytes": "3120",
    "fileName": "t.png",
    "fileUri": "https://f.example/2",
}
BILLED = {"classificationType": "RICH_MESSAGE", "segmentCount": 2}


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        (
            {"text": "hi", "richMessageClassification": BILLED},
            {"classification": "RICH_MESSAGE", "segment_count": 2},
        ),
        (
            {"text": "hi", "richMessageClassification": {"classificationType": "A_NEW_ONE"}},
            {"classification": "A_NEW_ONE"},
        ),
        ({"text": "hi", "richMessageClassification": "?"}, {}),
        ({"text": "hi", "richMessageClassification": {"segmentCount": [3]}}, {}),
        ({"text": "hi", "carrier": "Acme Mobile"}, {"carrier": "Acme Mobile"}),
        (
            {"userFile": {"payload": FILE, "thumbnail": THUMBNAIL, "category": "IMAGE"}},
            {
                "file_name": "a.jpg",
                "file_size": 248113,
                "file_category": "image",
                "thumbnail_url": "https://f.example/2",
                "thumbnail_name": "t.png",
                "thumbnail_type": "image/png",
                "thumbnail_size": 3120,
            },
        ),
        ({"userFile": {"payload": {"fileUri": "https://f.example/1"}}}, {}),
        (
            {
                "userFile": {
                    "payload": {**FILE, "fileSizeBytes": True},
                    "thumbnail": {"fileUri": "https://f.example/2"},
                }
            },
            {"file_name": "a.jpg", "thumbnail_url": "https://f.example/2"},
        ),
    ],
)
def test_what_google_tells_beside_a_message(said: dict[str, Any], fields: dict[str, Any]) -> None:
    assert google(**said).fields == fields


# GSMA, the REST API


def test_a_thumbnail_of_a_maap_platform(settings: Any) -> None:
    from rcs_backends.gsma_maap import events

    file = {
        "fileUrl": "https://f.example/1",
        "fileName": "m.pdf",
        "fileMIMEType": "application/pdf",
        "fileSize": 48211,
        "thumbnailUrl": "https://f.example/2",
        "thumbnailFileName": "m.jpg",
        "thumbnailMIMEType": "image/jpeg",
        "thumbnailFileSize": 3120,
    }
    contact = {"userContact": ALICE}
    body = {"event": "message", "RCSMessage": {"msgId": "m", "fileMessage": file}, "messageContact": contact}
    [incoming] = events.parse(json.dumps(body).encode())
    assert isinstance(incoming, Incoming)
    assert incoming.fields == {
        "file_name": "m.pdf",
        "file_size": 48211,
        "thumbnail_url": "https://f.example/2",
        "thumbnail_name": "m.jpg",
        "thumbnail_type": "image/jpeg",
        "thumbnail_size": 3120,
    }


def rest(interaction: str, **said: Any) -> None:
    told = {
        "conversationId": ALICE,
        "interactionType": interaction,
        "timestamp": "2026-11-28T07:00:00Z",
        **said,
    }
    assert wires.signed_json("webhooks/re/", told, "x-signature").status_code == 200
    intake.digest()


def test_a_thumbnail_of_the_rest_api(settings: Any) -> None:
    site(settings, {"re": REST})
    file = {
        "contentUrl": "https://f.example/1",
        "thumbnailUrl": "https://f.example/2",
        "mimeType": "image/png",
    }
    rest("FILE_RECEIVED", messageId="m-9", file=file)
    assert heard().fields["thumbnail_url"] == "https://f.example/2"


# Replies that name their message


def two_messages(alias: str) -> tuple[Transmission, Transmission]:
    """Two messages with the same options; whatever names none of them belongs to the second."""
    chips = [Reply("Yes", "first"), Reply("No", "no")], [Reply("Yes", "second"), Reply("No", "no")]
    sent = [send(Text("Well?", suggestions=ours), lookup_connections(alias, [ALICE])) for ours in chips]
    rows = [message.transmissions.get() for message in sent]
    for number, row in enumerate(rows):
        Transmission.objects.filter(pk=row.pk).update(status=Status.DELIVERED, provider_id=f"SM{number:032d}")
        row.refresh_from_db()
    return rows[0], rows[1]


@pytest.mark.parametrize(
    ("words", "postback"), [("fine with me", ""), ("1", "first"), ("Yes", "first"), ("2", "no"), ("STOP", "")]
)
def test_a_reply_over_twilio_is_linked_to_the_message_it_names(
    settings: Any, words: str, postback: str
) -> None:
    site(settings, {"tw": TWILIO})
    first, _ = two_messages("tw")
    wires.twilio_sms(words, OriginalRepliedMessageSid=first.provider_id)
    row = heard()
    assert (row.answers, row.in_response_to, row.postback) == (first, first.message, postback)


def test_a_tap_over_twilio_too(settings: Any) -> None:
    site(settings, {"tw": TWILIO})
    first, _ = two_messages("tw")
    wires.twilio_sms("No", ButtonPayload="no", OriginalRepliedMessageSid=first.provider_id)
    assert heard().answers == first


@pytest.mark.parametrize("sid", ["SM" + "f" * 32, "", "x" * 300])
def test_a_name_that_is_not_ours_links_to_nothing_wrong(settings: Any, sid: str) -> None:
    site(settings, {"tw": TWILIO})
    _, second = two_messages("tw")
    wires.twilio_sms("fine", OriginalRepliedMessageSid=sid)
    row = heard()
    assert (row.answers, row.in_response_to) == (None, second.message)  # most likely


def test_nobody_answers_a_message_to_somebody_else(settings: Any) -> None:
    site(settings, {"tw": TWILIO, "re": REST})
    first, _ = two_messages("tw")
    wires.twilio_sms("fine", sender=BOB, OriginalRepliedMessageSid=first.provider_id)
    assert heard().answers is None
    rest("TEXT_RECEIVED", conversationId=BOB, messageId=str(first.pk), text="fine")
    assert heard().answers is None


@pytest.mark.parametrize(
    ("interaction", "said", "kind"),
    [
        ("TEXT_RECEIVED", {"text": "fine"}, IncomingKind.TEXT),
        ("LOCATION_RECEIVED", {"location": {"latitude": 1, "longitude": 2}}, IncomingKind.LOCATION),
        ("FILE_RECEIVED", {"file": {"contentUrl": "https://f.example/1"}}, IncomingKind.FILE),
        ("REPLY_TAPPED", {"reply": {"postbackData": "no", "text": "No"}}, IncomingKind.SUGGESTION),
    ],
)
def test_a_reply_over_the_rest_api_is_linked(
    settings: Any, interaction: str, said: Any, kind: IncomingKind
) -> None:
    site(settings, {"re": REST})
    first, _ = two_messages("re")
    Transmission.objects.update(provider_id="")
    rest(interaction, messageId=str(first.pk), **said)
    row = heard()
    assert (row.kind, row.answers, row.in_response_to) == (kind, first, first.message)


def test_an_id_of_the_platform_s_own_links_to_nothing(settings: Any) -> None:
    site(settings, {"re": REST})
    rest("TEXT_RECEIVED", messageId=str(uuid.uuid4()), text="fine")
    assert heard().answers is None


def test_a_text_that_names_its_message_is_no_tap(settings: Any) -> None:
    """The signal of interactions is for taps and forms, as it was."""
    site(settings, {"tw": TWILIO})
    first, _ = two_messages("tw")
    told: list[str] = []
    with_kind = lambda message, **kwargs: told.append(message.kind)  # noqa: E731
    signals.interaction_received.connect(with_kind)
    try:
        wires.twilio_sms("fine", OriginalRepliedMessageSid=first.provider_id)
        wires.twilio_sms("1", OriginalRepliedMessageSid=first.provider_id)
    finally:
        signals.interaction_received.disconnect(with_kind)
    assert told in ([], ["suggestion"])  # sent after the commit, which a test's transaction may not have


def test_a_maap_platform_names_no_message(settings: Any) -> None:
    """Nothing on this wire says what is answered: only the postback ties a tap to its card."""
    site(settings, {"gs": GSMA})
    path = f"/rcs/webhooks/gs/?secret={SECRET}"
    assert Client().post(path, wires.gsma_message(), content_type="application/json").status_code == 200
    intake.digest()
    assert heard().answers is None


def test_signatures_cover_the_new_parameters(settings: Any) -> None:
    site(settings, {"tw": TWILIO})
    params = {"MessageSid": "SM1", "From": ALICE, "To": "+1", "Body": "x", "OriginalRepliedMessageSid": "SM2"}
    wrong = hmac.digest(b"other", b"", "sha1").hex()
    answer = Client().post("/rcs/webhooks/tw/", params, headers={"x-twilio-signature": wrong})
    assert answer.status_code == 401
