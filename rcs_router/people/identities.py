"""Normalize identities: return an E.164 number or a provider's token."""

import re
from urllib.parse import unquote

import phonenumbers
from phonenumbers import shortnumberinfo

from rcs_router.conf import router_settings
from rcs_router.content.spelling import visible
from rcs_router.errors import IdentityError
from rcs_router.people import numbering

LONGEST = 100  # the longest identity, in characters
_WRITTEN = "0123456789 ().-/"  # the only characters in a number without a plus
_QUOTES = "\"'`\u00ab\u00bb\u2018-\u201f\u2039\u203a<>\u20e3"
_AROUND = re.compile(rf"^[\s{_QUOTES}]+|[\s{_QUOTES}]+$")
_URI = re.compile(r"(?i)<?\s*(tel|sms|smsto|sips?)\s*:\s*(.*)", re.DOTALL)
_CONTEXT = re.compile(r"(?i)\s*phone-context=(\+[\d().-]+)\s*")
_SHORT_CODE = 6  # fewer digits than any number that can be called from abroad
_WHOLE = 9  # a number without its plus and with this many digits is read as having its country code


def normalise(identity: str, *, tokens: bool = False) -> str:
    """Return `identity` as E.164. Raises IdentityError, which quotes the input, for an invalid phone number.

    Invisible characters and quotes are ignored, a tel: or sip: address is its number, and the number gets the form of
    its country's current plan (rcs_router.people.numbering).

    `tokens`: the backend has anonymous tokens too, so an identity that does not look like a number is left as it is. An
    invalid number is an error there too: a refusal stored under it would have no effect.
    """
    if not isinstance(identity, str):
        raise IdentityError(f"an identity must be a str, not {type(identity).__name__}: {identity!r}")
    written = _plain(identity, tokens)
    if number := _number(written):
        return number
    token = identity.strip()
    if tokens and not is_number(written) and written.strip(_WRITTEN):
        return token
    hint = "" if is_number(written) else " (write it with + and country code, or set DEFAULT_REGION)"
    raise IdentityError(f"{identity!r} is not a phone number{hint}")


def spellings(written: str) -> list[str]:
    """Return the identities that rows may have for a number or token that a person wrote in any spelling."""
    try:
        identity = normalise(written, tokens=True)
    except IdentityError:
        identity = normalise_sender(written)  # a number without its plus, or a short code
    return list(dict.fromkeys((written.strip(), *numbering.forms(identity))))


def is_number(identity: str) -> bool:
    """Return True for a phone number, which is known on every backend. A token never begins with a plus."""
    return identity.startswith("+")


def normalise_sender(identity: str, *, tokens: bool = False) -> str:
    """Return an incoming message's sender: E.164 where possible, else as the provider wrote it (a short code, a name).

    `tokens`: the provider writes identities exactly, so one without a plus is a token, even if it is all digits.
    """
    written = _plain(identity, tokens)
    is_token = tokens and not is_number(written) and written == identity.strip()
    number = "" if is_token else _number(written) if is_number(written) else _without_plus(written)
    return (number or (identity.strip() if tokens and not is_number(written) else written))[:LONGEST]


def _plain(identity: str, tokens: bool) -> str:
    """Remove invisible characters and quotes, and the scheme and parameters of an address."""
    written = identity.strip()
    if len(written) > 10 * LONGEST:
        return written
    for _ in range(3):  # encoded by a phone, and again by a gateway
        written = unquote(written)
    written = " ".join(_AROUND.sub("", visible(written)).replace("\uff0b", "+").split())  # a full-width plus
    if match := _URI.match(written):
        return _called(match[1].lower(), match[2], tokens) or identity.strip()
    return written if is_number(written) or "%" not in identity else identity.strip()


def _called(scheme: str, address: str, tokens: bool) -> str:
    """Return the number in a tel: or sip: address (RFC 3966; RFC 3261, section 19.1.1); empty for another sip: name."""
    user, _, host = address.partition("@")
    number, *parameters = re.split("[;?]", user)
    number = _AROUND.sub("", number)
    if scheme.startswith("sip"):
        number = number.partition(":")[0]  # a password may follow
        is_name = tokens and not is_number(number) and "user=phone" not in host.lower()
        if is_name or not re.fullmatch(r"\+?[\d() .-]+", number):
            return ""
    context = next(filter(None, map(_CONTEXT.fullmatch, parameters)), None)
    return context[1] + number.removeprefix("0") if context and not is_number(number) else number


def _without_plus(written: str) -> str:
    """Return the E.164 form of a sender without a plus, or empty if it may be a short code.

    A gateway may leave the plus out of a complete number. Only a complete number is read as one of DEFAULT_REGION.
    """
    digits = re.sub(r"[\s().-]", "", written)
    if not re.fullmatch(r"\d+", digits) or len(digits) <= _SHORT_CODE:
        return ""
    international = digits.removeprefix("00")
    if len(international) >= _WHOLE and not international.startswith("0"):
        whole = _number(f"+{international}")
    else:
        whole = _number(f"+{international}", exact=True)
    return whole or _number(written)


def _number(written: str, *, exact: bool = False) -> str:
    """Return E.164, or empty.

    The library would find a number in any text, spell 1-800-FLOWERS, and drop an extension. `exact`: accept only a
    number of a range that is in use, not every number with the right count of digits.
    """
    if any(character.isalpha() or character in ",;" for character in written) or written.count("+") > 1:
        return ""
    region = router_settings().DEFAULT_REGION
    if region is None and written.startswith("00"):
        written = f"+{written[2:]}"  # how most countries dial a plus
    try:
        number = phonenumbers.parse(written, region)
        if not number.extension and (today := numbering.today(_e164(number))) != _e164(number):
            number = phonenumbers.parse(today, None)
    except phonenumbers.NumberParseException:
        return ""
    dialled = phonenumbers.is_possible_number_with_reason(number)
    if dialled != phonenumbers.ValidationResult.IS_POSSIBLE or number.extension:
        return ""  # too short, too long, or for local calls only
    if not is_number(written) and region and _is_short(number, written, region):
        return ""
    return _e164(number) if not exact or phonenumbers.is_valid_number(number) else ""


def _is_short(number: phonenumbers.PhoneNumber, written: str, region: str) -> bool:
    """Return True if it is a short code of that region, which has the same digits as a number."""
    few = sum(character.isdigit() for character in written) <= _SHORT_CODE
    return few and (
        not phonenumbers.is_valid_number(number)
        or shortnumberinfo.is_valid_short_number_for_region(number, region)
    )


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
