"""Starts the runs that wait, one at a time on each device, and says what became of those that died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from app.jobs.devices import candidates
from app.jobs.fair import FairQueue
from app.store import ACTIVE, Change, NoSuchRun, Query, Run, Status, Store, StoreError

# Module and function of what workers do; the module's ``prepare()`` loads what they all need.
TARGET = ("app.jobs.worker", "train_job")
ASKED_SECONDS = 0.5  # to stop when asked
TERMINATED_SECONDS = 0.3  # to stop when terminated; then the worker is killed
STOP_SECONDS = 2.0
_PATH = os.pathsep.join(filter(None, sys.path))


@dataclass
class _Job:
    """A run that has a process."""

    run: str
    device: str
    stopping: float | None = None  # when the next, harsher step is due
    signals: list[int] = field(default_factory=lambda: [signal.SIGTERM, signal.SIGKILL])


class Supervisor:
    """One thread that hears of changes of runs, of workers that ended, and of time that has passed.

    ``job_of`` gives what the worker is told, for a run and a device.
    """

    def __init__(
        self,
        store: Store,
        job_of: Callable[[Run, str], Mapping[str, Any]],
        *,
        per_device: int = 1,
        target: tuple[str, str] = TARGET,
    ):
        self._store = store
        self._job_of = job_of
        self._per_device = per_device
        self._target = target
        self._queue = FairQueue()
        self._devices: dict[str, str] = {}  # of the runs that wait: what they asked for
        self._jobs: dict[str, _Job] = {}
        self._messages: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._nursery: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="job supervisor", daemon=True)

    # --- Called from other threads -------------------------------------------------------------------

    def start(self, *, warm: bool) -> None:
        """Takes up the runs that a former server left waiting; ``warm`` loads torch at once."""
        waiting, _ = self._store.select(Query(status=[Status.QUEUED.value], sort="created", limit=100_000))
        for run in waiting:
            self._enqueue(run)
        self._thread.start()
        if warm or waiting:
            self.warm()

    def warm(self) -> None:
        """Makes ready for the first run."""
        self._messages.put(self._hatch)

    def notice(self, changes: list[Change]) -> None:
        """Hears of changes in the store."""
        for change in changes:
            if change.run.local:
                self._messages.put(lambda change=change: self._changed(change))  # type: ignore[misc]

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
        self._messages.put(None)
        self._thread.join()

    # --- On the supervisor's thread ------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._fill()
            due = min((job.stopping for job in self._jobs.values() if job.stopping), default=None)
            try:
                message = self._messages.get(
                    timeout=None if due is None else max(due - time.monotonic(), 0.0)
                )
            except Empty:
                self._press()
                continue
            if message is None:
                break
            message()
        self._end_nursery()

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

    def _fill(self) -> None:
        """Starts what may start."""
        while True:
            with self._lock:
                name = self._queue.take(lambda run: self._free(self._devices[run]) is not None)
                if name is None:
                    return
                device = self._free(self._devices.pop(name))
                assert device
                self._jobs[name] = _Job(name, device)
            self._start(name, device)

    def _free(self, wanted: str) -> str | None:
        busy = [job.device for job in self._jobs.values()]
        found = candidates(wanted) or ("cpu",)  # a device that has gone: the worker says so
        return next((device for device in found if busy.count(device) < self._per_device), None)

    def _start(self, name: str, device: str) -> None:
        def starting(run: Run) -> Mapping[str, Any] | None:
            now = time.time()
            times = {"started": now, "heard": now, "progressed": now}
            return {"status": Status.STARTING.value, **times} if run.status == Status.QUEUED else None

        try:
            run = self._store.change(name, starting).result()
        except (NoSuchRun, StoreError):
            run = None
        if run is None or run.status != Status.STARTING:
            with self._lock:
                del self._jobs[name]
            return
        self._hatch()
        self._command({"start": name, "target": self._target, "job": self._job_of(run, device)})

    def _press(self) -> None:
        """Takes the next step against workers that should have stopped."""
        for job in self._jobs.values():
            if job.stopping and job.stopping <= time.monotonic():
                self._command({"signal": job.signals[0], "of": job.run})
                job.signals = job.signals[1:] or job.signals
                job.stopping = time.monotonic() + TERMINATED_SECONDS

    def _hatch(self) -> None:
        """Starts the nursery unless it runs; here, because a process dies with the thread it came from."""
        if self._nursery and self._nursery.poll() is None:
            return
        nursery = self._nursery = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "app.jobs.nursery", str(os.getpid()), self._target[0]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # The variable is for torch and for numpy's linear algebra alike.
            env={"OMP_NUM_THREADS": str(self._threads()), **os.environ, "PYTHONPATH": _PATH},
            start_new_session=True,  # Ctrl+C in a terminal is for the server
        )
        self._listener = threading.Thread(target=self._listen, args=(nursery,), name="job news", daemon=True)
        self._listener.start()

    def _threads(self) -> int:
        """Of one worker. Small models gain little from many, and the server has to answer meanwhile."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(cores // 2 // self._per_device, 1)

    def _listen(self, nursery: subprocess.Popen[bytes]) -> None:
        """Passes on what the nursery tells; on a thread of its own."""
        assert nursery.stdout
        for line in nursery.stdout:
            news = json.loads(line)
            if "ended" in news:
                self._messages.put(
                    lambda news=news: self._ended(news["ended"], news["code"], news["words"])  # type: ignore[misc]
                )
        nursery.wait()
        nursery.stdout.close()
        self._messages.put(lambda: self._nursery_ended(nursery))

    def _command(self, command: Mapping[str, Any]) -> None:
        assert self._nursery
        assert self._nursery.stdin
        with suppress(BrokenPipeError):  # its end is being told
            self._nursery.stdin.write(json.dumps(command).encode() + b"\n")
            self._nursery.stdin.flush()

    def _nursery_ended(self, nursery: subprocess.Popen[bytes]) -> None:
        """All its workers have died with it."""
        _hang_up(nursery)
        if nursery is self._nursery:
            self._nursery = None
            for name in list(self._jobs):
                self._ended(name, nursery.returncode, "The process that starts workers died.")

    def _ended(self, name: str, code: int, words: str) -> None:
        with self._lock:
            self._jobs.pop(name, None)

        def end(run: Run) -> Mapping[str, Any] | None:
            if run.status not in ACTIVE:
                return None
            now = {"finished": time.time()}
            if run.control.get("cancel"):
                return {"status": Status.CANCELLED.value, "reason": "Cancelled.", **now}
            return {"status": Status.FAILED.value, "reason": obituary(code, words), **now}

        with suppress(NoSuchRun, StoreError):  # deleted meanwhile; or a full disk, which the log tells
            self._store.finish(name, end).result()

    def _end_nursery(self) -> None:
        nursery, self._nursery = self._nursery, None
        if nursery:
            _hang_up(nursery)
            try:
                nursery.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                nursery.kill()  # its workers die with it
            self._listener.join()


def _hang_up(nursery: subprocess.Popen[bytes]) -> None:
    """Closes the pipe for commands; a nursery that lives ends itself and its workers."""
    assert nursery.stdin
    with suppress(BrokenPipeError):
        nursery.stdin.close()


def obituary(code: int, words: str) -> str:
    """Why a worker died: how, and its last line."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    last = lines[-1][:500] if lines else ""
    if code >= 0:
        return f"Its process ended with exit code {code}" + (f": {last}" if last else ".")
    known = [number.name for number in signal.Signals if number == -code]
    how = f"Its process was ended by {known[0] if known else f'signal {-code}'}"
    if code == -signal.SIGKILL:
        how += ", as the system does when memory runs out"
    return how + (f"; it had said: {last}" if last else ".")
