"""Sign and read the address of a form's web page."""

import base64
import binascii
from uuid import UUID

from django.core import signing

from rcs_router.conf import router_settings
from rcs_router.errors import RCSError

SAMPLE = UUID(
    int=0
)  # stands for a transmission that does not exist yet, for the length and form of an address


class LinkBroken(RCSError):
    """The address was changed, or is not ours."""


def form_link(transmission: UUID = SAMPLE) -> str:
    """Return the address of this transmission's form; empty while PUBLIC_URL is not set.

    The address of a transmission never changes, so a repeated request is the same request. It expires with the
    transmission.
    """
    base = router_settings().PUBLIC_URL
    return f"{base.rstrip('/')}/forms/{_sign(transmission)}/" if base else ""


def read_form_token(token: str) -> UUID:
    """Return the id of the transmission that a form's address names. Raises LinkBroken."""
    try:
        return UUID(bytes=base64.urlsafe_b64decode(_signer().unsign(token) + "=="))
    except (signing.BadSignature, ValueError, binascii.Error):
        raise LinkBroken from None


def _sign(transmission: UUID) -> str:
    """Sign an id, short enough for an SMS: 22 characters for the id, 43 for the signature."""
    return _signer().sign(base64.urlsafe_b64encode(transmission.bytes).decode().rstrip("="))


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt="rcs_router.form")
