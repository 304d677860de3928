"""Starts the runs that wait, one at a time on each device, and says what became of those that died.

A device is lent: it is asked back from a run that pauses, or has had its turn while others wait. The run then
leaves a checkpoint, ends its process, and rests, or waits at the end of its owner's runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from app.jobs.checkpoints import Checkpoints
from app.jobs.devices import candidates
from app.jobs.executor import GAVE_WAY, Executor, exit_reason
from app.jobs.fair_queue import FairQueue
from app.jobs.turns import ANSWER_SECONDS, NEVER, Lent, Place, Turns, places, to_ask
from app.store import ACTIVE, RETIRED, Change, NoSuchRun, Query, Run, Status, Store, StoreError

ASKED_SECONDS = 0.5  # to stop when asked
TERMINATED_SECONDS = 0.2  # to stop when terminated; then the worker is killed
RETRY_SECONDS = 2.0


@dataclass(kw_only=True)
class _Job(Lent):
    """A run that has a process."""

    steps: list[Callable[[str], None]]  # to end it, each harsher than the one before
    stopping: float | None = None  # when the next of them is due


class Supervisor:
    """One thread that hears of changes of runs, of workers that ended, and of time that has passed.

    ``job_of`` gives what the worker of a run is told, apart from its device and whether it ``resumes``.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        job_of: Callable[[Run], Mapping[str, Any]],
        checkpoints: Checkpoints,
        *,
        turns: Turns,
        per_device: int = 1,
    ):
        self._store = store
        self._executor = executor
        self._job_of = job_of
        self._checkpoints = checkpoints
        self._turns = turns
        self._per_device = per_device
        self._queue = FairQueue()
        self._waiting: dict[str, Run] = {}  # those in the queue
        self._speeds: dict[str, float] = {}  # of the run of each task that was heard of last
        self._jobs: dict[str, _Job] = {}
        self._messages: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="job supervisor", daemon=True)

    # --- Called from other threads -------------------------------------------------------------------

    def start(self, *, warm: bool) -> None:
        """Takes up the runs that a former server left waiting; ``warm`` loads torch at once."""
        self._reload()
        resting, _ = self._store.select(Query(status=[Status.PAUSED.value], local=True, limit=100_000))
        self._checkpoints.keep([run.id for run in [*self._waiting.values(), *resting] if run.away])
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

    def wants_back(self, run: str) -> bool:
        """Whether the device of this run is asked for."""
        with self._lock:
            job = self._jobs.get(run)
            return job is not None and job.asked is not None

    def places(self) -> list[Place]:
        """The runs that wait, in their order, and about how long they will."""
        now = time.monotonic()
        with self._lock:
            waiting = [(self._waiting[run], _devices(self._waiting[run])) for run in self._queue.order()]
            busy: dict[str, list[float]] = {device: [] for _, devices in waiting for device in devices}
            for job in self._jobs.values():
                busy.setdefault(job.device, []).append(job.free_in(self._turns, self._speeds, now))
            free_in = {name: each + [0.0] * (self._per_device - len(each)) for name, each in busy.items()}
            return places(free_in, waiting, self._speeds, self._turns)

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
            due = min([job.stopping for job in self._jobs.values() if job.stopping] + [self._ask_back()])
            try:
                wait = max(due - time.monotonic(), 0.0) if due < NEVER else None
                message = self._messages.get(timeout=wait)
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
        for run in sorted(waiting, key=lambda run: run.away):  # those that have had a turn come last
            self._enqueue(run)

    def _enqueue(self, run: Run) -> None:
        with self._lock:
            if run.id in self._jobs:
                return
            if run.id not in self._queue:
                self._queue.add(run.owner, run.id)
            self._waiting[run.id] = run

    def _changed(self, change: Change) -> None:
        run = change.run
        if run.status == Status.QUEUED and not change.deleted:
            self._enqueue(run)
            return
        with self._lock:
            self._queue.remove(run.id)
            self._waiting.pop(run.id, None)
            job = self._jobs.get(run.id)
            if job:
                job.heard(run, time.monotonic())
            if run.speed:
                self._speeds[run.task] = run.speed
        if change.deleted or run.status in RETIRED:
            self._checkpoints.remove(run.id)
        if job and job.stopping is None and (change.deleted or run.control.get("cancel")):
            job.stopping = time.monotonic() + (0 if change.deleted else ASKED_SECONDS)

    def _start_waiting(self) -> None:
        """Starts what may start."""
        while True:
            with self._lock:
                name = self._queue.take(lambda run: self._free_device(self._waiting[run]) is not None)
                if name is None:
                    return
                run = self._waiting.pop(name)
                device = self._free_device(run)
                assert device
                steps: list[Callable[[str], None]] = [self._executor.terminate, self._executor.kill]
                self._jobs[name] = _Job(device=device, run=run, steps=steps)
            self._start(name, device)

    def _free_device(self, run: Run) -> str | None:
        busy = [job.device for job in self._jobs.values()]
        return next((device for device in _devices(run) if busy.count(device) < self._per_device), None)

    def _ask_back(self) -> float:
        """Asks for devices that are due, gives up asking where nobody answers; when to look again."""
        now = time.monotonic()
        with self._lock:
            lent = [job for job in self._jobs.values() if job.stopping is None]
            for job in lent:
                if job.asked is not None and now >= job.asked + ANSWER_SECONDS:
                    job.stays(now)
            waiting = [_devices(self._waiting[run]) for run in self._queue.order()]
            chosen, following = to_ask(lent, waiting, self._turns, now)
            for one in chosen:
                one.ask(now)
            return min([job.asked + ANSWER_SECONDS for job in lent if job.asked is not None] + [following])

    def _start(self, name: str, device: str) -> None:
        def starting(run: Run) -> Mapping[str, Any] | None:
            now = time.time()
            if run.status != Status.QUEUED:
                return None
            times = {"started": run.started if run.away else now, "heard": now, "progressed": now}
            return {"status": Status.STARTING.value, "control": {**run.control, "away": False}, **times}

        run, resumes = None, self._jobs[name].run.away
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
        self._executor.start(name, {**self._job_of(run), "resumes": resumes}, device, self._notice_end)

    def _notice_end(self, name: str, code: int, output: str) -> None:
        self._messages.put(partial(self._ended, name, code, output))

    def _escalate(self) -> None:
        """Takes the next step against workers that should have stopped."""
        for job in self._jobs.values():
            if job.stopping is None or job.stopping > time.monotonic():
                continue
            if job.steps:
                job.steps.pop(0)(job.run.id)
                job.stopping = time.monotonic() + TERMINATED_SECONDS
            else:  # what starts it is still loading: it will die as soon as it begins
                job.stopping = None
                self._tell_end(job.run.id, 0, "")

    def _ended(self, name: str, code: int, output: str) -> None:
        with self._lock:
            job = self._jobs.pop(name, None)
        if job and code == GAVE_WAY and self._checkpoints.has(name):
            self._put_away(name, job.seen_version)
        else:
            self._tell_end(name, code, output)

    def _put_away(self, name: str, seen_version: int) -> None:
        """Notes that a run has given way. What it was told after ``seen_version`` it may not have heard."""

        def away(run: Run) -> Mapping[str, Any] | None:
            if run.status not in ACTIVE or run.control.get("cancel"):
                return None
            rests = run.control.get("paused") and run.control.get("version", 0) == seen_version
            status = Status.PAUSED if rests else Status.QUEUED
            return {"status": status.value, "control": {**run.control, "away": True}}

        try:
            run = self._store.change(name, away).result()
        except NoSuchRun:
            self._checkpoints.remove(name)
        except StoreError:
            self._later(partial(self._put_away, name, seen_version))
        else:
            if not run.away:
                self._tell_end(name, GAVE_WAY, "")

    def _tell_end(self, name: str, code: int, output: str) -> None:
        """Notes the end of a run whose worker has not told it."""

        def end(run: Run) -> Mapping[str, Any] | None:
            if run.status not in ACTIVE:
                return None
            now = {"finished": time.time()}
            if run.control.get("cancel"):
                by = run.control.get("by", "")
                return {"status": Status.CANCELLED.value, "reason": f"Cancelled{by and f' by {by}'}.", **now}
            return {"status": Status.FAILED.value, "reason": exit_reason(code, output), **now}

        try:
            self._store.finish(name, end).result()
            self._checkpoints.remove(name)
        except NoSuchRun:
            self._checkpoints.remove(name)
        except StoreError:  # a full disk, say: the run is not to be left in a false state
            self._later(partial(self._tell_end, name, code, output))


def _devices(run: Run) -> tuple[str, ...]:
    """On which the run may run; of a device that has gone the worker tells."""
    return candidates(str(run.config.get("device", "auto"))) or ("cpu",)
