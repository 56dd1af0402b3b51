"""Map Twilio's error numbers to the SendErrors that say what to do.

Source: twilio.com/docs/errors and the pages on the Messages resource, read in November 2026. 20xxx and 21xxx occur in
answers, 30xxx in callbacks, 63xxx (RCS, where a messaging service uses it) in both; an answer with the status "failed"
may have any of them. A number means the same in a callback as in an answer.
"""

from rcs_backends import http
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Forbidden,
    Misconfigured,
    OptedOut,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreachable,
)

OPTED_OUT = "21610"
EXPIRED = frozenset({"30036"})  # the validity period ended

_CODES: dict[str, type[SendError]] = {
    "20003": Misconfigured,  # credentials
    "20404": Misconfigured,  # no such account or resource
    "20429": Throttled,
    "21211": BadAddress,
    "21212": Misconfigured,  # From is not valid
    "21408": Refused,  # sending to this region is not enabled: other regions still work
    "21602": Refused,  # no Body
    "21603": Misconfigured,  # neither From nor a messaging service
    "21604": Refused,  # no To
    "21606": Forbidden,  # From is not ours, or cannot send to this number's country
    "21608": Refused,  # a trial account sends to verified numbers only
    "21609": Misconfigured,  # StatusCallback
    OPTED_OUT: OptedOut,
    "21611": Throttled,  # the queue of this From is full
    "21612": Refused,  # this From cannot reach this To
    "21614": BadAddress,  # not a mobile number
    "21617": Refused,  # more than 1600 characters
    "21623": Refused,  # more than ten files
    "21635": BadAddress,  # a landline
    "30001": Throttled,  # queue overflow
    "30002": Misconfigured,  # the account is suspended
    "30003": Unavailable,  # the handset is off or out of coverage
    "30004": Refused,  # blocked
    "30005": BadAddress,  # no such handset
    "30006": BadAddress,  # a landline, or a carrier that cannot be reached
    "30007": Refused,  # filtered
    "30008": Unavailable,  # unknown reason
    "30017": Unavailable,  # the carrier is congested
    "63003": Unreachable,  # the phone is not reachable by RCS; an SMS may arrive
    "63011": Unavailable,  # the phone's capabilities could not be determined
    "63012": Unavailable,
    "63014": OptedOut,  # blocked by the person
    "63018": Throttled,  # the channel's rate limit
    "63019": Refused,  # a file that could not be fetched
    "63020": Refused,
    "63023": Unavailable,
    "63024": Unreachable,
    "63031": Refused,  # From equals To
    "63036": Unreachable,
    "63106": Unreachable,
}


def error_code(code: str) -> str:
    """Return the code that is stored for Twilio's number: twilio_30003; opted_out for a STOP."""
    return "opted_out" if code == OPTED_OUT else f"twilio_{code}"[:60]


ERRORS: http.Errors = {
    **{error_code(code): error for code, error in _CODES.items()},
    400: Refused,
    401: Misconfigured,
    404: Misconfigured,  # the account or the address
    429: Throttled,
    502: Ambiguous,  # a proxy sends these two, and may have passed the message on
    503: Unavailable,
    504: Ambiguous,
}
# For a message that sets its own sender: a wrong sender fails only this message and pauses nothing.
WITH_OWN_SENDER: http.Errors = {
    **ERRORS,
    **dict.fromkeys(("twilio_20404", "twilio_21212", "twilio_21603", 404), Forbidden),
}
# For requests about a sent message: 404 says that Twilio does not know it.
ABOUT_A_MESSAGE: http.Errors = {**ERRORS, "twilio_20404": Refused, 404: Refused}
