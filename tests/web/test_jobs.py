"""Whatever dies, states stay true, nothing that was acknowledged is lost, and no process is left over."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from fake_producer import frame, post, same
from processes import (
    ask,
    descendants,
    fork_server,
    free_port,
    gone,
    kill_fork_server,
    process,
    until_status,
)
from running import PATIENCE_S, Running, running

from app import processes
from app.jobs import devices
from app.jobs.executor import exit_reason
from app.jobs.fair_queue import FairQueue
from app.jobs.local import TARGET, threads_of_one
from app.jobs.worker import train_job
from app.runs.control import cancelled
from app.store import NewRun, open_store

ROOT = Path(__file__).parents[2]
PAIR = {"task": "digits_mlp", "optimizer": "adamw", "steps": 50}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("data"), preload=True) as server:
        yield server


def queue(server: Running, run: str, owner: str = "me", **fake: Any) -> str:
    """Queues a run whose worker does as `fake_producer.work` reads in ``fake``."""
    config = {"device": "cpu", "fake": fake}
    server.manager.store.create(NewRun(run, "train", run, config=config, owner=owner, local=True)).result()
    return run


def worker_pid(server: Running, run: str) -> int:
    """The process of a run, once it runs."""
    server.wait_for(run, "running")
    (pid,) = descendants(fork_server())
    return pid


# --- Workers --------------------------------------------------------------------------------------


def test_a_queued_run_is_worked_off(server: Running) -> None:
    queue(server, "plain", frames=5)
    run = server.wait_for("plain", "finished")
    assert (run.next_seq, run.outcome, run.reason) == (5, "finished", "That was all.")
    assert run.started
    assert run.finished
    assert run.created <= run.started <= run.finished


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("raise", "Its process ended with exit code 1: RuntimeError: the weights are gone"),
        ("exit", "Its process ended with exit code 3: worker"),
        ("kill", "Its process was ended by SIGKILL, as the system does when memory runs out; it had said:"),
    ],
)
def test_a_worker_that_dies_is_told_with_the_reason(server: Running, end: str, reason: str) -> None:
    queue(server, f"dies-{end}", frames=2, end=end)
    run = server.wait_for(f"dies-{end}", "failed")
    assert run.reason.startswith(reason)
    assert run.next_seq == 2
    assert not server.manager.jobs.owns(run.id)


def test_a_worker_killed_from_outside_leaves_the_device_to_the_next(server: Running) -> None:
    queue(server, "killed", end="hang")
    queue(server, "next", frames=1)
    os.kill(worker_pid(server, "killed"), signal.SIGKILL)
    server.wait_for("killed", "failed")
    server.wait_for("next", "finished")


def test_when_the_fork_server_dies_its_workers_die_and_another_takes_over(server: Running) -> None:
    queue(server, "orphan", end="hang")
    pid = worker_pid(server, "orphan")
    kill_fork_server()
    assert "The process that starts workers died" in server.wait_for("orphan", "failed").reason
    assert gone({pid})
    queue(server, "after", frames=1)
    server.wait_for("after", "finished")


@pytest.mark.parametrize("end", ["hang", "deaf"])
def test_cancelling_waits_for_no_worker(server: Running, end: str) -> None:
    """None of these workers would ever end by itself."""
    run = queue(server, f"cancel-{end}", end=end)
    pid = worker_pid(server, run)
    answer = server.client.post(f"/api/runs/{run}/cancel").json()
    assert (answer["status"], answer["cancelling"]) == ("running", True)
    server.wait_for(run, "cancelled")
    assert gone({pid})


@pytest.fixture
def slow_fork_server() -> Iterator[None]:
    """One that has not loaded, and never will."""
    usual, processes._preloaded[:] = list(processes._preloaded), ["slow_to_load"]
    with suppress(LookupError):
        kill_fork_server()
    yield
    processes._preloaded[:] = usual
    kill_fork_server()


@pytest.mark.usefixtures("slow_fork_server")
def test_neither_cancelling_nor_stopping_waits_for_a_fork_server_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.jobs.local.STOP_SECONDS", 10 * PATIENCE_S)
    with running(tmp_path) as server:
        for name in ("not-begun", "abandoned"):
            queue(server, name)
        server.wait_for("not-begun", "starting")
        server.client.post("/api/runs/not-begun/cancel")
        server.wait_for("not-begun", "cancelled")
        begin = monotonic()
    assert monotonic() - begin < PATIENCE_S


def test_a_run_that_waits_is_cancelled_at_once(server: Running) -> None:
    queue(server, "holds", end="hang")
    server.wait_for("holds", "running")
    queue(server, "waits", frames=1)
    server.waiting(1)
    assert server.client.get("/api/runs/waits").json()["queue_position"] == 0
    assert server.client.post("/api/runs/waits/cancel").json()["status"] == "cancelled"
    server.waiting(0)
    server.client.post("/api/runs/holds/cancel")
    server.wait_for("holds", "cancelled")
    assert server.manager.store.find("waits").next_seq == 0


def test_a_run_that_is_deleted_while_it_runs_is_stopped(server: Running) -> None:
    queue(server, "deleted", end="deaf")
    pid = worker_pid(server, "deleted")
    assert server.client.delete("/api/runs/deleted").status_code == 204
    assert gone({pid})
    queue(server, "later", frames=1)
    server.wait_for("later", "finished")


def test_a_worker_that_begins_after_its_run_was_deleted_brings_nothing_back(
    server: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.nice", lambda more: None)
    config = {"task": "digits_mlp", "optimizer": "adamw", "steps": 3, "hyper": {}}
    url = f"http://127.0.0.1:{server.port}"
    job = {"id": "ghost", "config": config, "device": "cpu", "url": url, "token": ""}
    assert train_job(job | {"checkpoint": "/nowhere/ghost.pt", "resumes": False}) == 1
    assert "there is no run 'ghost'" in capsys.readouterr().out
    assert server.client.get("/api/runs/ghost").status_code == 404


def test_owners_take_turns(server: Running) -> None:
    queue(server, "first", end="hang")
    server.wait_for("first", "running")
    names = [queue(server, f"turn-{owner}-{i}", owner, frames=1) for owner in "ab" for i in range(3)]
    order = server.waiting(6)
    assert [name[5] for name in order] == list("ababab")
    server.client.post("/api/runs/first/cancel")
    runs = [server.wait_for(name, "finished") for name in names]
    assert [run.id for run in sorted(runs, key=lambda run: run.started or 0)] == order


def test_what_no_worker_of_this_server_sends_is_refused(server: Running) -> None:
    queue(server, "holder", end="hang")
    server.wait_for("holder", "running")
    queue(server, "theirs", frames=1)
    url = f"http://127.0.0.1:{server.port}/api/ingest/runs"
    for path, body in (
        ("", {"run": {"id": "theirs"}}),
        ("/theirs/frames", {"frames": []}),
        ("/theirs/finish", {"outcome": "finished"}),
    ):
        assert post(url + path, body)["error"]["code"] == "gone"
    server.manager.store.change("holder", cancelled).result()
    assert server.wait_for("theirs", "finished").next_seq == 1


def test_each_device_has_its_own_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "devices", lambda: ("cuda:0", "cuda:1", "cpu"))
    with running(tmp_path) as server:
        for name, device in (("auto-1", "auto"), ("auto-2", "auto"), ("auto-3", "auto"), ("cpu-1", "cpu")):
            config = {"device": device, "fake": {"end": "hang"}}
            server.manager.store.create(NewRun(name, "train", name, config=config, local=True)).result()
        for name in ("auto-1", "auto-2", "cpu-1"):
            server.wait_for(name, "running")
        assert server.waiting(1) == ["auto-3"]
        jobs = server.manager.jobs._jobs
        assert {name: job.device for name, job in jobs.items()} == {
            "auto-1": "cuda:0", "auto-2": "cuda:1", "cpu-1": "cpu",
        }  # fmt: skip


def test_workers_reach_a_server_that_asks_for_a_token(tmp_path: Path) -> None:
    with running(tmp_path, token="a-long-secret", processes=0) as server:
        queue(server, "inside", frames=2)
        assert server.wait_for("inside", "finished").next_seq == 2


def test_a_real_run_trains(tmp_path: Path) -> None:
    with running(tmp_path, target=TARGET) as server:
        answer = server.client.post("/api/runs", json=PAIR | {"trace": {"every": 5}})
        run = server.wait_for(answer.json()["id"], "finished", "failed")
        assert (run.status, run.outcome, run.step) == ("finished", "finished", 50), run.reason
        detail = server.client.get(f"/api/runs/{run.id}").json()
        assert {tensor["name"] for tensor in detail["tensors"]} >= {"0.weight", "0.bias"}
        assert detail["latest"]["val_accuracy"] > 0.3
        found = server.client.get(
            f"/api/runs/{run.id}/frames?columns=0.weight/weight_norm&arrays=json"
        ).json()
        assert found["columns"]["0.weight/weight_norm"]["step"] == [1, *range(5, 51, 5)]


EXECUTOR = """
import sys, threading
from app.jobs.local import LocalExecutor
method, file = sys.argv[1:]
ended = threading.Event()
echo = LocalExecutor(per_device=2, target=("fake_producer", "echo"), method=method)
sleep = LocalExecutor(per_device=2, target=("fake_producer", "sleep"), method=method)
echo.start("echo", {"code": 5}, "cpu", lambda *end: (print(*end, flush=True), ended.set()))
ended.wait(60)
sleep.start("sleep", {"file": file}, "cpu", print)
try:
    threading.Event().wait(60)
