"""A transmission's id in, the signed address of a page of ours out; and back."""

import base64
import binascii
from uuid import UUID

from django.core import signing

from rcs_router.conf import router_settings
from rcs_router.errors import RCSError

SAMPLE = UUID(int=0)  # for the length and form of an address before there is a transmission


class LinkBroken(RCSError):
    """The address was never ours, or it was changed."""


def form_link(transmission: UUID = SAMPLE) -> str:
    """Where the form of this transmission is filled in; empty while PUBLIC_URL is not set.

    Always the same one, so that a repeated request is the same request; its end is reckoned from the transmission.
    """
    base = router_settings().PUBLIC_URL
    return f"{base.rstrip('/')}/forms/{_sign(transmission)}/" if base else ""


def read_form_token(token: str) -> UUID:
    """The transmission that a form's address names. Raises LinkBroken."""
    try:
        return UUID(bytes=base64.urlsafe_b64decode(_signer().unsign(token) + "=="))
    except (signing.BadSignature, ValueError, binascii.Error):
        raise LinkBroken from None


def _sign(transmission: UUID) -> str:
    """Short enough for an SMS: the id is 22 characters, the signature 43."""
    return _signer().sign(base64.urlsafe_b64encode(transmission.bytes).decode().rstrip("="))


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt="rcs_router.form")
