"""URLs of the test suite: the router's own, the emulator's, and the admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("rcs/", include("rcs_router.urls")),
    path("emulator/", include("rcs_backends.emulator.urls")),
]
