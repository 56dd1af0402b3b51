"""What Twilio remembers: the Message resources, and who wrote STOP to whom."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from rcs_backends.emulator.phones import Json, Message, now
from rcs_backends.emulator.state import world

VERSION = "2010-04-01"
UNFINISHED = ("accepted", "scheduled", "queued", "sending")
WORDS = {  # of the error codes that end up on a resource; Twilio's own differ in details
    30001: "Queue overflow",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30036: "Validity period expired",
}


def new_sid(kind: str = "SM") -> str:
    """SM, or MM where there is media, and 32 hex digits."""
    return kind + secrets.token_hex(16)


@dataclass(slots=True)
class Record:
    sid: str
    account: str
    to: str
    body: str
    status: str
    sender: str = ""
    service: str = ""
    direction: str = "outbound-api"
    segments: int = 0
    media: list[str] = field(default_factory=list)
    callback: str = ""
    validity: int | None = None  # seconds
    send_at: datetime | None = None
    error_code: int | None = None
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    sent: datetime | None = None
    message: Message | None = None

    @property
    def uri(self) -> str:
        return f"/{VERSION}/Accounts/{self.account}/Messages/{self.sid}.json"

    def move(self, status: str, error_code: int | None = None) -> None:
        self.status, self.error_code, self.updated = status, error_code, now()
        if status == "sent":
            self.sent = self.updated

    def as_json(self) -> Json:
        return {
            "sid": self.sid,
            "account_sid": self.account,
            "api_version": VERSION,
            "messaging_service_sid": self.service or None,
            "from": self.sender or None,
            "to": self.to,
            "body": self.body,
            "status": self.status,
            "direction": self.direction,
            "num_segments": str(self.segments),
            "num_media": str(len(self.media)),
            "price": None,
            "price_unit": "USD",
            "error_code": self.error_code,
            "error_message": WORDS.get(self.error_code) if self.error_code else None,
            "date_created": format_datetime(self.created),
            "date_updated": format_datetime(self.updated),
            "date_sent": format_datetime(self.sent) if self.sent else None,
            "uri": self.uri,
            "subresource_uris": {"media": self.uri.removesuffix(".json") + "/Media.json"},
        }


@dataclass(slots=True)
class TwilioStore:
    """Get it with `world.store(TwilioStore)`."""

    records: dict[str, Record] = field(default_factory=dict)  # by sid, oldest first
    opted_out: set[tuple[str, str, str]] = field(default_factory=set)  # (account, number or service, person)


def records() -> dict[str, Record]:
    return world.store(TwilioStore).records
