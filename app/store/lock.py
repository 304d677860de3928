"""One Optimscope at a time writes in a folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from app.store.schema import StoreError

FILE = "optimscope.db"


def lock(folder: Path) -> int:
    """Keeps others out of the folder until the descriptor is closed; makes it if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be used: {error.strerror}.", "Choose another with --data-dir."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreError(
            f"{folder} is in use by another Optimscope.",
            "Stop that one, or choose another folder with --data-dir.",
        ) from None
    return descriptor