except KeyboardInterrupt:
    pass
"""


@pytest.mark.parametrize(
    ("method", "wanted", "how"),
    [
        ("forkserver", "", signal.SIGKILL),
        ("forkserver", str(len(os.sched_getaffinity(0))), signal.SIGINT),
        ("spawn", "", signal.SIGKILL),
    ],
)
def test_workers_forked_or_not_tell_their_end_and_die_with_the_server(
    tmp_path: Path, method: str, wanted: str, how: signal.Signals
) -> None:
    """Where forking is not safe they are new interpreters; OMP_NUM_THREADS tells them their threads."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/web")])}
    environment |= {"OMP_NUM_THREADS": wanted} if wanted else {}
    file, pause, until = tmp_path / "pid", threading.Event(), monotonic() + PATIENCE_S
    command = [sys.executable, "-c", EXECUTOR, method, str(file)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            threads = wanted or threads_of_one(2)
            assert server.stdout.readline() == f"echo 5 cpu {threads} 5\n"
            while not (file.exists() and file.read_text()):
                assert monotonic() < until
                pause.wait(0.01)
            worker = int(file.read_text())
            os.kill(worker, signal.SIGINT)  # Ctrl+C in a terminal is for the server
            pause.wait(0.5)
            family = descendants(server.pid)
            assert worker in family
        finally:
            server.send_signal(how)
    assert gone(family)


def test_ctrl_c_does_not_reach_a_fork_server_that_loads() -> None:
    status = Path(f"/proc/{processes.load_fork_server()}/status").read_text()
    blocked = int(status.split("SigBlk:")[1].split()[0], 16)
    assert blocked & 1 << (signal.SIGINT - 1)


def test_a_fair_queue_turns_over_owners() -> None:
    waiting = FairQueue()
    for run in ("a1", "a2", "b1", "a3", "c1"):
        waiting.add(run[0], run)
    assert waiting.order() == ["a1", "b1", "c1", "a2", "a3"]
    assert waiting.take(lambda run: run != "a1") == "a2"
    assert [waiting.take(lambda run: True) for _ in range(5)] == ["b1", "c1", "a1", "a3", None]
    waiting.add("a", "a4")
    assert "a4" in waiting
    waiting.remove("a4")
    assert waiting.order() == []


def test_the_reason_tells_how_a_worker_ended() -> None:
    assert exit_reason(-11, "") == "Its process was ended by SIGSEGV."
    assert exit_reason(-99, "x\n\n") == "Its process was ended by signal 99; it had said: x"
    assert exit_reason(2, "") == "Its process ended with exit code 2."


# --- Servers --------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_after_kill_9_of_the_server_states_are_true_and_nobody_is_left(tmp_path: Path) -> None:
    port = free_port()
    store = open_store(tmp_path)
    for name, fake in (
        ("works", {"frames": 10**6, "pause": 0.005}),
        ("hangs", {"end": "hang"}),
        ("waits", {}),
    ):
        config = {"device": "cpu", "fake": fake}
        store.create(NewRun(name, "train", name, config=config, local=True)).result()
    store.close()
    with process(tmp_path, port) as served:
        ask(port, "/api/ingest/runs", {"run": {"id": "outside"}})
        for name in ("works", "hangs"):
            until_status(port, name, "running")
        ask(port, "/api/ingest/runs/outside/frames", {"frames": [frame("outside", 0).to_json()]})
        acknowledged, pause, until = 0, threading.Event(), monotonic() + PATIENCE_S
        while acknowledged < 20:
            assert monotonic() < until
            pause.wait(0.01)
            acknowledged = ask(port, "/api/runs/works")["next_seq"]
        family = descendants(served.pid)
        assert len(descendants(fork_server(served.pid))) == 2
        served.kill()
        served.wait(PATIENCE_S)
        assert gone(family)
    with process(tmp_path, port) as served:
        for name in ("works", "hangs"):
            found = ask(port, f"/api/runs/{name}")
            assert (found["status"], found["reason"]) == ("interrupted", "The server stopped while it ran.")
        assert ask(port, "/api/runs/outside")["status"] == "interrupted"
        until_status(port, "waits", "finished")
        goes_on = ask(port, "/api/ingest/runs/outside/frames", {"frames": [frame("outside", 1).to_json()]})
        assert goes_on["next_seq"] == 2
        assert ask(port, "/api/runs/outside")["status"] == "running"
        gone_worker = ask(port, "/api/ingest/runs/works/frames", {"frames": []})
        assert gone_worker["error"]["code"] == "gone"
        family = descendants(served.pid)
        served.send_signal(signal.SIGTERM)
        assert served.wait(PATIENCE_S) is not None
        assert gone(family)
    store = open_store(tmp_path)
    kept = store.frames("works", 0, lambda name: True, 10**9)
    assert len(kept) >= acknowledged
    assert all(same(each, frame("works", seq)) for seq, each in enumerate(kept))
    assert store.find("outside").status == "interrupted"
    store.close()


@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0"])
def test_a_server_starts_what_it_was_left_before_anybody_asks_it_anything(tmp_path: Path, host: str) -> None:
    """Its workers deliver to the address on which it listens, not to one that a request has to tell."""
    store = open_store(tmp_path)
    config = {"device": "cpu", "fake": {"frames": 3}}
    store.create(NewRun("left", "train", "left", config=config, local=True)).result()
    store.close()
    port, reached = free_port(), "127.0.0.1" if host == "0.0.0.0" else host
    with process(tmp_path, port, host=host):
        run = until_status(port, "left", "finished", "failed", host=reached)
    assert (run["status"], run["next_seq"]) == ("finished", 3), run["reason"]


class Insistent:
    """A producer that goes on through everything, and remembers what was acknowledged."""

    def __init__(self, port: int):
        self.acknowledged = 0
        self._port = port
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._produce, daemon=True)
        self._thread.start()

    def wait_for(self, acknowledged: int) -> None:
        """Until so many frames have been acknowledged."""
        pause, until = threading.Event(), monotonic() + 3 * PATIENCE_S
        while self.acknowledged < acknowledged:
            assert monotonic() < until
            assert self._thread.is_alive()
            pause.wait(0.01)

    def stop(self) -> int:
        self._stopping.set()
        self._thread.join(PATIENCE_S)
        return self.acknowledged

    def _produce(self) -> None:
        while not self._stopping.wait(0.003):
            answer = ask(self._port, "/api/ingest/runs", {"run": {"id": "insistent"}}, 3 * PATIENCE_S)
            while not self._stopping.wait(0.003):
                try:
                    frames = [frame("insistent", answer["next_seq"]).to_json()]
                    url = f"http://127.0.0.1:{self._port}/api/ingest/runs/insistent/frames"
                    answer = post(url, {"frames": frames})
                    assert answer["next_seq"] >= self.acknowledged
                    self.acknowledged = answer["next_seq"]
                except (OSError, HTTPException, ValueError, KeyError):  # killed in the middle of an answer
                    break


