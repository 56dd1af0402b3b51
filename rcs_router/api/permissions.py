"""Check Django's model permissions, as each view of the API names them for each method."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class HasPermissions(BasePermission):
    """Allow users who have all of the view's `required_permissions` for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        user = request.user
        needed = view.required_permissions.get(method, ())
        return bool(user and user.is_authenticated and user.has_perms(needed))


def perms(*codenames: str) -> tuple[str, ...]:
    """Return the full names of permissions on the router's models: `perms("view_message")`."""
    return tuple(f"rcs_router.{codename}" for codename in codenames)
