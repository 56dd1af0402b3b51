"""Secrets with what a file or a shell adds: a system check says so before a provider refuses them."""

from typing import Any

import pytest
from django.core.checks import run_checks

from .sites import GSMA, REST, TWILIO, options, site


def ids() -> list[str]:
    return [
        str(found.id).removeprefix("rcs_router.") for found in run_checks() if "rcs_router" in str(found.id)
    ]


SPOILT = ["{}\n", "{}\r\n", " {}", "{} ", "\t{}", "{}\u200b", "\ufeff{}", "a\nb{}"]
PLACES = [
    ("tw", TWILIO, "auth_token"),
    ("re", REST, "token"),
    ("re", REST, "webhook_secret"),
    ("gs", GSMA, "webhook_secret"),
    ("rcs", {"BACKEND": "rcs_router.testing.MemoryBackend", "OPTIONS": {"secret": "memory"}}, "secret"),
]


@pytest.mark.parametrize(("alias", "backend", "name"), PLACES)
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_secret_with_a_line_break_is_complained_of(
    settings: Any, alias: str, backend: dict[str, Any], name: str, spoilt: str
) -> None:
    value = "hunter2-hunter2"
    for given in (spoilt.format(value), ("another-secret", spoilt.format(value))):
        if isinstance(given, tuple) and alias == "rcs":
            continue
        site(settings, {alias: options(backend, **{name: given})})
        assert "E029" in ids()
        [complaint] = [found for found in run_checks() if found.id == "rcs_router.E029"]
        assert name in complaint.msg
        assert value not in complaint.msg


def test_secrets_as_they_are_in_use_are_not(settings: Any) -> None:
    site(settings, {"tw": TWILIO, "re": REST, "gs": GSMA})
    assert "E029" not in ids()
    site(settings, {"tw": options(TWILIO, auth_token="with a blank inside, ümlaut and %&/")})
    assert "E029" not in ids()


@pytest.mark.parametrize("spoilt", SPOILT)
def test_the_monitor_s_token_too(settings: Any, spoilt: str) -> None:
    site(settings, {"tw": TWILIO}, HEALTH_TOKEN=spoilt.format("monitor"))
    assert "E118" in ids()
