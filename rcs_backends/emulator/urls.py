"""Addresses of the emulator, below whatever prefix it is included at: phones and dials, then one wire each."""

from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt

from rcs_backends.emulator import handsets
from rcs_backends.emulator.handsets import act, config, fault, faults, handset, ledger, messages
from rcs_backends.emulator.wire import (
    google_auth,
    google_capabilities,
    google_files,
    google_rbm,
    google_request,
    kannel,
)

app_name = "rcs_emulator"
PHONE = "google/v1/phones/<str:phone>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", handsets.page, name="page"),
    path("handsets/", csrf_exempt(handsets.handsets)),
    path("handsets/<str:number>/", csrf_exempt(handset)),
    path("handsets/<str:number>/messages/", csrf_exempt(messages)),
    path("handsets/<str:number>/actions/", csrf_exempt(act)),
    path("ledger/", csrf_exempt(ledger)),
    path("faults/", csrf_exempt(faults)),
    path("faults/<str:fault_id>/", csrf_exempt(fault)),
    path("config/", csrf_exempt(config)),
    path("google/service-account.json", google_auth.service_account),
    path("google/token", csrf_exempt(google_request.token)),
    path(PHONE + "agentMessages", csrf_exempt(google_rbm.create_message)),
    path(PHONE + "agentMessages/<str:message_id>", csrf_exempt(google_rbm.delete_message)),
    path(PHONE + "agentEvents", csrf_exempt(google_rbm.create_event)),
    path(PHONE + "capabilities", csrf_exempt(google_capabilities.capabilities)),
    path("google/v1/users:batchGet", csrf_exempt(google_capabilities.batch_get)),
    path("google/v1/files", csrf_exempt(google_files.create)),
    path("google/upload/v1/files", csrf_exempt(google_files.upload)),
    path("google/files/<str:uid>", google_files.show, name="google-file"),
    re_path("^google/", csrf_exempt(google_request.unknown)),
    path("kannel/cgi-bin/sendsms", csrf_exempt(kannel.sendsms)),
    re_path("^kannel/", csrf_exempt(kannel.unknown)),
]
