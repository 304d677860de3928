"""A server that is mistreated, the light load on it, and what must hold afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np

from app.bench.server_process import (
    alive,
    command_of,
    descendants,
    free_port,
    parent_of,
    start,
    until_answering,
)
from optim_core.transport.frames import Frame

PRODUCERS = ("steady", "hasty")
PAUSES = {"steady": 0.05, "hasty": 0.01}
ACTIVE = ("starting", "running", "paused")
TRAINING = {
    "task": "moons_mlp",
    "optimizer": "adamw",
    "settings": {"hidden": 8},
    "steps": 6000,
    "device": "cpu",
}
FORK_SERVER = "multiprocessing.forkserver"
PATIENCE_SECONDS = 30.0
PAGE = 10_000  # frames read back at once
CLOCK = "OPTIMSCOPE_BENCH_CLOCK"  # names a file with the seconds to add to the time of day


class Violated(Exception):
    """Something did not hold that must."""


class Harness:
    """The server's process, its producers, and a memory of what was promised."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = free_port()
        self.environment = {"OPTIMSCOPE_LOG_LEVEL": "error", "OPTIMSCOPE_JOBS_PER_DEVICE": "2"}
        self.process: subprocess.Popen[bytes] | None = None
        self.seen: set[int] = set()  # every process that ever belonged to a server
        self.producers = [Producer(self.port, name) for name in PRODUCERS]
        self._steps: dict[str, int] = {}  # frames of trained runs that were there once
        self._ended: dict[str, str] = {}
        self._checked = dict.fromkeys(PRODUCERS, 0)

    # --- The server -------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def start(self, module: str = "app", more: Mapping[str, str] | None = None) -> None:
        """Begins to serve; it answers when `Harness.wait_until_back` says so."""
        self.process = start(self.folder, self.port, module, **self.environment, **more or {})

    def refused_start(self) -> str:
        """What a server says that must not start on the folder as it is; raises Violated if it does."""
        command = [sys.executable, "-m", "app", "serve", "--port", str(free_port())]
        with tempfile.TemporaryFile() as words:
            process = subprocess.Popen(  # noqa: S603
                [*command, "--data-dir", str(self.folder)], stdout=subprocess.DEVNULL, stderr=words
            )
            try:
                code = process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Violated("a server starts on what it cannot use") from None
            words.seek(0)
            said = words.read().decode("utf-8", "replace").strip()
        if code == 0 or "Traceback" in said or not said.startswith("Error: "):
            raise Violated(f"no clear message at the start: exit code {code}, {said[-300:]!r}")
        return said

    def family(self) -> set[int]:
        """The processes below the server."""
        found = descendants(self.pid)
        self.seen |= found | {self.pid}
        return found

    def fork_server(self) -> int | None:
        """The process from which those come that train."""
        found = (
            pid for pid in self.family() if FORK_SERVER in command_of(pid) and self.pid == parent_of(pid)
        )
        return next(found, None)

    def workers(self) -> set[int]:
        """The processes that train."""
        fork_server = self.fork_server()
        return descendants(fork_server) if fork_server else set()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Ends the server; the seconds that it and its family took. Raises Violated if they do not end."""
        family, begin = self.family(), time.monotonic()
        assert self.process
        self.process.send_signal(how)
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Violated(f"the server did not end within {PATIENCE_SECONDS:.0f} s of {how.name}") from None
        took = time.monotonic() - begin
        self.expect_gone(family)
        return took

    def expect_gone(self, pids: set[int]) -> None:
        """Raises Violated if one of these processes lives on."""
        wait_until(lambda: not any(map(alive, pids)), "processes outlived the server")

    # --- The load ---------------------------------------------------------------------------------

    def keep_training(self) -> str:
        """The id of a run that is being trained now."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            runs = [run for run in self.runs() if run["id"] not in PRODUCERS]
            training = [run["id"] for run in runs if run["status"] == "running" and run["next_seq"] > 0]
            if training:
                return str(training[0])
            if not any(run["status"] in (*ACTIVE, "queued") for run in runs):
                self.ask("/api/runs", TRAINING)
            time.sleep(0.05)
        raise Violated("no training run begins")

    def stop_load(self) -> None:
        """Ends the producers."""
        for producer in self.producers:
            producer.stop()

    # --- What must hold -----------------------------------------------------------------------------

    def wait_until_back(self, acknowledged: Mapping[str, int]) -> None:
        """Until the server can work, and every producer has had something acknowledged since."""
        assert self.process
        if not until_answering(self.port, self.process, "/readyz", PATIENCE_SECONDS):
            raise Violated(f"the server is not ready after {PATIENCE_SECONDS:.0f} s")
        wait_until(
            lambda: all(each.acknowledged > acknowledged[each.name] for each in self.producers),
            "a producer is not heard",
        )

    def check(self) -> None:
        """Nothing acknowledged is lost, and every run is in a true state; raises Violated."""
        for producer in self.producers:
            if producer.lost:
                raise Violated(f"{producer.name}: {producer.lost}")
            self._check_frames(producer.name, producer.acknowledged)
        wait_until(lambda: not self._false_states(), lambda: "; ".join(self._false_states()))
        for run in self.runs():
            name, status = run["id"], run["status"]
            if run["next_seq"] < self._steps.get(name, 0):
                raise Violated(f"run {name} lost frames: {run['next_seq']} of {self._steps[name]}")
            if self._ended.get(name, status) != status:
                raise Violated(f"run {name} was {self._ended[name]} and is {status}")
            self._steps[name] = run["next_seq"]
            if run["id"] not in PRODUCERS and status in ("finished", "failed", "cancelled"):
                self._ended[name] = status

    def check_everything(self) -> int:
        """Every acknowledged frame from the first on; how many there are."""
        for producer in self.producers:
            self._checked[producer.name] = 0
            self._check_frames(producer.name, producer.acknowledged)
        return sum(producer.acknowledged for producer in self.producers)

    def _false_states(self) -> list[str]:
        found, training, workers = [], 0, len(self.workers())
        for run in self.runs():
            if run["id"] not in PRODUCERS:
                training += run["status"] in ACTIVE
                if run["status"] == "failed" and not run["reason"]:
                    found.append(f"run {run['id']} failed without a reason")
            elif run["status"] != "running":
                found.append(f"run {run['id']} is delivered and counts as {run['status']}")
        if training != workers:
            found.append(f"{training} runs count as running, {workers} workers are there")
        return found

    def _check_frames(self, name: str, acknowledged: int) -> None:
        """Frame k of a producer has one row: step k + 1, mark k."""
        while (first := self._checked[name]) < acknowledged:
            last = min(first + PAGE, acknowledged)
            window = f"from={first + 1}&to={last}&points=0&arrays=json"
            found = self.ask(f"/api/runs/{name}/frames?columns=mark&{window}")
            marks = found["columns"].get("mark", {"step": [], "value": []})
            expected = list(range(first, last))
            if found["next_seq"] < acknowledged or [int(v) for v in marks["value"]] != expected:
                raise Violated(f"{name}: acknowledged frames {first} to {last - 1} are not all there")
            self._checked[name] = last

    def runs(self) -> list[dict[str, Any]]:
        """The runs, newest first."""
        found: list[dict[str, Any]] = self.ask("/api/runs?limit=200")["runs"]
        return found

    def ask(self, path: str, body: object = None) -> Any:
        """An answer, from a server that may be busy; raises Violated if none comes."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                status, content = exchange(self.port, path, body)
                if status < 500:
                    return content
                trouble = f"{status} {content}"
            except (OSError, HTTPException, ValueError) as error:
                trouble = repr(error)
            if time.monotonic() > until:
                raise Violated(f"{path} does not answer: {trouble}")
            time.sleep(0.05)


class Producer:
    """Delivers frames through everything, and remembers what was acknowledged."""

    def __init__(self, port: int, name: str):
        self.name = name
        self.acknowledged = 0
        self.lost = ""  # what the server asked for again although it had acknowledged it
        self._port = port
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._produce, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _produce(self) -> None:
        following: int | None = None
        while not self._stopping.wait(PAUSES[self.name] if following is not None else 0.05):
            try:
                body: dict[str, Any]
                if following is None:
                    path, body = "/api/ingest/runs", {"run": {"id": self.name}}
                else:
                    path = f"/api/ingest/runs/{self.name}/frames"
                    body = {"frames": [_frame(self.name, following).to_json()]}
                status, answer = exchange(self._port, path, body)
            except (OSError, HTTPException, ValueError):  # killed in the middle of an answer
                following = None
                continue
            if status == 200:
                if following is not None:
                    self.acknowledged = max(self.acknowledged, following + 1)
                following = int(answer["next_seq"])
                if following < self.acknowledged:
                    self.lost = f"{self.acknowledged} frames were acknowledged, {following} are there"
            elif status == 409:
                following = None


def _frame(run: str, seq: int) -> Frame:
    one = np.zeros(1, np.float32)
    return Frame(run, seq, seq + 1, {"step": one, "mark": one + seq, "loss": one + 1 / (1 + seq)})


def exchange(port: int, path: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of an answer. Raises OSError, HTTPException or ValueError."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def wait_until(holds: Callable[[], bool], otherwise: str | Callable[[], str]) -> None:
    """Waits for something that will soon hold; raises Violated with what is said otherwise."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > until:
            raise Violated(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.02)


def kill(pid: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Sends a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, how)
