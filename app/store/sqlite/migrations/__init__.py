"""The versions of the database file: each .sql file here leads from one to the next, in order.

What was released is never edited; a change of the tables is a file with the next number.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def migrations() -> dict[int, str]:
    """The SQL that leads to each version."""
    return {int(file.name.partition("_")[0]): file.read_text() for file in sorted(FOLDER.glob("*.sql"))}


def newest() -> int:
    """The version that this program reads and writes."""
    return max(migrations())


def copy_path(path: Path, version: int) -> Path:
    """Where a file of an earlier version is kept before it is changed."""
    return path.with_name(f"{path.name}.version-{version}")


def run(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the file to the newest version, one transaction a version; a copy of an older file is kept.

    Raises sqlite3.Error; the file is then as it was after the last version that it reached.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    missing = {number: sql for number, sql in migrations().items() if number > version}
    if missing and version:
        _copy(connection, copy_path(path, version))
    for number, sql in missing.items():
        try:
            connection.executescript(f"BEGIN IMMEDIATE;{sql};PRAGMA user_version = {number};COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    """The file as it is, complete in one file; one of an attempt that failed gives way."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    writing = sqlite3.connect(part)
    try:
        connection.backup(writing)
        writing.execute("PRAGMA journal_mode = DELETE")
    except BaseException:
        writing.close()
        part.unlink(missing_ok=True)
        raise
    writing.close()
    part.replace(target)
