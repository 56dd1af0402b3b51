"""A provider's webhook request and its answer, as values without Django."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A provider's HTTP request, as it arrived or as it was stored. Header names are lower case."""

    method: str
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""  # the address as our server sees it, with its query; not stored
    raw_query: bytes = b""  # the query string, for values in a charset other than UTF-8; not stored
    sent: bytes = b""  # the compressed body as it was sent (`body` is unpacked); not stored

    @property
    def signed(self) -> bytes:
        """The bytes that a signature over the body covers: the body as it was sent."""
        return self.sent or self.body


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """The HTTP answer for the provider."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
