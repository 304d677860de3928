"""Runs and their frames: what a store does (`Store`), and the store that a place on disk means."""

from __future__ import annotations

from pathlib import Path

from app.store.interface import (
    FAR,
    Appended,
    Change,
    Edit,
    Listener,
    NoSuchRun,
    Reader,
    RunEnded,
    RunExists,
    Store,
    StoreError,
    Wanted,
    Window,
)
from app.store.runs import ACTIVE, ENDED, RETIRED, NewRun, Query, Run, Status, status_of
from app.store.tokens import PersonalToken
from optim_core.recording import Series

__all__ = [
    "ACTIVE",
    "ENDED",
    "FAR",
    "RETIRED",
    "Appended",
    "Change",
    "Edit",
    "Listener",
    "NewRun",
    "NoSuchRun",
    "PersonalToken",
    "Query",
    "Reader",
    "Run",
    "RunEnded",
    "RunExists",
    "Series",
    "Status",
    "Store",
    "StoreError",
    "Wanted",
    "Window",
    "open_reader",
    "open_store",
    "status_of",
]


def open_store(folder: Path, listener: Listener = lambda changes: None) -> Store:
    """The store in ``folder``, made if it is not there. Raises StoreError.

    ``listener`` hears of every change after it is kept, in order, on a thread that it should not hold up.
    """
    from app.store.sqlite import SqliteStore

    return SqliteStore(folder, listener)


def open_reader(folder: Path) -> Reader:
    """What reads the store in ``folder``, which another process may have opened to write."""
    from app.store.sqlite.reader import SqliteReader

    return SqliteReader(folder)