@pytest.mark.timeout(600)
def test_random_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    port, chance = free_port(), random.Random(7)
    store = open_store(tmp_path)
    for i in range(12):
        fake = {"frames": 400, "pause": 0.002}
        config = {"device": "cpu", "fake": fake}
        store.create(NewRun(f"job-{i}", "train", f"job-{i}", config=config, local=True)).result()
    store.close()
    insistent, pause = Insistent(port), threading.Event()
    for _ in range(3):
        with process(tmp_path, port) as served:
            before = insistent.acknowledged
            insistent.wait_for(before + 10)
            pause.wait(chance.uniform(0.0, 0.6))
            family = descendants(served.pid)
            victims = sorted(family) if chance.random() < 0.5 else []
            for pid in chance.sample(victims, min(1, len(victims))):
                os.kill(pid, signal.SIGKILL)
                pause.wait(chance.uniform(0.0, 0.2))
            family |= descendants(served.pid)
            served.kill()
            served.wait(PATIENCE_S)
            assert gone(family)
    with process(tmp_path, port) as served:
        insistent.wait_for(insistent.acknowledged + 1)
        acknowledged = insistent.stop()
        page = ask(port, "/api/runs?limit=100")
        for run in page["runs"]:
            assert run["status"] in {"queued", "starting", "running", "finished", "failed", "interrupted"}
        assert sum(run["status"] in ("starting", "running") for run in page["runs"]) <= 3
    store = open_store(tmp_path)
    for name in ("insistent", *(f"job-{i}" for i in range(12))):
        run, kept = store.find(name), []
        while part := store.frames(name, len(kept), lambda name: True, 10**6):
            kept += part
        assert len(kept) == run.next_seq >= (acknowledged if name == "insistent" else 0)
        assert all(same(each, frame(name, seq)) for seq, each in enumerate(kept))
    store.close()
