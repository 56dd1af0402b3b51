"""Messente's statistics and number lookups: sum up what was sent, and find nothing special about any number.

Source: the vendor's OpenAPI description 2.1.0. That a country is a two-letter code, and which, is our choice.
"""

import re
import uuid
from collections import defaultdict
from datetime import date
from decimal import Decimal

from django.http import HttpRequest

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import callbacks, request
from rcs_backends.emulator.wire.messente.content import parts
from rcs_backends.emulator.wire.messente.schema import Record
from rcs_backends.emulator.wire.messente.store import MessenteStore
from rcs_backends.emulator.wire.rules import E164, Invalid, enum, items, parsed, text

COUNTRIES = {
    "+372": "EE",
    "+371": "LV",
    "+370": "LT",
    "+358": "FI",
    "+46": "SE",
    "+44": "GB",
    "+49": "DE",
    "+1": "US",
}
_day = parsed(
    re.compile(r"\d{4}-\d\d-\d\d", re.ASCII), date.fromisoformat, "a date such as 2026-01-31 is needed."
)


def _in_order(wanted: Json, path: str) -> None:
    if wanted["start_date"] > wanted["end_date"]:
        raise Invalid("end_date", "the end lies before the start.")


_period = Record(
    {
        "start_date": _day,
        "end_date": _day,
        "message_types": items(enum("sms", "viber", "whatsapp", "rcs", "hlr"), 5),
    },
    needs=("start_date", "end_date"),
    also=_in_order,
)
_numbers = Record({"numbers": items(text(pattern=E164.pattern), 10, least=1)}, needs=("numbers",))


def statistics(http: HttpRequest, account: str) -> Json:
    """Count what an account sent on these days, by country; only what its channels really tried."""
    wanted = request.checked(http, _period)
    counted: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])  # messages, parts
    sent = [one for one in world.store(MessenteStore).omnimessages.values() if one.account == account]
    for omnimessage in sent:
        for leg in omnimessage.legs:
            typed = leg.channel in wanted.get("message_types", (leg.channel,))
            if typed and leg.at and wanted["start_date"] <= leg.at.date() <= wanted["end_date"]:
                total = counted[_country(omnimessage.to)]
                total[0] += 1
                total[1] += parts(leg.channel, leg.content) if leg.status in callbacks.PAID else 0
    return {"reports": [_report(country, *total) for country, total in counted.items()]}


def _report(country: str, messages: int, paid_parts: int) -> Json:
    price = str((callbacks.PRICE * paid_parts).quantize(Decimal("0.01")))
    return {"total_messages": messages, "total_price": price, "country": country}


def _country(number: str) -> str:
    return next((name for prefix, name in COUNTRIES.items() if number.startswith(prefix)), "XX")


def lookup(http: HttpRequest, account: str) -> Json:
    """Say nothing of RCS: no operation of this API does."""
    numbers = request.checked(http, _numbers)["numbers"]
    return {"request_id": str(uuid.uuid4()), "result": [_found(number) for number in numbers]}


def _found(number: str) -> Json:
    network = {
        "mccmnc": "00101",
        "networkName": "Emulated Wireless",
        "countryName": _country(number),
        "countryPrefix": next((one[1:] for one in COUNTRIES if number.startswith(one)), "0"),
        "countryCode": _country(number),
    }
    known = world.handsets.get(number)
    return {
        "number": number,
        "roaming": False,
        "ported": False,
        "roamingNetwork": None,
        "currentNetwork": network,
        "originalNetwork": network,
        "portedNetwork": None,
        "status": "UNKNOWN" if known is None else str(known.online).lower(),
        "error": None,
    }
