"""What may go wrong around a server has an outcome and a message. Kills are in test_jobs, full disks in
test_store and test_ingest, readers that never read in test_stream."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_producer import frame
from running import PATIENCE_S, Running, alone, running

from app.bench import faults
from app.bench.harness import Harness, Violated
from app.commands.main import main
from app.http.errors import CatchAll
from app.runs import lifecycle as live_module
from app.runs import retention
from app.runs.lifecycle import Silence
from app.store import NewRun, Run, Status, StoreError, open_store
from app.store.sqlite.migrations import newest

FILE = "optimscope.db"
DAY = 86_400.0


# --- The database at the start --------------------------------------------------------------------


def fill(folder: Path) -> Path:
    store = open_store(folder)
    for name in "abcdefgh":
        store.create(NewRun(name, "train", name, status=Status.RUNNING)).result()
        store.append(name, [frame(name, seq, rows=50) for seq in range(40)]).result()
    store.close()
    return folder / FILE


def overwrite_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x" * 100)


def overwrite_all_but_head(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xab" * (size - 4096))


def cut_in_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {newest() + 1}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (overwrite_head, "is damaged or no database"),
        (overwrite_all_but_head, "is damaged or no database"),
        (cut_in_half, "is damaged or no database"),
        (make_newer, "was written by a newer Optimscope"),
    ],
)
def test_a_server_says_at_once_that_its_database_cannot_be_used(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    path = fill(tmp_path)
    before = path.read_bytes()
    change(path)
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--data-dir", str(tmp_path)])
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit), result.output
    assert result.output.startswith(f"Error: {path} {message}")
    path.write_bytes(before)  # what was put back is used
    store = open_store(tmp_path)
    assert store.select(live_module.Query())[1] == 8
    store.close()


def test_a_read_only_disk_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match="cannot be used: Read-only file"):
        open_store(tmp_path)
    monkeypatch.undo()


# --- Clients --------------------------------------------------------------------------------------


def until_counted(server: Running, status: str) -> bool:
    """Whether an upload's answer with this status is counted soon."""
    labels = {"method": "POST", "path": "/api/ingest/runs/{run}/frames", "status": status}
    pause, until = threading.Event(), time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for line in server.client.get("/metrics").text.splitlines():
            if line.startswith("optimscope_requests_total") and all(
                f'"{v}"' in line for v in labels.values()
            ):
                return True
        pause.wait(0.01)
    return False


def test_a_client_that_vanishes_in_the_middle_of_an_upload_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path) as server:
        server.client.post("/api/ingest/runs", json={"run": {"id": "a"}})
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"POST /api/ingest/runs/a/frames HTTP/1.1\r\nHost: localhost\r\n")
        client.sendall(b'Content-Length: 1000\r\n\r\n{"frames": [')
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert until_counted(server, "400")
        delivered = server.client.post(
            "/api/ingest/runs/a/frames", json={"frames": [frame("a", 0).to_json()]}
        )
        assert delivered.json()["next_seq"] == 1
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def _answers(failure: BaseException, *, begun: bool) -> list[Any]:
    """What is sent for a request whose handler ends so."""
    sent: list[Any] = []

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise failure

    async def send(message: Any) -> None:
        sent.append(message)

    await CatchAll(handler)({"type": "http", "method": "GET", "path": "/"}, None, send)  # type: ignore[arg-type]
    return sent


def test_a_request_that_a_stop_cuts_off_is_told_so_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    start, body = alone(_answers(asyncio.CancelledError(), begun=False))
    assert start["status"] == 503
    assert b'"code":"stopping"' in body["body"]
    assert len(alone(_answers(asyncio.CancelledError(), begun=True))) == 1, "what began just ends"
    assert caplog.records == []


# --- Clocks ---------------------------------------------------------------------------------------


class Clocks:
    """Both clocks of a system, which are set and go on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.day, self.even = 1e9, 100.0
        monkeypatch.setattr(time, "time", lambda: self.day)
        monkeypatch.setattr(time, "monotonic", lambda: self.even)

    def go_on(self, seconds: float) -> None:
        self.day += seconds
        self.even += seconds


@pytest.fixture
def heard(tmp_path: Path) -> Run:
    store = open_store(tmp_path)
    run = store.create(NewRun("a", "train", "a", status=Status.RUNNING)).result()
    store.close()
    return run


def test_silence_is_counted_from_look_to_look(heard: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(monkeypatch)
    silence = Silence()
    assert silence.of([heard]) == {"a": 0.0}
    for seconds in (5.0, 10.0, 15.0):
        clocks.go_on(5.0)
        assert silence.of([heard]) == {"a": seconds}
    spoken = replace(heard, heard=1.0)
    assert silence.of([spoken]) == {"a": 0.0}
    assert silence.of([]) == {}


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_clock_that_is_set_makes_nobody_silent(
    heard: Run, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    clocks = Clocks(monkeypatch)
    silence = Silence()
    silence.of([heard])
    clocks.day += jump
    clocks.go_on(1.0)
    assert silence.of([heard]) == {"a": 1.0}


def test_a_server_that_was_stopped_itself_blames_nobody(heard: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(monkeypatch)
    silence = Silence()
    silence.of([heard])
    clocks.go_on(3600.0)
    assert silence.of([heard])["a"] == 2 * live_module.SWEEP_SECONDS


def test_a_clock_that_is_set_forth_ages_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Age is what removes runs: days that have not passed must not."""
    looked = threading.Event()
    times: list[float] = []

    async def tidy(self: retention.Retention, now: float) -> list[str]:
        times.append(now)
        if len(times) == 1:
            monkeypatch.setattr(time, "time", lambda: real() + 400 * DAY)
        elif len(times) == 3:
            looked.set()
        return []

    real = time.time
    monkeypatch.setattr(retention, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(retention.Retention, "tidy", tidy)
    with running(tmp_path, keep_days=1.0):
        assert looked.wait(PATIENCE_S)
    assert max(times) - min(times) < DAY


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_frames_are_kept_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    store = open_store(tmp_path)
    store.create(NewRun("a", "train", "a", status=Status.RUNNING)).result()
    store.append("a", [frame("a", 0)]).result()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    run = store.append("a", [frame("a", 1)]).result().run
    store.close()
    assert (run.next_seq, run.status) == (2, Status.RUNNING)
    assert run.speed is None or run.speed > 0


# --- The bench that makes faults ------------------------------------------------------------------


def test_the_bench_makes_faults_and_reads_everything_back() -> None:
    report = faults.measure(2, seed=1, only=("server_killed", "upload_broken_off"))
    table = faults.table(report)
    violated = [violation for kind in report.kinds for violation in kind.violations]
    assert (report.violations, violated) == ([], []), table
    assert sum(kind.times for kind in report.kinds) == 2
    assert report.frames > 0
    assert f"{report.frames} frames were acknowledged and read back" in table


def test_the_bench_notices_a_frame_that_is_lost(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    harness.ask = lambda path, body=None: {  # type: ignore[method-assign,assignment]
        "next_seq": 3,
        "columns": {"mark": {"step": [1, 3], "value": [0, 2]}},
    }
    harness.producers[0].acknowledged = 3
    with pytest.raises(Violated, match="acknowledged frames 0 to 2 are not all there"):
        harness.check()


def test_the_bench_notices_a_process_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.bench.harness.alive", lambda pid: pid == 7)
    monkeypatch.setattr("app.bench.harness.PATIENCE_SECONDS", 0.0)
    with pytest.raises(Violated, match="outlived"):
        Harness(tmp_path).expect_gone({7, 8})
    Harness(tmp_path).expect_gone({8})
