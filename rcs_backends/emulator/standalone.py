"""URLs of the emulator served alone: the same prefix as in a project."""

from django.urls import include, path

urlpatterns = [path("emulator/", include("rcs_backends.emulator.urls"))]
