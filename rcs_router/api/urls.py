"""The addresses of the API, below the path under which the project includes rcs_router.urls."""

from django.urls import path, re_path

from rcs_router.api.capabilities import CapabilityAnswers, CapabilityCheck
from rcs_router.api.connections import ConnectionDetail, ConnectionList
from rcs_router.api.consent import ConsentDetail, ConsentExport, OptIn, OptOut
from rcs_router.api.contact_import import ContactImport
from rcs_router.api.contacts import ContactDetail, ContactList, MergeContacts
from rcs_router.api.interactions import InteractionList
from rcs_router.api.messages import MessageDetail, MessageList
from rcs_router.api.openapi import SchemaView
from rcs_router.api.root import Root, unknown
from rcs_router.api.transmissions import TransmissionDetail, TransmissionList, TransmissionOperation

app_name = "api"
resources = (  # what the OpenAPI document describes
    path("messages/", MessageList.as_view(), name="messages"),
    path("messages/<uuid:id>/", MessageDetail.as_view(), name="message"),
    path("transmissions/", TransmissionList.as_view(), name="transmissions"),
    path("transmissions/<uuid:id>/", TransmissionDetail.as_view(), name="transmission"),
    path("transmissions/<uuid:id>/<str:operation>/", TransmissionOperation.as_view(), name="operate"),
    path("interactions/", InteractionList.as_view(), name="interactions"),
    path("contacts/", ContactList.as_view(), name="contacts"),
    path("contacts/import/", ContactImport.as_view(), name="import"),
    path("contacts/<int:id>/", ContactDetail.as_view(), name="contact"),
    path("contacts/<int:id>/merge/", MergeContacts.as_view(), name="merge"),
    path("connections/", ConnectionList.as_view(), name="connections"),
    path("connections/<int:id>/", ConnectionDetail.as_view(), name="connection"),
    path("capabilities/", CapabilityCheck.as_view(), name="capabilities"),
    path("capabilities/<uuid:id>/", CapabilityAnswers.as_view(), name="capabilities-later"),
    path("consent/<str:subject>/", ConsentDetail.as_view(), name="consent"),
    path("consent/<str:subject>/export/", ConsentExport.as_view(), name="consent-export"),
    path("consent/<str:subject>/opt-out/", OptOut.as_view(), name="opt-out"),
    path("consent/<str:subject>/opt-in/", OptIn.as_view(), name="opt-in"),
)
documents = (
    path("schema/", SchemaView.as_view(patterns=resources), name="schema"),
    path("schema.json", SchemaView.as_view(patterns=resources), name="schema-json"),
)
urlpatterns = [
    path("", Root.as_view(patterns=(*documents, *resources)), name="root"),
    *documents,
    *resources,
    re_path("", unknown, name="unknown"),
]
