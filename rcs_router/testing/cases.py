"""Test cases for Django's test runner. Each test has a World of its own, `self.rcs` (see rcs_router.testing.world)."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import DEFAULT_DB_ALIAS
from django.test import TestCase, TransactionTestCase
from django.utils.functional import classproperty

from rcs_router import database
from rcs_router.testing.handset import Handset
from rcs_router.testing.world import Apps, World

if TYPE_CHECKING:
    from unittest import TestCase as Base
else:
    Base = object


class RCSTestMixin(Base):
    """Mixin for Django's test cases. `apps` and `backends` replace those of the settings.

    `fail_fast`: a router app that raises fails the test. If False, the error is recorded and the other apps go on.
    """

    apps: ClassVar[Apps | None] = None
    backends: ClassVar[dict[str, Any] | None] = None
    fail_fast: ClassVar[bool] = True
    rcs: World

    # The databases that a test may use, as in Django's test cases: the default one and the router's.
    databases: Any = classproperty(lambda cls: {DEFAULT_DB_ALIAS, database.alias()})

    def setUp(self) -> None:
        super().setUp()
        world = World(apps=self.apps, backends=self.backends, fail_fast=self.fail_fast)
        self.rcs = self.enterContext(world)

    def handset(self, number: str = "", *, rcs: bool = True) -> Handset:
        return self.rcs.handset(number, rcs=rcs)

    def plays(self, script: str) -> None:
        self.rcs.plays(script)

    def no_waiting(self) -> AbstractContextManager[None]:
        return self.rcs.no_waiting()


class RCSTestCase(RCSTestMixin, TestCase):
    """Run each test in a transaction that is rolled back, which is fast. Commit hooks run when a worker would run."""


class RCSTransactionTestCase(RCSTestMixin, TransactionTestCase):
    """Run tests with real commits, for code that needs them. This is slow, because every table is emptied."""
