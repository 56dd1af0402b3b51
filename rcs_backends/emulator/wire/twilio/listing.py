"""List Twilio's messages, filtered and by pages, newest first.

Source: www.twilio.com/docs (Message resource) and the library's reading of it: it follows `next_page_uri`.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from urllib.parse import urlencode

from django.http import HttpRequest

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.twilio.errors import TwilioError
from rcs_backends.emulator.wire.twilio.store import VERSION, Record, records

LARGEST_PAGE = 1000
DATES = ("DateSent", "DateSent<", "DateSent>")


def page(request: HttpRequest, account: str) -> Json:
    """GET Messages.json. Raises TwilioError 20001. Lock held."""
    size = min(_number(request, "PageSize", 50) or 1, LARGEST_PAGE)
    number = _number(request, "Page", 0)
    found = list(_matching(request, account))
    start, shown = number * size, found[number * size : (number + 1) * size]
    filters = {name: request.GET[name] for name in ("To", "From", *DATES) if name in request.GET}

    def uri(number: int) -> str:
        query = urlencode({**filters, "PageSize": size, "Page": number})
        return f"/{VERSION}/Accounts/{account}/Messages.json?{query}"

    return {
        "messages": [record.as_json() for record in shown],
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + max(len(shown) - 1, 0),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(number - 1) if number else None,
        "next_page_uri": uri(number + 1) if start + size < len(found) else None,
    }


def _number(request: HttpRequest, name: str, default: int) -> int:
    given = request.GET.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 9):
        raise TwilioError(20001, name)
    return int(given)


def _matching(request: HttpRequest, account: str) -> Iterator[Record]:
    to, sender = request.GET.get("To"), request.GET.get("From")
    spans = [(name, *_span(request.GET[name], name)) for name in DATES if request.GET.get(name)]
    for record in reversed(records().values()):
        wanted = record.account == account and to in (None, record.to) and sender in (None, record.sender)
        if wanted and all(_sent_within(record, *span) for span in spans):
            yield record


def _span(given: str, name: str) -> tuple[datetime, datetime]:
    """Return the moment twice, or the first and the last moment of the day, in UTC."""
    try:
        if len(given) == 10:
            day = date.fromisoformat(given)
            return datetime.combine(day, time.min, UTC), datetime.combine(day, time.max, UTC)
        moment = datetime.fromisoformat(given)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise TwilioError(20001, name) from None
    return moment, moment


def _sent_within(record: Record, name: str, first: datetime, last: datetime) -> bool:
    at = record.sent or record.created
    if name == "DateSent<":
        return at <= last
    return at >= first if name == "DateSent>" else first <= at <= last
