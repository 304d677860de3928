"""A full disk: what is there can be read and deleted, a server starts, and goes on once there is room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest
from fake_producer import frame
from running import PATIENCE_S, Running, running

from app.bench.disk import Disk, disk
from app.runs import lifecycle
from app.store import NewRun, Status, open_store
from app.store.sqlite import reserve
from app.store.sqlite.database import FILE

PAGE = {"Accept": "text/html"}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A small disk of its own."""
    monkeypatch.setattr(reserve, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(lifecycle, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(lifecycle, "FULL_SECONDS", 0.05)
    with disk() as place:
        if not place.own:
            pytest.skip("needs to mount a file system of its own")
        yield place


def until(check: Callable[[], bool]) -> None:
    pause, end = threading.Event(), time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end
        pause.wait(0.02)


def deliver(server: Running, run: str, seq: int) -> int:
    body = {"frames": [frame(run, seq, rows=5_000, tensors=20).to_json()]}
    return server.client.post(f"/api/ingest/runs/{run}/frames", json=body).status_code


def fill(folder: Path, runs: int = 3, left_open: Callable[[], object] = lambda: None) -> None:
    """Runs of some megabytes each, and one that a killed server left running."""
    store = open_store(folder)
    for name in [f"run-{i}" for i in range(runs)]:
        store.create(NewRun(name, "watch", name, status=Status.RUNNING)).result()
        for seq in range(8):
            store.append(name, [frame(name, seq, rows=5_000, tensors=20)]).result()
        if name != "run-0":
            store.finish(name, lambda _: {"status": "finished"}).result()
    left_open()
    store.close()


def test_what_is_there_can_be_deleted_which_makes_room(place: Disk) -> None:
    fill(place.data)
    with running(place.data) as server:
        place.fill(0)
        server.client.post("/api/ingest/runs", json={"run": {"id": "more"}})
        seqs = iter(range(1000))
        statuses = [
            server.client.post("/api/ingest/runs", json={"run": {"id": f"r{i}"}}).status_code
            for i in seqs
            if i < 40
        ]
        assert 507 in statuses
        assert (place.data / reserve.FILE).exists()
        assert server.client.delete("/api/runs/run-0").status_code == 204  # which was to go on
        assert server.client.delete("/api/runs/run-1").status_code == 204
        assert server.client.get("/api/runs/run-1").status_code == 404
        until(lambda: not server.manager.store.purging)
        assert server.client.delete("/api/runs/run-2").status_code == 204
        until(lambda: not server.manager.store.purging)
        until(
            lambda: server.client.post("/api/ingest/runs", json={"run": {"id": "again"}}).status_code == 200
        )
        assert deliver(server, "again", 0) == 200


@pytest.mark.parametrize("killed", [False, True])
def test_a_server_starts_on_a_full_disk_and_goes_on_by_itself(
    place: Disk, tmp_path: Path, killed: bool
) -> None:
    if killed:  # its journal is there, and nothing is tidied up
        fill(tmp_path, left_open=lambda: copytree(tmp_path, place.data, dirs_exist_ok=True))
        assert (place.data / f"{FILE}-wal").exists()
    else:
        fill(place.data)
    place.fill(0)
    with running(place.data) as server:
        assert server.client.get("/api/runs").json()["total"] == 3
        assert server.client.get("/api/runs/run-1/frames").status_code == 200
        assert server.wait_for("run-0", "interrupted")  # with the room of the reserve
        place.free(0)
        until(lambda: server.client.get("/readyz").status_code == 200)


def test_without_a_reserve_a_server_starts_read_only_with_a_banner(place: Disk) -> None:
    fill(place.data)
    (place.data / reserve.FILE).unlink()
    place.fill(0)
    with running(place.data) as server:
        assert server.client.get("/api/runs").json()["total"] == 3
        assert server.client.get("/api/runs/run-1/frames").status_code == 200
        assert server.client.post("/api/ingest/runs", json={"run": {"id": "new"}}).status_code == 507
        assert server.client.get("/readyz").status_code == 507
        assert "disk of this server is full" in server.client.get("/", headers=PAGE).text
        place.free(0)
        server.wait_for("run-0", "interrupted")
        until(lambda: "disk of this server is full" not in server.client.get("/", headers=PAGE).text)
        assert server.client.post("/api/ingest/runs", json={"run": {"id": "new"}}).status_code == 200
        until(lambda: (place.data / reserve.FILE).exists())


def test_a_reserve_is_kept_where_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = reserve.Reserve(tmp_path, 10_000)
    kept.keep()
    assert (tmp_path / reserve.FILE).stat().st_blocks * 512 >= 10_000
    assert kept.give_up()
    assert not kept.give_up()
    monkeypatch.setattr(reserve, "room", lambda folder: 19_999)
    scarce = reserve.Reserve(tmp_path, 10_000)
    scarce.keep()
    assert not (tmp_path / reserve.FILE).exists()
