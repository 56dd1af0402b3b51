"""The errors of content, configuration and backends. `policy` reads their attributes, never their names."""


class RCSError(Exception):
    """Base class of every error of this project."""


class ContentError(RCSError, ValueError):
    """The content is invalid, or a backend cannot carry it. `path` names the field, such as `cards[3].title`.

    `code`: `unknown_field` for a field that does not exist, else `content_invalid`.
    """

    def __init__(self, path: str, problem: str, code: str = "content_invalid") -> None:
        self.path = path
        self.code = code
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class IdentityError(RCSError, ValueError):
    """An identity is not a phone number (or not valid for the backend); the message quotes the input."""


class ConfigError(RCSError):
    """RCS_BACKENDS or RCS_ROUTER is wrong; the message is one sentence that says where."""


class WebhookRefused(RCSError):
    """A webhook request must not be trusted. `status` is the HTTP status of the answer (4xx)."""

    def __init__(self, reason: str, status: int = 401) -> None:
        self.status = status
        super().__init__(reason)


class SendError(RCSError):
    """A provider did not accept a message. The class says what to do next; `policy` reads only these attributes.

    `code` is a short, stable word for the database and for filters; `detail` is a redacted sentence for people.
    """

    code = "error"
    retry = False  # may the same request be repeated under the same id?
    fallback = True  # may another backend send it?
    pauses = False  # is it the backend's fault, not the message's, so that the backend is paused?
    spends = True  # does it use up one of the message's attempts?
    unknown = False  # may the provider have accepted the message?
    opts_out = False  # did the person refuse?
    counts = False  # does it count towards a pause although it is not retried?

    def __init__(self, detail: str = "", *, code: str = "", retry_after: float | None = None) -> None:
        self.detail = detail
        self.code = code or type(self).code
        self.retry_after = retry_after  # seconds the provider asked for, or None
        super().__init__(f"{self.code}: {detail}" if detail else self.code)


class Throttled(SendError):
    """429: we send too fast. The backend is paused; no attempt is spent."""

    code = "throttled"
    retry = True
    pauses = True
    spends = False


class Unavailable(SendError):
    """5xx, or no connection: the request did not arrive, or the provider reports a fault of its own."""

    code = "unavailable"
    retry = True


class Ambiguous(SendError):
    """The request left and no answer came: the message may be on its way."""

    code = "ambiguous"
    retry = True
    unknown = True


class Unreadable(Ambiguous):
    """A success that the provider cannot have written (HTML, empty, `{}`): the message may be on its way."""

    code = "malformed_reply"


class Unreachable(SendError):
    """The phone has no RCS, or not for this agent: an answer, not an outage."""

    code = "unreachable"


class Refused(SendError):
    """The provider does not accept this content or this use; a retry cannot help."""

    code = "refused"


class Forbidden(Refused):
    """403 without a word about our credentials: it may concern this number, or all numbers.

    The message goes on to its fallback. BREAKER of these in a row pause the backend, as an outage does.
    """

    code = "forbidden"
    counts = True


class BadAddress(SendError):
    """The number does not exist or is not a mobile number: no other backend can reach it."""

    code = "bad_address"
    fallback = False


class OptedOut(SendError):
    """The provider reports that the person refuses our messages. The refusal is recorded."""

    code = "opted_out"
    fallback = False
    opts_out = True


class Misconfigured(SendError):
    """Our credentials or settings are wrong (401, unknown agent). The backend is paused at once."""

    code = "misconfigured"
    retry = True
    pauses = True


class BackendBug(SendError):
    """A backend raised an exception that is not a SendError: a person must look, and the message may have left."""

    code = "backend_bug"
    fallback = False
    unknown = True
