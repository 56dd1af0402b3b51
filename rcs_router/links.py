"""A transmission's id in, the signed address of a page of ours out; and back, for as long as the address is good."""

import base64
import binascii
from datetime import timedelta
from uuid import UUID

from django.core import signing

from rcs_router.conf import router_settings
from rcs_router.errors import RCSError

SAMPLE = UUID(int=0)  # for the length and form of an address before there is a transmission


class LinkExpired(RCSError):
    """The address was good once."""


class LinkBroken(RCSError):
    """The address was never ours, or it was changed."""


def form_link(transmission: UUID = SAMPLE) -> str:
    """Where the form of this transmission is filled in; empty while PUBLIC_URL is not set. Good for FORM_LIFE."""
    base = router_settings().PUBLIC_URL
    return f"{base.rstrip('/')}/forms/{_sign(transmission)}/" if base else ""


def read_form_token(token: str) -> UUID:
    """The transmission that a form's address names. Raises LinkExpired or LinkBroken."""
    life = timedelta(seconds=router_settings().FORM_LIFE)
    try:
        return _uuid(_signer().unsign(token, max_age=life))
    except signing.SignatureExpired:
        raise LinkExpired from None
    except (signing.BadSignature, ValueError, binascii.Error):
        raise LinkBroken from None


def _sign(transmission: UUID) -> str:
    """Short enough for an SMS: the id is 22 characters, time and signature are another 50."""
    return _signer().sign(base64.urlsafe_b64encode(transmission.bytes).decode().rstrip("="))


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(sep=".", salt="rcs_router.form")


def _uuid(name: str) -> UUID:
    return UUID(bytes=base64.urlsafe_b64decode(name + "=="))
