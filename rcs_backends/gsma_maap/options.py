"""The OPTIONS of a bot on a MaaP platform: addresses, secrets and validation."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from rcs_router.contract import Options, Traffic, secret, several

ROOTS = ("/rcs/bot/v1", "/bot/v1")  # endings of the API's address; the token endpoint is beside them
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class GSMAMaaPOptions(Options):
    """A bot, which logs in with a fixed `token`, or with `client_id` and `client_secret` by OAuth 2.

    `webhook_secret`: what the platform sends as its Authorization header, or, where it sends none, the value of
    `?secret=` in the webhook's address; several values during a rotation.
    """

    api_url: str  # up to and including /rcs/bot/v1
    bot_id: str  # an opaque id or a service id, e.g. sip:acme@botplatform.example.com
    webhook_secret: str | tuple[str, ...] = secret()
    token: str = secret(default="")
    client_id: str = ""
    client_secret: str = secret(default="")
    token_url: str = ""  # empty: /oauth2/v1/token instead of the /rcs/bot/v1 or /bot/v1 of api_url
    traffic_types: dict[Traffic, str] = field(default_factory=lambda: {Traffic.PROMOTION: "advertisement"})
    expiry_field: str = "expiry"  # member of RCSMessage that carries the message's expiry; empty: none does
    extra: tuple[str, ...] = ()  # further members that a message's `extra` may set, as dotted paths
    max_text: int = 2500  # characters; platforms differ
    max_cards: int = 10  # of a carousel; newer platforms allow 12

    @property
    def base(self) -> str:
        """The address of the bot's resources, without a trailing slash."""
        return f"{self.api_url.rstrip('/')}/{quote(self.bot_id, safe='')}"

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return several(self.webhook_secret)

    @property
    def token_address(self) -> str:
        """The address of the token endpoint; empty when neither an option nor `api_url` tells it."""
        api = self.api_url.rstrip("/")
        root = next((root for root in ROOTS if api.endswith(root)), "")
        return self.token_url or (f"{api.removesuffix(root)}/oauth2/v1/token" if root else "")

    def secrets(self) -> Iterator[str]:
        """Yield the secrets that are set: one of the two ways to log in is always unset."""
        yield from filter(None, super().secrets())

    def problems(self) -> Iterator[str]:
        """Yield one sentence for each problem other than a wrong type."""
        secrets = self.webhook_secrets
        found = {
            "bot_id is empty": not self.bot_id,
            "webhook_secret is empty: no webhook can be verified": not secrets or not all(secrets),
            "max_text must be at least 1": self.max_text < 1,
            "max_cards must be at least 2": self.max_cards < 2,
            "api_url must have neither a query nor a fragment": any(urlsplit(self.api_url)[3:]),
            "expiry_field names a member of RCSMessage: letters, digits and _": (
                bool(self.expiry_field) and not self.expiry_field.isidentifier()
            ),
        }
        yield from (problem for problem, is_so in found.items() if is_so)
        yield from (f"extra must not name {name}" for name in self.extra if self._is_reserved(name))
        yield from self._login()
        yield from _unsafe("api_url", self.api_url)
        if not self.token and self.token_address:
            yield from _unsafe("token_url", self.token_address)

    def _is_reserved(self, path: str) -> bool:
        """Return whether the path sets the recipient, the id or the expiry, directly or as a part of it."""
        first, _, second = path.partition(".")
        reserved = {"", "msgId", self.expiry_field or "expiry"}
        return first in {"", "*", "messageContact"} or (
            first == "RCSMessage" and second.partition(".")[0] in reserved
        )

    def _login(self) -> Iterator[str]:
        if self.token and (self.client_id or self.client_secret):
            yield "token and client_id cannot both be set: a bot logs in one way"
        elif not self.token and not (self.client_id and self.client_secret):
            yield "either token, or client_id and client_secret, must be given"
        elif not self.token and not self.token_address:
            yield "token_url must be given, since api_url ends neither in /rcs/bot/v1 nor in /bot/v1"


def _unsafe(name: str, address: str) -> Iterator[str]:
    parts = urlsplit(address)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in LOCAL):
        yield f"{name} must begin with https://, since every request carries a token"
