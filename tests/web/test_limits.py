"""Every number that a request may name has its limit, which the answer tells with the way to raise it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_producer import frame
from running import Running, Stream, running

from app.settings import Limits
from app.store import NewRun, Status

WALK = {"surface": {"id": "bowl"}, "runs": [{"optimizer": "sgd"}] * 3, "steps": 100}
TRAINING = {"task": "moons_mlp", "optimizer": "adamw", "steps": 100}
GRID = {"surface": {"id": "bowl"}, "n": 50}
FRAMES = "/api/ingest/runs/a/frames"


def add_run(server: Running) -> None:
    """One that its producer delivers, with a hundred steps."""
    server.manager.store.create(NewRun("a", "watch", "a", status=Status.RUNNING)).result()
    server.manager.store.append("a", [frame("a", 0, rows=100)]).result()


def post(path: str, body: object) -> Callable[[Running], Any]:
    return lambda server: server.client.post(path, json=body)


def get(path: str) -> Callable[[Running], Any]:
    return lambda server: server.client.get(path)


def two_queued(owner: str) -> Callable[[Running], Any]:
    def ask(server: Running) -> Any:
        for run in ("b", "c"):
            new = NewRun(run, "train", run, owner=owner, local=True, status=Status.PAUSED)
            server.manager.store.create(new).result()
        return server.client.post("/api/runs", json=TRAINING)

    return ask


def two_streams(server: Running) -> Any:
    streams = [Stream(server.port, "runs=*") for _ in range(2)]
    for stream in streams:
        stream.response.readline()
    refused = server.client.get("/api/stream?runs=nobody")
    for stream in streams:
        stream.close()
    return refused


# By the name of the limit: what it is set to, and a request that asks for more.
CASES: dict[str, tuple[int, Callable[[Running], Any]]] = {
    "runs": (2, post("/api/trajectories", WALK)),
    "compared": (1, get("/api/findings?runs=a,b")),
    "steps": (99, post("/api/trajectories", WALK)),
    "rows": (200, post("/api/trajectories", WALK)),
    "grid": (49, post("/api/surfaces/grid", GRID)),
    "body_bytes": (1000, post("/api/trajectories", {"formula": "x" * 1000})),
    "train_steps": (99, post("/api/runs", TRAINING)),
    "queued": (2, two_queued("127.0.0.1")),
    "queue": (2, two_queued("somebody else")),
    "streams": (2, two_streams),
    "held_bytes": (1000, post("/api/trajectories", {"formula": "x" * 1000})),
    "ingest_bytes": (1000, post(FRAMES, {"frames": [frame("a", 1, rows=500).to_json()]})),
    "cells": (99, post("/api/trajectories/csv", WALK)),
    "elements": (10, post("/api/trajectories", WALK | {"columns": ["x"] * 10})),
    "ingest_elements": (10, post(FRAMES, {"frames": [], "more": [1] * 10})),
    "columns": (4, post(FRAMES, {"frames": [frame("a", 1).to_json()]})),
    "points": (99, get("/api/runs/a/frames?points=100")),
    "numbers": (99, get("/api/runs/a/frames?points=100")),
}
# Bounds no request, see `test_operations`; hold for visitors of a server for many, see `test_visitors`.
ELSEWHERE = {"store_bytes", "owner_runs", "owner_bytes", "requests", "client_streams"}


def test_every_limit_is_tried() -> None:
    assert set(CASES) == set(Limits.model_fields) - ELSEWHERE


@pytest.mark.parametrize("name", CASES)
def test_more_than_the_limit_is_refused_with_the_way_to_raise_it(name: str, tmp_path: Path) -> None:
    most, ask = CASES[name]
    with running(tmp_path, limits=Limits(**{name: most})) as server:
        add_run(server)
        response = ask(server)
        error = response.json()["error"]
        assert response.status_code in (413, 422, 429), error
        assert f"at most {most}" in error["message"]
        assert f"OPTIMSCOPE_MAX_{name.upper()}" in json.dumps(error)


def test_what_is_within_the_limits_passes(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        add_run(server)
        for name in CASES.keys() - {"queued", "queue", "streams"}:
            assert "allowed are at most" not in CASES[name][1](server).text, name
