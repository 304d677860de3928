"""Whether it lives, whether it can work, its figures, its log, and which runs it keeps."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_producer import frame
from processes import fork_server, kill_fork_server
from prometheus_client.parser import text_string_to_metric_families
from running import PATIENCE_S, Running, Stream, alone, running
from starlette.testclient import TestClient

import app.main
from app.observe import logs
from app.runs.retention import DAY, Retention
from app.services import Services
from app.settings import Limits, Settings
from app.store import NewRun, NoSuchRun, Status, Store, open_store

TOKEN = 'a"secret/\\token&more'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("data")) as server:
        yield server


def error(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


# --- Ready ----------------------------------------------------------------------------------------


def test_a_server_is_ready_when_it_can_keep_and_start_runs(server: Running) -> None:
    until_ready(server.client)
    assert server.client.get("/readyz").json() == {"status": "ready"}


def test_it_is_not_ready_while_the_first_visitor_would_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_up, may_begin = app.main.warm_up, threading.Event()

    def later(services: Services) -> None:
        may_begin.wait(PATIENCE_S)
        warm_up(services)

    monkeypatch.setattr(app.main, "warm_up", later)
    with running(tmp_path) as server:
        assert error(server.client.get("/readyz")) == (503, "warming")
        assert server.client.get("/healthz").status_code == 200
        may_begin.set()
        until_ready(server.client)


def test_it_is_not_ready_but_lives_while_the_store_cannot_be_written(server: Running) -> None:
    database = server.manager.store._writer._db
    database.execute("PRAGMA query_only = ON")
    try:
        assert error(server.client.get("/readyz")) == (503, "store")
        assert server.client.get("/healthz").status_code == 200
    finally:
        database.execute("PRAGMA query_only = OFF")
    assert server.client.get("/readyz").status_code == 200


def test_it_is_not_ready_while_the_store_hangs(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runs.lifecycle.READY_SECONDS", 0.05)
    with closing(sqlite3.connect(server.manager.store._path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = server.client.get("/readyz")
        other.execute("ROLLBACK")
    assert error(refused) == (503, "store")
    server.manager.store.try_writing().result(PATIENCE_S)
    monkeypatch.undo()
    assert server.client.get("/readyz").status_code == 200


def test_who_stops_waiting_for_the_store_does_not_stop_the_store(server: Running) -> None:
    async def give_up() -> None:
        waiting = asyncio.wrap_future(server.manager.store.try_writing())
        waiting.cancel()
        await asyncio.wait([waiting])

    alone(give_up())
    server.manager.store.try_writing().result(PATIENCE_S)


def test_it_is_not_ready_without_what_starts_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, preload=True) as server:
        monkeypatch.setattr("app.jobs.local.RETRY_SECONDS", 10 * PATIENCE_S)
        until_ready(server.client, 200)
        kill_fork_server()
        until_ready(server.client, 503)
        assert error(server.client.get("/readyz")) == (503, "workers")
        monkeypatch.setattr("app.jobs.local.RETRY_SECONDS", 0.01)
        server.manager.jobs.warm()
        until_ready(server.client)
        before = fork_server()
        kill_fork_server()
        until_ready(server.client)  # another one comes by itself
        assert fork_server() != before


def until_ready(client: httpx.Client, status: int = 200) -> None:
    pause, until = threading.Event(), time.monotonic() + PATIENCE_S
    while client.get("/readyz").status_code != status:
        assert time.monotonic() < until
        pause.wait(0.01)


def test_load_balancers_need_no_token_and_figures_do(guarded: TestClient) -> None:
    until_ready(guarded)
    assert guarded.get("/healthz").status_code == 200
    assert error(guarded.get("/metrics")) == (401, "unauthorized")
    bearer = {"Authorization": "Bearer a-long-secret"}
    assert guarded.get("/metrics", headers=bearer).status_code == 200


# --- Figures --------------------------------------------------------------------------------------


def figures(server: Running) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels."""
    response = server.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=1")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_the_pattern_of_their_address(server: Running) -> None:
    before = figures(server)
    server.client.get("/api/runs/one")
    server.client.get("/api/runs/two?token=whatever")
    server.client.get("/nowhere")
    server.client.request("BREW", "/coffee")
    server.client.get("/", headers={"Host": "evil.example"})
    after = figures(server)

    def more(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert more("optimscope_requests_total", "GET", "/api/runs/{run}", "404") == 2
    assert more("optimscope_request_seconds_count", "/api/runs/{run}") == 2
    assert more("optimscope_requests_total", "GET", "other", "404") == 1
    assert more("optimscope_requests_total", "other", "other", "404") == 1
    assert more("optimscope_requests_total", "GET", "other", "400") == 1, "what is refused counts too"
    assert not [key for key in after if "whatever" in str(key) or "one" in key]


def test_streams_runs_frames_queue_and_bytes_are_told(server: Running) -> None:
    before, store = figures(server), server.manager.store
    store.create(NewRun("counted", "watch", "counted", status=Status.RUNNING)).result()
    store.append("counted", [frame("counted", seq) for seq in range(3)]).result()
    stream = Stream(server.port, "runs=counted")
    stream.next()
    during = figures(server)
    stream.close()
    assert during["optimscope_streams",] == 1
    assert during["optimscope_runs", "running"] == before["optimscope_runs", "running"] + 1
    assert during["optimscope_runs", "queued"] == 0
    assert during["optimscope_frames_total",] == before["optimscope_frames_total",] + 3
    assert during["optimscope_queue_length",] == 0
    assert during["optimscope_store_bytes",] == store.bytes_on_disk() > 10_000
    assert during["process_resident_memory_bytes",] > 10_000_000
    assert ("optimscope_request_seconds_count", "/api/stream") not in figures(server), "it would take hours"


# --- The log --------------------------------------------------------------------------------------


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Puts the loggers back."""
    root, ours = logging.getLogger(), logging.getLogger("optimscope")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], _, _ = before
    root.setLevel(before[1])
    ours.setLevel(before[2])


def written(settings: Settings, *, logger: str = "optimscope") -> str:
    """What the log has after somebody was careless with the token."""
    logs.configure(settings)
    text = io.StringIO()
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(text)
    log = logging.getLogger(logger)
    log.error("GET /?token=%s&x=1 failed", "somebody-elses")
    log.error("the token is %s", TOKEN, extra={"header": f"Bearer {TOKEN}"})
    try:
        raise RuntimeError(TOKEN)
    except RuntimeError:
        log.exception("it broke")
    log.error("GET /login?next=%s", "a%22secret%2F%5Ctoken%26more")
    return text.getvalue()


@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("logger", ["optimscope", "uvicorn.error", "asyncio"])
def test_no_secret_gets_into_the_log(form: Any, logger: str) -> None:
    text = written(Settings(token=TOKEN, log_format=form), logger=logger)
    assert "secret" not in text
    assert "somebody-else" not in text
    assert "/?token=[hidden]&x=1 failed" in text
    assert "RuntimeError: [hidden]" in text


@pytest.mark.usefixtures("own_logging")
def test_a_log_in_json_is_one_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in written(Settings(token=TOKEN, log_format="json")).splitlines()]
    assert len(lines) == 4
    assert lines[0].keys() == {"time", "level", "logger", "message"}
    assert lines[1]["header"] == "Bearer [hidden]"
    assert lines[2]["level"] == "ERROR"
    assert "Traceback" in lines[2]["exc_info"]


@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize(("level", "expected"), [("info", True), ("warning", False)])
def test_the_level_of_the_log_is_a_setting(level: Any, expected: bool) -> None:
    logs.configure(Settings(log_level=level))
    assert logging.getLogger("optimscope").isEnabledFor(logging.INFO) == expected
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.INFO)


def test_requests_are_logged_on_demand_and_without_their_query(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "optimscope")
    with running(tmp_path / "loud", log_requests=True) as server:
        server.client.get("/api/runs?text=private")
    with running(tmp_path / "quiet") as server:
        server.client.get("/api/catalogue")
    records = [record for record in caplog.records if record.name == "optimscope.requests"]
    assert [(record.path, record.status) for record in records] == [("/api/runs", 200)]
    assert "private" not in caplog.text


# --- Which runs are kept --------------------------------------------------------------------------

NOW = 2_000_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def add(store: Store, name: str, status: Status, days_ago: float, frames: int = 0) -> None:
    """A run with about 40 kB a frame that ended, or began, so long ago."""
    store.create(NewRun(name, "train", name, status=Status.RUNNING)).result()
    for seq in range(frames):
        store.append(name, [frame(name, seq, rows=100, tensors=98)]).result()
    ended = None if status in (Status.RUNNING, Status.QUEUED, Status.PAUSED) else NOW - days_ago * DAY
    changes = {"status": status.value, "finished": ended, "created": NOW - days_ago * DAY}
    store.finish(name, lambda _: changes).result()


def tidy(store: Store, **given: Any) -> list[str]:
    """What one round removes, seen through to the end."""
    gone = alone(Retention(store, Settings(**given)).tidy(NOW))
    pause, until = threading.Event(), time.monotonic() + PATIENCE_S
    while store.purging:
        assert time.monotonic() < until
        pause.wait(0.005)
    return gone


def names(store: Store) -> set[str]:
    return {run for run in "abcdefgh" if is_there(store, run)}


def is_there(store: Store, run: str) -> bool:
    try:
        store.find(run)
    except NoSuchRun:
        return False
    return True


def test_by_default_age_removes_nothing(store: Store) -> None:
    add(store, "a", Status.FINISHED, 5000)
    assert tidy(store) == []


def test_runs_that_ended_too_long_ago_go_and_the_log_says_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "optimscope")
    add(store, "a", Status.FINISHED, 12)
    add(store, "b", Status.INTERRUPTED, 11)
    add(store, "c", Status.FAILED, 9)
    for run, status in (("d", Status.RUNNING), ("e", Status.PAUSED), ("f", Status.QUEUED)):
        add(store, run, status, 30)
    assert tidy(store, keep_days=10) == ["a", "b"]
    assert names(store) == set("cdef")
    assert "Removed run a (a): it ended 12.0 days ago, OPTIMSCOPE_KEEP_DAYS is 10." in caplog.text


def test_a_store_that_is_too_large_loses_the_runs_that_ended_first(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "optimscope")
    for days_ago, run in enumerate("abcdef"):
        add(store, run, Status.FINISHED, days_ago, frames=8)
    add(store, "g", Status.RUNNING, 99, frames=8)
    used, per_run = store.bytes_used(), store.find("a").bytes
    limits = Limits(store_bytes=used - int(1.5 * per_run))
    gone = tidy(store, limits=limits)
    assert gone == ["f", "e"], "two are enough, the oldest first, and not the one that runs"
    assert store.bytes_used() <= limits.store_bytes
    assert tidy(store, limits=limits) == []
    assert "OPTIMSCOPE_MAX_STORE_BYTES" in caplog.text


def test_a_full_store_in_which_everything_runs_is_told_once(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    add(store, "a", Status.RUNNING, 9, frames=8)
    retention = Retention(store, Settings(limits=Limits(store_bytes=100_000)))
    assert [alone(retention.tidy(NOW)) for _ in range(2)] == [[], []]
    assert caplog.text.count("no run that has ended is left") == 1


def test_a_run_that_goes_on_meanwhile_stays(store: Store) -> None:
    add(store, "a", Status.RUNNING, 0)
    assert store.retire("a").result() is False
    assert store.retire("never").result() is False
    assert names(store) == {"a"}


def test_a_server_looks_for_old_runs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runs.retention.EVERY_SECONDS", 0.01)
    with running(tmp_path, keep_days=1.0) as server:
        server.manager.store.create(NewRun("old", "train", "old", status=Status.RUNNING)).result()
        gone = threading.Event()
        server.manager.listeners.append(lambda changes: gone.set() if changes[-1].deleted else None)
        server.manager.store.finish("old", lambda _: {"status": "finished", "finished": 1.0}).result()
        assert gone.wait(PATIENCE_S)
