"""The whole store as one file, and back. A copy is taken of one moment, while a server writes on."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from app.store.interface import StoreError
from app.store.sqlite.database import FILE, check_kind, connect, explain, lock

PAGES = 2_000  # copied between two calls of ``progress``
Progress = Callable[[int, int], None]  # pages that are done, and all
_BESIDE = ("-wal", "-shm")  # SQLite's own files next to a database


def back_up(folder: Path, target: Path, progress: Progress = lambda done, total: None) -> None:
    """Writes the store in ``folder`` to the new file ``target``. Raises StoreError."""
    source = folder / FILE
    if not source.is_file():
        raise StoreError(f"there is no store in {folder}.", "Name its folder with --data-dir.")
    if target.exists():
        raise StoreError(f"{target} is there already.", "Name a file that is not, or remove it.")
    part = target.with_name(f"{target.name}.part")
    try:
        _copy(source, part, progress)
        part.rename(target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def restore(folder: Path, source: Path, progress: Progress = lambda done, total: None) -> Path | None:
    """Makes ``source`` the store in ``folder``; where the store that was there lies now. Raises StoreError.

    Refuses while a server has the folder, and what is no sound store of a known version.
    """
    if not source.is_file():
        raise StoreError(f"there is no file {source}.")
    held = lock(folder)
    part = folder / f"{FILE}.part"
    try:
        _copy(source, part, progress)
        former = _set_aside(folder / FILE)
        part.rename(folder / FILE)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
        os.close(held)
    return former


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """A sound copy, complete in one file."""
    target.unlink(missing_ok=True)
    reading = None
    try:
        reading = connect(source)
        check_kind(reading, source)
        writing = sqlite3.connect(target, isolation_level=None)
        try:
            reading.execute("BEGIN")  # one moment: what is written meanwhile does not start it again
            reading.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            reading.backup(
                writing, pages=PAGES, progress=lambda _, left, total: progress(total - left, total)
            )
            writing.execute("PRAGMA journal_mode = DELETE")
            (verdict,) = writing.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.Error as error:
            damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (
                sqlite3.SQLITE_CORRUPT,
                sqlite3.SQLITE_NOTADB,
            )
            raise explain(error, source if damaged else target) from None
        finally:
            writing.close()
    except sqlite3.Error as error:
        raise explain(error, source) from None
    finally:
        if reading:
            reading.close()
    if verdict != "ok":
        raise StoreError(f"{source} is damaged ({verdict}).", "Use another backup.")


def _set_aside(path: Path) -> Path | None:
    """Renames the store that is there, its journal with it."""
    if not path.exists():
        return None
    former = path.with_name(f"{path.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    for beside in _BESIDE:
        journal = path.with_name(path.name + beside)
        if journal.exists():
            journal.rename(former.with_name(former.name + beside))
    path.rename(former)
    return former
