"""Rows in, what readers of the API see of them out; the document is made of the same classes."""

import json
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from rcs_router.api.sending import key_of
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

STATUS = [status.name.lower() for status in Status]
TRAFFIC = [*(traffic.value for traffic in Traffic), ""]
KINDS = [*(kind.value for kind in IncomingKind), ""]


@extend_schema_field({"type": "string", "enum": STATUS})
class StatusWord(serializers.Field):
    """A status by its name: its number is an inner matter."""

    def to_representation(self, value: int) -> str:
        return Status(value).name.lower()


@extend_schema_field({"type": ["string", "null"], "enum": [*STATUS, None]})
class StatusOrNot(StatusWord):
    """The same, where there may be none."""


@extend_schema_field({"oneOf": [{"$ref": "#/components/schemas/Content"}, {"type": "null"}]})
class ContentField(serializers.Field):
    """Content as it is stored."""

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"type": "object", "additionalProperties": {}})
class AnyObject(serializers.Field):
    """JSON of the caller's or the provider's, with a question mark for each half of a character."""

    def to_representation(self, value: Any) -> Any:
        text = json.dumps(value, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.loads(text.encode("utf-8", "replace"))
        return value


class Seconds(serializers.FloatField):
    """A duration in seconds."""

    def to_representation(self, value: Any) -> float:
        return float(value.total_seconds())


class Moment(serializers.DateTimeField):
    """A time; in UTC where the local one falls out of the calendar: providers name the years 1 and 9999, too."""

    def to_representation(self, value: Any) -> Any:
        try:
            return super().to_representation(value)
        except (OverflowError, serializers.ValidationError):
            return value.isoformat().replace("+00:00", "Z")


class Shown(serializers.ModelSerializer):
    """Base of what is made of a model."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Moment,
    }


class ConnectionShown(Shown):
    """A connection."""

    created_at = serializers.DateTimeField(source="created_on")

    class Meta:
        model = Connection
        fields = ("id", "backend", "identity", "contact", "created_at")
        read_only_fields = fields


class ContactShown(Shown):
    """A contact with its connections."""

    connections = ConnectionShown(many=True)
    created_at = serializers.DateTimeField(source="created_on")
    modified_at = serializers.DateTimeField(source="modified_on")

    class Meta:
        model = Contact
        fields = ("id", "name", "language", "connections", "created_at", "modified_at")
        read_only_fields = fields


class MessageShown(Shown):
    """A message of either direction. `transmissions`: how many of them stand where; empty for what came in.

    `recipients`: how many people stand where: a person whom a fallback reached counts once. `status`: the worst of
    those, in which people who refuse promotions count only when there is nobody else; null for what came in.
    """

    status = serializers.SerializerMethodField()
    recipients = serializers.SerializerMethodField()
    transmissions = serializers.SerializerMethodField()
    content = ContentField()
    traffic = serializers.ChoiceField(TRAFFIC)
    kind = serializers.ChoiceField(KINDS)
    ttl = Seconds(allow_null=True)
    fall_back_after = Seconds(allow_null=True)
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
        return super().get_fields() | {"fields": AnyObject()}  # a name that serializers have themselves

    @extend_schema_field({"type": ["string", "null"], "enum": [*STATUS, None]})
    def get_status(self, row: Message) -> str | None:
        return next(iter(self.get_recipients(row)), None)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_recipients(self, row: Message) -> dict[str, int]:
        found: dict[Status, int] = self.context["recipients"].get(row.pk, {})
        return {status.name.lower(): number for status, number in found.items()}

    @extend_schema_field(ConnectionShown(allow_null=True))
    def get_connection(self, row: Message) -> Any:
        """Who said it; null for what goes out, whose recipients are asked for by themselves."""
        return ConnectionShown(row.connection).data if row.connection_id else None

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_transmissions(self, row: Message) -> dict[str, int]:
        counts: dict[str, int] = self.context["counts"].get(row.pk, {})
        return counts

    def get_idempotency_key(self, row: Message) -> str | None:
        """As it was written by the user who asks; other keys as they are stored."""
        return key_of(self.context["request"].user, row)


class TransmissionShown(Shown):
    """One outgoing message on its way to one connection."""

    connection = ConnectionShown()
    status = StatusWord()
    lost = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Transmission
        fields = (
            *("id", "message", "connection", "backend", "fallback_of", "status", "reason", "detail"),
            *("attempts", "unknown", "lost", "provider_id", "due_at", "expires_at", "created_at"),
            *("accepted_at", "delivered_at", "read_at", "failed_at"),
        )
        read_only_fields = fields


class EventShown(Shown):
    """One line of a transmission's history."""

    status = StatusOrNot()

    class Meta:
        model = Event
        fields = ("kind", "status", "code", "detail", "attempt", "took_ms", "next_at", "at", "created_at")
        read_only_fields = fields


class TransmissionInFull(TransmissionShown):
    """A transmission with what happened to it, and what may be done about it now."""

    events = EventShown(many=True)
    operations = serializers.SerializerMethodField()

    class Meta:
        model = Transmission
        fields = (*TransmissionShown.Meta.fields, "events", "operations")
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "string", "enum": list(OPERATIONS)}})
    def get_operations(self, row: Transmission) -> list[str]:
        possible: list[str] = self.context["operations"]
        return possible


