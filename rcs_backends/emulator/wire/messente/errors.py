"""What Messente answers when it refuses: a status comes in, the JSON of the API that was asked goes out.

Each of its four APIs words errors in its own way. Source: the vendor's OpenAPI description, version 2.1.0. Which status
goes with "Forbidden", and what a throttled client is told, is our choice.
"""

from collections.abc import Callable

from rcs_backends.emulator.phones import Json

Wording = Callable[[int, str, str | None], Json]  # status, detail, source → the body
CODES = {  # of the omnichannel API
    400: ("105", "Invalid data"),
    401: ("103", "Unauthorized"),
    403: ("102", "Forbidden"),
    404: ("101", "Not found"),
    405: ("107", "Method not allowed"),
}
FAILURE = ("104", "Internal Server Error")  # and what the list lacks, such as 429
MISSING = ("106", "Missing data")
PHONEBOOK_CODES = {
    400: ("201", "Invalid data"),
    401: ("202", "Unauthorized"),
    404: ("203", "Missing resource"),
    409: ("204", "Conflict"),
}
STATISTICS_CODES = {400: ("104", "Invalid data"), 401: ("103", "Unauthorized")}
LOOKUP_CODES = {400: 102, 401: 101}
DETAILS = {
    401: "Invalid username or password",
    403: "Access is denied",
    404: "The resource does not exist",
    405: "The method is not allowed here",
    409: "The resource exists already",
    429: "Too many requests",
}


class Refused(Exception):
    """A request is refused with this HTTP status. `source` names the field as payload[channel][field]."""

    def __init__(self, status: int, detail: str = "", source: str | None = None, *, missing: bool = False):
        self.status = status
        self.detail = detail or DETAILS.get(status, "The request failed")
        self.source = source
        self.missing = missing
        super().__init__(self.detail)


def omnichannel(status: int, detail: str, source: str | None) -> Json:
    """Of messages, reports of delivery and cancelling: only here does an error name its source."""
    return _listed(CODES.get(status, FAILURE), detail, source=source)


def invalid(detail: str, source: str | None) -> Json:
    """A field that is not as it must be."""
    return _listed(CODES[400], detail, source=source)


def missing(detail: str, source: str | None) -> Json:
    """A field that must be there is not: a 400 with a code of its own."""
    return _listed(MISSING, detail, source=source)


def phonebook(status: int, detail: str, source: str | None) -> Json:
    """Of contacts, groups and the blacklist."""
    other = ("205", "General error") if status >= 500 else ("244", "Client error")
    return _listed(PHONEBOOK_CODES.get(status, other), detail)


def statistics(status: int, detail: str, source: str | None) -> Json:
    """Of reports: what others call `detail` is `details`."""
    other = ("105", "Internal Server Error") if status >= 500 else ("100", "Client Error")
    code, title = STATISTICS_CODES.get(status, other)
    return {"errors": [{"code": code, "title": title, "details": detail}]}


def lookup(status: int, detail: str, source: str | None) -> Json:
    """Of number lookups: one level deeper, with whole numbers as codes."""
    code = LOOKUP_CODES.get(status, 103 if status >= 500 else 106)
    return {"errors": [{"error": {"code": code, "description": detail}}]}


def _listed(code_and_title: tuple[str, str], detail: str, **more: object) -> Json:
    code, title = code_and_title
    return {"errors": [{"code": code, "title": title, "detail": detail, **more}]}
