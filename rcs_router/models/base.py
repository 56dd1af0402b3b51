"""Base classes of the models, whose rows are always read from the database where they are written."""

from typing import Any, ClassVar, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from rcs_router import database

Row = TypeVar("Row", bound=models.Model, covariant=True)


class FreshQuerySet(models.QuerySet[Row, Row]):
    """A queryset of the database that the router writes to, unless `using()` names another one.

    The database is chosen at evaluation, so that the queryset can be a subquery of any other model's query.
    """

    _db: str | None

    @property
    def db(self) -> str:
        return self._db or database.alias(self.model)


class FreshManager(models.Manager[Row]):
    """The manager of all the router's models, also for related rows and `refresh_from_db()`."""

    _hints: dict[str, Any]

    def get_queryset(self) -> models.QuerySet[Row]:
        return FreshQuerySet(self.model, using=self._db, hints=self._hints)

    @property
    def db(self) -> str:
        return self._db or database.alias(self.model)


class ForeignKey(models.ForeignKey):
    """A foreign key that is validated where rows are written: a form may be sent before a replica has caught up."""

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super(models.ForeignKey, self).validate(value, model_instance)
        to: Any = self.remote_field.model
        if value is not None and not to.objects.filter(pk=value).exists():
            params = {"model": to._meta.verbose_name, "pk": value, "field": "pk", "value": value}
            raise ValidationError(self.error_messages["invalid"], code="invalid", params=params)

    def deconstruct(self) -> Any:
        """Return Django's own foreign key, so that migrations do not name this class."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", arguments, options


class RouterModel(models.Model):
    """A model of the router. Each subclass has its own Meta, so that migrations do not name this class."""

    objects: ClassVar[FreshManager[Self]] = FreshManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
