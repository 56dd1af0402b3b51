"""A test class in; each of its tests has a world of its own, `self.rcs`, out: see rcs_router.testing.world."""

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
    """For a test case of Django's. `apps` and `backends` replace those of the settings.

    `fail_fast`: a router app that raises fails the test, instead of being recorded while the others go on.
    """

    apps: ClassVar[Apps | None] = None
    backends: ClassVar[dict[str, Any] | None] = None
    fail_fast: ClassVar[bool] = True
    rcs: World

    # Those that a test may use, as in all test cases of Django: the default one, and the router's.
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
    """Each test in a transaction that is rolled back: fast. What waits for a commit is done when a worker would be."""


class RCSTransactionTestCase(RCSTestMixin, TransactionTestCase):
    """With real commits, for code that asks the database about them; slow, because every table is emptied."""
