"""People who use the API: one who may do everything, and tokens for any mixture of permissions."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache

from tests.api.client import API

Login = Callable[..., API]


@pytest.fixture(autouse=True)
def mounted(settings: Any) -> None:
    """The API is there, and nobody has made a request yet."""
    from tests.api import core

    settings.RCS_BACKENDS = core.BACKENDS
    settings.RCS_ROUTER = core.ROUTER
    cache.clear()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No throttle: for tests that make many requests."""
    from rcs_router.api import throttling

    monkeypatch.setattr(throttling, "RATES", dict.fromkeys(throttling.RATES))


@pytest.fixture
def login(db: Any) -> Login:
    """`login("view_message", …)`: a caller with these permissions."""
    from rest_framework.authtoken.models import Token

    def _login(*permissions: str) -> API:
        user = User.objects.create_user(f"caller-{User.objects.count()}")
        user.user_permissions.add(*_named(permissions))
        return API(Token.objects.create(user=user).key)

    return _login


@pytest.fixture
def api(db: Any) -> API:
    """Somebody who may do everything, without being a superuser."""
    from rest_framework.authtoken.models import Token

    user = User.objects.create_user("ann")
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="rcs_router"))
    return API(Token.objects.create(user=user).key)


def _named(permissions: Iterable[str]) -> Iterable[Permission]:
    return Permission.objects.filter(content_type__app_label="rcs_router", codename__in=permissions)
