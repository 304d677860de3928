"""Starts the runs that wait, one at a time on each device, and says what became of those that died."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from app.jobs.devices import candidates
from app.jobs.executor import Executor
from app.jobs.fair_queue import FairQueue
from app.store import ACTIVE, Change, NoSuchRun, Query, Run, Status, Store, StoreError

ASKED_SECONDS = 0.5  # to stop when asked
TERMINATED_SECONDS = 0.2  # to stop when terminated; then the worker is killed
RETRY_SECONDS = 2.0


@dataclass
class _Job:
    """A run that has a process."""

    run: str
    device: str
    steps: list[Callable[[str], None]]  # to end it, each harsher than the one before
    stopping: float | None = None  # when the next of them is due


class Supervisor:
    """One thread that hears of changes of runs, of workers that ended, and of time that has passed.

    ``job_of`` gives what the worker of a run is told.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        job_of: Callable[[Run], Mapping[str, Any]],
        *,
        per_device: int = 1,
    ):
        self._store = store
        self._executor = executor
        self._job_of = job_of
        self._per_device = per_device
        self._queue = FairQueue()
        self._devices: dict[str, str] = {}  # of the runs that wait: what they asked for
        self._jobs: dict[str, _Job] = {}
        self._messages: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="job supervisor", daemon=True)

    # --- Called from other threads -------------------------------------------------------------------

    def start(self, *, warm: bool) -> None:
        """Takes up the runs that a former server left waiting; ``warm`` loads torch at once."""
        self._reload()
        self._thread.start()
        if warm or self.waiting():
            self.warm()

    def warm(self) -> None:
        """Makes ready for the first run."""
        self._executor.warm()

    def notice(self, changes: list[Change]) -> None:
        """Hears of changes in the store."""
        for change in changes:
            if change.run.local:
                self._messages.put(partial(self._changed, change))

    @property
    def ready(self) -> bool:
        """Whether runs can be started."""
        return self._thread.is_alive() and self._executor.ready

    def owns(self, run: str) -> bool:
        """Whether a worker of this server may deliver the run."""
        with self._lock:
            return run in self._jobs

    def waiting(self) -> list[str]:
        """The runs that wait, in their order."""
        with self._lock:
            return self._queue.order()

    def stop(self) -> None:
        """Ends all workers."""
        if not self._thread.ident:  # it was never started
            self._executor.stop()
            return
        self._messages.put(None)
        self._thread.join()

    # --- On the supervisor's thread ------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._start_waiting()
            due = min((job.stopping for job in self._jobs.values() if job.stopping), default=None)
            try:
                message = self._messages.get(
                    timeout=None if due is None else max(due - time.monotonic(), 0.0)
                )
            except Empty:
                self._escalate()
                continue
            if message is None:
                break
            message()
        self._executor.stop()

    def _later(self, work: Callable[[], None]) -> None:
        """Does it on this thread in a while."""
        timer = threading.Timer(RETRY_SECONDS, self._messages.put, [work])
        timer.daemon = True
        timer.start()

    def _reload(self) -> None:
        """Takes up the runs that wait, except those that are known."""
        waiting, _ = self._store.select(Query(status=[Status.QUEUED.value], sort="created", limit=100_000))
        for run in waiting:
            self._enqueue(run)

    def _enqueue(self, run: Run) -> None:
        with self._lock:
            if run.id not in self._queue and run.id not in self._jobs:
                self._queue.add(run.owner, run.id)
                self._devices[run.id] = str(run.config.get("device", "auto"))

    def _changed(self, change: Change) -> None:
        run = change.run
        if run.status == Status.QUEUED and not change.deleted:
            self._enqueue(run)
            return
        with self._lock:
            self._queue.remove(run.id)
            self._devices.pop(run.id, None)
            job = self._jobs.get(run.id)
        if job and job.stopping is None and (change.deleted or run.control.get("cancel")):
            job.stopping = time.monotonic() + (0 if change.deleted else ASKED_SECONDS)

    def _start_waiting(self) -> None:
        """Starts what may start."""
        while True:
            with self._lock:
                name = self._queue.take(lambda run: self._free_device(self._devices[run]) is not None)
                if name is None:
                    return
                device = self._free_device(self._devices.pop(name))
                assert device
                steps: list[Callable[[str], None]] = [self._executor.terminate, self._executor.kill]
                self._jobs[name] = _Job(name, device, steps)
            self._start(name, device)

    def _free_device(self, wanted: str) -> str | None:
        busy = [job.device for job in self._jobs.values()]
        found = candidates(wanted) or ("cpu",)  # a device that has gone: the worker says so
        return next((device for device in found if busy.count(device) < self._per_device), None)

    def _start(self, name: str, device: str) -> None:
        def starting(run: Run) -> Mapping[str, Any] | None:
            now = time.time()
            times = {"started": now, "heard": now, "progressed": now}
            return {"status": Status.STARTING.value, **times} if run.status == Status.QUEUED else None

        run = None
        try:
            run = self._store.change(name, starting).result()
        except NoSuchRun:
            pass
        except StoreError:
            self._later(self._reload)
        if run is None or run.status != Status.STARTING:
            with self._lock:
                del self._jobs[name]
            return
        self._executor.start(name, self._job_of(run), device, self._notice_end)

    def _notice_end(self, name: str, code: int, output: str) -> None:
        self._messages.put(partial(self._ended, name, code, output))

    def _escalate(self) -> None:
        """Takes the next step against workers that should have stopped."""
        for job in self._jobs.values():
            if job.stopping is None or job.stopping > time.monotonic():
                continue
            if job.steps:
                job.steps.pop(0)(job.run)
                job.stopping = time.monotonic() + TERMINATED_SECONDS
            else:  # what starts it is still loading: it will die as soon as it begins
                job.stopping = None
                self._tell_end(job.run, 0, "")

    def _ended(self, name: str, code: int, output: str) -> None:
        with self._lock:
            self._jobs.pop(name, None)
        self._tell_end(name, code, output)

    def _tell_end(self, name: str, code: int, output: str) -> None:
        """Notes the end of a run whose worker has not told it."""

        def end(run: Run) -> Mapping[str, Any] | None:
            if run.status not in ACTIVE:
                return None
            now = {"finished": time.time()}
            if run.control.get("cancel"):
                return {"status": Status.CANCELLED.value, "reason": "Cancelled.", **now}
            return {"status": Status.FAILED.value, "reason": exit_reason(code, output), **now}

        try:
            self._store.finish(name, end).result()
        except NoSuchRun:
            pass
        except StoreError:  # a full disk, say: the run is not to be left in a false state
            self._later(partial(self._tell_end, name, code, output))


def exit_reason(code: int, output: str) -> str:
    """Why a worker died: how, and its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = lines[-1][:500] if lines else ""
    if code >= 0:
        return f"Its process ended with exit code {code}" + (f": {last}" if last else ".")
    known = [number.name for number in signal.Signals if number == -code]
    how = f"Its process was ended by {known[0] if known else f'signal {-code}'}"
    if code == -signal.SIGKILL:
        how += ", as the system does when memory runs out"
    return how + (f"; it had said: {last}" if last else ".")
