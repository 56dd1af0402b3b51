"""Models whose rows are read where they are written, whatever DATABASE_ROUTERS says of reading."""

from typing import Any, ClassVar, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from rcs_router import database

Row = TypeVar("Row", bound=models.Model, covariant=True)


class FreshQuerySet(models.QuerySet[Row, Row]):
    """Asks the database that the router writes to, unless `using()` names another one.

    The choice is made when it is evaluated, so that it can stand as a subquery in a query of any other model.
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
    """A foreign key whose row is looked for where rows are written: forms are sent before a replica has caught up."""

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super(models.ForeignKey, self).validate(value, model_instance)
        to: Any = self.remote_field.model
        if value is not None and not to.objects.filter(pk=value).exists():
            params = {"model": to._meta.verbose_name, "pk": value, "field": "pk", "value": value}
            raise ValidationError(self.error_messages["invalid"], code="invalid", params=params)

    def deconstruct(self) -> Any:
        """As Django's own, which is what migrations make."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", arguments, options


class RouterModel(models.Model):
    """A row of the router. Subclasses have a Meta of their own, so that migrations need not know of this one."""

    objects: ClassVar[FreshManager[Self]] = FreshManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
