"""The one thread that writes: many small pieces of work in one transaction, announced once they are kept."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from app.store.interface import Change, Listener, StoreError
from app.store.sqlite.database import explain
from app.store.sqlite.layouts import Layouts
from app.store.sqlite.purge import left_behind, purge
from app.store.sqlite.reserve import Reserve
from app.store.sqlite.rows import find
from app.store.sqlite.segments import gather, is_due

T = TypeVar("T")
MOST = 64  # pieces of work in one transaction


@dataclass
class Transaction:
    """What a piece of work gets: the database, and a list for the changes that it makes."""

    db: sqlite3.Connection
    layouts: Layouts
    changes: list[Change] = field(default_factory=list)


Work = Callable[[Transaction], Any]


@dataclass(frozen=True)
class _Piece:
    """Work that is queued, with the promise of its result."""

    work: Work
    future: Future[Any]
    frees: bool  # room on the disk


class Writer:
    """Runs pieces of work, one after the other; each is undone alone if it raises.

    ``open_db`` opens the database; where it cannot, all work fails until it can. Work that frees room
    gets the reserve where there is none.
    """

    def __init__(
        self, open_db: Callable[[], sqlite3.Connection], path: Path, reserve: Reserve, listener: Listener
    ):
        self._open_db = open_db
        self._connection: sqlite3.Connection | None = None
        self.failed: StoreError | None = None  # what the last commit failed for
        self._path = path
        self._reserve = reserve
        self._listener = listener
        self._layouts = Layouts()
        self._queue: SimpleQueue[_Piece | None] = SimpleQueue()
        self._purging: deque[int] = deque()
        try:
            self._db  # noqa: B018 (opens it)
        except StoreError as error:
            if not error.full:
                raise
            self.failed = error
        self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)
        self._thread.start()

    @property
    def _db(self) -> sqlite3.Connection:
        """The one connection that writes; raises StoreError where it cannot be opened."""
        if self._connection is None:
            connection = self._open_db()
            try:
                self._purging = deque(left_behind(connection))
            except sqlite3.Error as error:
                connection.close()
                raise explain(error, self._path) from None
            self._connection = connection
        return self._connection

    def submit(self, work: Callable[[Transaction], T], *, frees: bool = False) -> Future[T]:
        """Queues work; its result is there once it is committed, its error once it is undone."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # who stops waiting does not take it from the queue
        self._queue.put(_Piece(work, future, frees))
        return future

    @property
    def purging(self) -> bool:
        """Whether deleted runs are still being removed."""
        return bool(self._purging)

    def close(self) -> None:
        """Finishes what is queued."""
        self._queue.put(None)
        self._thread.join()

    def let_go(self) -> None:
        """Closes the database, after all who read it: then the file is tidied up."""
        if self._connection:
            self._connection.close()

    def _run(self) -> None:
        while True:
            if self._purging:
                self._purge_a_little()
                if self._queue.empty():
                    continue
            item = self._queue.get()
            if item is None:
                return
            batch, going = [item], True
            while len(batch) < MOST and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    going = False
                    break
                batch.append(following)
            try:
                self._tidy(self._commit(batch))
                self._reserve.keep()
            except StoreError as error:
                self._tidy(self._commit_what_frees(batch, error))
            if not going:
                return

    def _commit_what_frees(self, batch: list[_Piece], failed: StoreError) -> list[Change]:
        """Where there is no room, only that; the rest of the batch has failed."""
        freeing = [piece for piece in batch if piece.frees and not piece.future.done()]
        changes: list[Change] = []
        if failed.full and freeing and self._reserve.give_up():
            try:
                changes = self._commit(freeing)
            except StoreError as error:
                failed = error
        for piece in batch:
            if not piece.future.done():
                piece.future.set_exception(failed)
        return changes

    def _commit(self, batch: list[_Piece]) -> list[Change]:
        """Raises StoreError where the database fails: what has no answer then was not kept."""
        done: list[tuple[Future[Any], Any]] = []
        changes: list[Change] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for piece in batch:
                if piece.future.done():
                    continue
                transaction, future = Transaction(self._db, self._layouts), piece.future
                self._db.execute("SAVEPOINT work")
                try:
                    result = piece.work(transaction)
                except sqlite3.OperationalError:
                    raise  # the database itself fails: nothing of this batch can be kept
                except Exception as error:
                    self._db.execute("ROLLBACK TO work")
                    self._layouts.forget()
                    future.set_exception(error)
                else:
                    done.append((future, result))
                    changes += transaction.changes
                self._db.execute("RELEASE work")
            self._db.execute("COMMIT")
        except StoreError as error:
            self.failed = error
            raise
        except sqlite3.Error as error:
            self._undo()
            self.failed = explain(error, self._path)
            raise self.failed from None
        self.failed = None
        for future, result in done:
            future.set_result(result)
        if changes:
            self._listener(changes)
        return changes

    def _undo(self) -> None:
        self._layouts.forget()
        if self._connection and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _tidy(self, changes: list[Change]) -> None:
        """Gathers the frames of runs that have many; notes which runs are gone."""
        last = {change.run.key: change for change in changes}
        for change in last.values():
            if change.deleted:
                self._purging.append(change.run.key)
            elif is_due(change.run):
                self._alone(partial(self._gather, change.run.id))

    def _gather(self, run: str) -> None:
        found = find(self._db, run)
        if found:
            gather(self._db, found)

    def _purge_a_little(self) -> None:
        done = self._alone(partial(purge, self._db, self._purging[0]), frees=True)
        if done is not False:  # where it failed, the next start goes on
            self._purging.popleft()

    def _alone(self, work: Callable[[], T], *, frees: bool = False) -> T | None:
        """Work in a transaction of its own; None if it failed, which leaves everything as it was."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            result = work()
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            full = explain(error, self._path).full
            return self._alone(work) if full and frees and self._reserve.give_up() else None
        return result
