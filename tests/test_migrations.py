"""Migrations that the previous release's workers survive: they run while the tables change, and after."""

from collections.abc import Iterator, Sequence

import pytest
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

APP = "rcs_router"
FIRST = 5  # those before it were made when there was no release to be kept running
GONE = (
    operations.RemoveField,
    operations.RenameField,
    operations.RenameModel,
    operations.DeleteModel,
    operations.AlterModelTable,
)


def refusals(migration: Migration, before: ProjectState) -> list[str]:
    """What in a migration breaks processes that know only the tables as they were `before`."""
    state, old = before.clone(), before.clone()
    found: list[str] = []
    for operation in migration.operations:
        found += [f"{operation.describe()}: {why}" for why in judged(operation, state, old)]
        operation.state_forwards(APP, state)
    return found


def judged(operation: Operation, now: ProjectState, old: ProjectState) -> Iterator[str]:
    """`now`: just before the operation; `old`: before the whole migration."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from judged(inner, now, old)
    if isinstance(operation, operations.RunPython | operations.RunSQL) and not operation.reversible:
        yield "it cannot be taken back"
    name = (APP, str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower())
    if isinstance(operation, GONE):
        yield "the previous release still uses it: stop using it in one release, remove it in the next"
    elif name not in old.models:
        return  # a new table: nobody uses it yet
    elif isinstance(operation, operations.AddField):
        if not fillable(operation.field):
            yield "the previous release's INSERTs do not name it: null=True or db_default"
    elif isinstance(operation, operations.AlterField):
        yield from narrowed(now.models[name].fields[operation.name], operation.field)
    elif isinstance(operation, operations.AddConstraint) and about_old(
        operation.constraint, old.models[name]
    ):
        yield "the previous release may write what it refuses"


def fillable(field: models.Field) -> bool:
    """May an INSERT leave it out?"""
    return field.null or field.has_db_default() or field.many_to_many or field.primary_key


def narrowed(was: models.Field, becomes: models.Field) -> Iterator[str]:
    if was.null and not becomes.null:
        yield "the previous release may write NULL into it"
    if fillable(was) and not fillable(becomes):
        yield "the previous release's INSERTs may leave it out: keep null=True or db_default"
    if becomes.max_length and (was.max_length is None or becomes.max_length < was.max_length):
        yield "the previous release may write longer values into it"


def about_old(constraint: models.BaseConstraint, table: ModelState) -> bool:
    """Does it say anything of columns that were there before? Those of a CHECK are not looked at: all count."""
    names = getattr(constraint, "fields", ())
    return not names or bool(set(names) & set(table.fields))


# Ours


def ours() -> Iterator[tuple[Migration, ProjectState]]:
    loader = MigrationLoader(None)
    for app, name in sorted(key for key in loader.disk_migrations if key[0] == APP):
        if int(name[:4]) >= FIRST:
            yield loader.disk_migrations[app, name], loader.project_state(before(loader, (app, name)))


def before(loader: MigrationLoader, key: tuple[str, str]) -> list[tuple[str, str]]:
    """The migrations of all apps that stand before this one."""
    return [one for one in loader.graph.forwards_plan(key) if one != key]


@pytest.mark.parametrize(("migration", "state"), [pytest.param(*pair, id=pair[0].name) for pair in ours()])
def test_the_previous_release_keeps_working(migration: Migration, state: ProjectState) -> None:
    assert refusals(migration, state) == []


# This can fail

OLD = operations.CreateModel(
    "Thing",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20)),
        ("note", models.CharField(max_length=20, null=True)),
        ("word", models.CharField(max_length=20, default="", db_default="")),
    ],
)


def sql(*reverse: str) -> Operation:
    return operations.RunSQL("SELECT 1", *reverse)


def nothing(apps: object, editor: object) -> None:
    """Does nothing."""


@pytest.mark.parametrize(
    ("ops", "refused"),
    [
        ([operations.AddField("thing", "n", models.IntegerField(null=True))], False),
        ([operations.AddField("thing", "n", models.IntegerField(default=0, db_default=0))], False),
        ([operations.AddField("thing", "n", models.IntegerField(default=0))], True),
        ([operations.AddField("thing", "n", models.CharField(max_length=9, default=""))], True),
        ([operations.RemoveField("thing", "note")], True),
        ([operations.RenameField("thing", "note", "remark")], True),
        ([operations.RenameModel("Thing", "Object")], True),
        ([operations.DeleteModel("Thing")], True),
        ([operations.AlterModelTable("thing", "things")], True),
        ([operations.AlterField("thing", "name", models.CharField(max_length=20, null=True))], False),
        ([operations.AlterField("thing", "name", models.CharField(max_length=30, db_default=""))], False),
        ([operations.AlterField("thing", "name", models.TextField())], False),
        ([operations.AlterField("thing", "name", models.CharField(max_length=19))], True),
        ([operations.AlterField("thing", "note", models.CharField(max_length=20))], True),
        ([operations.AlterField("thing", "note", models.CharField(max_length=20, db_default=""))], True),
        ([operations.AlterField("thing", "word", models.CharField(max_length=20, default=""))], True),
        ([operations.RunPython(nothing)], True),
        ([operations.RunPython(nothing, operations.RunPython.noop)], False),
        ([sql()], True),
        ([sql("SELECT 2")], False),
        ([operations.SeparateDatabaseAndState([operations.RemoveField("thing", "note")])], True),
        ([operations.AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="once"))], True),
        (
            [
                operations.AddField("thing", "key", models.UUIDField(null=True)),
                operations.AddConstraint("thing", models.UniqueConstraint(fields=["key"], name="once")),
            ],
            False,
        ),
        (
            [
                operations.CreateModel("New", [("id", models.BigAutoField(primary_key=True))]),
                operations.AddField("new", "n", models.IntegerField()),
                operations.AddConstraint("new", models.UniqueConstraint(fields=["n"], name="once")),
            ],
            False,
        ),
        ([operations.AddIndex("thing", models.Index(fields=["name"], name="by_name"))], False),
    ],
)
def test_what_would_break_it_is_seen(ops: Sequence[Operation], refused: bool) -> None:
    state = ProjectState()
    OLD.state_forwards(APP, state)
    migration = Migration("0006_test", APP)
    migration.operations = list(ops)
    assert bool(refusals(migration, state)) is refused
