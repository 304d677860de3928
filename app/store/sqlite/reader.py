"""What is kept, read from the file; by any number of processes beside the one that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import LifoQueue
from typing import Any

import orjson

from app.store.interface import Wanted, Window
from app.store.runs import Query, Run, Status
from app.store.sqlite import rows
from app.store.sqlite.database import FILE, connect, explain
from app.store.sqlite.read import columns_of, events_of, read_frames, read_series
from app.store.tokens import PersonalToken
from optim_core.recording import Series
from optim_core.transport.frames import Frame

READERS = 6


class SqliteReader:
    """A `Reader` of the database in ``folder``, which is there."""

    def __init__(self, folder: Path):
        self._path = folder / FILE
        self._readers: LifoQueue[sqlite3.Connection | None] = LifoQueue()
        for _ in range(READERS):
            self._readers.put(None)  # opened when needed

    def close(self) -> None:
        """Lets go of the file, once nobody reads."""
        for _ in range(READERS):
            reader = self._readers.get()
            if reader:
                reader.close()

    def find(self, run: str) -> Run:
        """The run with this id; raises NoSuchRun."""
        with self._reader() as db:
            return rows.existing(db, run)

    def select(self, query: Query) -> tuple[list[Run], int]:
        """One page of runs, and how many there are in all."""
        with self._reader() as db:
            return rows.select(db, query)

    def description(self, run: Run) -> dict[str, Any]:
        """The ``tensors`` and ``facts`` that `describe` kept."""
        with self._reader() as db:
            row = db.execute("SELECT tensors, facts FROM details WHERE run = ?", (run.key,)).fetchone()
        return {name: orjson.loads(row[name]) for name in row.keys()} if row else {"tensors": [], "facts": {}}  # noqa: SIM118

    def count(self) -> dict[Status, int]:
        """How many runs have each status."""
        with self._reader() as db:
            found = db.execute("SELECT status, count(*) FROM runs GROUP BY status")
            return {Status(status): count for status, count in found}

    def sizes(self) -> list[tuple[int, str, int]]:
        """Key, owner and bytes of every run."""
        with self._reader() as db:
            return [tuple(row) for row in db.execute("SELECT key, owner, bytes FROM runs")]

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

    def frames(self, run: str, after: int, wanted: Wanted, most_bytes: int) -> list[Frame]:
        """The next frames from sequence number ``after`` on, with the wanted columns: a few at a time."""
        with self._reader() as db:
            return read_frames(db, rows.existing(db, run), after, wanted, most_bytes)

    def columns(self, run: Run) -> dict[str, int]:
        """The run's columns, with the numbers in a row of each."""
        with self._reader() as db:
            return columns_of(db, run.key)

    def series(
        self, run: str, wanted: Wanted, window: Window
    ) -> tuple[Run, dict[str, Series], list[dict[str, Any]]]:
        """The run, its wanted columns over a window, and its events, all of the same moment."""
        with self._reader() as db:
            found = rows.existing(db, run)
            names = [name for name in columns_of(db, found.key) if wanted(name)]
            return found, read_series(db, found, names, window), events_of(db, found.key, window.after)

    def tokens(self) -> list[PersonalToken]:
        """All that are kept."""
        with self._reader() as db:
            return [PersonalToken(**dict(row)) for row in db.execute("SELECT * FROM tokens")]

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction of its own."""
        kept = db = self._readers.get()
        try:
            if db is None:
                kept, db = self._open()
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise explain(error, self._path) from None
        finally:
            self._readers.put(kept)
            if db is not kept and db is not None:
                db.close()

    def _open(self) -> tuple[sqlite3.Connection | None, sqlite3.Connection]:
        """A connection to keep, and to use; on a full disk one that is not to be kept.

        SQLite needs a little room even to read what others may write. Where there is none, nobody writes.
        """
        db = connect(self._path)
        try:
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            db.close()
            if not explain(error, self._path).full:
                raise
            return None, connect(f"{self._path.absolute().as_uri()}?immutable=1")
        return db, db
