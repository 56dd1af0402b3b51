"""Begin a transaction, and its savepoints, with the first statement: code without statements holds nothing open.

PostgreSQL's driver sends BEGIN with the first statement anyway. SQLite's BEGIN takes the write lock, and a savepoint is
a statement in both databases.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper

from rcs_router import database


class NotBegun(BaseException):
    """The database refused the savepoint before some code's first statement: not an error of that code."""


@dataclass
class Part:
    """A part of a transaction that can be rolled back by itself."""

    hooks: int  # number of on_commit hooks when the part began
    used: bool = False  # has it sent a statement?
    atomic: Any = None  # its savepoint, when it is set
    refused: Exception | None = None


class Lazy:
    """A transaction of this thread, created by `lazily()`."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self._begin: Callable[[], None] | None = None  # sends SQLite's BEGIN, once
        self._part: Part | None = None
        self._opening = False
        self._depth = (0, 0)

    def enter(self, stack: ExitStack) -> None:
        """Enter Django's `atomic()`, but delay SQLite's BEGIN."""
        connection: Any = self.connection
        if connection.vendor == "sqlite" and not connection.in_atomic_block:
            self._begin = connection._start_transaction_under_autocommit
            connection._start_transaction_under_autocommit = lambda: None
        try:
            stack.enter_context(database.atomic(using=connection.alias))
        finally:
            connection.__dict__.pop("_start_transaction_under_autocommit", None)
        self._depth = (len(connection.savepoint_ids), len(connection.atomic_blocks))

    @contextmanager
    def savepoint(self) -> Iterator[Part]:
        """Roll back the statements of the block if it raises. Raises NotBegun if the database refused to begin."""
        part = self._part = Part(hooks=len(self.connection.run_on_commit))
        try:
            yield part
        except BaseException as error:
            self._leave(part, error)
            raise
        self._leave(part, None)

    def before(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Begin the transaction and the savepoint, then send the statement: for `connection.execute_wrapper()`."""
        part = self._part
        if not self._opening:
            self._opening = True
            if part:
                part.used = True
            try:
                self._open(part)
            except (DatabaseError, InterfaceError) as error:
                if part:
                    part.refused = error
                raise
            finally:
                self._opening = False
        return execute(*statement)

    def _open(self, part: Part | None) -> None:
        if self._begin:
            self._begin()
            self._begin = None
        if part and not part.atomic:
            self._set_savepoint(part)

    def _set_savepoint(self, part: Part) -> None:
        """Do what entering `atomic()` does, but below the blocks that the code has entered meanwhile.

        Django itself enters some blocks, as in `bulk_create()` and `delete()`, before their first statement.
        """
        connection: Any = self.connection
        broken, connection.needs_rollback = connection.needs_rollback, False
        savepoint, atomic = connection.savepoint(), database.atomic(using=connection.alias)
        connection.needs_rollback = broken
        savepoints, blocks = self._depth
        connection.savepoint_ids.insert(savepoints, savepoint)
        connection.atomic_blocks.insert(blocks, atomic)
        part.atomic = atomic

    def _leave(self, part: Part, error: BaseException | None) -> None:
        self._part = None
        connection = self.connection
        if part.refused:
            raise NotBegun from part.refused
        undone = error is not None or connection.needs_rollback
        try:
            if error is not None and not isinstance(error, Exception):
                self._forget_inner_blocks()  # the interrupt may have left Django's list of blocks inconsistent
            elif part.atomic:
                part.atomic.__exit__(type(error) if error else None, error, error and error.__traceback__)
            if not part.used:
                connection.needs_rollback = False  # there is nothing to roll back
        except DatabaseError:
            undone = True
            raise
        finally:
            if undone:
                del connection.run_on_commit[part.hooks :]

    def _forget_inner_blocks(self) -> None:
        savepoints, blocks = self._depth
        del self.connection.savepoint_ids[savepoints:]
        del self.connection.atomic_blocks[blocks:]


@contextmanager
def lazily(connection: BaseDatabaseWrapper) -> Iterator[Lazy]:
    """Run the block in one transaction that begins with its first statement; otherwise like `database.atomic()`."""
    lazy = Lazy(connection)
    with ExitStack() as stack:
        lazy.enter(stack)
        with connection.execute_wrapper(lazy.before):
            yield lazy


def cut(connection: BaseDatabaseWrapper) -> None:
    """End the open transaction of `connection` from another thread: the database rolls it back.

    The owner's next statement fails. Nothing is done here that only the owner's thread may do.
    """
    raw: Any = connection.connection
    if raw is None:
        return
    if connection.vendor == "sqlite":
        raw.interrupt()
        raw.close()
        return
    with socket.socket(fileno=os.dup(raw.fileno())) as theirs:
        theirs.shutdown(socket.SHUT_RDWR)
