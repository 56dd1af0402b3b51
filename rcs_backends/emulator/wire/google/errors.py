"""Write refusals as Google does: a status, a sentence and, where one is wrong, the name of a field."""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.api import Refused

NOT_LOGGED_IN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token or other valid credential."
)
ERRORS = {  # HTTP status → its name, and what is said where there is nothing more exact
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", NOT_LOGGED_IN),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "Quota exceeded for this agent."),
    500: ("INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


class GoogleError(Refused):
    """An HTTP status, a sentence, and the field where one is to blame."""

    challenge = 'Bearer realm="https://accounts.google.com/"'

    def __init__(self, status: int, message: str = "", *, field: str = "") -> None:
        self.field = field
        super().__init__(status, message or ERRORS[status][1])

    def body(self) -> Json:
        body: Json = {"code": self.status, "message": self.message, "status": ERRORS[self.status][0]}
        if self.field:
            violation = {"field": self.field, "description": self.message}
            body["details"] = [
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
            ]
        return {"error": body}


def unreachable() -> GoogleError:
    """Return the refusal for a phone that has no RCS, or none for this agent."""
    return GoogleError(404, "The specified phone number cannot be reached by RBM at this time.")
