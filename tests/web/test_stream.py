"""A stream gives every frame once and in order, to the quick and to the slow, also across reconnects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from fake_producer import frame, same, sparse_frame
from running import PATIENCE_S, Running, Stream, running

from app.store import NewRun, Status
from app.stream import buffer as buffer
from optim_core.transport.frames import Frame

RUNS = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture
def run(server: Running, request: pytest.FixtureRequest) -> str:
    """A run of its own for each test."""
    name = request.node.name.removeprefix("test_")[:60]
    server.manager.store.create(NewRun(name, "watch", name, steps=1000, status=Status.RUNNING)).result()
    return name


def produce(server: Running, run: str, first: int, count: int, **given: Any) -> None:
    for seq in range(first, first + count):
        server.manager.store.append(run, [frame(run, seq, **given)]).result()


def test_stored_frames_come_first_then_those_of_now(server: Running, run: str) -> None:
    produce(server, run, 0, 5)
    stream = Stream(server.port, f"runs={run}")
    assert stream.response.status == 200
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["cache-control"] == "no-store"
    found = [stream.next() for _ in range(5)]
    produce(server, run, 5, 3)
    found += [stream.next() for _ in range(3)]
    for seq, data in enumerate(found):
        assert same(Frame.from_json(data), frame(run, seq))
    assert stream.last_id == f"{run}:8"
    stream.close()


def test_a_reconnect_goes_on_where_it_was(server: Running, run: str) -> None:
    produce(server, run, 0, 4)
    stream = Stream(server.port, f"runs={run}&after={run}:1")
    assert [stream.next()["seq"] for _ in range(2)] == [1, 2]
    stream.close()
    produce(server, run, 4, 3)
    again = Stream(server.port, f"runs={run}&after={run}:1", last_id=stream.last_id)
    assert [again.next()["seq"] for _ in range(4)] == [3, 4, 5, 6]
    again.close()


def test_one_stream_carries_many_runs(server: Running, run: str) -> None:
    names = [f"{run}-{i}" for i in range(RUNS)]
    for name in names:
        server.manager.store.create(NewRun(name, "watch", name, status=Status.RUNNING)).result()
    stream = Stream(server.port, f"runs={','.join(names)}&after={names[1]}:0")
    for seq in range(6):
        for name in names:
            server.manager.store.append(name, [frame(name, seq)]).result()
    found = [stream.next() for _ in range(6 * RUNS)]
    for name in names:
        assert [data["seq"] for data in found if data["run"] == name] == list(range(6))
    assert dict(part.split(":") for part in stream.last_id.split(",")) == dict.fromkeys(names, "6")
    stream.close()


def test_only_wanted_columns_travel(server: Running, run: str) -> None:
    server.manager.store.append(run, [frame(run, 0), sparse_frame(run, 1, 9)]).result()
    stream = Stream(server.port, f"runs={run}&columns=loss,*.1/*")
    produce(server, run, 2, 1)
    names = [list(stream.next()["columns"]) for _ in range(3)]
    assert names == [["step", "loss", "layer.1/weight_norm"], [], ["step", "loss", "layer.1/weight_norm"]]
    stream.close()


def test_whoever_falls_out_of_the_ring_reads_the_store(
    server: Running, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer, "BUFFER_FRAMES", 4)
    stream = Stream(server.port, f"runs={run}")
    assert stream.next("state")["id"] == run
    frames = [frame(run, seq) for seq in range(300)]
    server.manager.store.append(run, frames).result()
    produce(server, run, 300, 5)
    assert [stream.next()["seq"] for _ in range(305)] == list(range(305))
    stream.close()


def test_a_reader_that_stalls_slows_nobody_and_loses_nothing(server: Running, run: str) -> None:
    stalled = Stream(server.port, f"runs={run}")
    quick = Stream(server.port, f"runs={run}")
    count, rows, tensors = 120, 200, 60
    producer = threading.Thread(
        target=produce, args=(server, run, 0, count), kwargs={"rows": rows, "tensors": tensors}
    )
    producer.start()
    assert [quick.next()["seq"] for _ in range(count)] == list(range(count))
    producer.join(PATIENCE_S)
    assert not producer.is_alive()
    for seq in range(count):  # only now does it read
        data = stalled.next()
        assert data["seq"] == seq
    assert same(Frame.from_json(data), frame(run, count - 1, rows, tensors))
    quick.close()
    stalled.close()


def test_the_state_of_a_run_comes_when_it_changes(server: Running, run: str) -> None:
    stream = Stream(server.port, f"runs={run}")
    assert stream.next("state")["status"] == "running"
    produce(server, run, 0, 2)
    assert stream.next("state", lambda state: state["step"] == 8)["latest"]["loss"] == 8.0
    server.client.post(f"/api/runs/{run}/control", json={"paused": True})
    assert stream.next("state", lambda state: state["paused"])["status"] == "paused"
    finish = {"outcome": "diverged", "reason": "It grew."}
    server.client.post(f"/api/ingest/runs/{run}/finish", json=finish)
    state = stream.next("state", lambda state: state["status"] == "finished")
    assert (state["outcome"], state["reason"], state["eta"]) == ("diverged", "It grew.", None)
    server.client.delete(f"/api/runs/{run}")
    assert stream.next("state") == {"id": run, "status": "deleted"}
    stream.close()


def test_states_of_all_runs_come_without_frames(server: Running, run: str) -> None:
    stream = Stream(server.port, "runs=*")
    produce(server, run, 0, 50)
    seen = []
    while (not seen or seen[-1] < 200) and len(seen) < 200:
        seen.append(stream.next("state", lambda state: state["id"] == run)["step"])
    assert len(seen) < 25  # progress alone is told a few times a second
    stream.close()


def test_frames_come_before_the_end_that_they_led_to(server: Running, run: str) -> None:
    produce(server, run, 0, 30)
    server.client.post(f"/api/ingest/runs/{run}/finish", json={"outcome": "finished"})
    stream = Stream(server.port, f"runs={run}")
    assert stream.next("state")["next_seq"] == 30
    assert [stream.next()["seq"] for _ in range(30)] == list(range(30))
    stream.close()


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 422, "runs"),
        ("runs=", 422, "runs"),
        ("runs=nobody", 404, None),
        ("runs=a&after=a:x", 422, "after"),
        ("runs=a&after=5", 422, "after"),
        ("runs=a&after=a:-1", 422, "after"),
        ("runs=" + ",".join(map(str, range(65))), 422, "runs"),
        ("runs=" + ",".join(map(str, range(64))), 404, None),
        ("runs=a&columns=" + ",".join(map(str, range(300))), 422, "columns"),
        ("runs=" + "a" * 9000, 422, "runs"),
    ],
)
def test_what_is_wrong_is_told_before_the_stream_begins(
    server: Running, query: str, status: int, field: str | None
) -> None:
    if status == 422 and "columns" in query:
        server.client.post("/api/ingest/runs", json={"run": {"id": "a"}})
    answer = server.client.get(f"/api/stream?{query}")
    assert (answer.status_code, answer.json()["error"].get("field")) == (status, field)


def test_pages_of_other_sites_cannot_open_it(server: Running) -> None:
    headers = {"Origin": "http://evil.example"}
    assert server.client.get("/api/stream?runs=*", headers=headers).status_code == 403


def test_there_are_only_so_many_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMSCOPE_MAX_STREAMS", "2")
    with running(tmp_path) as server:
        streams = [Stream(server.port, "runs=*") for _ in range(2)]
        answer = server.client.get("/api/stream?runs=*")
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_streams")
        for stream in streams:
            stream.close()
        server.client.post("/api/ingest/runs", json={"run": {"id": "a"}})  # is written to whoever is there
        pause, until = threading.Event(), monotonic() + PATIENCE_S
        while server.manager.hub.subscribers:
            assert monotonic() < until
            pause.wait(0.01)
        Stream(server.port, "runs=*").close()


def test_streams_end_when_the_server_stops(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        stream = Stream(server.port, "runs=*")
        assert stream.response.status == 200
    assert stream.next("state") is None
    stream.close()
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", server.port)):
        pass
