"""The router's own URLs with the API."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("rcs/api/", include("rcs_router.api.urls")),
    path("rcs/", include("rcs_router.urls")),
]
