"""The serializers of everything that the API returns. The OpenAPI document is generated from them."""

import json
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from rcs_router.api.sending import client_key
from rcs_router.contract import IncomingKind, Status, Traffic
from rcs_router.models import (
    Connection,
    ConsentRecord,
    Contact,
    Event,
    Message,
    Question,
    Transmission,
)
from rcs_router.outbox.operate import OPERATIONS

STATUSES = [status.name.lower() for status in Status]
TRAFFIC_TYPES = [*(traffic.value for traffic in Traffic), ""]
KINDS = [*(kind.value for kind in IncomingKind), ""]


@extend_schema_field({"type": "string", "enum": STATUSES})
class StatusField(serializers.Field):
    """A status by its name; its number is internal."""

    def to_representation(self, value: int) -> str:
        return Status(value).name.lower()


@extend_schema_field({"type": ["string", "null"], "enum": [*STATUSES, None]})
class NullableStatusField(StatusField):
    """A status that may be null."""


@extend_schema_field({"oneOf": [{"$ref": "#/components/schemas/Content"}, {"type": "null"}]})
class ContentField(serializers.Field):
    """Stored content."""

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"type": "object", "additionalProperties": {}})
class JSONObjectField(serializers.Field):
    """JSON of the caller or the provider, with a question mark in place of each lone surrogate."""

    def to_representation(self, value: Any) -> Any:
        text = json.dumps(value, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.loads(text.encode("utf-8", "replace"))
        return value


class SecondsField(serializers.FloatField):
    """A duration in seconds."""

    def to_representation(self, value: Any) -> float:
        return float(value.total_seconds())


class DateTimeField(serializers.DateTimeField):
    """A time; in UTC if the local time is outside the calendar, because providers send the years 1 and 9999."""

    def to_representation(self, value: Any) -> Any:
        try:
            return super().to_representation(value)
        except (OverflowError, serializers.ValidationError):
            return value.isoformat().replace("+00:00", "Z")


class BaseSerializer(serializers.ModelSerializer):
    """Base class of the serializers of models."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: DateTimeField,
    }


class ConnectionSerializer(BaseSerializer):
    """A connection."""

    created_at = serializers.DateTimeField(source="created_on")

    class Meta:
        model = Connection
        fields = ("id", "backend", "identity", "contact", "created_at")
        read_only_fields = fields


class ContactSerializer(BaseSerializer):
    """A contact with its connections."""

    connections = ConnectionSerializer(many=True)
    created_at = serializers.DateTimeField(source="created_on")
    modified_at = serializers.DateTimeField(source="modified_on")

    class Meta:
        model = Contact
        fields = ("id", "name", "language", "connections", "created_at", "modified_at")
        read_only_fields = fields


class MessageSerializer(BaseSerializer):
    """A message of either direction.

    `recipients` counts people by status; a person whom a fallback reached counts once. `status` is the worst of these;
    people who refuse promotions count only if there is nobody else. `transmissions` counts attempts to reach them by
    status. For an incoming message the counts are empty and the status is null.
    """

    status = serializers.SerializerMethodField()
    recipients = serializers.SerializerMethodField()
    transmissions = serializers.SerializerMethodField()
    content = ContentField()
    traffic = serializers.ChoiceField(TRAFFIC_TYPES)
    kind = serializers.ChoiceField(KINDS)
    ttl = SecondsField(allow_null=True)
    fall_back_after = SecondsField(allow_null=True)
    connection = serializers.SerializerMethodField()
    idempotency_key = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = (
            *("id", "direction", "status", "recipients", "transmissions"),
            *("content", "text", "traffic", "fields"),
            *("ttl", "fall_back_after", "time_critical", "fallback_text", "idempotency_key"),
            *("in_response_to", "created_at"),
            *("kind", "backend", "connection", "external_id", "postback", "answers", "said_at", "routed_at"),
            "handled_by",
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"fields": JSONObjectField()}  # Serializer.fields is a name of DRF

    @extend_schema_field({"type": ["string", "null"], "enum": [*STATUSES, None]})
    def get_status(self, row: Message) -> str | None:
        return next(iter(self.get_recipients(row)), None)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_recipients(self, row: Message) -> dict[str, int]:
        found: dict[Status, int] = self.context["recipients"].get(row.pk, {})
        return {status.name.lower(): number for status, number in found.items()}

    @extend_schema_field(ConnectionSerializer(allow_null=True))
    def get_connection(self, row: Message) -> Any:
        """The sender of an incoming message; null for an outgoing one, whose transmissions name the recipients."""
        return ConnectionSerializer(row.connection).data if row.connection_id else None

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_transmissions(self, row: Message) -> dict[str, int]:
        counts: dict[str, int] = self.context["counts"].get(row.pk, {})
        return counts

    def get_idempotency_key(self, row: Message) -> str | None:
        """The key as this user wrote it; keys of others as they are stored."""
        return client_key(self.context["request"].user, row)


class TransmissionSerializer(BaseSerializer):
    """An outgoing message to one connection."""

    connection = ConnectionSerializer()
    status = StatusField()
    lost = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Transmission
        fields = (
            *("id", "message", "connection", "backend", "fallback_of", "status", "reason", "detail"),
            *("attempts", "unknown", "lost", "provider_id", "due_at", "expires_at", "created_at"),
            *("accepted_at", "delivered_at", "read_at", "failed_at"),
        )
        read_only_fields = fields


class EventSerializer(BaseSerializer):
    """An event in the history of a transmission."""

    status = NullableStatusField()

    class Meta:
        model = Event
        fields = ("kind", "status", "code", "detail", "attempt", "took_ms", "next_at", "at", "created_at")
        read_only_fields = fields


class TransmissionDetailSerializer(TransmissionSerializer):
    """A transmission with its history and the operations that are possible now."""

    events = EventSerializer(many=True)
    operations = serializers.SerializerMethodField()

    class Meta:
        model = Transmission
        fields = (*TransmissionSerializer.Meta.fields, "events", "operations")
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "string", "enum": list(OPERATIONS)}})
    def get_operations(self, row: Transmission) -> list[str]:
        possible: list[str] = self.context["operations"]
        return possible


class InteractionSerializer(BaseSerializer):
    """What a person did with a message. `transmission` and `message` are those that it answers, if known."""

    kind = serializers.ChoiceField(KINDS)
    connection = ConnectionSerializer(allow_null=True)
    content = ContentField()
    transmission = serializers.UUIDField(source="answers_id", allow_null=True)
    message = serializers.UUIDField(source="in_response_to_id", allow_null=True)

    class Meta:
        model = Message
        fields = (
            *("id", "kind", "text", "postback", "content", "fields", "connection", "transmission", "message"),
            *("handled_by", "said_at", "created_at"),
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"fields": JSONObjectField()}


class ConsentRecordSerializer(BaseSerializer):
    """A record of the consent ledger."""

    class Meta:
        model = ConsentRecord
        fields = ("brand", "opted_out", "source", "backend", "words", "said_at", "created_at")
        read_only_fields = fields


class ConsentStatusSerializer(serializers.Serializer):
    """Whether somebody refuses the promotions of a brand, and since when. Null: they never said anything."""

    brand = serializers.CharField()
    opted_out = serializers.BooleanField()
    changed_at = serializers.DateTimeField(allow_null=True)


class ConsentSerializer(serializers.Serializer):
    """The consent of a number or token for each brand, and the newest hundred records of its ledger."""

    subject = serializers.CharField()
    standing = ConsentStatusSerializer(many=True)
    ledger = ConsentRecordSerializer(many=True)


class ConsentChangedSerializer(ConsentSerializer):
    """The consent after a change. `changed` is false if it was the same before."""

    changed = serializers.BooleanField()


class EvidenceSerializer(ConsentSerializer):
    """The whole ledger, oldest record first, and the connections of the subject."""

    exported_at = serializers.DateTimeField()
    connections = ConnectionSerializer(many=True)


class AcceptedSerializer(serializers.Serializer):
    """The answer to a request to send. Nothing in it changes later, so a repeated request gets the same answer."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    recipients = serializers.IntegerField()
    traffic = serializers.ChoiceField(TRAFFIC_TYPES[:-1])
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    idempotency_key = serializers.CharField(
        allow_null=True, help_text="The caller's own key; also in the header `Idempotency-Key`."
    )


class ProblemSerializer(serializers.Serializer):
    """Something that is wrong with a request."""

    code = serializers.CharField()
    detail = serializers.CharField()
    path = serializers.CharField()


class ImportResultSerializer(serializers.Serializer):
    """How many contacts were created and updated, and what is wrong with the other rows."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    errors = ProblemSerializer(many=True)


class PhoneCapabilitiesSerializer(serializers.Serializer):
    """What a phone can do, in the provider's terms. `reachable` is null if the provider did not say."""

    identity = serializers.CharField()
    reachable = serializers.BooleanField(allow_null=True)
    features = serializers.ListField(child=serializers.CharField())


class CapabilitiesSerializer(serializers.Serializer):
    """One entry for each identity, in the order of the request."""

    backend = serializers.CharField()
    results = PhoneCapabilitiesSerializer(many=True)


class CapabilityQuestionSerializer(CapabilitiesSerializer):
    """A question that workers ask. `results` has the answers up to now; `code` says why the question failed."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(Question.State.choices)
    code = serializers.CharField()


def page_of(row: type[serializers.BaseSerializer]) -> serializers.Serializer:
    """Return the serializer of a page of a list, for the OpenAPI document."""
    fields = {"next": serializers.URLField(allow_null=True), "results": row(many=True)}
    page: serializers.Serializer = inline_serializer(row.__name__.removesuffix("Serializer") + "Page", fields)
    return page
