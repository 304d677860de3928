"""What takes long is done in the pool, and what would make it take long is refused before it is read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_producer import frame
from running import PATIENCE_S, Running, running
from test_visitors import browser, shared

from app.compute.pool import ComputePool
from app.settings import Limits

WALK: dict[str, Any] = {"surface": {"id": "bowl"}, "runs": [{"optimizer": "sgd"}], "steps": 20}
FRAMES = "/api/ingest/runs/a/frames"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was done in the pool."""
    found: list[str] = []
    make = ComputePool.make

    async def noted(self: ComputePool, who: str, work: Any, *arguments: Any, **more: Any) -> Any:
        found.append(work.__name__)
        return await make(self, who, work, *arguments, **more)

    monkeypatch.setattr(ComputePool, "make", noted)
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, processes=1) as server:
        server.client.post("/api/ingest/runs", json={"run": {"id": "a"}})
        server.client.post(FRAMES, json={"frames": [frame("a", 0, rows=50).to_json()]})
        yield server


@pytest.mark.parametrize(
    ("method", "path", "body", "work"),
    [
        ("POST", "/api/trajectories", WALK, "trajectories"),
        ("POST", "/api/trajectories/csv", WALK, "trajectories_csv"),
        ("POST", "/api/trajectories/script", WALK, "script"),
        ("POST", "/api/surfaces/grid", {"surface": {"id": "bowl"}, "n": 5}, "grid"),
        ("GET", "/api/runs/a/frames", None, "frames"),
        ("GET", "/api/runs/a/export", None, "rows"),
        ("GET", "/api/findings?runs=a", None, "findings"),
        ("POST", FRAMES, {"frames": [frame("a", 1).to_json()], "more": [0] * 6_000}, "frames"),
        ("POST", FRAMES, {"frames": [frame("a", 1).to_json()], "more": "x" * 1_000_000}, "frames"),
    ],
)
def test_what_takes_long_is_done_in_the_pool(
    server: Running, asked: list[str], method: str, path: str, body: Any, work: str
) -> None:
    answer = server.client.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    assert work in asked


@pytest.mark.parametrize(
    ("path", "body", "heavy"),
    [
        ("/api/trajectories", WALK, False),
        ("/api/trajectories", WALK | {"surface": {"formula": "x^2+y^2"}}, True),
        ("/api/trajectories", WALK | {"runs": [{"optimizer": "sgd"}] * 5, "steps": 4_001}, True),
        ("/api/surfaces/grid", {"surface": {"id": "bowl"}, "n": 5}, False),
        ("/api/surfaces/grid", {"surface": {"formula": "x^2+y^2"}, "n": 5}, True),
    ],
)
def test_what_may_take_seconds_is_known_as_heavy(
    server: Running, monkeypatch: pytest.MonkeyPatch, path: str, body: Any, heavy: bool
) -> None:
    seen, make = list[bool](), ComputePool.make

    async def noted(self: ComputePool, *given: Any, **more: Any) -> Any:
        seen.append(more["heavy"])
        return await make(self, *given, **more)

    monkeypatch.setattr(ComputePool, "make", noted)
    assert server.client.post(path, json=body).status_code == 200
    assert seen == [heavy]


def test_small_deliveries_do_not_go_through_the_pool(server: Running, asked: list[str]) -> None:
    server.client.post(FRAMES, json={"frames": [frame("a", 1).to_json()]})
    assert asked == []


def test_an_error_found_in_the_pool_is_told_as_any_other(server: Running) -> None:
    wrong = {"frames": [frame("a", 1).to_json() | {"seq": -1}]}
    small, large = (
        server.client.post(FRAMES, json=wrong | more).json()["error"] for more in ({}, {"more": [0] * 6_000})
    )
    assert small == large
    assert large["field"] == "frames.0.seq"
    for path in ("/api/runs/none/frames", "/api/runs/none/export", "/api/findings?runs=none"):
        missing = server.client.get(path)
        assert (missing.status_code, missing.json()["error"]["message"]) == (404, "there is no run 'none'.")


@pytest.mark.parametrize(
    "path", [FRAMES, "/api/ingest/runs", "/api/trajectories", "/api/runs", "/api/tokens"]
)
@pytest.mark.parametrize("piece", [b"[],", b"{},", b"0,", b"[", b'{"a":'])
def test_too_many_elements_are_refused_before_they_are_made(tmp_path: Path, path: str, piece: bytes) -> None:
    with running(tmp_path, limits=Limits(elements=1000, ingest_elements=1000)) as server:
        content = b"[" + piece * 4001
        answer = server.client.post(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        assert "values, lists and objects" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 4_990,
        b'{"runs":' * 4_990,
        json.dumps([{}] * 2_400).encode(),
        json.dumps({"runs": [{"optimizer": 5}] * 2_400}).encode(),
        b'{"formula": "' + b"sin(" * 200_000 + b'"}',
    ],
)
@pytest.mark.parametrize("path", ["/api/trajectories", "/api/runs", "/api/surfaces/grid", "/api/ingest/runs"])
def test_deep_and_broad_bodies_are_refused_at_once(server: Running, path: str, content: bytes) -> None:
    begin = time.process_time()
    answer = server.client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert "error" in answer.json()
    assert time.process_time() - begin < PATIENCE_S / 10  # of this process, which is the server


def test_while_somebody_asks_for_tables_and_leaves_others_are_served(tmp_path: Path) -> None:
    large = {"surface": {"id": "rosenbrock"}, "runs": [{"optimizer": "adamw"}] * 3, "steps": 15_000}
    with shared(tmp_path, processes=2) as server, browser(server) as attacker, browser(server) as innocent:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in attacker.cookies.items())}
        stop = threading.Event()

        def attack() -> None:
            for seed in range(30):
                if stop.is_set():
                    return
                try:
                    httpx.post(
                        f"http://127.0.0.1:{server.port}/api/trajectories/csv",
                        json=large | {"seed": seed, "noise": 0.1},
                        headers=cookies,
                        timeout=0.1,
                    )
                except httpx.TimeoutException:
                    continue

        attacking = [threading.Thread(target=attack) for _ in range(3)]
        for each in attacking:
            each.start()
        for i in range(20):
            asked = innocent.post("/api/trajectories", json=WALK | {"steps": 20 + i})
            assert asked.status_code == 200
            assert innocent.get("/api/room").status_code == 200
        stop.set()
        for each in attacking:
            each.join(PATIENCE_S)
