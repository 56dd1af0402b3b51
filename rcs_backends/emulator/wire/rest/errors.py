"""Write refusals as the REST platform does.

The guide shows none; the shape `{"error": {code, status, message}}` and the statuses are our decision.
"""

from django.http import HttpResponse, JsonResponse

from rcs_backends.emulator.wire.api import Refused
from rcs_backends.emulator.wire.rest import names

ERRORS = {  # HTTP status → its name, and what is said where there is nothing more exact
    400: ("INVALID_ARGUMENT", "The request is not valid."),
    401: ("UNAUTHENTICATED", "The API token is missing or not valid."),
    403: ("PERMISSION_DENIED", "The API token does not allow this."),
    404: ("NOT_FOUND", "There is nothing at this address."),
    405: ("METHOD_NOT_ALLOWED", "This address takes POST only."),
    409: ("ALREADY_EXISTS", "The messageId was used for another message."),
    429: ("RESOURCE_EXHAUSTED", "Too many messages; slow down."),
    500: ("INTERNAL", "Something went wrong on our side."),
    503: ("UNAVAILABLE", "The service is not available at the moment."),
}


class RestError(Refused):
    """An HTTP status, a sentence, the word for it, and for 429 the seconds to wait."""

    def __init__(
        self, code: int, message: str = "", *, word: str = "", retry_after: int | None = None
    ) -> None:
        self.code = code
        self.word = word or ERRORS[code][0]
        self.message = message or ERRORS[code][1]
        self.retry_after = retry_after
        super().__init__(self.message)

    def answer(self) -> HttpResponse:
        body = {"code": self.code, "status": self.word, "message": self.message}
        response = JsonResponse(names.theirs({"error": body}), status=self.code)
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        if self.code == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        if self.code == 405:
            response.headers["Allow"] = "POST"
        return response
