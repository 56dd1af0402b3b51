"""What send() is given besides content: every wrong argument is named, where the caller can see it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rcs_router import send
from rcs_router.content import Text
from rcs_router.errors import ContentError, IdentityError
from rcs_router.models import Message
from tests.core import connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"ttl": 300}, TypeError, "ttl must be a timedelta, such as timedelta(minutes=5), not int"),
        ({"ttl": timedelta(seconds=-4)}, ValueError, "ttl must be positive, not -4 seconds"),
        ({"send_at": "tomorrow"}, TypeError, "send_at must be a datetime, not str"),
        ({"send_at": datetime(2026, 1, 1)}, ValueError, "send_at needs a time zone"),
        ({"fields": [1]}, TypeError, "fields must be a dict, not list"),
        ({"fields": {"a": object()}}, TypeError, "fields must be JSON"),
        ({"fields": {"a": float("nan")}}, TypeError, "fields must be JSON"),
        ({"fields": {"extra": "x"}}, TypeError, 'fields["extra"] must be a dict'),
        (
            {"fields": {"extra": {"nobody": {}}}},
            ValueError,
            "names 'nobody'; RCS_BACKENDS has rcs, sms, alone",
        ),
        ({"fields": {"extra": {"rcs": [1]}}}, TypeError, 'fields["extra"]["rcs"] must be a dict'),
        ({"idempotency_key": 7}, TypeError, "idempotency_key must be a str, not int"),
        ({"idempotency_key": "x" * 201}, ValueError, "may have 200 characters, not 201"),
        ({"fallback_text": Text("x")}, TypeError, "fallback_text must be a str"),
    ],
)
def test_a_wrong_argument_is_named(wrong: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        send("Hello", connection(), **wrong)
    assert words in str(caught.value)
    assert not Message.objects.exists()


@pytest.mark.parametrize("nobody", [None, 5, ["+37255501234"], [None]])
def test_who_is_no_recipient_is_named(nobody: Any) -> None:
    with pytest.raises(IdentityError, match="takes connections"):
        send("Hello", nobody)


def test_a_chip_that_is_no_suggestion_is_named() -> None:
    with pytest.raises(ContentError, match=r"suggestions\[0\]: must be made of rcs_router.content, not str"):
        Text("Hello", suggestions=["Yes"])  # type: ignore[list-item]
