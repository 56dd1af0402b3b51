"""Twilio's Messages: forms come in, SMS go to phones, resources go out, and status callbacks tell what became of them.

Source: www.twilio.com/docs (Message resource, status callbacks). A request that is made twice sends two SMS; for the
ledger, requests that are the same to the last field (so with the same StatusCallback) are one message asked for twice.
"""

import mimetypes
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator import delivery
from rcs_backends.emulator.answers import finished
from rcs_backends.emulator.phones import Media, Message, now
from rcs_backends.emulator.state import normalised, world
from rcs_backends.emulator.wire import request_faults, sms_text
from rcs_backends.emulator.wire.twilio import accounts, callbacks, errors, listing
from rcs_backends.emulator.wire.twilio.errors import TwilioError
from rcs_backends.emulator.wire.twilio.store import UNFINISHED, Record, new_sid, records
from rcs_backends.emulator.wire.twilio.submission import Form, Submission, understood

OUTCOMES = {  # what becomes of a message in the network, by the dial `outcome`
    "delivered": ("sending", "sent"),  # and delivered, when the phone shows it
    "undelivered": ("sending", "sent", "undelivered"),
    "failed": ("sending", "failed"),
}
EXPIRED_IN_QUEUE, UNREACHABLE = 30036, 30003
View = Callable[..., HttpResponse]


def messages(request: HttpRequest, account: str) -> HttpResponse:
    """Messages.json: POST sends, GET lists."""
    return _behind_faults(request, {"POST": _create, "GET": listing.page}, account)


def message(request: HttpRequest, account: str, sid: str) -> HttpResponse:
    """Messages/{sid}.json: GET reads, POST cancels or redacts, DELETE forgets."""
    verbs = {"GET": _fetch, "POST": _update, "DELETE": _delete}
    return _behind_faults(request, {verb: partial(view, sid=sid) for verb, view in verbs.items()}, account)


def unknown(request: HttpRequest, **path: str) -> HttpResponse:
    """Every other address below twilio/."""
    return finished(errors.answer(TwilioError(20404, request.path)))


def _behind_faults(request: HttpRequest, verbs: dict[str, View], account: str) -> HttpResponse:
    def wire() -> HttpResponse:
        try:
            if request.method not in verbs:
                raise TwilioError(20004)
            accounts.caller(request, account)
            with world.change():
                return verbs[request.method](request, account)
        except TwilioError as error:
            return errors.answer(error)

    struck = ("twilio", "Messages", _number_asked_for(request))
    return request_faults.answer(request, struck, wire, errors.refusal)


def _number_asked_for(request: HttpRequest) -> str:
    """For the fault dials, which come before any check."""
    try:
        return normalised(_form(request)["To"][0])
    except (KeyError, ValueError, RequestDataTooBig):
        return ""


def _form(request: HttpRequest) -> Form:
    """The fields, in order; those of another content type are none."""
    form: Form = {}
    if request.content_type == "application/x-www-form-urlencoded":
        for name, value in parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True):
            form.setdefault(name, []).append(value)
    return form


# Sending


def _create(request: HttpRequest, account: str) -> HttpResponse:
    form = _form(request)
    submission = understood(form, account, world.config["twilio"]["accounts"][account])
    record = _record(submission, account)
    answer = JsonResponse(record.as_json(), status=201)
    record.sender, record.segments = submission.sender, _segments(submission)
    records()[record.sid] = record
    record.message = _message(record, submission, f"{account} {sorted(form.items())}")
    wait = (submission.send_at - now()).total_seconds() if submission.send_at else 0.0
    delivery.accept(record.message, deferred=wait)
    return answer


def _record(submission: Submission, account: str) -> Record:
    """As the answer shows it: a service has neither chosen its sender nor counted the parts."""
    service = submission.service
    return Record(
        sid=new_sid("MM" if submission.media else "SM"),
        account=account,
        to=submission.to,
        body=submission.body,
        status="scheduled" if submission.send_at else "accepted" if service else "queued",
        sender="" if service else submission.sender,
        service=service,
        segments=0 if service else _segments(submission),
        media=submission.media,
        callback=submission.callback,
    )


def _segments(submission: Submission) -> int:
    return 1 if submission.media else sms_text.segments(submission.body)


def _message(record: Record, submission: Submission, fingerprint: str) -> Message:
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
        guessed = mimetypes.guess_type(record.media[0].partition("?")[0])[0] or ""
        sms.kind, sms.media = "file", Media(record.media[0], media_type=guessed)
    if submission.validity:
        sms.expires_at = (submission.send_at or now()) + timedelta(seconds=submission.validity)
    return sms


def _report(record: Record, event: str) -> None:
    """What the network makes of a message. An SMS is never read."""
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


def _fetch(request: HttpRequest, account: str, sid: str) -> HttpResponse:
    return JsonResponse(_found(account, sid).as_json())


def _update(request: HttpRequest, account: str, sid: str) -> HttpResponse:
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
    return JsonResponse(record.as_json())


def _delete(request: HttpRequest, account: str, sid: str) -> HttpResponse:
    if _found(account, sid).status in UNFINISHED:
        raise TwilioError(20009)
    del records()[sid]
    return HttpResponse(status=204)
