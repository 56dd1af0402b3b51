"""What a caller or a provider calls a person in; an E.164 number or a provider's token out."""

import re
from urllib.parse import unquote

import phonenumbers
from phonenumbers import shortnumberinfo

from rcs_router import numbering
from rcs_router.conf import router_settings
from rcs_router.errors import IdentityError
from rcs_router.spelling import visible

LONGEST = 100  # characters of an identity
_WRITTEN = "0123456789 ().-/"  # all that stands in a number without a plus
_QUOTES = "\"'`\u00ab\u00bb\u2018-\u201f\u2039\u203a<>\u20e3"
_AROUND = re.compile(rf"^[\s{_QUOTES}]+|[\s{_QUOTES}]+$")
_URI = re.compile(r"(?i)<?\s*(tel|sms|smsto|sips?)\s*:\s*(.*)", re.DOTALL)
_CONTEXT = re.compile(r"(?i)\s*phone-context=(\+[\d().-]+)\s*")
_SHORT_CODE = 6  # digits that no number has which can be called from abroad
_WHOLE = 9  # digits from which on a number without its plus is believed to have its country code


def normalise(identity: str, *, tokens: bool = False) -> str:
    """`identity` as E.164. Raises IdentityError, which names the input, for what is no phone number.

    Invisible characters and quotes do not count, a tel: or sip: address is its number, and a number has the form that
    its country's plan has today (rcs_router.numbering).

    `tokens`: the backend also knows anonymous tokens, so what does not look like a number is left as it is. What looks
    like one and is none is a mistake there too: a refusal filed under it would hold for nobody.
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
        identity = heard(written)  # a number without its plus, or a short code
    return list(dict.fromkeys((written.strip(), *numbering.forms(identity))))


def is_number(identity: str) -> bool:
    """Is it a phone number, which every other backend knows too? A provider's token never begins with a plus."""
    return identity.startswith("+")


def heard(identity: str, *, tokens: bool = False) -> str:
    """An incoming message's sender: E.164 where it can be, else as the provider wrote it (a short code, a name).

    `tokens`: the backend's providers write exactly: what has no plus in front is a token, even if it is all digits.
    """
    written = _plain(identity, tokens)
    is_token = tokens and not is_number(written) and written == identity.strip()
    number = "" if is_token else _number(written) if is_number(written) else _without_plus(written)
    return (number or (identity.strip() if tokens and not is_number(written) else written))[:LONGEST]


def _plain(identity: str, tokens: bool) -> str:
    """What is called: without what cannot be seen, quotes around it, and the scheme and parameters of an address."""
    written = identity.strip()
    if len(written) > 10 * LONGEST:
        return written
    for _ in range(3):  # encoded by a phone, and once more by a gateway
        written = unquote(written)
    written = " ".join(
        _AROUND.sub("", visible(written)).replace("\uff0b", "+").split()
    )  # a plus of full width
    if match := _URI.match(written):
        return _called(match[1].lower(), match[2], tokens) or identity.strip()
    return written if is_number(written) or "%" not in identity else identity.strip()


def _called(scheme: str, address: str, tokens: bool) -> str:
    """The number in a tel: or sip: address (RFC 3966; RFC 3261, section 19.1.1); empty for another name of sip:."""
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
    """E.164 of a sender without a plus, or empty: it may be a short code, which is nobody's number.

    A gateway may leave the plus out of a number that is whole; only then is it read as one of DEFAULT_REGION.
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
    """E.164, or empty. The library would find a number in any text, spell 1-800-FLOWERS, and drop an extension.

    `exact`: only a number of a range that is in use, not any that has the right number of digits.
    """
    if any(character.isalpha() or character in ",;" for character in written) or written.count("+") > 1:
        return ""
    region = router_settings().DEFAULT_REGION
    if region is None and written.startswith("00"):
        written = f"+{written[2:]}"  # how most of the world dials a plus
    try:
        number = phonenumbers.parse(written, region)
        if not number.extension and (today := numbering.today(_e164(number))) != _e164(number):
            number = phonenumbers.parse(today, None)
    except phonenumbers.NumberParseException:
        return ""
    dialled = phonenumbers.is_possible_number_with_reason(number)
    if dialled != phonenumbers.ValidationResult.IS_POSSIBLE or number.extension:
        return ""  # too short, too long, or for calls inside of its own area
    if not is_number(written) and region and _is_short(number, written, region):
        return ""
    return _e164(number) if not exact or phonenumbers.is_valid_number(number) else ""


def _is_short(number: phonenumbers.PhoneNumber, written: str, region: str) -> bool:
    """Is it a code of that region rather than a number, which has the same digits as one?"""
    few = sum(character.isdigit() for character in written) <= _SHORT_CODE
    return few and (
        not phonenumbers.is_valid_number(number)
        or shortnumberinfo.is_valid_short_number_for_region(number, region)
    )


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
