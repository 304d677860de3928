"""How fast the simulator and the API are, beside the loop that people would write in torch."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import torch

from app.bench.targets import Figure
from app.commands.server import Server
from app.main import create_app
from app.settings import Settings
from optim_core.simulate.batch import simulate_many
from optim_core.simulate.trajectory import simulate

STEPS = 1000
PATIENCE_SECONDS = 60.0
RUNS, BATCH_STEPS = 4096, 200
REQUESTS, RUNNERS, REQUEST_STEPS = 40, 6, 500
OPTIMIZERS = ("adam_l2", "adamw", "adamw_lh", "momentum", "rmsprop", "lion")
LR = 1e-3


def measure() -> list[Figure]:
    """All figures; takes about ten seconds."""
    single = _best(lambda: simulate("rosenbrock", "adamw", (-1.5, 2.0), STEPS, lr=LR)) / STEPS
    loop = _best(_torch_loop) / STEPS
    starts = torch.rand(RUNS, 2, dtype=torch.float64)
    many = _best(lambda: simulate_many("rosenbrock", "adamw", starts, BATCH_STEPS, lr=LR)) / (
        RUNS * BATCH_STEPS
    )
    return [
        Figure("AdamW on Rosenbrock, all columns", single * 1e6, "µs a step", 8.0, at_least=False),
        Figure(
            "… against torch.optim.AdamW with autograd", loop / single, "times as fast", 30.0, at_least=True
        ),
        Figure(
            f"{RUNS} runs at once, against that loop",
            loop / many,
            "times as fast a run",
            1000.0,
            at_least=True,
        ),
        Figure(
            f"POST /api/trajectories, {RUNNERS} runners × {REQUEST_STEPS} steps",
            _request_time() * 1e3,
            "ms (median)",
            40.0,
            at_least=False,
        ),
    ]


def _best(work: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the quickest of a few calls, after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        work()
        times.append(perf_counter() - begin)
    return min(times)


def _torch_loop(steps: int = STEPS) -> None:
    """What one would write: a parameter, autograd, torch's AdamW."""
    theta = torch.nn.Parameter(torch.tensor([-1.5, 2.0], dtype=torch.float64))
    optimizer = torch.optim.AdamW([theta], lr=LR)
    for _ in range(steps):
        optimizer.zero_grad()
        x, y = theta
        ((1 - x) ** 2 + 100 * (y - x**2) ** 2).backward()
        optimizer.step()


def _request_time() -> float:
    """Median seconds of a request that is computed anew each time."""
    times = []
    with _server() as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        for seed in range(REQUESTS):
            runs = [{"optimizer": name, "hyper": {"lr": LR}} for name in OPTIMIZERS[:RUNNERS]]
            body = {
                "surface": {"id": "rosenbrock"},
                "steps": REQUEST_STEPS,
                "seed": seed,
                "noise": 0.1,
                "runs": runs,
            }
            begin = perf_counter()
            connection.request(
                "POST", "/api/trajectories", json.dumps(body), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            answer.read()
            times.append(perf_counter() - begin)
            if answer.status != 200:
                raise RuntimeError(f"the server answered {answer.status}")
        connection.close()
    return median(times[REQUESTS // 4 :])


@contextmanager
def _server() -> Iterator[int]:
    """A server on a free port of the loopback interface."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    with TemporaryDirectory() as folder:
        app = create_app(Settings(token="", port=port, data_dir=Path(folder)))
        server = Server(app, log_level="error")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until = perf_counter() + PATIENCE_SECONDS
        while not (server.started and app.state.services.warm.is_set()):
            if not thread.is_alive() or perf_counter() > until:
                raise RuntimeError("the server did not start")
            sleep(0.01)
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(5)
            listening.close()
