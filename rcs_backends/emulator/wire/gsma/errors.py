"""Write refusals as a MaaP platform does: JSON with a `reason`, which has a code and a sentence.

The codes are those of Samsung's MaaP core, the only published list; which HTTP status goes with which is our choice.
"""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.api import Refused

MALFORMED = "42002"  # a required field is missing, or something is malformed
STATUSES = {  # by code; every other one is a 400
    "40001": 401,  # no Authorization header
    "40002": 401,  # no token in it
    "40003": 401,  # unknown token
    "40004": 401,  # expired token
    "40006": 403,  # another bot's token
    "40007": 403,  # the scope is too small
    "41000": 500,  # internal error
    "41005": 503,  # the RCS server is down
    "41110": 404,  # unknown user: a chatId that nobody has, or has any more
    "41200": 404,  # unknown user: a phone without RCS
    "42001": 403,  # the bot is not launched
    "42514": 409,  # the bot used this message id before
    "42601": 429,  # too many requests
}
CAUSES = {  # why a message that was taken has failed
    "41007": "The message expired before it was delivered.",
    "41110": "The user was not found.",
    "41201": "The message is not acceptable.",
    "41210": "The user cannot receive text messages.",
    "41211": "The user cannot receive files.",
    "41212": "The user cannot receive rich cards.",
    "41240": "The user cannot be asked for a location.",
}
FAULTS = {  # what a fault dial's status is called; 400: a body larger than Django takes
    400: (MALFORMED, "The request is too large.", 413),
    401: ("40003", "The access token is invalid.", 401),
    403: ("40006", "The access token belongs to another bot.", 403),
    404: ("41200", "The user was not found.", 404),
    429: ("42601", "Too many requests.", 429),
    500: ("41000", "Internal error.", 500),
    503: ("41005", "The RCS server is not available.", 503),
}


class GsmaError(Refused):
    """A numeric code as a string, a sentence, and an HTTP status where the code's own does not fit."""

    challenge = "Bearer"

    def __init__(self, code: str, text: str, *, status: int = 0) -> None:
        self.code = code
        super().__init__(status or STATUSES.get(code, 400), text)

    def body(self) -> Json:
        return {"reason": reason(self.code, self.message)}


def reason(code: str, text: str) -> Json:
    """Return what answers and `failed` events say of a cause."""
    return {"code": code, "text": text}


def of_fault(status: int) -> GsmaError:
    """Return the refusal that a fault dial asks for."""
    code, text, status = FAULTS[status]
    return GsmaError(code, text, status=status)