class InteractionShown(Shown):
    """What a person did with what we sent. `transmission` and `message` are those that it answers, where known."""

    kind = serializers.ChoiceField(KINDS)
    connection = ConnectionShown(allow_null=True)
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
        return super().get_fields() | {"fields": AnyObject()}


class RecordShown(Shown):
    """A line of the consent ledger."""

    class Meta:
        model = ConsentRecord
        fields = ("brand", "opted_out", "source", "backend", "words", "said_at", "created_at")
        read_only_fields = fields


class StandingShown(serializers.Serializer):
    """Does somebody refuse the promotions of a brand, and since when is that known? Null: it was never said."""

    brand = serializers.CharField()
    opted_out = serializers.BooleanField()
    changed_at = serializers.DateTimeField(allow_null=True)


class ConsentShown(serializers.Serializer):
    """Where a number or token stands with each brand, and the last hundred lines of its ledger, newest first."""

    subject = serializers.CharField()
    standing = StandingShown(many=True)
    ledger = RecordShown(many=True)


class ConsentChanged(ConsentShown):
    """The same after a wish; `changed` is false when it was so before."""

    changed = serializers.BooleanField()


class Evidence(ConsentShown):
    """The whole ledger, oldest line first, and on which backends we know the subject."""

    exported_at = serializers.DateTimeField()
    connections = ConnectionShown(many=True)


class Accepted(serializers.Serializer):
    """The answer to a send: nothing in it changes later, so a repeated request gets the same."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    recipients = serializers.IntegerField()
    traffic = serializers.ChoiceField(TRAFFIC[:-1])
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    idempotency_key = serializers.CharField(
        allow_null=True, help_text="The caller's own, as it came; also in the header `Idempotency-Key`."
    )


class ProblemShown(serializers.Serializer):
    """One thing that is wrong."""

    code = serializers.CharField()
    detail = serializers.CharField()
    path = serializers.CharField()


class ImportResult(serializers.Serializer):
    """How many contacts are new, how many were found, and what is wrong with the rows left out."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    errors = ProblemShown(many=True)


class PhoneShown(serializers.Serializer):
    """What a phone can, in the provider's words. `reachable` is null where the provider said nothing of it."""

    identity = serializers.CharField()
    reachable = serializers.BooleanField(allow_null=True)
    features = serializers.ListField(child=serializers.CharField())


class PhonesShown(serializers.Serializer):
    """One entry for each identity asked about, in that order."""

    backend = serializers.CharField()
    results = PhoneShown(many=True)


class PhonesLaterShown(PhonesShown):
    """A question that workers ask. `results` has what has been answered until now; `code` says why it failed."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(Question.State.choices)
    code = serializers.CharField()


def page_of(shown: type[serializers.BaseSerializer]) -> serializers.Serializer:
    """A page of a list, for the document."""
    fields = {"next": serializers.URLField(allow_null=True), "results": shown(many=True)}
    page: serializers.Serializer = inline_serializer(shown.__name__.removesuffix("Shown") + "Page", fields)
    return page
