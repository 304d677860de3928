"""Runs that have ended go, oldest first, when they are too old or the store is too large."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

from app.settings import Settings
from app.store import RETIRED, Query, Run, Store, StoreError

log = logging.getLogger("optimscope")

EVERY_SECONDS = 60.0
AT_ONCE = 500  # runs looked at in one round
DAY = 86_400.0


class Retention:
    """Removes what is due; never a run that waits or runs."""

    def __init__(self, store: Store, settings: Settings):
        self._store = store
        self._days = settings.keep_days
        self._most = settings.limits.store_bytes
        self._told = False

    async def forever(self) -> None:
        """Looks every minute. Time goes on evenly: a clock that is set forth meanwhile ages nothing."""
        begun = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.tidy(begun + time.monotonic())
            except StoreError as error:
                log.warning("Old runs could not be removed: %s", error)

    async def tidy(self, now: float) -> list[str]:
        """Removes what is due at the time ``now``; the ids of the runs that went."""
        if self._store.purging:
            return []  # what goes already still counts
        query = Query(status=[status.value for status in RETIRED], sort="finished", limit=AT_ONCE)
        oldest, _ = await asyncio.to_thread(self._store.select, query)
        used = await asyncio.to_thread(self._store.bytes_used)
        gone = []
        for run, reason in self._due(oldest, used, now):
            if await asyncio.wrap_future(self._store.retire(run.id)):
                log.info("Removed run %s (%s): %s", run.id, run.name, reason, extra={"run": run.id})
                gone.append(run.id)
        return gone

    def _due(self, oldest: list[Run], used: int, now: float) -> Iterator[tuple[Run, str]]:
        excess = used - self._most
        for run in oldest:
            age = (now - (run.finished or run.created)) / DAY
            if self._days and age > self._days:
                yield run, f"it ended {age:.1f} days ago, OPTIMSCOPE_KEEP_DAYS is {self._days:g}."
            elif excess > 0:
                yield run, f"the store had {used} bytes, OPTIMSCOPE_MAX_STORE_BYTES is {self._most}."
            else:
                break
            excess -= run.bytes
        else:
            self._tell_if_full(len(oldest) < AT_ONCE and excess > 0, used)

    def _tell_if_full(self, full: bool, used: int) -> None:
        if full and not self._told:
            log.warning(
                "The store has %d bytes, OPTIMSCOPE_MAX_STORE_BYTES is %d, and no run that has ended is left"
                " to remove.",
                used,
                self._most,
            )
        self._told = full
