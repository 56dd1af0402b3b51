"""Google's error envelope: a status and a sentence come in, the JSON answer goes out."""

from django.http import HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json

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


class GoogleError(Exception):
    """A refusal by the wire: an HTTP status, a sentence, and the field where one is to blame."""

    def __init__(self, code: int, message: str = "", *, field: str = "") -> None:
        self.code = code
        self.message = message or SENTENCES[code]
        self.field = field
        super().__init__(self.message)


def unreachable() -> GoogleError:
    """This phone has no RCS, or none for this agent."""
    return GoogleError(404, "The specified phone number cannot be reached by RBM at this time.")


def answer(error: GoogleError) -> HttpResponse:
    """The envelope `{"error": {code, message, status, details?}}`."""
    body: Json = {"code": error.code, "message": error.message, "status": STATUSES[error.code]}
    if error.field:
        violation = {"field": error.field, "description": error.message}
        body["details"] = [
            {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
        ]
    response = JsonResponse({"error": body}, status=error.code)
    if error.code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    return response
