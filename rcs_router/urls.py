"""Include below any prefix: `path("rcs/", include("rcs_router.urls"))`."""

from django.urls import URLPattern

app_name = "rcs_router"
urlpatterns: list[URLPattern] = []
