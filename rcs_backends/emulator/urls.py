"""Addresses of the emulator, below whatever prefix it is included at: phones and dials, then one wire each."""

from django.urls import URLPattern, URLResolver, path
from django.views.decorators.csrf import csrf_exempt

from rcs_backends.emulator import handsets
from rcs_backends.emulator.handsets import act, config, fault, faults, handset, ledger, messages
from rcs_backends.emulator.wires import wires


def _exempt(pattern: URLPattern | URLResolver) -> URLPattern | URLResolver:
    """Programs know no CSRF token."""
    if isinstance(pattern, URLResolver):
        for inner in pattern.url_patterns:
            _exempt(inner)
    else:
        pattern.callback = csrf_exempt(pattern.callback)
    return pattern


app_name = "rcs_emulator"
_control = [
    path("handsets/", handsets.handsets),
    path("handsets/<str:number>/", handset),
    path("handsets/<str:number>/messages/", messages),
    path("handsets/<str:number>/actions/", act),
    path("wires/", handsets.providers),
    path("ledger/", ledger),
    path("faults/", faults),
    path("faults/<str:fault_id>/", fault),
    path("config/", config),
]
_of_wires = [pattern for wire in wires().values() for pattern in wire.urlpatterns]
urlpatterns: list[URLPattern | URLResolver] = [
    path("", handsets.page, name="page"),
    *map(_exempt, (*_control, *_of_wires)),
]
