"""Twilio's Messages: show SMS on phones, tell by callbacks what became of them, and keep them as resources.

Source: www.twilio.com/docs (Message resource, status callbacks), and for lists the library's reading of it: it follows
`next_page_uri`. A request that is made twice sends two SMS; for the
ledger, requests that are the same to the last field (so with the same StatusCallback) are one message asked for twice.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator import delivery
from rcs_backends.emulator.gate import finished
from rcs_backends.emulator.phones import Json, Media, Message, guessed_type, now
from rcs_backends.emulator.state import normalised, world
from rcs_backends.emulator.wire.api import Api, Path
from rcs_backends.emulator.wire.rules import utc
from rcs_backends.emulator.wire.twilio import accounts, callbacks, errors
from rcs_backends.emulator.wire.twilio.errors import TwilioError
from rcs_backends.emulator.wire.twilio.store import UNFINISHED, VERSION, Record, records
from rcs_backends.emulator.wire.twilio.submission import Form, understood

OUTCOMES = {  # what becomes of a message in the network, by the dial `outcome`
    "delivered": ("sending", "sent"),  # and delivered, when the phone shows it
    "undelivered": ("sending", "sent", "undelivered"),
    "failed": ("sending", "failed"),
}
EXPIRED_IN_QUEUE, UNREACHABLE = 30036, 30003


class TwilioApi(Api):
    """Functions are called with the request and the account's SID."""

    provider = "twilio"
    refused = staticmethod(errors.refusal)

    def number(self, request: HttpRequest, path: Path) -> str:
        return normalised(_form(request)["To"][0])

    def check(self, request: HttpRequest, method: str, path: Path) -> tuple[()]:
        accounts.caller(request, path["account"])
        return ()

    def unknown(self, request: HttpRequest, **path: str) -> HttpResponse:
        return finished(TwilioError(20404, request.path).answer())


def _form(request: HttpRequest) -> Form:
    """Return the fields, in order; a body of another content type has none."""
    form: Form = {}
    if request.content_type == "application/x-www-form-urlencoded":
        for name, value in parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True):
            form.setdefault(name, []).append(value)
    return form


# Sending


def create(request: HttpRequest, account: str) -> HttpResponse:
    form = _form(request)
    record = understood(form, account, world.config["twilio"]["accounts"][account])
    answer = record.as_json()
    if record.service:  # it does not say yet which sender it has chosen, nor how many parts there are
        answer |= {"from": None, "num_segments": "0"}
    records()[record.sid] = record
    record.message = _message(record, f"{account} {sorted(form.items())}")
    wait = (record.send_at - now()).total_seconds() if record.send_at else 0.0
    delivery.accept(record.message, deferred=wait)
    return JsonResponse(answer, status=201)


def _message(record: Record, fingerprint: str) -> Message:
    sms = Message(
        record.sid,
        "twilio",
        record.sender,
        record.to,
        channel="sms",
        text="\n".join([record.body, *record.media[1:]]).strip("\n") if record.media else record.body,
        ledger_id=str(uuid.uuid5(uuid.NAMESPACE_URL, fingerprint)),
        report=lambda _, event: _report(record, event),
    )
    if record.media:
        sms.kind, sms.media = "file", Media(record.media[0], media_type=guessed_type(record.media[0]))
    if record.validity:
        sms.expires_at = (record.send_at or now()) + timedelta(seconds=record.validity)
    return sms


def _report(record: Record, event: str) -> None:
    """Follow what the network makes of a message. An SMS is never read."""
    if event == "submitted":
        _submitted(record)
    elif event == "delivered":
        _move(record, "delivered")
    elif event == "expired" and record.status in UNFINISHED:
        _move(record, "failed", EXPIRED_IN_QUEUE)
    elif event == "expired":
        _move(record, "undelivered", UNREACHABLE)


def _submitted(record: Record) -> None:
    dials = world.config["twilio"]
    if record.service:
        _move(record, "queued")
    for status in OUTCOMES[dials["outcome"]]:
        _move(record, status, dials["error_code"] if status in ("failed", "undelivered") else None)
    if dials["outcome"] != "delivered" and record.message:
        record.message.state = "expired"  # it will never be shown


def _move(record: Record, status: str, error_code: int | None = None) -> None:
    record.move(status, error_code)
    callbacks.status(record)


# Afterwards


def _found(account: str, sid: str) -> Record:
    record = records().get(sid)
    if record is None or record.account != account:
        raise TwilioError(20404, f"Messages/{sid}.json")
    return record


def fetch(request: HttpRequest, account: str, sid: str) -> Json:
    return _found(account, sid).as_json()


def update(request: HttpRequest, account: str, sid: str) -> Json:
    """Cancel a scheduled message, which tells no callback (our choice), or take the words out of any."""
    record, form = _found(account, sid), _form(request)
    asked = {name: form[name][0] for name in ("Status", "Body") if name in form}
    if asked == {"Status": "canceled"}:
        if record.status != "scheduled" or record.message is None:
            raise TwilioError(30409)
        delivery.revoke(record.message)
        record.move("canceled")
    elif asked == {"Body": ""}:
        record.body = ""
    else:
        raise TwilioError(30400)
    return record.as_json()


def delete(request: HttpRequest, account: str, sid: str) -> None:
    if _found(account, sid).status in UNFINISHED:
        raise TwilioError(20009)
    del records()[sid]


# Listing

LARGEST_PAGE = 1000
DATES = ("DateSent", "DateSent<", "DateSent>")


def page(request: HttpRequest, account: str) -> Json:
    """List messages, filtered and by pages, newest first. Raises TwilioError 20001. Lock held."""
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
        moment = utc(given)
    except (ValueError, OverflowError):
        raise TwilioError(20001, name) from None
    return moment, moment


def _sent_within(record: Record, name: str, first: datetime, last: datetime) -> bool:
    at = record.sent or record.created
    if name == "DateSent<":
        return at <= last
    return at >= first if name == "DateSent>" else first <= at <= last
