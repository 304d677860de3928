"""What deleted runs leave behind, removed in slices so that nobody waits long."""

from __future__ import annotations

import sqlite3

SLICE_SEGMENTS = 4
SLICE_FRAMES = 500
SLICE_PAGES = 500


def left_behind(db: sqlite3.Connection) -> list[int]:
    """The keys of runs that are gone but have left something."""
    tables = ("segments", "frames", "events", "layouts", "columns", "details")
    keys = " UNION ".join(f"SELECT run FROM {table}" for table in tables)  # noqa: S608
    return [key for (key,) in db.execute(f"{keys} EXCEPT SELECT key FROM runs")]  # noqa: S608


def purge(db: sqlite3.Connection, run: int) -> bool:
    """Removes the next slice, or gives back some of the disk that has become free; whether that was all."""
    segments = db.execute("SELECT id FROM segments WHERE run = ? LIMIT ?", (run, SLICE_SEGMENTS)).fetchall()
    for (segment,) in segments:
        for table in ("chunks", "summaries"):
            db.execute(f"DELETE FROM {table} WHERE segment = ?", (segment,))  # noqa: S608
        db.execute("DELETE FROM segments WHERE id = ?", (segment,))
    frames = db.execute(
        "DELETE FROM frames WHERE rowid IN (SELECT rowid FROM frames WHERE run = ? LIMIT ?)",
        (run, SLICE_FRAMES),
    ).rowcount
    if segments or frames:
        return False
    for table in ("events", "layouts", "columns", "details"):
        db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608
    return not _shrink(db)


def _shrink(db: sqlite3.Connection) -> bool:
    """Gives the disk back some free pages; whether it could."""
    before = _free(db)
    db.execute(f"PRAGMA incremental_vacuum({SLICE_PAGES})").fetchall()  # each row that is read frees a page
    return _free(db) < before


def _free(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA freelist_count").fetchone()[0])
