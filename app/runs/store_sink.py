"""A sink that writes into the database itself: training without a server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from app.store import NewRun, Status, Store, status_of
from app.store.runs import new_id
from optim_core.transport.control import Control
from optim_core.transport.frames import Frame

WAITING = 64  # frames that may wait to be written


class StoreSink:
    """Writes a run into ``store``, under ``name`` and ``tags``."""

    def __init__(self, store: Store, *, run: str = "", name: str = "", tags: tuple[str, ...] = ()):
        self.run = run or new_id()
        self._store, self._name, self._tags = store, name, tags
        self._written: list[Future[Any]] = []

    def open(self, run: Mapping[str, Any]) -> None:
        new = NewRun(
            id=self.run,
            kind=str(run.get("kind", "train")),
            name=self._name or str(run.get("optimizer", "")),
            task=str(run.get("task", "")),
            optimizer=str(run.get("optimizer", "")),
            tags=self._tags,
            config=run.get("config", {}),
            steps=run.get("steps"),
            status=Status.RUNNING,
        )
        self._store.create(new).result()
        self._store.describe(self.run, run.get("tensors", []), run.get("facts", {})).result()

    def write(self, frame: Frame) -> Control | None:
        """Waits only when many frames wait; raises StoreError where one could not be kept."""
        self._written.append(self._store.append(self.run, [frame]))
        if len(self._written) > WAITING:
            self._written.pop(0).result()
        return None

    def control(self) -> Control | None:
        return None

    def settle(self) -> bool:
        for written in self._written:
            written.result()
        return True

    def leave(self) -> None:
        self.settle()

    def close(self, outcome: str, reason: str) -> None:
        self.settle()
        changes = {"status": status_of(outcome).value, "outcome": outcome, "reason": reason}
        self._store.finish(self.run, lambda run: changes | {"finished": time.time()}).result()
