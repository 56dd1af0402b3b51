"""What the author of a backend says about its provider. The suite sends, answers and forges requests from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from rcs_router.content import Content
from rcs_router.content.plain import render
from rcs_router.contract import BaseBackend, Outbound, Parsed, WebhookRequest
from rcs_router.errors import SendError
from rcs_router.testing.conformance.reading import read
from rcs_router.testing.stub import Answer, Behaviour, Request, Stub

ID = UUID("5f1c9f0e-5b0a-4d7e-9a34-1f2d3c4b5a69")
PHONE = "+37255501234"
WEBHOOK_URL = "https://shop.example/rcs/webhooks/kit/"
NOWHERE = "http://127.0.0.1:9"  # for a backend that makes no request
TIMEOUT = 5.0  # seconds to wait for an answer that comes
PATIENCE = 0.5  # seconds to wait for an answer that does not come
OPTIONAL = ("revoke", "status", "typing", "mark_read", "check", "bulk")  # the names in the capabilities


@dataclass(frozen=True)
class Fault:
    """An answer of the provider, and the SendError that the backend must raise. `code`: its code, if that matters."""

    behaviour: Behaviour
    kind: type[SendError]
    code: str = ""


@dataclass(frozen=True)
class Heard:
    """A payload in the provider's format (or a whole request), and what parse() must return for it."""

    name: str
    payload: Any
    expected: Sequence[Parsed] = ()


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One backend and the behaviour of its provider. Every backend needs `backend`, `options` and `accepted`.

    `options`: returns OPTIONS for a provider that listens at the given address. `accepted`: its answer to a message
    that it accepts, with `provider_id` if it gives one. `routes`: answers of other paths, e.g. of a token endpoint;
    requests to them are not counted. `errors`: its error answers by name. `odd_error`: returns an error answer with
    this HTTP status and an unknown code in the provider's format.

    `sign`: takes a payload (a JSON value, or bytes that are not JSON) and returns the genuine webhook request that
    carries it. `heard`: payloads and their meaning. `unknown`: payloads of kinds that the backend cannot know.
    `forged`: requests that must be refused; the suite adds some that it makes from the genuine ones. `signs_body`:
    False if only a shared secret in a header or in the address protects the webhook. `rotates`: the option that may
    hold several secrets.

    `answers`: the provider's answer to each optional call that the capabilities announce: revoke, status, typing,
    mark_read, check, bulk. `empty_answers`: those of revoke, status and check for which an empty JSON object, `{}`, is
    an answer of the provider; for all others it means that another server answered. `read`: returns the values that a
    request contains, if they are not in JSON, a form or the query.
    """

    backend: type[BaseBackend]
    options: Callable[[str], Mapping[str, Any]]
    accepted: Answer
    provider_id: str = ""
    routes: Mapping[str, Behaviour] = field(default_factory=dict)
    errors: Mapping[str, Fault] = field(default_factory=dict)
    odd_error: Callable[[int], Answer] | None = None
    sign: Callable[[Any], WebhookRequest] | None = None
    heard: Sequence[Heard] = ()
    unknown: Sequence[Any] = ()
    forged: Mapping[str, WebhookRequest] = field(default_factory=dict)
    signs_body: bool = True
    rotates: str = ""
    answers: Mapping[str, Behaviour] = field(default_factory=dict)
    empty_answers: Sequence[str] = ()
    read: Callable[[Request], list[Any]] = read

    def __post_init__(self) -> None:
        if problem := next(iter(self._problems()), ""):
            raise TypeError(f"Provider: {problem}")

    def _problems(self) -> list[str]:
        can = getattr(self.backend, "capabilities", None)
        if not (isinstance(self.backend, type) and issubclass(self.backend, BaseBackend) and can):
            return ["backend must be a subclass of BaseBackend with capabilities"]
        announced = {name for name in OPTIONAL if getattr(can, name)}
        option_names = {f.name for f in fields(self.backend.Options)}
        found = {
            "options must be a function of the provider's address": not callable(self.options),
            "accepted must be made with answer(…)": not isinstance(self.accepted, Answer),
            "errors must be Fault(answer(…), SendErrorClass)": not all(
                isinstance(fault, Fault) for fault in self.errors.values()
            ),
            "capabilities announce a webhook: sign and at least one Heard are needed": can.webhook
            and not (self.sign and self.heard),
            "two of heard have the same name": len({case.name for case in self.heard}) < len(self.heard),
            f"rotates names no option: {self.rotates!r}": bool(self.rotates)
            and self.rotates not in option_names,
            f"answers lacks {sorted(announced - self.answers.keys())}, which capabilities announce": bool(
                announced - self.answers.keys()
            ),
            f"answers has {sorted(self.answers.keys() - set(OPTIONAL))}; known are {', '.join(OPTIONAL)}": bool(
                self.answers.keys() - set(OPTIONAL)
            ),
            f"empty_answers has {sorted(set(self.empty_answers) - announced)}, which are not announced": bool(
                set(self.empty_answers) - announced
            ),
        }
        return [problem for problem, is_so in found.items() if is_so]

    def make(self, where: Stub | str = NOWHERE, **options: Any) -> BaseBackend:
        """Return the backend, connected to the stub if there is one. `options` replace those of `self.options`."""
        url = where if isinstance(where, str) else where.url
        if not isinstance(where, str):
            where.routes |= self.routes
            where.default = self.accepted
        given = {"timeout": TIMEOUT, **self.options(url), **options}
        return self.backend("kit", self.backend.Options.read("kit", given), webhook_url=WEBHOOK_URL)

    def asked(self, stub: Stub) -> list[Request]:
        """Return the requests to the provider, without those to `routes`."""
        return [request for request in stub.requests if request.path not in self.routes]

    def request(self, heard: Any) -> WebhookRequest:
        """Return the genuine webhook request of a Heard, or of a payload."""
        payload = heard.payload if isinstance(heard, Heard) else heard
        assert self.sign
        return payload if isinstance(payload, WebhookRequest) else self.sign(payload)


def outbound(content: Content, **kwargs: Any) -> Outbound:
    """Return an Outbound to PHONE, as if the content had been fitted."""
    return Outbound(**{"id": ID, "to": PHONE, "content": content, "text": render(content).text, **kwargs})
