"""What can go wrong: raised by content, configuration and backends; read by policy, which never asks for a name."""


class RCSError(Exception):
    """Base of every error of this project."""


class ContentError(RCSError, ValueError):
    """The content is broken, or a backend cannot carry it. `path` names the field, e.g. `cards[3].title`.

    `code`: `unknown_field` for a field that there is not, else `content_invalid`.
    """

    def __init__(self, path: str, problem: str, code: str = "content_invalid") -> None:
        self.path = path
        self.code = code
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class IdentityError(RCSError, ValueError):
    """An identity is not a phone number (or not what the backend takes); the message names the input."""


class ConfigError(RCSError):
    """RCS_BACKENDS or RCS_ROUTER is wrong; the message is one sentence that says where."""


class WebhookRefused(RCSError):
    """A webhook request that must not be believed. `status` is the HTTP status the provider gets (4xx)."""

    def __init__(self, reason: str, status: int = 401) -> None:
        self.status = status
        super().__init__(reason)


class SendError(RCSError):
    """A provider did not take a message. The class says what to do next; `policy` reads only these attributes.

    `code` is a short, stable word for the database and for filters; `detail` is a redacted sentence for people.
    """

    code = "error"
    retry = False  # may the same request be repeated under the same id?
    fallback = True  # may another backend try?
    pauses = False  # is it the backend's trouble, not the message's, so that the backend rests a while?
    spends = True  # does it use up one of the message's attempts?
    unknown = False  # may the provider have taken the message all the same?
    opts_out = False  # is it the person's own refusal?
    counts = False  # does it count towards the pause although it is not retried?

    def __init__(self, detail: str = "", *, code: str = "", retry_after: float | None = None) -> None:
        self.detail = detail
        self.code = code or type(self).code
        self.retry_after = retry_after  # seconds the provider asked for, or None
        super().__init__(f"{self.code}: {detail}" if detail else self.code)


class Throttled(SendError):
    """429: we are too fast. The backend rests; no attempt is spent."""

    code = "throttled"
    retry = True
    pauses = True
    spends = False


class Unavailable(SendError):
    """5xx, refused or failed connection: the request did not arrive, or the provider says it is in trouble."""

    code = "unavailable"
    retry = True


class Ambiguous(SendError):
    """The request left and no answer came: the message may be on its way."""

    code = "ambiguous"
    retry = True
    unknown = True


class Unreadable(Ambiguous):
    """A success came that the provider cannot have written (HTML, empty, `{}`): the message may be on its way."""

    code = "malformed_reply"


class Unreachable(SendError):
    """This phone has no RCS, or not for this agent: an answer, not an outage."""

    code = "unreachable"


class Refused(SendError):
    """The provider does not accept this content or this use; repeating it is pointless."""

    code = "refused"


class Forbidden(Refused):
    """403 without a word about our credentials: it may be about this number, or about all of them.

    This message goes on to its fallback; BREAKER of these in a row pause the backend, as an outage does.
    """

    code = "forbidden"
    counts = True


class BadAddress(SendError):
    """The number does not exist or is not a mobile number: no other road will reach it either."""

    code = "bad_address"
    fallback = False


class OptedOut(SendError):
    """The provider says that the person does not want our messages. Consent is recorded from it."""

    code = "opted_out"
    fallback = False
    opts_out = True


class Misconfigured(SendError):
    """Our credentials or settings are wrong (401, unknown agent). The backend pauses at once."""

    code = "misconfigured"
    retry = True
    pauses = True


class BackendBug(SendError):
    """A backend raised something that is no SendError: a person must look, and the message may have left."""

    code = "backend_bug"
    fallback = False
    unknown = True
