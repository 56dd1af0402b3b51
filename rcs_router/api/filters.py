"""A list's query string in, checked; the rows it asks for out."""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.settings import api_settings

from rcs_router.api.errors import Problem, invalid
from rcs_router.api.paging import MOST, USUAL
from rcs_router.api.shown import STATUS
from rcs_router.contract import IncomingKind, Traffic
from rcs_router.models import Connection, Message, Transmission

Conditions = Mapping[
    str, str | Callable[[Any], Q]
]  # a lookup, or a function of the value, for each parameter


class Time(serializers.DateTimeField):
    """A time that says its zone."""

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is None:
            self.fail("invalid", format="2026-01-31T09:30:00Z")
        if not 1 < value.year < 9999:
            self.fail("overflow", timezone="UTC")
        return value.astimezone(UTC)  # PostgreSQL takes no offset of 16 hours or more


class Key(serializers.IntegerField):
    """The id of a contact or connection."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **kwargs)


class Asked(serializers.Serializer):
    """What every list takes."""

    cursor = serializers.CharField(
        required=False, max_length=500, help_text="From `next` of an earlier page."
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST, help_text=f"Rows of a page; {USUAL} by default."
    )


class Since(Asked):
    """The same, for what happens in time."""

    since = Time(required=False, help_text="Not before this time.")
    until = Time(required=False, help_text="Before this time.")


class MessagesAsked(Since):
    """Filters of messages."""

    direction = serializers.ChoiceField(Message.Direction.values, required=False)
    kind = serializers.ChoiceField([kind.value for kind in IncomingKind], required=False)
    traffic = serializers.ChoiceField([traffic.value for traffic in Traffic], required=False)
    status = serializers.ChoiceField(
        STATUS, required=False, help_text="Messages with a transmission that stands there."
    )
    backend = serializers.CharField(required=False, max_length=60)
    identity = serializers.CharField(
        required=False, max_length=100, help_text="As it is stored: E.164 with +."
    )
    contact = Key(required=False)
    idempotency_key = serializers.CharField(required=False, max_length=200)


class TransmissionsAsked(Since):
    """Filters of transmissions."""

    status = serializers.ChoiceField(STATUS, required=False)
    backend = serializers.CharField(required=False, max_length=60)
    identity = serializers.CharField(
        required=False, max_length=100, help_text="As it is stored: E.164 with +."
    )
    contact = Key(required=False)
    message = serializers.UUIDField(required=False)
    traffic = serializers.ChoiceField([traffic.value for traffic in Traffic], required=False)
    idempotency_key = serializers.CharField(required=False, max_length=200)


class InteractionsAsked(Since):
    """Filters of interactions."""

    kind = serializers.ChoiceField([kind.value for kind in IncomingKind], required=False)
    transmission = serializers.UUIDField(required=False)
    message = serializers.UUIDField(required=False)
    contact = Key(required=False)
    backend = serializers.CharField(required=False, max_length=60)
    identity = serializers.CharField(
        required=False, max_length=100, help_text="As it is stored: E.164 with +."
    )
    postback = serializers.CharField(required=False, max_length=2000)
    postback_prefix = serializers.CharField(required=False, max_length=2000)


class ContactsAsked(Asked):
    """Filters of contacts."""

    name = serializers.CharField(required=False, max_length=200, help_text="Part of the name.")
    language = serializers.CharField(required=False, max_length=35)
    identity = serializers.CharField(
        required=False, max_length=100, help_text="As it is stored: E.164 with +."
    )
    backend = serializers.CharField(required=False, max_length=60)


class ConnectionsAsked(Asked):
    """Filters of connections."""

    backend = serializers.CharField(required=False, max_length=60)
    identity = serializers.CharField(
        required=False, max_length=100, help_text="As it is stored: E.164 with +."
    )
    contact = Key(required=False)


def asked(request: Request, shape: type[serializers.Serializer]) -> dict[str, Any]:
    """The query string, read. Raises Failure 400 for an unknown parameter, a repeated one, and a wrong value."""
    query = request.query_params
    reader = shape(data={name: query[name] for name in query if name != api_settings.URL_FORMAT_OVERRIDE})
    problems = [
        Problem("unknown_parameter", f"known are {', '.join(reader.fields) or 'none'}", name)
        for name in reader.initial_data
        if name not in reader.fields
    ]
    problems += [
        Problem("repeated_parameter", "a parameter may stand there once", name)
        for name in reader.initial_data
        if len(query.getlist(name)) > 1
    ]
    if not reader.is_valid():
        problems += [
            Problem("invalid_parameter", str(wrong[0]), str(name)) for name, wrong in reader.errors.items()
        ]
    if problems:
        raise invalid(problems)
    return dict(reader.validated_data)


def nothing_asked(request: Request) -> None:
    """Where there is no list there is nothing to filter, and a parameter is a mistake."""
    asked(request, serializers.Serializer)


def narrowed(rows: QuerySet[Any], wanted: Mapping[str, Any], conditions: Conditions) -> QuerySet[Any]:
    """`rows` for which every condition that was asked for holds."""
    for name, condition in conditions.items():
        if name in wanted:
            value = wanted[name]
            rows = rows.filter(condition(value) if callable(condition) else Q(**{condition: value}))
    return rows


def sent(**conditions: Any) -> Q:
    """Messages with a transmission like this, of which there are many: looked up for each message."""
    return Q(Exists(Transmission.objects.filter(message=OuterRef("pk"), **conditions)))


def sent_to(**conditions: Any) -> Q:
    """Messages to connections like this, of which there are few: found once."""
    people = Connection.objects.filter(**conditions).values("pk")
    return Q(pk__in=Transmission.objects.filter(connection__in=people).values("message"))


def reached(**conditions: Any) -> Q:
    """Contacts with a connection like this."""
    return Q(Exists(Connection.objects.filter(contact=OuterRef("pk"), **conditions)))
