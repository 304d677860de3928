"""What one visitor stores is that visitor's to lose, and nobody fills the disk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_producer import frame
from hypothesis import given
from hypothesis import strategies as st
from running import PATIENCE_S, Running, alone, running
from test_visitors import INSTRUCTORS, TOKEN, browser, me, shared

from app.runs.quotas import Quotas
from app.runs.retention import Retention
from app.settings import Limits, Settings
from app.store import Change, NewRun, Query, Run, Status, Store, open_store

NOW = 1e9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


def add(store: Store, run: str, owner: str, *, frames: int = 1, ended: float | None = 0.0) -> None:
    """A run that ended so many seconds ago, or runs."""
    store.create(NewRun(run, "watch", run, owner=owner, status=Status.RUNNING)).result()
    for seq in range(frames):
        store.append(run, [frame(run, seq, rows=2000)]).result()
    if ended is not None:
        store.finish(run, lambda _: {"status": "finished", "finished": NOW - ended}).result()


def left(store: Store, **limits: Any) -> list[str]:
    """What is there after as many rounds as remove something."""
    retention = Retention(store, Settings(token=TOKEN, limits=Limits(**limits)))
    pause = threading.Event()
    while alone(retention.tidy(NOW)):
        while store.purging:
            pause.wait(0.005)
    return sorted(run for run in store_ids(store))


def store_ids(store: Store) -> list[str]:
    return [run.id for run in store.select(Query(limit=1000))[0]]


# --- Retention --------------------------------------------------------------------------------------


def test_a_flood_takes_nothing_from_others(store: Store) -> None:
    add(store, "old", "quiet", ended=1000.0)
    for i in range(20):
        add(store, f"flood-{i:02}", "loud", frames=4, ended=500.0 - i)
    kept = left(store, store_bytes=300_000)
    assert "old" in kept
    assert "flood-00" not in kept
    assert "flood-19" in kept


def test_whoever_has_too_many_loses_their_own_oldest(store: Store) -> None:
    add(store, "old", "quiet", ended=1000.0)
    for i in range(6):
        add(store, f"of-loud-{i}", "loud", ended=500.0 - i)
    assert left(store, owner_runs=4) == ["of-loud-3", "of-loud-4", "of-loud-5", "old"]


def test_whoever_has_too_much_loses_their_own_oldest(store: Store) -> None:
    add(store, "old", "quiet", ended=1000.0)
    for i in range(6):
        add(store, f"of-loud-{i}", "loud", frames=2, ended=500.0 - i)
    size = store.find("of-loud-0").bytes
    assert left(store, owner_bytes=3 * size) == ["of-loud-3", "of-loud-4", "of-loud-5", "old"]


def test_what_runs_stays_whoever_has_the_most(store: Store) -> None:
    add(store, "running", "loud", frames=20, ended=None)
    add(store, "ended", "quiet")
    assert left(store, store_bytes=100_000) == ["running"]


# --- Counting ---------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["a", "b"]), st.integers(0, 100), st.booleans()),
        max_size=40,
    )
)
def test_what_everybody_has_is_what_is_kept(changes: list[tuple[int, str, int, bool]]) -> None:
    quotas, kept, some = Quotas(Settings()), dict[int, tuple[str, int]](), some_run()
    for key, owner, size, deleted in changes:
        quotas.notice([Change(replace(some, key=key, owner=owner, bytes=size), deleted=deleted)])
        if deleted:
            kept.pop(key, None)
        else:
            kept[key] = owner, size
    runs = Counter(owner for owner, _ in kept.values())
    sizes = Counter({owner: sum(s for o, s in kept.values() if o == owner) for owner in runs})
    assert (quotas._runs, +quotas._bytes) == (runs, +sizes)


def some_run() -> Run:
    given = dict.fromkeys(Run.__dataclass_fields__)
    return Run(**given | {"id": "a", "kind": "watch", "name": "a", "bytes": 0, "key": 0})  # type: ignore[arg-type]


def test_all_that_a_run_holds_is_counted(store: Store) -> None:
    add(store, "a", "me", frames=0, ended=None)
    store.describe("a", [], {"text": "x" * 10_000}).result()
    assert 10_000 < store.find("a").bytes < 10_100
    store.describe("a", [], {}).result()
    assert store.find("a").bytes < 100
    store.append(
        "a", [replace(frame("a", 0), events=({"step": 0, "kind": "x", "text": "y" * 5_000},))]
    ).result()
    assert store.find("a").bytes > 5_000
    assert store.sizes() == [(store.find("a").key, "me", store.find("a").bytes)]


# --- A server ---------------------------------------------------------------------------------------


def hello(client: httpx.Client, run: str) -> httpx.Response:
    return client.post("/api/ingest/runs", json={"run": {"id": run}})


def deliver(client: httpx.Client, run: str, seq: int, rows: int = 2000) -> httpx.Response:
    body = {"frames": [frame(run, seq, rows=rows).to_json()]}
    return client.post(f"/api/ingest/runs/{run}/frames", json=body)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def until(server: Running, deliver_again: Any) -> None:
    with server.changed:
        assert server.changed.wait_for(lambda: deliver_again().status_code == 200, PATIENCE_S)


def test_frames_above_the_quota_are_refused_and_nobody_else_s(tmp_path: Path) -> None:
    with (
        shared(tmp_path, limits=Limits(owner_bytes=50_000)) as server,
        browser(server) as loud,
        browser(server) as quiet,
        browser(server, INSTRUCTORS) as desk,
    ):
        for client, run in ((loud, "loud"), (quiet, "quiet"), (desk, "desk")):
            assert hello(client, run).status_code == 200
        answers = [deliver(loud, "loud", seq) for seq in range(8)]
        assert code(answers[-1]) == (507, "quota")
        error = answers[-1].json()["error"]
        assert me(loud)["id"] in error["message"]
        assert "OPTIMSCOPE_MAX_OWNER_BYTES" in error["hint"]
        assert loud.post("/api/ingest/runs/loud/frames", json={"frames": []}).status_code == 200  # it lives
        assert code(hello(loud, "another")) == (507, "quota")
        assert [deliver(desk, "desk", seq).status_code for seq in range(8)] == [200] * 8
        assert deliver(quiet, "quiet", 0).status_code == 200
        assert loud.delete("/api/runs/loud").status_code == 204
        assert hello(loud, "another").status_code == 200


def test_room_is_made_of_ones_own_as_soon_as_it_is_needed(tmp_path: Path) -> None:
    with shared(tmp_path, limits=Limits(owner_bytes=50_000)) as server, browser(server) as loud:
        for run in ("first", "second"):
            hello(loud, run)
        deliver(loud, "first", 0)
        deliver(loud, "first", 1)
        loud.post("/api/ingest/runs/first/finish", json={"outcome": "finished", "reason": "So."})
        gone, seq = threading.Event(), 0
        server.manager.listeners.append(lambda changes: gone.set() if changes[-1].deleted else None)
        while (answer := deliver(loud, "second", seq)).status_code == 200:
            seq += 1
        assert code(answer) == (507, "quota")
        assert gone.wait(PATIENCE_S)  # not only with the next minute
        assert deliver(loud, "second", seq).status_code == 200
        assert loud.get("/api/runs/first").status_code == 404


def test_runs_above_the_quota_are_refused(tmp_path: Path) -> None:
    with shared(tmp_path, limits=Limits(owner_runs=3)) as server, browser(server) as loud:
        answers = [hello(loud, f"run-{i}") for i in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 507]
        assert hello(loud, "run-1").status_code == 200  # it is there
        body = {"task": "moons_mlp", "optimizer": "adamw", "steps": 50}
        assert code(loud.post("/api/runs", json=body)) == (507, "quota")
        with browser(server) as quiet:
            assert hello(quiet, "mine").status_code == 200


def test_a_full_store_takes_no_more_of_whoever_has_the_most(tmp_path: Path) -> None:
    with (
        shared(tmp_path, limits=Limits(store_bytes=100_000)) as server,
        browser(server) as loud,
        browser(server) as quiet,
    ):
        for client, run in ((loud, "a"), (loud, "b"), (loud, "c"), (quiet, "quiet")):
            hello(client, run)
        assert deliver(quiet, "quiet", 0).status_code == 200
        answers = [deliver(loud, run, seq) for seq in range(10) for run in "abc"]
        assert code(answers[-1]) == (507, "store_full")
        assert sum(answer.status_code == 200 for answer in answers) < 10
        assert deliver(quiet, "quiet", 1).status_code == 200


def test_on_ones_own_machine_one_may_have_all_there_is(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(owner_runs=1, owner_bytes=1_000)) as server:
        assert [hello(server.client, f"run-{i}").status_code for i in range(3)] == [200] * 3
        assert [deliver(server.client, "run-0", seq).status_code for seq in range(3)] == [200] * 3


def test_what_was_kept_before_the_start_counts(tmp_path: Path) -> None:
    with shared(tmp_path) as server, browser(server) as loud:
        hello(loud, "before")
        assert deliver(loud, "before", 0).status_code == 200
        size = server.manager.store.find("before").bytes
    with shared(tmp_path) as server:
        assert server.manager.quotas._bytes.total() == size
