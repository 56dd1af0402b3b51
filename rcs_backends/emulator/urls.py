"""Addresses of the emulator, below whatever prefix it is included at: phones and dials, then each provider."""

from django.urls import URLPattern, URLResolver, path

from rcs_backends.emulator import handsets
from rcs_backends.emulator.gate import guarded
from rcs_backends.emulator.handsets import act, config, fault, faults, handset, ledger, messages
from rcs_backends.emulator.wires import wires

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
    *map(guarded, (path("", handsets.page, name="page"), *_control, *_of_wires)),
]
