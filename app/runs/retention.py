"""Runs that have ended go when they are too old, or to make room: the oldest of whoever has the most."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

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
        self._limits = settings.limits
        self._shared = bool(settings.token)
        self._wanted = asyncio.Event()
        self._told = False

    def want(self) -> None:
        """Has the next round begin at once; on the event loop."""
        self._wanted.set()

    async def forever(self) -> None:
        """Looks every minute. Time goes on evenly: a clock that is set forth meanwhile ages nothing."""
        begun = time.time() - time.monotonic()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), EVERY_SECONDS)
            self._wanted.clear()
            try:
                await self.tidy(begun + time.monotonic())
            except StoreError as error:
                log.warning("Old runs could not be removed: %s", error)

    async def tidy(self, now: float) -> list[str]:
        """Removes what is due at the time ``now``; the ids of the runs that went."""
        if self._store.purging:
            return []  # what goes already still counts
        due = (self._too_old(now), self._above_quota(), self._to_make_room())
        return [run.id for each in due async for run in each]

    async def _too_old(self, now: float) -> AsyncIterator[Run]:
        """Those that ended too long ago; they are gone."""
        for run in await self._oldest() if self._days else []:
            age = (now - (run.finished or run.created)) / DAY
            if age <= (self._days or age):
                return
            reason = f"it ended {age:.1f} days ago, OPTIMSCOPE_KEEP_DAYS is {self._days:g}."
            if await self._retire(run, reason):
                yield run

    async def _above_quota(self) -> AsyncIterator[Run]:
        """The oldest of each visitor who has more than one may have; they are gone."""
        if not self._shared:
            return
        runs, sizes = await self._taken()
        most_runs, most = self._limits.owner_runs, self._limits.owner_bytes
        for owner in [owner for owner in runs if runs[owner] >= most_runs or sizes[owner] > most]:
            reason = f"{owner} had {runs[owner]} runs of {sizes[owner]} bytes, see OPTIMSCOPE_MAX_OWNER_…"
            for run in await self._oldest(owner):
                if runs[owner] < most_runs and sizes[owner] <= most:
                    break
                if await self._retire(run, reason):
                    runs[owner] -= 1
                    sizes[owner] -= run.bytes
                    yield run

    async def _to_make_room(self) -> AsyncIterator[Run]:
        """Where all runs take too much, the oldest of whoever has the most at the time; they are gone."""
        used, most = await asyncio.to_thread(self._store.bytes_used), self._limits.store_bytes
        reason = f"the store had {used} bytes, OPTIMSCOPE_MAX_STORE_BYTES is {most}."
        excess, (_, sizes) = used - most, await self._taken()
        oldest: dict[str, list[Run]] = {}
        while excess > 0 and sizes:
            owner = max(sizes, key=sizes.__getitem__)
            if owner not in oldest:
                oldest[owner] = await self._oldest(owner)
            if not oldest[owner]:
                del sizes[owner]
                continue
            run = oldest[owner].pop(0)
            if await self._retire(run, reason):
                excess -= run.bytes
                sizes[owner] -= run.bytes
                yield run
        self._tell_if_full(excess > 0, used)

    async def _oldest(self, owner: str = "") -> list[Run]:
        """Runs that ended, of one visitor or of all, those that ended first before the others."""
        ended = [status.value for status in RETIRED]
        query = Query(status=ended, owner=owner, sort="finished", limit=AT_ONCE)
        return (await asyncio.to_thread(self._store.select, query))[0]

    async def _taken(self) -> tuple[Counter[str], Counter[str]]:
        """How many runs each visitor has, and their bytes."""
        runs, sizes = Counter[str](), Counter[str]()
        for _, owner, size in await asyncio.to_thread(self._store.sizes):
            runs[owner] += 1
            sizes[owner] += size
        return runs, sizes

    async def _retire(self, run: Run, reason: str) -> bool:
        if not await asyncio.wrap_future(self._store.retire(run.id)):
            return False
        log.info("Removed run %s (%s): %s", run.id, run.name, reason, extra={"run": run.id})
        return True

    def _tell_if_full(self, full: bool, used: int) -> None:
        if full and not self._told:
            log.warning(
                "The store has %d bytes, OPTIMSCOPE_MAX_STORE_BYTES is %d, and no run that has ended is left"
                " to remove.",
                used,
                self._limits.store_bytes,
            )
        self._told = full
