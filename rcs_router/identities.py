"""What a caller or a provider calls a person in; an E.164 number or a provider's token out."""

import phonenumbers

from rcs_router.conf import router_settings
from rcs_router.errors import IdentityError

_WRITTEN = "0123456789 ().-/"  # all that stands in a number without a plus


def normalise(identity: str, *, tokens: bool = False) -> str:
    """`identity` as E.164. Raises IdentityError, which names the input, for what is no phone number.

    `tokens`: the backend also knows anonymous tokens, so what does not look like a number is left as it is. What looks
    like one and is none is a mistake there too: a refusal filed under it would hold for nobody.
    """
    if not isinstance(identity, str):
        raise IdentityError(f"an identity must be a str, not {type(identity).__name__}: {identity!r}")
    if number := _number(identity):
        return number
    token = identity.strip()
    if tokens and not is_number(token) and token.strip(_WRITTEN):
        return token
    hint = (
        ""
        if identity.strip().startswith("+")
        else " (write it with + and country code, or set DEFAULT_REGION)"
    )
    raise IdentityError(f"{identity!r} is not a phone number{hint}")


def _number(written: str) -> str:
    """E.164, or empty. The library would find a number in any text, spell 1-800-FLOWERS, and drop an extension."""
    if any(character.isalpha() or character in ",;" for character in written):
        return ""
    try:
        number = phonenumbers.parse(written, router_settings().DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return ""
    dialled = phonenumbers.is_possible_number_with_reason(number)
    if dialled != phonenumbers.ValidationResult.IS_POSSIBLE or number.extension:
        return ""  # too short, too long, or for calls inside of its own area
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_number(identity: str) -> bool:
    """Is it a phone number, which every other backend knows too? A provider's token never begins with a plus."""
    return identity.startswith("+")


def heard(identity: str, *, tokens: bool = False) -> str:
    """An incoming message's sender: E.164 where it can be, else as the provider wrote it (a short code, a name).

    `tokens`: the backend's providers write exactly: what has no plus in front is a token, even if it is all digits.
    """
    said = identity.strip()
    if tokens and not is_number(said):
        return said[:100]
    # a gateway may leave the plus out of a number that is whole; only then is it read as one of DEFAULT_REGION
    for written in (said if said.startswith("+") else f"+{said}", said):
        try:
            return normalise(written)
        except IdentityError:
            continue
    return said[:100]
