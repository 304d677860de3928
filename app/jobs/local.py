"""Jobs as processes on this machine, forked from one that has loaded torch: they begin in milliseconds."""

from __future__ import annotations

import atexit
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

from app.jobs.executor import Ended
from app.processes import METHOD, context, cores, die_with_parent, load_fork_server, preload

# Module and function of what a job does.
TARGET = ("app.jobs.worker", "train_job")
OUTPUT_BYTES = 4_000  # of a job's output are kept, the last
FORK_SERVER_DIED = 255  # multiprocessing's exit code where the fork server died and told none
RETRY_SECONDS = 2.0
STOP_SECONDS = 2.0


class LocalExecutor:
    """An `Executor` on this machine: ``target`` does the jobs, ``per_device`` of them share a device."""

    def __init__(self, *, per_device: int = 1, target: tuple[str, str] = TARGET, method: str = METHOD):
        self._target = target
        self._threads = threads_of_one(per_device)
        self._context = context(method)
        self._workers: dict[str, _Worker] = {}
        self._lock = threading.Lock()
        self._watch = _ForkServerWatch() if method == "forkserver" else None
        preload(__name__, target[0])
        atexit.register(self.stop)  # multiprocessing waits at the exit for processes that are left

    @property
    def ready(self) -> bool:
        return self._watch is None or self._watch.alive

    def warm(self) -> None:
        if self._watch:
            self._watch.begin()

    def start(self, run: str, job: Mapping[str, Any], device: str, ended: Ended) -> None:
        self.warm()
        worker = _Worker(self._context, (self._target, {**job, "device": device}, self._threads), run)
        with self._lock:
            self._workers[run] = worker

        def live() -> None:
            code, output = worker.live()
            with self._lock:
                del self._workers[run]
            ended(run, code, output)

        worker.thread = threading.Thread(target=live, name=f"job {run}", daemon=True)
        worker.thread.start()

    def terminate(self, run: str) -> None:
        with self._lock:
            worker = self._workers.get(run)
        if worker:
            worker.terminate()

    def kill(self, run: str) -> None:
        with self._lock:
            worker = self._workers.get(run)
        if worker:
            worker.kill()

    def stop(self) -> None:
        atexit.unregister(self.stop)
        if self._watch:
            self._watch.end()
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait_for_end()


class _Worker:
    """A process that does one job; it begins when the fork server has loaded."""

    # multiprocessing looks after all of its processes when it starts one; two threads that look after the
    # same would take each other's news of its end.
    _looking = threading.Lock()

    def __init__(self, within: ForkServerContext | SpawnContext, arguments: tuple[Any, ...], name: str):
        self._within = within
        self._output, self._theirs = Pipe(duplex=False)
        self._process = within.Process(target=_work, args=(*arguments, self._theirs), name=f"job {name}")
        self._begun = self._killed = False
        self._lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def live(self) -> tuple[int, str]:
        """Begins, and waits for the end: the exit code, and the last that was said."""
        output = b""
        try:
            with self._looking:
                if isinstance(self._within, ForkServerContext):
                    load_fork_server()
                self._process.start()
            self._theirs.close()
            with self._lock:
                self._begun = True
                if self._killed:
                    self._process.kill()
            descriptor, sentinel = self._output.fileno(), self._process.sentinel
            os.set_blocking(descriptor, False)
            waiting: list[int] = [descriptor, sentinel]
            while sentinel in waiting:
                ready = wait(waiting)
                if sentinel in ready:
                    waiting.remove(sentinel)
                with suppress(BlockingIOError):
                    while said := os.read(descriptor, 65536):
                        output = (output + said)[-OUTPUT_BYTES:]
                    waiting = [each for each in waiting if each != descriptor]  # it has closed its output
            with self._looking:
                self._process.join()
            code = int(self._process.exitcode or 0)
        except (OSError, EOFError):  # the fork server died while it should have started this
            code = FORK_SERVER_DIED
        finally:
            self._output.close()
            self._theirs.close()
        text = output.decode("utf-8", "replace")
        return code, f"{text}\nThe process that starts workers died." if code == FORK_SERVER_DIED else text

    def terminate(self) -> None:
        with self._lock:
            if self._begun:
                self._process.terminate()

    def kill(self) -> None:
        with self._lock:
            self._killed = True
            if self._begun:
                self._process.kill()

    def wait_for_end(self) -> None:
        """For a moment, if there is a process; one that has not begun dies when it does."""
        if self._begun and self.thread:
            self.thread.join(STOP_SECONDS)


class _ForkServerWatch:
    """Has the fork server load before it is needed, and load again when it has died."""

    def __init__(self) -> None:
        self.alive = True  # or not there yet: it comes with the first job
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._woken, self._wake = Pipe(duplex=False)

    def begin(self) -> None:
        """At once, also where it waits to try again."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fork server watch", daemon=True)
            self._thread.start()
        elif not self.alive:
            self._wake.send(None)

    def end(self) -> None:
        self._stopping = True
        self._wake.send(None)
        if self._thread:
            self._thread.join()
        self._woken.close()
        self._wake.close()

    def _run(self) -> None:
        while not self._stopping:
            with suppress(OSError):
                died = os.pidfd_open(load_fork_server())
                self.alive = True
                try:
                    wait([died, self._woken])
                finally:
                    os.close(died)
            self.alive = self._stopping
            if not self._stopping:
                wait([self._woken], RETRY_SECONDS)
            while self._woken.poll():
                self._woken.recv()


def _work(target: tuple[str, str], job: Mapping[str, Any], threads: int, output: Connection) -> None:
    """The life of a worker: what it says goes to ``output``, its exit code is what the target returns."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the server
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    output.close()
    limit_threads(threads)
    module, function = target
    code = 1
    try:
        code = int(getattr(importlib.import_module(module), function)(job) or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # at once: what torch and threads would tidy up ends with the process anyhow


def threads_of_one(per_device: int) -> int:
    """Of one job. Small models gain little from many, and the server has to answer meanwhile."""
    return max(cores() // 2 // per_device, 1)


def limit_threads(threads: int) -> None:
    """In torch, loaded already or not, unless OMP_NUM_THREADS says how many."""
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(threads)  # is read when torch is loaded
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)
