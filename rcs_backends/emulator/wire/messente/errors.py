"""Write refusals as Messente does: each of its four APIs words them in its own way.

Source: the vendor's OpenAPI description, version 2.1.0. Which status goes with "Forbidden", and what a throttled client
is told, is our choice.
"""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.api import Refused

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


class Rejected(Refused):
    """A request is refused with this HTTP status. `source` names the field as payload[channel][field]; `missing`: it
    must be there and is not.
    """

    def __init__(self, status: int, detail: str = "", source: str | None = None, *, missing: bool = False):
        self.status = status
        self.detail = detail or DETAILS.get(status, "The request failed")
        self.source = source
        self.missing = missing
        super().__init__(self.detail)


def omnichannel(problem: Rejected) -> Json:
    """Word a refusal about messages, reports of delivery or cancelling: only here does an error name its source."""
    known = MISSING if problem.missing else CODES.get(problem.status, FAILURE)
    return _listed(known, problem.detail, source=problem.source)


def phonebook(problem: Rejected) -> Json:
    """Word a refusal about contacts, groups or the blacklist."""
    other = ("205", "General error") if problem.status >= 500 else ("244", "Client error")
    return _listed(PHONEBOOK_CODES.get(problem.status, other), problem.detail)


def statistics(problem: Rejected) -> Json:
    """Word a refusal about reports: what others call `detail` is `details`."""
    other = ("105", "Internal Server Error") if problem.status >= 500 else ("100", "Client Error")
    code, title = STATISTICS_CODES.get(problem.status, other)
    return {"errors": [{"code": code, "title": title, "details": problem.detail}]}


def lookup(problem: Rejected) -> Json:
    """Word a refusal about number lookups: one level deeper, with whole numbers as codes."""
    code = LOOKUP_CODES.get(problem.status, 103 if problem.status >= 500 else 106)
    return {"errors": [{"error": {"code": code, "description": problem.detail}}]}


def _listed(code_and_title: tuple[str, str], detail: str, **more: object) -> Json:
    code, title = code_and_title
    return {"errors": [{"code": code, "title": title, "detail": detail, **more}]}
