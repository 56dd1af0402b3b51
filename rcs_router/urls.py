"""Include below any prefix: `path("rcs/", include("rcs_router.urls"))`."""

from django.urls import path

from rcs_router import webhooks

app_name = "rcs_router"
urlpatterns = [
    path("webhooks/<str:alias>/", webhooks.receive, name="webhook"),
]
