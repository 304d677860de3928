"""A worker's module that is never ready."""

from __future__ import annotations

import threading
from typing import Any


def prepare() -> None:
    """Waits for ever."""
    threading.Event().wait()


def work(job: dict[str, Any]) -> int:
    return 0
