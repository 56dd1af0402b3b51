"""Addresses of the emulator, below whatever prefix it is included at: phones and dials, then one wire each."""

from django.urls import URLPattern, URLResolver

app_name = "rcs_emulator"
urlpatterns: list[URLPattern | URLResolver] = []
