"""The database file: its tables, its version, and what to say when it cannot be used.

A frame lives first as one row of ``frames``. When enough have gathered they are moved into segments:
one ``segments`` row for the frames of one layout (the same columns), and one ``chunks`` row for each
column of it, so that one column of a long run is read without touching the others.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

VERSION = 1
APPLICATION_ID = 0x0B71_5C0E  # marks the file as ours, see `file` and PRAGMA application_id
BUSY_SECONDS = 10.0

_TABLES = """
CREATE TABLE runs (
  key INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  task TEXT NOT NULL,
  optimizer TEXT NOT NULL,
  tags TEXT NOT NULL,
  config TEXT NOT NULL,
  owner TEXT NOT NULL,
  local INTEGER NOT NULL,
  status TEXT NOT NULL,
  outcome TEXT,
  reason TEXT NOT NULL DEFAULT '',
  step INTEGER NOT NULL DEFAULT 0,
  steps INTEGER,
  created REAL NOT NULL,
  started REAL,
  finished REAL,
  heard REAL,
  progressed REAL,
  speed REAL,
  latest TEXT NOT NULL DEFAULT '{}',
  sparkline TEXT NOT NULL DEFAULT '{}',
  control TEXT NOT NULL DEFAULT '{}',
  next_seq INTEGER NOT NULL DEFAULT 0,
  waiting_frames INTEGER NOT NULL DEFAULT 0,
  waiting_bytes INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_created ON runs (created);
CREATE INDEX runs_by_status ON runs (status);
CREATE TABLE details (run INTEGER PRIMARY KEY, tensors TEXT NOT NULL, facts TEXT NOT NULL) STRICT;
CREATE TABLE columns (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, name TEXT NOT NULL, width INTEGER NOT NULL, UNIQUE (run, name)
) STRICT;
CREATE TABLE layouts (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, columns BLOB NOT NULL, UNIQUE (run, columns)
) STRICT;
CREATE TABLE frames (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, layout INTEGER NOT NULL,
  first_step INTEGER NOT NULL, rows INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (run, seq)
) STRICT;
CREATE TABLE events (run INTEGER NOT NULL, seq INTEGER NOT NULL, content TEXT NOT NULL) STRICT;
CREATE INDEX events_by_run ON events (run, seq);
CREATE TABLE segments (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, batch INTEGER NOT NULL, layout INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, rows INTEGER NOT NULL,
  first_step INTEGER NOT NULL, last_step INTEGER NOT NULL, stride INTEGER NOT NULL,
  steps BLOB, frames BLOB NOT NULL
) STRICT;
CREATE INDEX segments_by_run ON segments (run, first_seq);
CREATE TABLE chunks (segment INTEGER NOT NULL, column INTEGER NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (segment, column)) STRICT;
CREATE TABLE summaries (segment INTEGER NOT NULL, column INTEGER NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (segment, column)) STRICT;
"""


class StoreError(Exception):
    """The database cannot be used: says why and what to do."""

    def __init__(self, message: str, hint: str = "", *, full: bool = False):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.full = full

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may pass between threads, one user at a time; no implicit transactions."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes; makes the tables in a new file. Raises StoreError."""
    try:
        connection = connect(path)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise explain(error, path) from None
    return connection


def check_kind(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError for what is no store, or one of a newer version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another program.", "Choose another folder with --data-dir."
        )
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer Optimscope (its format is {version}, this one reads {VERSION}).",
            "Update Optimscope, or choose another folder with --data-dir.",
        )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        check_kind(connection, path)
        connection.execute("SELECT max(length(latest)) FROM runs").fetchone()  # damage is told before serving
    else:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    if not tables:
        connection.executescript(
            f"BEGIN;{_TABLES}PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};COMMIT;"
        )


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """What an error of SQLite means to the person who runs the server."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StoreError(
            f"{path} is damaged or no database ({error}).",
            "Move it away to start afresh, or put a backup in its place.",
        )
    if code == sqlite3.SQLITE_FULL:
        return StoreError(
            f"The disk that holds {path} is full.", "Delete runs or free some space.", full=True
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(f"{path} cannot be written ({error}).", "Choose a folder of yours with --data-dir.")
    return StoreError(f"The database {path} failed: {error}.")
