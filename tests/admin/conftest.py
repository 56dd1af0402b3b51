"""People who look at the admin: one who may do everything, one who may only view, one who may nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

Login = Callable[..., Client]


@pytest.fixture
def login(db: Any) -> Login:
    """`login("view", "change")`: a client of a staff member with these permissions on every model of the router."""

    def _login(*verbs: str) -> Client:
        user = User.objects.create_user("staff-" + "-".join(verbs), is_staff=True)
        for verb in verbs:
            user.user_permissions.add(
                *Permission.objects.filter(
                    content_type__app_label="rcs_router", codename__startswith=f"{verb}_"
                )
            )
        client = Client()
        client.force_login(user)
        return client

    return _login


@pytest.fixture
def boss(db: Any) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client
