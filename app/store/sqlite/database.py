"""The database file: who may use it, its version, and what to say when it cannot be used."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from app.store.interface import StoreError
from app.store.sqlite import migrations
from app.store.sqlite.reserve import room

log = logging.getLogger("optimscope")

FILE = "optimscope.db"
APPLICATION_ID = 0x0B71_5C0E  # marks the file as ours, see `file` and PRAGMA application_id
BUSY_SECONDS = 10.0
LEAST_ROOM = 100_000  # bytes on a disk that is not full


def lock(folder: Path) -> int:
    """Keeps others out of the folder until the descriptor is closed; makes it if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{folder} cannot be used: {error.strerror}.", _advice(error, folder)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreError(
            f"{folder} is in use by another Optimscope.",
            "Stop that one, or choose another folder with --data-dir.",
        ) from None
    return descriptor


def connect(path: Path | str) -> sqlite3.Connection:
    """A connection that may pass between threads, one user at a time; no implicit transactions.

    As text, ``path`` is a URI as SQLite reads them.
    """
    connection = sqlite3.connect(
        path, BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=isinstance(path, str)
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes; makes the tables in a new file. Raises StoreError."""
    try:
        if path.exists() and not path.stat().st_size:
            log.warning(
                "%s is empty, as after a full disk: if there were runs in it, restore a backup.", path
            )
        path.touch(mode=0o600)
        path.chmod(0o600)  # it holds what visitors have named and sent
        connection = connect(path)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise explain(error, path) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}).", _advice(error, path)) from None
    return connection


def _advice(error: OSError, path: Path) -> str:
    """What to do: where the place is another user's, whose it should be."""
    with suppress(OSError):
        owner, user = path.stat().st_uid, os.geteuid()
        if isinstance(error, PermissionError) and owner != user:
            return (
                f"It belongs to user {owner}, the server is user {user}: give it to that one"
                f" (chown -R {user} {path}), or choose another with --data-dir."
            )
    return "Choose another with --data-dir."


def check_kind(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError for what is no store, or one of a newer version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another program.", "Choose another folder with --data-dir."
        )
    newest = migrations.newest()
    if version > newest:
        raise StoreError(
            f"{path} was written by a newer Optimscope (its format is {version}, this one reads {newest}).",
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
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.run(connection, path)


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """What an error of SQLite means to the person who runs the server."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StoreError(
            f"{path} is damaged or no database ({error}).",
            "Move it away to start afresh, or put a backup in its place.",
        )
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and room(path.parent) < LEAST_ROOM):
        return StoreError(
            f"The disk that holds {path} is full.", "Delete runs or free some space.", full=True
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(f"{path} cannot be written ({error}).", "Choose a folder of yours with --data-dir.")
    return StoreError(f"The database {path} failed: {error}.")
