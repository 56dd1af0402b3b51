"""Whatever JSON comes in, Messente's side answers in its own words: no request ends in a 500."""

from typing import Any

from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER
from tests.emulator.test_messente_validation import CARD, INFO, RCS, URL, call, omnimessage
from tests.searches import examples

# fmt: off
WORDS = (
    "to", "messages", "channel", "sender", "text", "ttl", "validity", "suggestions", "reply", "action",
    "postback_data", "rich_card", "standalone_card", "carousel_card", "card_content", "card_contents",
    "card_width", "card_orientation", "title", "description", "media", "height", "content_info", "file_url",
    "force_refresh", "dial_action", "phone_number", "open_url_action", "url", "application", "lat_long",
    "latitude", "view_location_action", "share_location_action", "create_calendar_event_action", "start_time",
    "time_to_send", "dlr_url", "image_url", "video", "template", "carousel", "items", "body", "image", "link",
    "id", "params", "components", "phoneNumber", "name", "numbers", "start_date", "end_date", "message_types",
)
# fmt: on
VALUES = (
    "rcs",
    "sms",
    "viber",
    "whatsapp",
    NUMBER,
    URL,
    "2030-01-01T00:00:00Z",
    "2026-01-01",
    RCS,
    CARD,
    INFO,
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(VALUES)
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner)
    ),
    max_leaves=15,
)
quickly = settings(
    max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CALLS = (
    ("POST", "omnimessage"),
    ("POST", "omnimessages"),
    ("POST", "phonebook/blacklist"),
    ("POST", "phonebook/contacts"),
    ("PATCH", f"phonebook/contacts/{NUMBER}"),
    ("POST", "phonebook/groups"),
    ("POST", "statistics/reports"),
    ("POST", "hlr/sync"),
)
ANSWERS = (200, 201, 204, 400, 404, 409)


@quickly
@given(what=st.sampled_from(CALLS), body=anything)
def test_any_json_is_answered(what: tuple[str, str], body: Any):
    world.forget()
    answer = call(Client(), *what, body)
    assert answer.status_code in ANSWERS
    assert answer.status_code == 204 or answer.json()


@quickly
@given(
    channel=st.sampled_from(("rcs", "sms", "viber", "whatsapp")),
    fields=st.dictionaries(st.sampled_from(WORDS), anything),
)
def test_any_message_is_taken_or_refused(channel: str, fields: dict[str, Any]):
    message = {"text": "Hello", **fields, "channel": channel}
    answer = call(Client(), "POST", "omnimessage", omnimessage(message))
    assert answer.status_code in (201, 400)


@quickly
@given(
    fields=st.dictionaries(st.sampled_from(WORDS), anything),
    inside=st.sampled_from(("card_content", "action", "reply")),
)
def test_any_card_or_suggestion_is_taken_or_refused(fields: dict[str, Any], inside: str):
    if inside == "card_content":
        look = {
            "card_orientation": "VERTICAL",
            "thumbnail_image_alignment": "LEFT",
            inside: {**CARD, **fields},
        }
        message = {"channel": "rcs", "sender": "Acme", "rich_card": {"standalone_card": look}}
    else:
        label = {"text": "Go", "postback_data": "go"}
        message = {**RCS, "suggestions": [{inside: {**label, **fields}}]}
    answer = call(Client(), "POST", "omnimessage", omnimessage(message))
    assert answer.status_code in (201, 400)


@quickly
@given(
    dials=st.dictionaries(st.sampled_from(("accounts", "err", "late", "time_scale", "rcs_outcome")), anything)
)
def test_any_dial_is_set_or_refused(dials: Any):
    world.forget(config=True)
    answer = Client().post("/emulator/config/", {"messente": dials}, content_type="application/json")
    assert answer.status_code in (200, 400)
    assert call(Client(), "POST", "omnimessage", omnimessage()).status_code in (201, 401)
