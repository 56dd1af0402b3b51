"""A test suite that checks that a backend keeps every promise of the contract. Use it for backends of your own, too.

    from rcs_router.testing.conformance import Conformance, Heard, Provider, answer

    class TestAcme(Conformance):
        provider = Provider(backend=Acme, options=lambda url: {"url": url, …}, accepted=answer(201, {"id": "1"}), …)

Needs pytest and hypothesis, but neither a network nor the emulator: the provider is a socket on loopback. Tests that do
not apply, e.g. of a call that the capabilities do not announce, are skipped and say why.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{part}"
        for part in ("answers", "foreign", "limits", "optional", "options", "sending", "webhooks")
    )
)

from rcs_router.testing.conformance.answers import Answers  # noqa: E402
from rcs_router.testing.conformance.foreign import Foreign  # noqa: E402
from rcs_router.testing.conformance.limits import Limits  # noqa: E402
from rcs_router.testing.conformance.optional import Optional  # noqa: E402
from rcs_router.testing.conformance.options import Options  # noqa: E402
from rcs_router.testing.conformance.provider import (  # noqa: E402
    ID,
    PHONE,
    WEBHOOK_URL,
    Fault,
    Heard,
    Provider,
    outbound,
)
from rcs_router.testing.conformance.sending import Sending  # noqa: E402
from rcs_router.testing.conformance.webhooks import Webhooks  # noqa: E402
from rcs_router.testing.stub import Answer, Asked, answer, cut, hang  # noqa: E402

__all__ = [
    "ID",
    "PHONE",
    "WEBHOOK_URL",
    "Answer",
    "Asked",
    "Conformance",
    "Fault",
    "Heard",
    "Provider",
    "answer",
    "cut",
    "hang",
    "outbound",
]


class Conformance(Options, Sending, Limits, Answers, Foreign, Optional, Webhooks):
    """The whole suite. Pytest runs each subclass whose name begins with Test; it must have a `provider`."""

    def __init_subclass__(cls) -> None:
        if not isinstance(getattr(cls, "provider", None), Provider):
            raise TypeError(f"{cls.__name__} needs provider = Provider(backend=…, options=…, accepted=…)")
