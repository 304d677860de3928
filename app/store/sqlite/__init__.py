"""The store as one SQLite file: one writer, any number of readers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.store.interface import Appended, Change, Listener, StoreError
from app.store.runs import ACTIVE, RETIRED, NewRun, Query, Run, Status, to_text
from app.store.sqlite import rows
from app.store.sqlite.append import append
from app.store.sqlite.database import lock, open_for_writing
from app.store.sqlite.reader import SqliteReader
from app.store.sqlite.reserve import Reserve
from app.store.sqlite.segments import gather
from app.store.sqlite.writer import Transaction, Writer
from app.store.tokens import PersonalToken
from optim_core.transport.frames import Frame

T = TypeVar("T")


class SqliteStore(SqliteReader):
    """A `Store` in the database in ``folder``, which is made if it is not there. Raises StoreError.

    ``listener`` hears of every change after it is kept, on the writer's thread and in order.
    """

    def __init__(self, folder: Path, listener: Listener = lambda changes: None):
        super().__init__(folder)
        reserve = Reserve(folder)
        self._lock = _with_room(partial(lock, folder), reserve)
        open_db = partial(_with_room, partial(open_for_writing, self._path), reserve)
        try:
            self._writer = Writer(open_db, self._path, reserve, listener)
        except BaseException:
            os.close(self._lock)
            raise
        reserve.keep()

    def close(self) -> None:
        """Finishes writing and lets go of the file."""
        self._writer.close()
        super().close()
        self._writer.let_go()
        os.close(self._lock)

    @property
    def full(self) -> bool:
        """Whether the disk took nothing when something was to be written last."""
        return self._writer.failed is not None and self._writer.failed.full

    # --- Runs --------------------------------------------------------------------------------------

    def create(self, new: NewRun) -> Future[Run]:
        """Adds a run; sqlite3.IntegrityError if its id is taken."""

        def work(t: Transaction) -> Run:
            run = rows.insert(t.db, new)
            t.changes.append(Change(run))
            return run

        return self._writer.submit(work)

    def change(
        self, run: str, change: Callable[[Run], Mapping[str, Any] | None], *, frees: bool = False
    ) -> Future[Run]:
        """Changes columns of a run; ``change`` gets the run as it stands, None leaves it so."""

        def work(t: Transaction) -> Run:
            found = rows.existing(t.db, run)
            changes = change(found)
            if changes:
                found = rows.update(t.db, found, **changes)
                t.changes.append(Change(found))
            return found

        return self._writer.submit(work, frees=frees)

    def finish(self, run: str, change: Callable[[Run], Mapping[str, Any] | None]) -> Future[Run]:
        """The same for the change that ends a run; its frames are gathered for good."""

        def work(t: Transaction) -> Run:
            found = rows.existing(t.db, run)
            changes = change(found)
            if changes:
                found = gather(t.db, rows.update(t.db, found, **changes))
                t.changes.append(Change(found))
            return found

        return self._writer.submit(work)

    def delete(self, run: str) -> Future[None]:
        """Removes a run; its frames follow, a few at a time."""

        def work(t: Transaction) -> None:
            found = rows.existing(t.db, run)
            t.db.execute("DELETE FROM runs WHERE key = ?", (found.key,))  # the writer removes the rest
            t.changes.append(Change(found, deleted=True))

        return self._writer.submit(work, frees=True)

    def retire(self, run: str) -> Future[bool]:
        """Removes a run if it neither waits nor runs; whether it did."""

        def work(t: Transaction) -> bool:
            found = rows.find(t.db, run)
            if found is None or found.status not in RETIRED:
                return False
            t.db.execute("DELETE FROM runs WHERE key = ?", (found.key,))
            t.changes.append(Change(found, deleted=True))
            return True

        return self._writer.submit(work, frees=True)

    def describe(
        self, run: str, tensors: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
    ) -> Future[None]:
        """Keeps the table of the run's tensors, and what else its producer tells of it."""

        def work(t: Transaction) -> None:
            found, texts = rows.existing(t.db, run), (to_text(tensors), to_text(facts))
            before = "SELECT length(tensors) + length(facts) FROM details WHERE run = ?"
            (known,) = t.db.execute(before, (found.key,)).fetchone() or (0,)
            t.db.execute("INSERT OR REPLACE INTO details VALUES (?, ?, ?)", (found.key, *texts))
            size = found.bytes + sum(map(len, texts)) - known
            t.changes.append(Change(rows.update(t.db, found, bytes=size)))

        return self._writer.submit(work)

    def interrupt_all(self, reason: str) -> Future[int]:
        """Nothing runs when a server starts: marks what was running as interrupted."""

        def work(t: Transaction) -> int:
            active = [status.value for status in ACTIVE]
            found, _ = rows.select(t.db, Query(status=active, limit=1_000_000))
            found = [run for run in found if not run.away]  # those have no process that could have stopped
            for run in found:
                status = Status.CANCELLED if run.control.get("cancel") else Status.INTERRUPTED
                changed = rows.update(
                    t.db, run, status=status.value, reason=reason, finished=run.heard or time.time()
                )
                t.changes.append(Change(changed))
            return len(found)

        return self._writer.submit(work, frees=True)  # without it no server starts

    # --- The file -----------------------------------------------------------------------------------

    @property
    def purging(self) -> bool:
        """Whether deleted runs are still being removed."""
        return self._writer.purging

    def try_writing(self) -> Future[None]:
        """Writes what is there already; the result says whether the disk takes it."""

        def work(t: Transaction) -> None:
            (version,) = t.db.execute("PRAGMA user_version").fetchone()
            t.db.execute(f"PRAGMA user_version = {version}")  # writes a page, and changes nothing

        return self._writer.submit(work)

    # --- Frames ------------------------------------------------------------------------------------

    def append(
        self, run: str, frames: Sequence[Frame], check: Callable[[Run], None] = lambda run: None
    ) -> Future[Appended]:
        """Keeps the frames that are new; an empty list says that the producer is alive.

        ``check`` may refuse by raising.
        """

        def work(t: Transaction) -> Appended:
            found = rows.existing(t.db, run)
            check(found)
            done = append(t.db, t.layouts, found, frames)
            t.changes.append(Change(done.run, tuple(done.new)))
            return done

        return self._writer.submit(work)

    # --- Tokens ------------------------------------------------------------------------------------

    def add_token(self, token: PersonalToken) -> Future[None]:
        """Keeps a token of a visitor's own."""

        def work(t: Transaction) -> None:
            t.db.execute("INSERT INTO tokens VALUES (:id, :digest, :owner, :name, :created)", asdict(token))

        return self._writer.submit(work)

    def remove_token(self, token: str) -> Future[None]:
        """Forgets the one with this id."""

        def work(t: Transaction) -> None:
            t.db.execute("DELETE FROM tokens WHERE id = ?", (token,))

        return self._writer.submit(work)


def _with_room(open_it: Callable[[], T], reserve: Reserve) -> T:
    """What ``open_it`` gives; on a full disk with the room of the reserve. Raises StoreError."""
    try:
        return open_it()
    except StoreError as error:
        if not (error.full and reserve.give_up()):
            raise
        return open_it()
