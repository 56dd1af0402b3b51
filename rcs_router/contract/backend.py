"""The base class of backends, and what a backend declares about itself."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from rcs_router.content import Content
from rcs_router.content.fitting import Feature
from rcs_router.content.limits import Limits
from rcs_router.contract.extra import sorted_extra
from rcs_router.contract.messages import Outbound, Parsed, Receipt, SendResult
from rcs_router.contract.options import Options
from rcs_router.contract.webhooks import WebhookAnswer, WebhookRequest
from rcs_router.errors import SendError, WebhookRefused


@dataclass(frozen=True)
class Capabilities:
    """What a backend can carry and do. Contents are fitted to it, `send()` checks it, and the docs show it."""

    content: frozenset[type]  # contents it carries natively; others travel as plain text
    suggestions: frozenset[type] = frozenset()
    features: frozenset[Feature] = frozenset()  # the optional features of those
    fallback_urls: frozenset[type] = frozenset()  # chips whose `fallback_url` it carries
    idempotent: bool = False  # ignores a message whose id it has seen, so a retry is safe
    bulk: int = 0  # messages that `send_many` takes at once; 0: it has no `send_many`
    revoke: bool = False
    status: bool = False  # can be asked for the status of a message
    check: bool = False
    typing: bool = False
    mark_read: bool = False
    upload: bool = False
    webhook: bool = True
    own_fallback: bool = False  # falls back to SMS by itself
    opt_out_list: bool = False  # keeps a list of people who refuse messages, which can be read and written
    tokens: bool = False  # identities without + are the provider's tokens; incoming identities are exact


_end: ContextVar[float | None] = ContextVar("rcs_end", default=None)  # by time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give all requests that a backend makes in this block `seconds` together; `http.call` obeys it."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def time_left() -> float | None:
    """Return the seconds that are left of `within`, 0 when none are; None outside it."""
    end = _end.get()
    return None if end is None else max(end - time.monotonic(), 0.0)


class BaseBackend:
    """One provider behind one alias. Subclasses know no model, no task, no retry, and no setting except their options.

    `send` and `media_headers` are called from several threads at once, everything else from one thread at a time.
    """

    Options: ClassVar[type[Options]] = Options
    capabilities: Capabilities  # of the class; an instance may narrow them by its options
    limits: ClassVar[Limits | None] = None  # the provider's dated table, for the docs and the admin
    provider: ClassVar[str] = ""  # the name that people see, such as "Google RBM"
    tested: ClassVar[str] = "emulator"  # how far this backend is tested: live, emulator, documents only
    # Parameters and headers (in lower case) that carry a secret: they are never stored.
    secret_names: ClassVar[frozenset[str]] = frozenset({"authorization", "secret"})
    # What a message's `fields["extra"][alias]` may set, as dotted paths into the request; "*": anything. It never sets
    # the recipient, the sender, the report address, the lifetime, a fallback, or credentials.
    extra: frozenset[str] = frozenset()

    def __init__(self, alias: str, options: Any, *, webhook_url: str = "") -> None:
        self.alias = alias
        self.options = options
        self.webhook_url = webhook_url  # absolute address of our webhook for this alias; empty if unknown

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias!r}>"

    def send(self, outbound: Outbound) -> SendResult:
        """Make the one request. Raises a SendError; any other exception counts as a bug and ends in review."""
        raise NotImplementedError

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        """Send several messages of a campaign in one request; return the result of each, in their order.

        Raises a SendError when the whole request failed; it then holds for each message.
        """
        raise NotImplementedError

    def check(self, content: Content) -> list[str]:
        """Return why this backend cannot carry `content`, as `path: problem` lines; empty if it can. No request is
        made.

        Called at `send()` for this backend and those of its fallback chain.
        """
        return []

    def refused_extra(self, extra: Mapping[str, Any]) -> list[str]:
        """Return the paths in a message's `extra` that it may not set; `send()` refuses such a message."""
        return sorted_extra(extra, self.extra)[1]

    def problems(self) -> list[str]:
        """Return what is wrong with the options beyond their types: one sentence each, shown by `manage.py check`."""
        return []

    def warnings(self) -> list[str]:
        """Return what is allowed but not safe about the options; `manage.py check` warns about it."""
        return []

    # The webhook. `verify` comes first; the other methods see only verified requests.

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        """Return the answer for a provider that checks the address when it is set up; None for other requests.
        Verifies itself.
        """
        return None

    def verify(self, request: WebhookRequest) -> None:
        """Raise WebhookRefused unless the request comes from the provider."""
        raise WebhookRefused(f"{type(self).__name__} takes no webhooks", status=404)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        """Return a key that is the same for a repeated request, at most 100 characters; None if repeats cannot be
        recognized.
        """
        return None

    def dedupe_window(self, key: str) -> timedelta | None:
        """Return how long a request with the same `dedupe_key` is a repeat; None: always, as it names one event."""
        return None

    def kept(self, request: WebhookRequest) -> WebhookRequest:
        """Return the verified request as it is stored and parsed: without the secrets that `secret_names` names."""
        return replace(
            request,
            query={k: v for k, v in request.query.items() if k.lower() not in self.secret_names},
            headers={k: v for k, v in request.headers.items() if k not in self.secret_names},
        )

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """Return what the request reports. Raises any exception for an invalid request."""
        raise NotImplementedError

    def acknowledge(self) -> WebhookAnswer:
        """Return the answer that the provider expects when a request was stored."""
        return WebhookAnswer()

    # Optional, announced by capabilities.

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool | None:
        """Revoke an undelivered message. Return True when the provider revoked it, and False when it is too late.

        None: the provider was asked, and answers later (by a REVOKED receipt, or when it is asked again).
        """
        raise NotImplementedError

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """Return the status of a message, as receipts; empty when the provider has no news."""
        raise NotImplementedError

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        """Return the features of each phone: a set of the provider's names, or None for a phone that it cannot
        reach.
        """
        raise NotImplementedError

    def check_requests(self, count: int) -> int:
        """Return how many requests `check_capabilities` makes for `count` phones: one for each, without a batch
        method.
        """
        return count

    def typing(self, to: str, active: bool = True) -> None:
        """Show the person that we are writing, or (if the provider supports it) that we have stopped."""
        raise NotImplementedError

    def mark_read(self, to: str, incoming_id: str) -> None:
        """Tell the person that their message was read."""
        raise NotImplementedError

    # Files that people send, if the provider keeps them behind our credentials.

    def media_origins(self) -> Iterable[str]:
        """Return the origins of hosts that need our credentials for a file, such as https://api.example.com.

        Scheme, host and port count, the path does not. Empty by default: most links need no credentials.
        """
        return ()

    def media_headers(self) -> Mapping[str, str]:
        """Return the headers for a file on one of `media_origins`; the router sends them to no other host.

        Raises a SendError when there is no token: the file is fetched later. Called from several threads at once.
        """
        return {}

    def opted_out(self) -> list[str]:
        """Return the numbers on the provider's own list of people who refuse messages."""
        raise NotImplementedError

    def opt_out(self, number: str) -> bool:
        """Add a number to that list; return False if it was on it."""
        raise NotImplementedError

    def opt_in(self, number: str) -> bool:
        """Remove a number from that list; return False if it was not on it."""
        raise NotImplementedError
