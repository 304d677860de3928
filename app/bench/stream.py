"""How quickly frames reach a hundred browsers, and how quickly a full store answers."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import numpy as np

from app.bench.server_process import memory, serving
from app.bench.targets import Figure
from app.store import NewRun, Status, open_store
from optim_core.transport.frames import Frame

SUBSCRIBERS, FRAMES, FRAMES_A_SECOND, WARM_UP = 100, 160, 10, 40
RUNS, POINTS, TENSORS, METRICS, SHOWN = 50, 2000, 60, 10, 10
LONG, LONG_COLUMNS = 1_000_000, 10
CONNECTIONS = 6  # of a browser to one server
PAGE = "loss,lr,weight_decay,*/metric0,*/metric1,*/metric2"  # what the page of a run asks for
RUN = "bench"
PATIENCE_SECONDS = 60.0


def measure(say: Callable[[str], None] = lambda text: None) -> list[Figure]:
    """All figures; takes about a minute."""
    say("filling a store …")
    with TemporaryDirectory() as folder:
        _fill(Path(folder))
        with serving(Path(folder), {"OPTIMSCOPE_PRELOAD": "false"}) as (port, process):
            say("reading it …")
            figures = _reading(port)
            say(f"streaming to {SUBSCRIBERS} subscribers …")
            return figures + asyncio.run(_streaming(port, process.pid))


# --- Streaming ------------------------------------------------------------------------------------


@dataclass
class _Subscriber:
    """One browser: what it got, and when."""

    port: int
    seqs: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cursor: str = ""

    async def watch(self, until: int) -> None:
        """Reads until it has frame ``until``; connects where it was."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        last = f"Last-Event-ID: {self.cursor}\r\n" if self.cursor else ""
        writer.write(
            f"GET /api/stream?runs={RUN}&columns={PAGE} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n".encode()
        )
        while not self.seqs or self.seqs[-1] < until:
            line = await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)
            if not line:
                raise RuntimeError("the stream ended")
            if line.startswith(b"id: "):
                self.cursor = line[4:].decode().strip()
            elif line.startswith(b'data: {"run":'):
                self.times.append(time.perf_counter())
                self.seqs.append(int(line[: line.index(b',"first_step')].rsplit(b":", 1)[1]))
        writer.close()


async def _streaming(port: int, pid: int) -> list[Figure]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    _post(connection, "/api/ingest/runs", {"run": {"id": RUN, "steps": FRAMES}})
    stalled = socket.create_connection(("127.0.0.1", port))
    stalled.sendall(
        f"GET /api/stream?runs={RUN} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    )  # and never reads
    sent: dict[int, float] = {}
    used: list[int] = []
    watchers = [_Subscriber(port) for _ in range(SUBSCRIBERS)]
    watching = [asyncio.create_task(_with_reconnect(each)) for each in watchers]
    begin = time.perf_counter() + 1.0  # when all are connected
    for seq in range(FRAMES):
        await asyncio.sleep(max(begin + seq / FRAMES_A_SECOND - time.perf_counter(), 0.0))
        body = {"frames": [_frame(RUN, seq, 1).to_json()]}
        sent[seq] = time.perf_counter()
        await asyncio.to_thread(_post, connection, f"/api/ingest/runs/{RUN}/frames", body)
        if seq >= WARM_UP:
            used.append(memory(pid))
    await asyncio.gather(*watching)
    stalled.close()
    connection.close()
    wrong = sum(each.seqs != list(range(FRAMES)) for each in watchers)
    delays = [t - sent[s] for each in watchers for s, t in zip(each.seqs, each.times, strict=True)]
    p95 = quantiles(delays, n=20)[-1]
    what = f"{SUBSCRIBERS} subscribers, {FRAMES_A_SECOND} frames a second"
    return [
        Figure(f"{what}: streams with a lost or repeated frame", wrong, "", 0, at_least=False),
        Figure("… producer to subscriber, median", median(delays) * 1e3, "ms", 100, at_least=False),
        Figure("… 95 of 100, beside one that never reads", p95 * 1e3, "ms", 250, at_least=False),
        Figure("… memory of the server gained", (used[-1] - used[0]) / 1e6, "MB", 20, at_least=False),
    ]


async def _with_reconnect(subscriber: _Subscriber) -> None:
    await subscriber.watch(FRAMES // 2)
    await subscriber.watch(FRAMES - 1)


# --- The store ------------------------------------------------------------------------------------


def _frame(run: str, seq: int, rows: int, tensors: int = TENSORS, metrics: int = METRICS) -> Frame:
    generator = np.random.default_rng(seq)
    names = ["loss", "lr", "weight_decay"]
    names += [f"layer.{i}.weight/metric{m}" for i in range(tensors) for m in range(metrics)]
    values = generator.random((len(names), rows), dtype=np.float32)
    offsets = np.arange(rows, dtype=np.float32)
    return Frame(run, seq, seq * rows + 1, {"step": offsets, **dict(zip(names, values, strict=True))})


def _fill(folder: Path) -> None:
    """Many runs, and a long one."""
    store, rows = open_store(folder), 50
    try:
        for index in range(RUNS):
            name = f"run{index}"
            store.create(NewRun(name, "train", name, steps=POINTS, status=Status.RUNNING))
            for seq in range(POINTS // rows):
                store.append(name, [_frame(name, seq, rows)])
            store.finish(name, lambda run: {"status": Status.FINISHED.value}).result()
        store.create(NewRun("long", "train", "long", steps=LONG, status=Status.RUNNING))
        for seq in range(LONG // 5000):
            store.append("long", [_frame("long", seq, 5000, 1, LONG_COLUMNS - 3)]).result()
    finally:
        store.close()


def _reading(port: int) -> list[Figure]:
    shown = [f"run{index}" for index in range(SHOWN)]
    pages = [f"/api/runs/{run}" for run in shown]
    pages += [f"/api/runs/{run}/frames?columns={PAGE}&points=600" for run in shown]
    zooms = [f"/api/runs/long/frames?points=1000{part}" for part in ("", *_parts())]
    numbers = f"{RUNS} runs × {POINTS} points × {TENSORS} tensors × {METRICS} metrics"
    return [
        Figure(f"{numbers}: the list", _seconds(port, ["/api/runs"]) * 1e3, "ms", 1500, at_least=False),
        Figure(f"… {SHOWN} of them, all curves", _seconds(port, pages) * 1e3, "ms", 1500, at_least=False),
        Figure(
            f"a run of {LONG:,} steps: {LONG_COLUMNS} curves, slowest of {len(zooms)} zooms",
            max(_seconds(port, [zoom]) for zoom in zooms) * 1e3,
            "ms",
            250,
            at_least=False,
        ),
    ]


def _parts() -> Iterator[str]:
    """Ranges of steps, from wide to narrow."""
    for width in (500_000, 100_000, 20_000, 1_000):
        for first in (1, LONG // 3, LONG - width):
            yield f"&from={first}&to={first + width}"


def _seconds(port: int, paths: Sequence[str]) -> float:
    """Median time of all these requests together, as a browser sends them; the first round warms up."""
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(lambda path: _get(port, path), paths))
        times.append(time.perf_counter() - begin)
    return median(times[1:])


def _get(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"the server answered {answer.status}")


def _post(connection: HTTPConnection, path: str, body: object) -> None:
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"the server answered {answer.status}: {content[:300]!r}")
