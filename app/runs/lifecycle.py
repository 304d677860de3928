"""What a running server has besides its settings: the store, the hub and the queue of jobs."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request

from app.http.refusals import Refusal
from app.jobs.checkpoints import Checkpoints
from app.jobs.local import TARGET, LocalExecutor
from app.jobs.supervisor import Supervisor
from app.jobs.turns import Turns
from app.runs.derived import Traces
from app.runs.quotas import Quotas
from app.runs.retention import Retention
from app.settings import Settings, local_url
from app.store import ACTIVE, Change, Listener, Query, Run, Status, Store, StoreError, open_store
from app.stream.hub import Hub

log = logging.getLogger("optimscope")

SWEEP_SECONDS = 5.0
FULL_SECONDS = 1.0  # between attempts to write to a disk that is full
READY_SECONDS = 3.0  # in which the store must take something


class RunManager:
    """Opened when the server starts, closed when it stops."""

    def __init__(self, settings: Settings, *, target: tuple[str, str] = TARGET):
        self._settings = settings
        self.target = target
        self.worker_token = secrets.token_urlsafe(24)  # what our own workers show
        self._store: Store | None = None
        self._traces: Traces | None = None
        self._jobs: Supervisor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._address = (settings.host, settings.port)
        self._retention: Retention | None = None
        self.quotas = Quotas(settings, self._make_room)
        self.checkpoints = Checkpoints(settings.data_dir / "checkpoints")
        self.hub = Hub()
        self.starting = asyncio.Lock()  # held while runs are counted and started
        self.listeners: list[Listener] = [self.quotas.notice, self._to_hub]

    @property
    def store(self) -> Store:
        """The runs; raises Refusal before the server has started."""
        if self._store is None:
            raise Refusal(503, "starting", "The server is starting or stopping.", "Try again in a second.")
        return self._store

    @property
    def full(self) -> bool:
        """Whether nothing can be kept because the disk is full."""
        return self._store is not None and self._store.full

    @property
    def traces(self) -> Traces:
        """The runs' columns, derived ones among them; raises Refusal before the server has started."""
        if self._traces is None:
            self._traces = Traces(self.store)
        return self._traces

    @property
    def jobs(self) -> Supervisor:
        """The queue; raises Refusal before the server has started."""
        if self._jobs is None:
            raise Refusal(503, "starting", "The server is starting or stopping.", "Try again in a second.")
        return self._jobs

    def check_producer(self, run: Run) -> None:
        """Refuses what a worker sends that this server did not start, or has given up."""
        if run.local and not self.jobs.owns(run.id):
            raise Refusal(
                409, "gone", f"Run {run.id!r} has no worker any more.", "Stop; start a new run instead."
            )

    async def check_ready(self) -> None:
        """Raises Refusal or StoreError if runs could not be kept or started now."""
        try:
            await asyncio.wait_for(asyncio.wrap_future(self.store.try_writing()), READY_SECONDS)
        except TimeoutError:
            raise Refusal(
                503, "store", f"The store has written nothing for {READY_SECONDS:.0f} seconds."
            ) from None
        if not self.jobs.ready:
            raise Refusal(503, "workers", "Runs cannot be started: what starts workers has died.")

    def serves_at(self, host: str, port: int) -> None:
        """Notes where the server listens, before it starts: workers deliver to this address."""
        self._address = (host, port)

    def open_store(self) -> None:
        """Opens the database, unless it is open; raises StoreError."""
        if self._store is None:
            self._store = open_store(self._settings.data_dir, self._announce)

    async def start(self) -> None:
        """Opens everything; runs that a former server left running are interrupted."""
        self.open_store()
        self.quotas.load(self.store.sizes())
        self._loop = asyncio.get_running_loop()
        self.hub.open()
        per_device = self._settings.jobs_per_device
        executor = LocalExecutor(per_device=per_device, target=self.target)
        turns = Turns(pause_s=self._settings.pause_seconds, turn_s=self._settings.turn_seconds)
        self._jobs = Supervisor(
            self.store, executor, self._job, self.checkpoints, per_device=per_device, turns=turns
        )
        self.listeners.append(self._jobs.notice)
        begun = await self._begin()
        self._retention = Retention(self.store, self._settings)
        self._tasks = [asyncio.create_task(work) for work in (self._sweep(), self._retention.forever())]
        if not begun:
            log.warning("Nothing can be kept until the disk has room: runs can be looked at and deleted.")
            self._tasks.append(asyncio.create_task(self._begin_later()))

    async def _begin(self) -> bool:
        """Interrupts what a former server left running, and starts the queue; not while the disk is full."""
        try:
            await asyncio.wrap_future(self.store.interrupt_all("The server stopped while it ran."))
        except StoreError as error:
            if not error.full:
                raise
            return False
        await asyncio.to_thread(self.jobs.start, warm=self._settings.preload)
        return True

    async def _begin_later(self) -> None:
        while not await self._begin():
            await asyncio.sleep(FULL_SECONDS)

    async def stop_work(self) -> None:
        """Ends streams and workers, which would keep the server from stopping; what ran is interrupted."""
        self.hub.close()
        jobs, self._jobs = self._jobs, None
        if jobs:
            await asyncio.to_thread(jobs.stop)
            try:
                await asyncio.wrap_future(self.store.interrupt_all("The server was stopped while it ran."))
            except StoreError as error:  # the next start says it
                log.warning("What ran could not be marked as interrupted: %s", error)

    async def stop(self) -> None:
        """Closes everything."""
        await self.stop_work()
        for task in self._tasks:
            task.cancel()
        store, self._store, self._traces = self._store, None, None
        if store:
            await asyncio.to_thread(store.close)

    def _make_room(self) -> None:
        """From any thread."""
        if self._retention and self._loop:
            self._loop.call_soon_threadsafe(self._retention.want)

    def _to_hub(self, changes: list[Change]) -> None:
        """Live frames with what follows from them."""
        self.hub.announce(self.traces.live(changes, self.hub.watches) if self._store else changes)

    def _announce(self, changes: list[Change]) -> None:
        for listener in self.listeners:
            listener(changes)

    def _job(self, run: Run) -> Mapping[str, Any]:
        """What a worker is told."""
        return {
            "id": run.id,
            "url": local_url(*self._address),
            "token": self.worker_token if self._settings.token else "",
            "config": run.config,
            "checkpoint": str(self.checkpoints.path(run.id)),
        }

    async def _sweep(self) -> None:
        """Runs whose producers have fallen silent are interrupted; they go on when they are heard again."""
        silence = Silence()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            store = self.store
            if store.full:
                store.try_writing()  # which notices when it is not any more
            query = Query(status=[status.value for status in ACTIVE], limit=1_000)
            runs = (await asyncio.to_thread(store.select, query))[0]
            silent = silence.of([run for run in runs if not run.local])
            for run in runs:
                if silent.get(run.id, 0.0) > self._settings.silent_seconds:
                    ended = Status.CANCELLED if run.control.get("cancel") else Status.INTERRUPTED
                    reason = f"Nothing was heard of it for {self._settings.silent_seconds:.0f} seconds."
                    changes = {"status": ended.value, "reason": reason, "finished": run.heard}
                    await asyncio.wrap_future(store.change(run.id, partial(_unchanged_since, run, changes)))


class Silence:
    """For how long nothing has been heard of runs.

    Counted from look to look, not from the time of day: a clock that is set makes nobody silent, and
    neither does the time in which this process was stopped and could not have heard anything.
    """

    def __init__(self) -> None:
        self._looked = time.monotonic()
        self._known: dict[str, tuple[float | None, float]] = {}  # when heard last, silent since then

    def of(self, runs: Sequence[Run]) -> dict[str, float]:
        """Seconds of silence of each of these runs; others are forgotten."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, 2 * SWEEP_SECONDS), now
        before, self._known = self._known, {}
        for run in runs:
            heard, silent = before.get(run.id, (None, 0.0))
            self._known[run.id] = (run.heard, silent + passed if heard == run.heard else 0.0)
        return {run: silent for run, (_, silent) in self._known.items()}


def _unchanged_since(before: Run, changes: Mapping[str, Any], now: Run) -> Mapping[str, Any] | None:
    return changes if now.heard == before.heard else None


async def _manager(request: Request) -> RunManager:
    manager: RunManager = request.app.state.services.runs
    return manager


Manager = Annotated[RunManager, Depends(_manager)]
