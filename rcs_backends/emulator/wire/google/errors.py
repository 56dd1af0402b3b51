"""Write refusals as Google does: a status, a sentence and, where one is wrong, the name of a field."""

from django.http import HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.api import Refused

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
SENTENCES = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token or other valid credential.",
    403: "The caller does not have permission.",
    404: "Requested entity was not found.",
    429: "Quota exceeded for this agent.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}


class GoogleError(Refused):
    """An HTTP status, a sentence, and the field where one is to blame."""

    def __init__(self, code: int, message: str = "", *, field: str = "") -> None:
        self.code = code
        self.message = message or SENTENCES[code]
        self.field = field
        super().__init__(self.message)

    def answer(self) -> HttpResponse:
        """Return the envelope `{"error": {code, message, status, details?}}`."""
        body: Json = {"code": self.code, "message": self.message, "status": STATUSES[self.code]}
        if self.field:
            violation = {"field": self.field, "description": self.message}
            body["details"] = [
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
            ]
        response = JsonResponse({"error": body}, status=self.code)
        if self.code == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
        return response


def unreachable() -> GoogleError:
    """Return the refusal for a phone that has no RCS, or none for this agent."""
    return GoogleError(404, "The specified phone number cannot be reached by RBM at this time.")
