"""Sinks: what is written is read back, and a server gets every frame once, in order, whatever happens."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optim_core as oc
from optim_core.recording import Recording
from optim_core.transport import http_sink as ingest
from optim_core.transport.frames import Frame
from optim_core.transport.sinks import Control, FileSink, HttpSink, MemorySink, read_file


def frame(seq: int, rows: int = 3) -> Frame:
    steps = np.arange(rows, dtype=np.float32)
    columns = {"step": steps, "loss": steps + seq, "w/hist": np.ones((rows, 4), dtype=np.float32)}
    return Frame("run", seq, 1 + seq * rows, columns, ({"step": seq, "kind": "setting", "text": "…"},))


def test_memory_joins_columns_over_the_frames_that_have_them() -> None:
    sink = MemorySink()
    sink.open({"task": "t"})
    for seq in range(3):
        assert sink.write(frame(seq)) is None
    sink.write(Frame("run", 3, 6, {"step": np.zeros(1, np.float32), "val_loss": np.ones(1, np.float32)}))
    sink.close("finished", "All steps were taken.")
    columns = sink.recording.series
    assert columns["loss"].steps.tolist() == list(range(1, 10))
    assert columns["loss"].values.tolist() == [0, 1, 2, 1, 2, 3, 2, 3, 4]
    assert columns["w/hist"].values.shape == (9, 4)
    assert columns["val_loss"].steps.tolist() == [6]
    assert "step" not in columns
    assert len(sink.recording.events) == 3
    assert (sink.outcome, sink.reason) == ("finished", "All steps were taken.")


def test_of_frames_that_go_back_the_later_ones_hold() -> None:
    steps = np.arange(10, dtype=np.float32)

    def told(seq: int, first: int, value: float) -> Frame:
        return Frame("run", seq, first, {"step": steps, "loss": np.full(10, value, np.float32)})

    found = Recording.of_frames({}, [told(0, 1, 0.0), told(1, 11, 1.0), told(2, 6, 2.0), told(3, 16, 3.0)])
    assert found.steps("loss").tolist() == list(range(1, 26))
    assert found["loss"].tolist() == [0.0] * 5 + [2.0] * 10 + [3.0] * 10


def test_a_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    sink, memory = FileSink(path), MemorySink()
    for each in (sink, memory):
        each.open({"task": "digits_mlp", "config": {"lr": 0.1}})
        each.write(frame(0))
        each.write(frame(1))
    half = read_file(path)
    assert half.steps("loss").tolist() == list(range(1, 7))
    assert not half.outcome
    sink.close("cancelled", "By hand.")
    found = read_file(path)
    assert (found.about, found.outcome, found.reason) == (memory.about, "cancelled", "By hand.")
    for name, series in memory.recording.series.items():
        np.testing.assert_array_equal(found[name], series.values)
    assert found.events == memory.recording.events
    with pytest.raises(FileExistsError):
        FileSink(path)


def test_a_file_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    sink = FileSink(path)
    sink.open({})
    sink.write(frame(0))
    sink.write(frame(1))
    sink.close("finished", "")
    text = path.read_text()
    path.write_text(text[: len(text) - 200])
    assert read_file(path).steps("loss").tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "text", ["", "no\n", '{"format": "x"}\n', '{"format": "optimscope", "version": 99}\n']
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    if not text:
        assert not read_file(path).series
        return
    with pytest.raises(oc.InvalidInput):
        read_file(path)


class Server:
    """The ingest protocol, with faults on demand; a restart keeps what it acknowledged."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []
        self.end: dict[str, Any] | None = None
        self.tokens: set[str | None] = set()
        self.control: dict[str, Any] = {
            "version": 0,
            "cancel": False,
            "paused": False,
            "steps": 0,
            "hyper": {},
        }
        self.faults: list[Any] = []  # before answering: a status, "drop" or "keep and drop"
        self.deliveries = 0
        self.largest: int | None = None  # most frames in one delivery
        self.port = 0
        self.connections: list[socket.socket] = []
        self._http: ThreadingHTTPServer | None = None

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections.append(self.connection)

            def do_POST(self) -> None:
                outer.tokens.add(self.headers.get("Authorization"))
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fault = outer.faults.pop(0) if outer.faults else None
                if fault == "drop":
                    self.close_connection = True
                    return
                status, answer = (
                    (fault, {"error": {"message": "no"}})
                    if isinstance(fault, int)
                    else outer.take(self.path, body)
                )
                if fault == "keep and drop":
                    self.close_connection = True
                    return
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._http:
            self._http.shutdown()
            self._http.server_close()
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def take(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        state = {"next_seq": len(self.frames), "control": self.control}
        if path == "/base/api/ingest/runs":
            self.runs.append(body["run"])
            return 200, {"id": body["run"]["id"], **state}
        if path.endswith("/finish"):
            self.end = body
            return 200, {}
        self.deliveries += 1
        if self.largest is not None and len(body["frames"]) > self.largest:
            return 413, {"error": {"message": "too large"}}
        for sent in body["frames"]:
            if sent["seq"] > len(self.frames):
                return 409, {"error": {"message": "gap"}, "next_seq": len(self.frames)}
            if sent["seq"] == len(self.frames):
                self.frames.append(sent)
        return 200, {"next_seq": len(self.frames), "control": self.control}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(ingest, "HEARTBEAT_S", 0.03)
    monkeypatch.setattr(ingest, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(ingest, "LONGEST_PAUSE_S", 0.05)
    found = Server()
    found.start()
    yield found
    found.stop()


@contextmanager
def delivering(server: Server, run: Any = "run", **options: Any) -> Iterator[HttpSink]:
    sink = HttpSink(f"http://127.0.0.1:{server.port}/base/", run, **options)
    sink.open({"task": "digits_mlp", "tensors": [{"name": "w"}]})
    yield sink
    sink.close("finished", "Done.", timeout=10.0)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_gets_the_run_its_frames_and_its_end(server: Server) -> None:
    with delivering(server, {"id": "r 1", "name": "mine"}, token="secret") as sink:
        for seq in range(20):
            sink.write(frame(seq))
    assert server.runs == [{"task": "digits_mlp", "tensors": [{"name": "w"}], "id": "r 1", "name": "mine"}]
    assert [sent["seq"] for sent in server.frames] == list(range(20))
    assert {sent["run"] for sent in server.frames} == {"r 1"}
    np.testing.assert_array_equal(Frame.from_json(server.frames[7]).columns["loss"], frame(7).columns["loss"])
    assert server.end == {"outcome": "finished", "reason": "Done."}
    assert server.tokens == {"Bearer secret"}
    assert sink.undelivered == 0
    assert not sink.refused


@pytest.mark.parametrize("fault", [500, 503, 429, "drop", "keep and drop"])
def test_what_fails_is_sent_again_and_nothing_twice(server: Server, fault: Any) -> None:
    server.faults = [fault, None, fault, fault, None, fault]
    with delivering(server) as sink:
        for seq in range(30):
            sink.write(frame(seq))
            time.sleep(0.002)
    assert [sent["seq"] for sent in server.frames] == list(range(30))
    assert server.end is not None
    assert sink.undelivered == 0


def test_a_restart_of_the_server_loses_nothing(server: Server) -> None:
    with delivering(server) as sink:
        for seq in range(10):
            sink.write(frame(seq))
        wait_for(lambda: len(server.frames) == 10)
        server.stop()
        for seq in range(10, 20):
            sink.write(frame(seq))
        wait_for(lambda: sink.trouble)
        server.start()
    assert [sent["seq"] for sent in server.frames] == list(range(20))
    assert server.end is not None


def test_a_run_that_leaves_has_delivered_everything_and_tells_no_end(server: Server) -> None:
    sink = HttpSink(f"http://127.0.0.1:{server.port}/base/", "run")
    sink.open({})
    server.faults = [503, None, "keep and drop"]
    for seq in range(20):
        sink.write(frame(seq))
    assert sink.settle()
    assert (len(server.frames), sink.undelivered) == (20, 0)
    assert sink.control() is not None
    sink.leave()
    assert not sink._thread.is_alive()
    assert server.end is None
    assert not sink.refused


def test_what_does_not_arrive_is_told(server: Server) -> None:
    with delivering(server) as sink:
        assert sink.settle()
        server.stop()
        sink.write(frame(0))
        assert not sink.settle(timeout=0.1)
        server.start()
        assert sink.settle()
    refused = HttpSink(f"http://127.0.0.1:{server.port}/elsewhere", "run")
    server.faults = [404]
    refused.open({})
    assert not refused.settle()


def test_deliveries_too_large_for_the_server_are_made_smaller(server: Server) -> None:
    server.largest = 2
    with delivering(server) as sink:
        for seq in range(9):
            sink.write(frame(seq))
    assert len(server.frames) == 9


def test_signs_of_life_bring_the_control(server: Server) -> None:
    with delivering(server) as sink:
        wait_for(lambda: server.deliveries > 2)
        server.control = {"version": 3, "cancel": False, "paused": True, "steps": 2, "hyper": {"lr": 0.1}}
        wait_for(lambda: sink.control() == Control(3, False, True, 2, {"lr": 0.1}))
    assert server.frames == []


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_for_good_asks_the_run_to_stop_and_says_why(server: Server, status: int) -> None:
    with delivering(server) as sink:
        wait_for(lambda: server.deliveries > 0)
        server.faults = [status]
        wait_for(lambda: sink.refused)
        control = sink.control()
        assert control is not None
        assert control.cancel
        assert f"({status}): no" in sink.refused


def test_a_server_that_lost_frames_is_told_apart(server: Server) -> None:
    with delivering(server) as sink:
        for seq in range(5):
            sink.write(frame(seq))
        wait_for(lambda: len(server.frames) == 5 and not sink.undelivered)
        server.frames.clear()
        sink.write(frame(5))
        wait_for(lambda: sink.refused)
        assert "lost frames" in sink.refused


def test_writing_waits_for_room_only_for_a_moment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BACKLOG_BYTES", 100)
    monkeypatch.setattr(ingest, "WRITE_WAIT_S", 0.05)
    server.faults = [503] * 1000
    with delivering(server) as sink:
        began = time.monotonic()
        for seq in range(5):
            sink.write(frame(seq))
        assert time.monotonic() - began > 0.1
        assert sink.undelivered == 5
        server.faults.clear()
    assert len(server.frames) == 5


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://x", "", "http://"])
def test_addresses_that_are_none_are_refused(address: str) -> None:
    with pytest.raises(oc.InvalidInput, match="expected an address"):
        HttpSink(address, "run")
