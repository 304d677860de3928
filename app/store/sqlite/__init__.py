"""The store as one SQLite file: one writer, any number of readers."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from queue import LifoQueue
from typing import Any

import orjson

from app.store.interface import Appended, Change, Listener, NoSuchRun, Wanted, Window
from app.store.runs import ACTIVE, RETIRED, NewRun, Query, Run, Status, to_text
from app.store.sqlite import rows
from app.store.sqlite.append import append
from app.store.sqlite.database import FILE, connect, explain, lock, open_for_writing
from app.store.sqlite.read import columns_of, events_of, read_frames, read_series
from app.store.sqlite.segments import gather
from app.store.sqlite.writer import Transaction, Writer
from optim_core.recording import Series
from optim_core.transport.frames import Frame

READERS = 6


class SqliteStore:
    """A `Store` in the database in ``folder``, which is made if it is not there. Raises StoreError.

    ``listener`` hears of every change after it is kept, on the writer's thread and in order.
    """

    def __init__(self, folder: Path, listener: Listener = lambda changes: None):
        self._path = folder / FILE
        self._lock = lock(folder)
        try:
            self._db = open_for_writing(self._path)
            try:
                self._writer = Writer(self._db, self._path, listener)
            except sqlite3.Error as error:
                self._db.close()
                raise explain(error, self._path) from None
        except BaseException:
            os.close(self._lock)
            raise
        self._readers: LifoQueue[sqlite3.Connection | None] = LifoQueue()
        for _ in range(READERS):
            self._readers.put(None)  # opened when needed

    def close(self) -> None:
        """Finishes writing and lets go of the file."""
        self._writer.close()
        for _ in range(READERS):
            reader = self._readers.get()
            if reader:
                reader.close()
        self._db.close()
        os.close(self._lock)

    # --- Runs --------------------------------------------------------------------------------------

    def create(self, new: NewRun) -> Future[Run]:
        """Adds a run; sqlite3.IntegrityError if its id is taken."""

        def work(t: Transaction) -> Run:
            run = rows.insert(t.db, new)
            t.changes.append(Change(run))
            return run

        return self._writer.submit(work)

    def change(self, run: str, change: Callable[[Run], Mapping[str, Any] | None]) -> Future[Run]:
        """Changes columns of a run; ``change`` gets the run as it stands, None leaves it so."""

        def work(t: Transaction) -> Run:
            found = _find(t.db, run)
            changes = change(found)
            if changes:
                found = rows.update(t.db, found, **changes)
                t.changes.append(Change(found))
            return found

        return self._writer.submit(work)

    def finish(self, run: str, change: Callable[[Run], Mapping[str, Any] | None]) -> Future[Run]:
        """The same for the change that ends a run; its frames are gathered for good."""

        def work(t: Transaction) -> Run:
            found = _find(t.db, run)
            changes = change(found)
            if changes:
                found = gather(t.db, rows.update(t.db, found, **changes))
                t.changes.append(Change(found))
            return found

        return self._writer.submit(work)

    def delete(self, run: str) -> Future[None]:
        """Removes a run; its frames follow, a few at a time."""

        def work(t: Transaction) -> None:
            found = _find(t.db, run)
            t.db.execute("DELETE FROM runs WHERE key = ?", (found.key,))  # the writer removes the rest
            t.changes.append(Change(found, deleted=True))

        return self._writer.submit(work)

    def retire(self, run: str) -> Future[bool]:
        """Removes a run if it neither waits nor runs; whether it did."""

        def work(t: Transaction) -> bool:
            found = rows.find(t.db, run)
            if found is None or found.status not in RETIRED:
                return False
            t.db.execute("DELETE FROM runs WHERE key = ?", (found.key,))
            t.changes.append(Change(found, deleted=True))
            return True

        return self._writer.submit(work)

    def describe(
        self, run: str, tensors: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
    ) -> Future[None]:
        """Keeps the table of the run's tensors, and what else its producer tells of it."""

        def work(t: Transaction) -> None:
            values = (_find(t.db, run).key, to_text(tensors), to_text(facts))
            t.db.execute("INSERT OR REPLACE INTO details VALUES (?, ?, ?)", values)

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

        return self._writer.submit(work)

    def find(self, run: str) -> Run:
        """The run with this id; raises NoSuchRun."""
        with self._reader() as db:
            return _find(db, run)

    def select(self, query: Query) -> tuple[list[Run], int]:
        """One page of runs, and how many there are in all."""
        with self._reader() as db:
            return rows.select(db, query)

    def description(self, run: Run) -> dict[str, Any]:
        """The ``tensors`` and ``facts`` that `describe` kept."""
        with self._reader() as db:
            row = db.execute("SELECT tensors, facts FROM details WHERE run = ?", (run.key,)).fetchone()
        return {name: orjson.loads(row[name]) for name in row.keys()} if row else {"tensors": [], "facts": {}}  # noqa: SIM118

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

    def count(self) -> dict[Status, int]:
        """How many runs have each status."""
        with self._reader() as db:
            found = db.execute("SELECT status, count(*) FROM runs GROUP BY status")
            return {Status(status): count for status, count in found}

    def bytes_used(self) -> int:
        """What the runs take in the database; what deleted ones have left free is not counted."""
        with self._reader() as db:
            size, pages, free = (
                db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_size", "page_count", "freelist_count")
            )
            return int(size * (pages - free))

    def bytes_on_disk(self) -> int:
        """The size of the database and its journal."""
        files = (self._path, self._path.with_name(f"{FILE}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    # --- Frames ------------------------------------------------------------------------------------

    def append(
        self, run: str, frames: Sequence[Frame], check: Callable[[Run], None] = lambda run: None
    ) -> Future[Appended]:
        """Keeps the frames that are new; an empty list says that the producer is alive.

        ``check`` may refuse by raising.
        """

        def work(t: Transaction) -> Appended:
            found = _find(t.db, run)
            check(found)
            done = append(t.db, t.layouts, found, frames)
            t.changes.append(Change(done.run, tuple(done.new)))
            return done

        return self._writer.submit(work)

    def frames(self, run: str, after: int, wanted: Wanted, most_bytes: int) -> list[Frame]:
        """The next frames from sequence number ``after`` on, with the wanted columns: a few at a time."""
        with self._reader() as db:
            return read_frames(db, _find(db, run), after, wanted, most_bytes)

    def columns(self, run: Run) -> dict[str, int]:
        """The run's columns, with the numbers in a row of each."""
        with self._reader() as db:
            return columns_of(db, run.key)

    def series(
        self, run: str, wanted: Wanted, window: Window
    ) -> tuple[Run, dict[str, Series], list[dict[str, Any]]]:
        """The run, its wanted columns over a window, and its events, all of the same moment."""
        with self._reader() as db:
            found = _find(db, run)
            names = [name for name in columns_of(db, found.key) if wanted(name)]
            return found, read_series(db, found, names, window), events_of(db, found.key, window.after)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction of its own."""
        db = self._readers.get()
        try:
            db = db or connect(self._path)
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise explain(error, self._path) from None
        finally:
            self._readers.put(db)


def _find(db: sqlite3.Connection, run: str) -> Run:
    found = rows.find(db, run)
    if found is None:
        raise NoSuchRun(run)
    return found
