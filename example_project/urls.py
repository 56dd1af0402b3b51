"""Addresses of the example: a page of links, the admin, the router's webhooks, and the emulator if it is installed."""

from django.apps import apps
from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import TemplateView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", TemplateView.as_view(template_name="example_project/home.html"), name="home"),
    path("admin/", admin.site.urls),
    path("rcs/", include("rcs_router.urls")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),  # files that phones sent; only with DEBUG
]
if apps.is_installed("rcs_backends.emulator"):
    urlpatterns += [path("emulator/", include("rcs_backends.emulator.urls"))]
