"""Django's engine for SQLite, with `select_for_update()` taken seriously."""

from typing import Any

from django.db.backends.sqlite3 import base, features, operations


class DatabaseFeatures(features.DatabaseFeatures):
    has_select_for_update = True


class DatabaseOperations(operations.DatabaseOperations):
    def for_update_sql(self, *args: Any, **kwargs: Any) -> str:
        return ""


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
