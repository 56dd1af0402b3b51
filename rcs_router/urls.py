"""The URLs of the router, for any prefix: `path("rcs/", include("rcs_router.urls"))`."""

from django.urls import include, path

from rcs_router import health
from rcs_router.inbox import forms, webhooks

app_name = "rcs_router"
urlpatterns = [
    path("webhooks/<str:alias>/", webhooks.receive, name="webhook"),
    path("forms/<str:token>/", forms.fill_in, name="form"),
    path("health/", health.page, name="health"),
    # Without the last slash, and with more after it: Django would redirect, which loses a body, or log the path.
    path("webhooks/<path:alias>", webhooks.receive),
    path("forms/<path:token>", forms.fill_in),
    path("health", health.page),
    path("api/", include("rcs_router.api.urls")),
]
