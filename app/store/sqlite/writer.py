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

from app.store.interface import Change, Listener
from app.store.sqlite.database import explain
from app.store.sqlite.layouts import Layouts
from app.store.sqlite.purge import left_behind, purge
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


class Writer:
    """Runs pieces of work, one after the other; each is undone alone if it raises."""

    def __init__(self, db: sqlite3.Connection, path: Path, listener: Listener):
        self._db = db
        self._path = path
        self._listener = listener
        self._layouts = Layouts()
        self._queue: SimpleQueue[tuple[Work, Future[Any]] | None] = SimpleQueue()
        self._purging = deque(left_behind(db))
        self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Queues work; its result is there once it is committed, its error once it is undone."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # who stops waiting does not take it from the queue
        self._queue.put((work, future))
        return future

    @property
    def purging(self) -> bool:
        """Whether deleted runs are still being removed."""
        return bool(self._purging)

    def close(self) -> None:
        """Finishes what is queued."""
        self._queue.put(None)
        self._thread.join()

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
            self._tidy(self._commit(batch))
            if not going:
                return

    def _commit(self, batch: list[tuple[Work, Future[Any]]]) -> list[Change]:
        done: list[tuple[Future[Any], Any]] = []
        changes: list[Change] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                transaction = Transaction(self._db, self._layouts)
                self._db.execute("SAVEPOINT work")
                try:
                    result = work(transaction)
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
        except sqlite3.Error as error:
            self._undo()
            reason = explain(error, self._path)
            for _, future in batch:
                if not future.done():
                    future.set_exception(reason)
            return []
        for future, result in done:
            future.set_result(result)
        if changes:
            self._listener(changes)
        return changes

    def _undo(self) -> None:
        self._layouts.forget()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

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
        done = self._alone(partial(purge, self._db, self._purging[0]))
        if done is not False:  # where it failed, the next start goes on
            self._purging.popleft()

    def _alone(self, work: Callable[[], T]) -> T | None:
        """Work in a transaction of its own; None if it failed, which leaves everything as it was."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            result = work()
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self._undo()
            return None
        return result
