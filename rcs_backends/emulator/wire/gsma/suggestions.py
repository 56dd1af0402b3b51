"""The rules for what a platform takes as a suggestion, a chip or a button.

Source: GSMA RCC.07 v10, 3.6.10 (the client's card payload, which the API embeds). `application`, `viewMode` and
`parameters` of openUrl are of the newer schema: allowed, never asked for.
"""

from rcs_backends.emulator.wire.gsma.rules import (
    MALFORMED,
    Broken,
    Choice,
    Members,
    coded,
    empty,
    one_of,
)
from rcs_backends.emulator.wire.rules import Rule, enum, number, text, timestamp, url

UNKNOWN = "42050"
uri = url(web=False)
_phone = text(least=1)
_date = coded("42003", timestamp)


def _needs(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, MALFORMED)


_point = {"latitude", "longitude"}


def _point_or_query(location: dict[str, object], path: str) -> None:
    if _point & set(location) and "query" in location:
        raise Broken("42052", path, "either latitude and longitude or query is allowed.")
    if not _point <= set(location) and "query" not in location:
        raise Broken("42051", path, "latitude and longitude, or query, are needed.")


_location = Members(
    {
        "latitude": number(-90, 90, exact=True),
        "longitude": number(-180, 180, exact=True),
        "label": text(100, least=1),
        "query": text(200, least=1),
    },
    also=_point_or_query,
)
_open_url = Members(
    {
        "url": uri,
        "application": enum("browser", "webview"),
        "viewMode": enum("full", "half", "tall"),
        "parameters": text(200, least=1),
    },
    needs=_needs("url"),
)
_dial: dict[str, Rule] = {"phoneNumber": _phone, "fallbackUrl": uri}
_calendar = Members(
    {
        "startTime": _date,
        "endTime": _date,
        "title": text(100, least=1),
        "description": text(500, least=1),
        "fallbackUrl": uri,
    },
    needs=_needs("startTime", "endTime", "title"),
)
GROUPS: dict[str, Rule] = {
    "urlAction": one_of({"openUrl": _open_url}, UNKNOWN, UNKNOWN),
    "dialerAction": one_of(
        {
            "dialPhoneNumber": Members(_dial, needs=_needs("phoneNumber")),
            "dialEnrichedCall": Members({**_dial, "subject": text(60)}, needs=_needs("phoneNumber")),
            "dialVideoCall": Members(_dial, needs=_needs("phoneNumber")),
        },
        "42055",
        "42056",
    ),
    "mapAction": one_of(
        {
            "showLocation": Members({"location": _location, "fallbackUrl": uri}, needs={"location": "42051"}),
            "requestLocationPush": empty,
        },
        "42053",
        "42054",
    ),
    "calendarAction": one_of({"createCalendarEvent": _calendar}, UNKNOWN, UNKNOWN),
    "composeAction": one_of(
        {
            "composeTextMessage": Members(
                {"phoneNumber": _phone, "text": text(100)}, needs=_needs("phoneNumber", "text")
            ),
            "composeRecordingMessage": Members(
                {"phoneNumber": _phone, "type": enum("AUDIO", "VIDEO")}, needs=_needs("phoneNumber", "type")
            ),
        },
        "42057",
        "42058",
    ),
    "deviceAction": one_of({"requestDeviceSpecifics": empty}, UNKNOWN, UNKNOWN),
    "settingsAction": one_of(
        {"disableAnonymization": empty, "enableDisplayedNotifications": empty}, "42059", "42060"
    ),
}
_postback = Members({"data": coded("42049", text(2048))}, needs={"data": "42108"})
_both: dict[str, Rule] = {"displayText": text(25, least=1), "postback": _postback}
_reply = Members(_both, needs=_needs("displayText"))
_action = Members(
    {**_both, **GROUPS}, needs=_needs("displayText"), choice=Choice(tuple(GROUPS), UNKNOWN, "42047")
)
suggestion = one_of({"reply": _reply, "action": _action}, "42045", "42046")
