"""Tell Twilio's clients by signed form POSTs what became of messages and what people wrote.

Source: www.twilio.com/docs (status callbacks, messaging webhooks, webhook security). The answers are ignored: TwiML
that asks for a reply sends none. How Twilio retries these calls is not known for sure; the emulator does so only as
`callback_retries` says.
"""

import base64
import hashlib
import hmac
from functools import partial
from urllib.parse import urlencode

import requests

from rcs_backends.emulator.phones import now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import Built, Faults, Webhook, outbox
from rcs_backends.emulator.wire.twilio import accounts
from rcs_backends.emulator.wire.twilio.store import VERSION, Record
from rcs_backends.emulator.wires import Delivered

RETRY_DELAY = 5.0  # seconds
PLACES = [f"{whose}{what}" for whose in ("From", "To") for what in ("City", "State", "Zip", "Country")]
Params = dict[str, str]


def sign(auth_token: str, url: str, params: Params) -> str:
    """Return X-Twilio-Signature: base64 of HMAC-SHA1 over the address and the sorted parameters with their names."""
    signed = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def status(record: Record) -> None:
    """Tell the StatusCallback of a message what it has become. Lock held."""
    params = {
        "AccountSid": record.account,
        "ApiVersion": VERSION,
        "From": record.sender,
        "To": record.to,
        "MessageSid": record.sid,
        "MessageStatus": record.status,
        "SmsSid": record.sid,
        "SmsStatus": record.status,
    }
    if record.service:
        params["MessagingServiceSid"] = record.service
    if record.error_code:
        params["ErrorCode"] = str(record.error_code)
    if record.status in ("delivered", "undelivered"):
        params["RawDlrDoneDate"] = now().strftime("%y%m%d%H%M")
    _post(record, record.callback, record.to, record.status, params)


def incoming(record: Record, opt_out_type: str, media_types: list[str], delivered: Delivered) -> None:
    """Bring what a person wrote to the account's `sms_url`. Lock held."""
    params = {
        "AccountSid": record.account,
        "ApiVersion": VERSION,
        "Body": record.body,
        "From": record.sender,
        "To": record.to,
        "MessageSid": record.sid,
        "SmsSid": record.sid,
        "SmsMessageSid": record.sid,
        "SmsStatus": "received",
        "NumMedia": str(len(record.media)),
        "NumSegments": str(record.segments),
        **dict.fromkeys(PLACES, ""),  # what is not known comes empty
    }
    if record.service:
        params["MessagingServiceSid"] = record.service
    if opt_out_type:
        params["OptOutType"] = opt_out_type
    for index, (url, media_type) in enumerate(zip(record.media, media_types, strict=True)):
        params |= {f"MediaUrl{index}": url, f"MediaContentType{index}": media_type}
    url = world.config["twilio"]["accounts"][record.account].get("sms_url", "")
    _post(record, url, record.sender, "incoming", params, delivered)


def _post(
    record: Record, url: str, number: str, event: str, params: Params, delivered: Delivered | None = None
) -> None:
    account = world.config["twilio"]["accounts"].get(record.account)
    if account is None:
        return
    build = partial(_request, url, account["auth_token"], params)
    webhook = Webhook("twilio", number, record.sid, event, url, build, _retry_delay, ordered=False)
    webhook.delivered = delivered
    outbox.post(webhook)


def _retry_delay(failures: int) -> float | None:
    return RETRY_DELAY if failures <= world.config["twilio"]["callback_retries"] else None


def _request(url: str, auth_token: str, params: Params, faults: Faults) -> Built:
    """Sign the address as it is called, which may differ from how it was given: a path is never empty."""
    called = str(requests.Request("POST", url).prepare().url)
    signature = sign(auth_token + "x" if "bad_signature" in faults else auth_token, called, params)
    if "tampered" in faults:
        params = {**params, "Tampered": "true"}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "TwilioProxy/1.1"}
    if "unsigned" not in faults:
        headers["X-Twilio-Signature"] = signature
    return called, urlencode(params).encode(), headers


def opt_out_type(account: str, sender: str, number: str, text: str) -> str:
    """Return what advanced opt-out says of a text; the list is kept whether or not the dial lets it be told."""
    found = accounts.keyword(account, sender, number, text)
    return found if world.config["twilio"]["advanced_opt_out"] else ""
