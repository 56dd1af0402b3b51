"""Check the form of a new message, as Twilio does.

Source: www.twilio.com/docs (Message resource, error pages, test credentials' magic numbers). Fields that are not listed
here are ignored, as Twilio does. Only SMS and MMS: channel addresses such as whatsapp:+… are no phone numbers here. The
order of the checks is our choice.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from rcs_backends.emulator.phones import Json, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import sms_text
from rcs_backends.emulator.wire.rules import E164
from rcs_backends.emulator.wire.twilio import accounts
from rcs_backends.emulator.wire.twilio.errors import TwilioError
from rcs_backends.emulator.wire.twilio.store import Record, new_sid

Form = dict[str, list[str]]
LONGEST = 1600  # characters of a body
MOST_MEDIA = 10
LONGEST_VALIDITY = 36_000  # seconds
LATEST = timedelta(days=35)  # of a scheduled message
TO_MAGIC = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
FROM_MAGIC = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
OWN_FROM_MAGIC = "+15005550006"  # belongs to everybody
_SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 +&_-]{1,11}", re.ASCII)
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)


def understood(form: Form, sid: str, account: Json) -> Record:
    """Return the message that a form asks for. Raises TwilioError. Lock held."""
    to = _first(form, "To")
    if not to:
        raise TwilioError(21604)
    given, service = _first(form, "From"), _first(form, "MessagingServiceSid")
    if given.startswith("MG") and not service:  # From may name a service, too
        given, service = "", given
    sender = _sender(given, service, account)
    body, media = _content(form)
    _check_receiver(to, sid, sender, service)
    callback, validity = _callback(_first(form, "StatusCallback")), _validity(_first(form, "ValidityPeriod"))
    send_at = _send_at(form, service)
    return Record(
        sid=new_sid("MM" if media else "SM"),
        account=sid,
        to=to,
        body=body,
        status="scheduled" if send_at else "accepted" if service else "queued",
        sender=sender,
        service=service,
        segments=1 if media else sms_text.segments(body),
        media=media,
        callback=callback,
        validity=validity,
        send_at=send_at,
    )


def _first(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _sender(given: str, service: str, account: Json) -> str:
    if not given and not service:
        raise TwilioError(21603)
    allowed = accounts.pool(account, service) if service else accounts.numbers(account)
    if not given:
        return allowed[0]
    if code := FROM_MAGIC.get(given):
        raise TwilioError(code, given)
    if not _SENDER.fullmatch(given):
        raise TwilioError(21212, given)
    if allowed and given not in (*allowed, OWN_FROM_MAGIC):
        raise TwilioError(21606, given)
    return given


def _content(form: Form) -> tuple[str, list[str]]:
    body, media = _first(form, "Body"), [url for url in form.get("MediaUrl", []) if url]
    template = _first(form, "ContentSid")  # what it says is kept at Twilio: the phone shows its name
    if not (body or media or template):
        raise TwilioError(21602)
    if len(body) > LONGEST:
        raise TwilioError(21617)
    if len(media) > MOST_MEDIA:
        raise TwilioError(21623)
    for url in media:
        if not accounts.is_url(url):
            raise TwilioError(21620, url)
    if _first(form, "SmartEncoded").lower() == "true":
        body = sms_text.plainer(body)
    return body or (template if not media else ""), media


def _check_receiver(to: str, sid: str, sender: str, service: str) -> None:
    if code := TO_MAGIC.get(to):
        raise TwilioError(code, to)
    if not E164.fullmatch(to):
        raise TwilioError(21211, to)
    if accounts.opted_out(sid, sender, service, to):
        raise TwilioError(21610)


def _callback(url: str) -> str:
    if url and (not accounts.is_url(url) or "_" in (urlsplit(url).hostname or "")):
        raise TwilioError(21609, url)
    return url


def _validity(seconds: str) -> int | None:
    if not seconds:
        return None
    if not _SECONDS.fullmatch(seconds) or not 1 <= int(seconds) <= LONGEST_VALIDITY:
        raise TwilioError(21624)
    return int(seconds)


def _send_at(form: Form, service: str) -> datetime | None:
    """When a scheduled message is due. Without ScheduleType nothing is scheduled, whatever SendAt says."""
    kind, at = _first(form, "ScheduleType"), _first(form, "SendAt")
    if not kind:
        return None
    if kind != "fixed":
        raise TwilioError(35126)
    if not service:
        raise TwilioError(35118)
    if not at:
        raise TwilioError(35111)
    least = timedelta(seconds=world.config["twilio"]["schedule_minimum"])
    due = _timestamp(at)
    if due is None or not least <= due - now() <= LATEST:
        raise TwilioError(35115)
    return due


def _timestamp(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
