"""What deleted runs leave behind, removed in slices so that nobody waits long."""

from __future__ import annotations

import sqlite3

SLICE_SEGMENTS = 4
SLICE_FRAMES = 500


def left_behind(db: sqlite3.Connection) -> list[int]:
    """The keys of runs that are gone but have left something."""
    tables = ("segments", "frames", "events", "layouts", "columns", "details")
    keys = " UNION ".join(f"SELECT run FROM {table}" for table in tables)  # noqa: S608
    return [key for (key,) in db.execute(f"{keys} EXCEPT SELECT key FROM runs")]  # noqa: S608


def purge(db: sqlite3.Connection, run: int) -> bool:
    """Removes the next slice; whether that was all."""
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
    return True
