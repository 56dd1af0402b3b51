"""Addresses of the API, below wherever rcs_router.urls is included."""

from django.urls import path, re_path

from rcs_router.api.capabilities import Capabilities, CapabilitiesLater
from rcs_router.api.connections import Connections, OneConnection
from rcs_router.api.consent import Change, Export, OptIn, Standing
from rcs_router.api.contacts import Contacts, Merge, OneContact
from rcs_router.api.document import Document
from rcs_router.api.importing import ImportContacts
from rcs_router.api.interactions import Interactions
from rcs_router.api.messages import Messages, OneMessage
from rcs_router.api.root import Root, unknown
from rcs_router.api.transmissions import OneTransmission, Operate, Transmissions

app_name = "api"
urlpatterns = [
    path("", Root.as_view(), name="root"),
    path("schema/", Document.as_view(), name="schema"),
    path("schema.json", Document.as_view(), name="schema-json"),
    path("messages/", Messages.as_view(), name="messages"),
    path("messages/<uuid:id>/", OneMessage.as_view(), name="message"),
    path("transmissions/", Transmissions.as_view(), name="transmissions"),
    path("transmissions/<uuid:id>/", OneTransmission.as_view(), name="transmission"),
    path("transmissions/<uuid:id>/<str:operation>/", Operate.as_view(), name="operate"),
    path("interactions/", Interactions.as_view(), name="interactions"),
    path("contacts/", Contacts.as_view(), name="contacts"),
    path("contacts/import/", ImportContacts.as_view(), name="import"),
    path("contacts/<int:id>/", OneContact.as_view(), name="contact"),
    path("contacts/<int:id>/merge/", Merge.as_view(), name="merge"),
    path("connections/", Connections.as_view(), name="connections"),
    path("connections/<int:id>/", OneConnection.as_view(), name="connection"),
    path("capabilities/", Capabilities.as_view(), name="capabilities"),
    path("capabilities/<uuid:id>/", CapabilitiesLater.as_view(), name="capabilities-later"),
    path("consent/<str:subject>/", Standing.as_view(), name="consent"),
    path("consent/<str:subject>/export/", Export.as_view(), name="consent-export"),
    path("consent/<str:subject>/opt-out/", Change.as_view(), name="opt-out"),
    path("consent/<str:subject>/opt-in/", OptIn.as_view(), name="opt-in"),
    re_path("", unknown, name="unknown"),
]
