"""Validate the query parameters of lists, and filter rows by them."""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.settings import api_settings

from rcs_router.api.exceptions import Problem, bad_request
from rcs_router.api.pagination import DEFAULT_LIMIT, MAX_LIMIT
from rcs_router.api.serializers import STATUSES
from rcs_router.contract import IncomingKind, Traffic
from rcs_router.models import Connection, Message, Transmission
from rcs_router.people.identities import spellings

Conditions = Mapping[str, str | Callable[[Any], Q]]  # for each parameter a lookup, or a function of the value


class DateTimeField(serializers.DateTimeField):
    """A time with its time zone."""

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is None:
            self.fail("invalid", format="2026-01-31T09:30:00Z")
        if not 1 < value.year < 9999:
            self.fail("overflow", timezone="UTC")
        return value.astimezone(UTC)  # PostgreSQL refuses offsets of 16 hours or more


class KeyField(serializers.IntegerField):
    """The id of a contact."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **kwargs)


class IdentityField(serializers.CharField):
    """A number in any spelling, or a token; its value is the list of identities that rows may have for it."""

    def __init__(self, **kwargs: Any) -> None:
        words = "A number in any spelling, or a provider's token. Write `%2B` for the plus."
        super().__init__(max_length=100, help_text=words, **kwargs)

    def run_validation(self, data: Any = empty) -> Any:
        return spellings(super().run_validation(data))


class ListQuery(serializers.Serializer):
    """The parameters of every list."""

    cursor = serializers.CharField(
        required=False, max_length=500, help_text="From `next` of an earlier page."
    )
    limit = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=f"Rows per page; the default is {DEFAULT_LIMIT}.",
    )


class TimedListQuery(ListQuery):
    """The parameters of lists that are ordered by time."""

    since = DateTimeField(required=False, help_text="At or after this time.")
    until = DateTimeField(required=False, help_text="Before this time.")


class MessageQuery(TimedListQuery):
    """Filters of messages."""

    direction = serializers.ChoiceField(Message.Direction.values, required=False)
    kind = serializers.ChoiceField([kind.value for kind in IncomingKind], required=False)
    traffic = serializers.ChoiceField([traffic.value for traffic in Traffic], required=False)
    status = serializers.ChoiceField(
        STATUSES, required=False, help_text="Messages with a transmission in this status."
    )
    backend = serializers.CharField(required=False, max_length=60)
    identity = IdentityField(required=False)
    contact = KeyField(required=False)
    idempotency_key = serializers.CharField(required=False, max_length=200)


class TransmissionQuery(TimedListQuery):
    """Filters of transmissions."""

    status = serializers.ChoiceField(STATUSES, required=False)
    backend = serializers.CharField(required=False, max_length=60)
    identity = IdentityField(required=False)
    contact = KeyField(required=False)
    message = serializers.UUIDField(required=False)
    traffic = serializers.ChoiceField([traffic.value for traffic in Traffic], required=False)
    idempotency_key = serializers.CharField(required=False, max_length=200)


class InteractionQuery(TimedListQuery):
    """Filters of interactions."""

    kind = serializers.ChoiceField([kind.value for kind in IncomingKind], required=False)
    transmission = serializers.UUIDField(required=False)
    message = serializers.UUIDField(required=False)
    contact = KeyField(required=False)
    backend = serializers.CharField(required=False, max_length=60)
    identity = IdentityField(required=False)
    postback = serializers.CharField(required=False, max_length=2000)
    postback_prefix = serializers.CharField(required=False, max_length=2000)


class ContactQuery(ListQuery):
    """Filters of contacts."""

    name = serializers.CharField(required=False, max_length=200, help_text="Part of the name.")
    language = serializers.CharField(required=False, max_length=35)
    identity = IdentityField(required=False)
    backend = serializers.CharField(required=False, max_length=60)


class ConnectionQuery(ListQuery):
    """Filters of connections."""

    backend = serializers.CharField(required=False, max_length=60)
    identity = IdentityField(required=False)
    contact = KeyField(required=False)


def parse_query(request: Request, query_class: type[serializers.Serializer]) -> dict[str, Any]:
    """Return the validated query parameters. Raises APIError 400 for unknown, repeated and invalid parameters."""
    query = request.query_params
    reader = query_class(
        data={name: query[name] for name in query if name != api_settings.URL_FORMAT_OVERRIDE}
    )
    problems = [
        Problem("unknown_parameter", f"the known parameters are: {', '.join(reader.fields) or 'none'}", name)
        for name in reader.initial_data
        if name not in reader.fields
    ]
    problems += [
        Problem("repeated_parameter", "give a parameter only once", name)
        for name in reader.initial_data
        if len(query.getlist(name)) > 1
    ]
    if not reader.is_valid():
        problems += [
            Problem("invalid_parameter", str(wrong[0]), str(name)) for name, wrong in reader.errors.items()
        ]
    if problems:
        raise bad_request(*problems)
    return dict(reader.validated_data)


def refuse_parameters(request: Request) -> None:
    """Raise APIError 400 if there are any query parameters: this view has none."""
    parse_query(request, serializers.Serializer)


def apply_filters(rows: QuerySet[Any], wanted: Mapping[str, Any], conditions: Conditions) -> QuerySet[Any]:
    """Return the `rows` that fulfil the condition of every parameter in `wanted`."""
    for name, condition in conditions.items():
        if name in wanted:
            value = wanted[name]
            rows = rows.filter(condition(value) if callable(condition) else Q(**{condition: value}))
    return rows


def has_transmission(**conditions: Any) -> Q:
    """Return a condition: messages with such a transmission. Many match, so the database checks each message."""
    return Q(Exists(Transmission.objects.filter(message=OuterRef("pk"), **conditions)))


def has_recipient(**conditions: Any) -> Q:
    """Return a condition: messages to such connections. Few match, so the database finds them first."""
    people = Connection.objects.filter(**conditions).values("pk")
    return Q(pk__in=Transmission.objects.filter(connection__in=people).values("message"))


def has_connection(**conditions: Any) -> Q:
    """Return a condition: contacts with such a connection."""
    return Q(Exists(Connection.objects.filter(contact=OuterRef("pk"), **conditions)))
