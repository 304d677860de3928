"""What is kept is kept whole: every frame once, any column over any part, through restarts."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_producer import frame, same, sparse_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from app.store import (
    Change,
    NewRun,
    NoSuchRun,
    Query,
    RunEnded,
    Status,
    Store,
    StoreError,
    Window,
    schema,
    segments,
)
from app.store.blocks import read_summary, summarise
from optim_core.declare.errors import InvalidInput
from optim_core.recording import Series, thinned
from optim_core.transport.frames import Frame

ROOT = Path(__file__).parents[2]
ALL = 10**9


def everything(name: str) -> bool:
    return True


def new(run: str = "a", **given: Any) -> NewRun:
    return NewRun(run, "train", given.pop("name", run), **{"steps": 1000, "status": Status.RUNNING} | given)


def read_all(store: Store, run: str = "a", after: int = 0, most_bytes: int = ALL) -> list[Frame]:
    found: list[Frame] = []
    while part := store.frames(run, found[-1].seq + 1 if found else after, everything, most_bytes):
        found += part
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    opened.create(new()).result()
    yield opened
    opened.close()


@pytest.fixture
def gather_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "FRAMES", 8)


# --- Frames ---------------------------------------------------------------------------------------


def mixed(count: int) -> list[Frame]:
    """Frames of two layouts, of different lengths, some with events, one without rows."""
    frames = []
    for seq in range(count):
        if seq % 5 == 4:
            frames.append(sparse_frame("a", seq, seq * 4))
        elif seq == 7:
            frames.append(
                Frame("a", seq, 29, {"step": np.empty(0, np.float32)}, ({"kind": "pause", "step": 29},))
            )
        else:
            frames.append(frame("a", seq, events=({"kind": "setting", "step": seq},) if seq % 6 == 0 else ()))
    return frames


@pytest.mark.usefixtures("gather_often")
@pytest.mark.parametrize("most_bytes", [1, 700, ALL])
def test_frames_come_back_as_they_were(store: Store, most_bytes: int) -> None:
    frames = mixed(29)
    for each in frames:
        store.append("a", [each]).result()
    for after in (0, 3, 8, 12, 28, 29):
        found = read_all(store, after=after, most_bytes=most_bytes)
        assert len(found) == 29 - after
        assert all(same(*pair) for pair in zip(found, frames[after:], strict=True))
    assert store.find("a").waiting_frames < 8


def test_numbers_that_are_not_finite_survive(store: Store) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1e-45], np.float32)
    sent = Frame("a", 0, 1, {"step": np.arange(4, dtype=np.float32), "loss": odd})
    run = store.append("a", [sent]).result().run
    assert run.latest["loss"] == pytest.approx(1e-45)
    assert run.sparkline["values"][1:3] == [None, None]
    assert same(store.frames("a", 0, everything, ALL)[0], sent)


def test_a_frame_that_came_before_changes_nothing(store: Store) -> None:
    frames = [frame("a", seq) for seq in range(4)]
    store.append("a", frames).result()
    again = [
        Frame("a", f.seq, 99, {"step": f.columns["step"], "loss": f.columns["loss"] * 0}) for f in frames
    ]
    done = store.append("a", [*again, frame("a", 4)]).result()
    assert [f.seq for f in done.new] == [4]
    assert all(same(*pair) for pair in zip(read_all(store), [*frames, frame("a", 4)], strict=True))


def test_after_a_gap_nothing_is_taken(store: Store) -> None:
    done = store.append("a", [frame("a", 0), frame("a", 2), frame("a", 1)]).result()
    assert (done.gap, done.run.next_seq, [f.seq for f in done.new]) == (True, 1, [0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5)), max_size=25))
def test_any_order_of_deliveries_keeps_a_gapless_run(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[int, int]]
) -> None:
    store = Store(tmp_path_factory.mktemp("data"))
    try:
        store.create(new()).result()
        expected = 0
        for first, count in deliveries:
            done = store.append("a", [frame("a", seq) for seq in range(first, first + count)]).result()
            assert done.gap == (first > expected)
            expected = expected if first > expected else max(expected, first + count)
            assert done.run.next_seq == expected
        assert [f.seq for f in read_all(store)] == list(range(expected))
        assert all(same(f, frame("a", f.seq)) for f in read_all(store))
    finally:
        store.close()


def test_a_frame_that_cannot_be_kept_undoes_itself_alone(store: Store) -> None:
    good = [store.append("a", [sparse_frame("a", 0, 1)])]
    wrong = store.append("a", [frame("a", 1), sparse_frame("a", 2, 9, bins=9)])
    good += [store.append("a", [frame("a", 1)]), store.append("a", [sparse_frame("a", 2, 9)])]
    with pytest.raises(InvalidInput, match="has 9 numbers a row, before it had 8"):
        wrong.result()
    assert [future.result().run.next_seq for future in good] == [1, 2, 3]
    assert [f.seq for f in read_all(store)] == [0, 1, 2]


# --- Columns --------------------------------------------------------------------------------------


def long_run(store: Store, rows: int, per_frame: int = 500) -> np.ndarray[Any, np.dtype[np.float32]]:
    values = np.random.default_rng(0).normal(size=rows).astype(np.float32)
    values[rows // 3] = 1000.0
    for seq, start in enumerate(range(0, rows, per_frame)):
        part = values[start : start + per_frame]
        columns = {"step": np.arange(len(part), dtype=np.float32), "loss": part, "half": part / 2}
        store.append("a", [Frame("a", seq, start + 1, columns)])
    store.append("a", []).result()
    return values


@pytest.mark.usefixtures("gather_often")
@pytest.mark.parametrize(("first", "last"), [(None, None), (700, 9_000), (9_001, 9_001), (11_990, 20_000)])
def test_a_column_is_read_over_any_part(store: Store, first: int | None, last: int | None) -> None:
    values = long_run(store, 12_000)
    low, high = first or 1, min(last or 12_000, 12_000)
    window = Window(0, first if first else -1, last if last else ALL)
    _, series, _ = store.series("a", lambda name: name == "half", window)
    assert list(series) == ["half"]
    assert np.array_equal(series["half"].steps, np.arange(low, high + 1))
    assert np.array_equal(series["half"].values, values[low - 1 : high] / 2)


@pytest.mark.parametrize("points", [10, 60, 1000])
def test_thinning_keeps_the_extremes_and_the_ends(store: Store, points: int) -> None:
    values = long_run(store, 200_000, 5_000)  # enough for the summaries, where there are few points
    _, series, _ = store.series("a", everything, Window(points=points))
    for name, scale in (("loss", 1), ("half", 2)):
        steps, found = series[name].steps, series[name].values
        assert len(steps) <= points
        assert np.array_equal(found * scale, values[steps - 1])
        assert (found.max() * scale, found.min() * scale) == (values.max(), values.min())
        assert (steps[0], (np.diff(steps) > 0).all()) == (1, True)
        assert steps[-1] == 200_000


def test_only_frames_after_the_cursor_are_read(store: Store) -> None:
    long_run(store, 12_000)
    for after in (0, 5, 23, 24):
        _, series, _ = store.series("a", everything, Window(after))
        assert (series["loss"].steps.min() if series else 12_001) == after * 500 + 1


def test_a_column_in_several_layouts_is_joined_in_order(store: Store) -> None:
    store.append(
        "a", [frame("a", 0), frame("a", 1, tensors=1), frame("a", 2), sparse_frame("a", 3, 9)]
    ).result()
    for _ in range(2):
        _, series, _ = store.series("a", everything, Window())
        assert series["loss"].steps.tolist() == list(range(1, 13))
        assert series["layer.1/weight_norm"].steps.tolist() == [1, 2, 3, 4, 9, 10, 11, 12]
        assert series["layer.0/hist"].values.shape == (1, 8)
        store.finish("a", lambda run: {"status": Status.FINISHED.value}).result()  # gathers


def test_what_is_measured_every_tenth_step_lies_there(store: Store) -> None:
    steps = np.array([0, 9, 19, 29], np.float32)
    store.append("a", [Frame("a", 0, 1, {"step": steps, "x": steps})]).result()
    store.finish("a", lambda run: {"status": Status.FINISHED.value}).result()
    _, series, _ = store.series("a", everything, Window(0, 5, 25))
    assert series["x"].steps.tolist() == [10, 20]
    assert same(read_all(store)[0], Frame("a", 0, 1, {"step": steps, "x": steps}))


@given(st.lists(st.floats(width=32), min_size=1, max_size=300))
def test_a_summary_holds_the_extremes_of_its_buckets(values: list[float]) -> None:
    given_values = np.array(values, np.float32)
    places, found = read_summary(summarise(given_values))
    assert (np.diff(places) > 0).all()
    inside = places < len(given_values)
    assert np.array_equal(found[inside], given_values[places[inside]], equal_nan=True)
    for start in range(0, len(values), 64):
        bucket = given_values[start : start + 64]
        mine = found[(places >= start) & (places < start + 64)]
        if not np.isnan(bucket).all():
            assert (np.nanmin(mine), np.nanmax(mine)) == (np.nanmin(bucket), np.nanmax(bucket))


def test_histograms_are_thinned_by_choosing_rows() -> None:
    series = Series(np.arange(100), np.repeat(np.arange(100, dtype=np.float32)[:, None], 8, axis=1))
    found = thinned(series, 5)
    assert found.steps.tolist() == [0, 25, 50, 74, 99]
    assert np.array_equal(found.values[:, 3], found.steps)


# --- Runs -----------------------------------------------------------------------------------------


def test_runs_are_found_by_what_they_are(store: Store) -> None:
    for i in range(12):
        tags = ("even",) if i % 2 == 0 else ("odd", "100%")
        store.create(
            new(f"r{i}", name=f"run_{i}", task=f"task{i % 3}", tags=tags, optimizer="adamw")
        ).result()

    def found(**given: Any) -> list[str]:
        return [run.id for run in store.select(Query(**given))[0]]

    assert found(limit=3) == ["r11", "r10", "r9"]
    assert found(limit=3, offset=3, sort="created") == ["r2", "r3", "r4"]
    assert found(tag="odd", task="task1") == ["r7", "r1"]
    assert found(text="run_1") == ["r11", "r10", "r1"]
    assert found(text="100% task2") == ["r11", "r5"]
    assert found(text="_0%") == []
    assert found(status=["paused"]) == []
    assert store.select(Query(optimizer="adamw", limit=1))[1] == 12


def test_hearing_of_it_makes_an_interrupted_run_go_on(store: Store) -> None:
    store.append("a", [frame("a", 0)]).result()
    assert store.interrupt_all("gone").result() == 1
    assert store.find("a").status == Status.INTERRUPTED
    assert store.append("a", []).result().run.status == Status.RUNNING
    store.change("a", lambda run: {"control": {"paused": True}}).result()
    store.interrupt_all("gone again").result()
    assert store.append("a", []).result().run.status == Status.PAUSED


def test_an_ended_run_takes_no_more_frames(store: Store) -> None:
    store.append("a", [frame("a", 0)]).result()
    store.finish("a", lambda run: {"status": Status.FINISHED.value}).result()
    assert store.append("a", [frame("a", 0)]).result().new == []
    with pytest.raises(RunEnded, match="has ended"):
        store.append("a", [frame("a", 1)]).result()


def test_the_sparkline_stays_short_and_covers_the_run(store: Store) -> None:
    for seq in range(300):
        store.append("a", [frame("a", seq, rows=7)])
    values = store.append("a", []).result().run.sparkline["values"]
    assert 60 <= len(values) < 120
    assert np.allclose(np.diff(values), values[1] - values[0])
    assert values[-1] > 0.95 * 2100


def tables(folder: Path) -> dict[str, int]:
    """The tables that are not empty, with their rows."""
    db = sqlite3.connect(folder / "optimscope.db")
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    db.close()
    return {name: count for name, count in found.items() if count and name != "sqlite_sequence"}


def test_a_deleted_run_leaves_nothing(store: Store, tmp_path: Path) -> None:
    long_run(store, 4_000, 500)
    store.describe("a", [{"name": "w"}], {}).result()
    store.finish("a", lambda run: {"status": Status.FINISHED.value}).result()
    store.create(new("b")).result()
    store.append("b", mixed_of("b")).result()
    assert len(tables(tmp_path)) > 5
    for run in ("a", "b"):
        store.delete(run).result()
        with pytest.raises(NoSuchRun):
            store.find(run)
    pause = threading.Event()
    while tables(tmp_path):
        pause.wait(0.01)


def test_the_disk_that_a_deleted_run_took_is_given_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create(new()).result()
    empty = (tmp_path / "optimscope.db").stat().st_size
    long_run(store, 200_000, 5_000)
    store.finish("a", lambda run: {"status": Status.FINISHED.value}).result()
    store.close()
    assert (full := (tmp_path / "optimscope.db").stat().st_size) > empty + 1_000_000
    store = Store(tmp_path)
    store.delete("a").result()
    pause = threading.Event()
    while store.purging:
        pause.wait(0.01)
    store.close()
    assert (tmp_path / "optimscope.db").stat().st_size < full / 10


def mixed_of(run: str) -> list[Frame]:
    return [Frame(run, f.seq, f.first_step, f.columns, f.events) for f in mixed(12)]


def test_what_a_killed_server_left_of_deleted_runs_goes_at_the_next_start(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create(new()).result()
    store.append("a", mixed(12)).result()
    store._db.execute("DELETE FROM runs")
    store.close()
    assert tables(tmp_path)
    store = Store(tmp_path)
    pause = threading.Event()
    while tables(tmp_path):
        pause.wait(0.01)
    store.close()


def test_listeners_hear_of_what_is_kept_in_order(tmp_path: Path) -> None:
    heard: list[Change] = []
    store = Store(tmp_path, heard.extend)
    store.create(new()).result()
    for seq in range(50):
        store.append("a", [frame("a", seq)])
    store.delete("a").result()
    store.close()
    assert [f.seq for change in heard for f in change.frames] == list(range(50))
    assert [change.deleted for change in heard[-2:]] == [False, True]


# --- The file -------------------------------------------------------------------------------------


def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create(new(tags=("one",), config={"hyper": {"lr": 0.1}})).result()
    store.describe("a", [{"name": "w", "shape": [2]}], {"examples": 9}).result()
    store.append("a", mixed(20)).result()
    store.close()
    store = Store(tmp_path)
    run = store.find("a")
    assert (run.tags, run.config, run.next_seq) == (["one"], {"hyper": {"lr": 0.1}}, 20)
    assert store.description(run) == {"tensors": [{"name": "w", "shape": [2]}], "facts": {"examples": 9}}
    assert all(same(*pair) for pair in zip(read_all(store), mixed(20), strict=True))
    store.close()


def spoil(path: Path) -> None:
    path.write_bytes(b"this is no database, or one that lost its head" * 100)


def make_newer(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()


def make_foreign(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE recipes (name)")
    db.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil, "is damaged or no database"),
        (make_newer, "newer Optimscope"),
        (make_foreign, "another program"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_so(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    Store(tmp_path).close()
    change(tmp_path / "optimscope.db")
    with pytest.raises(StoreError, match=message):
        Store(tmp_path)
    with pytest.raises(StoreError, match=message):  # it has let go of the folder
        Store(tmp_path)


def test_a_folder_has_one_user(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreError, match="in use by another"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file" / "folder")


def test_a_full_disk_refuses_and_recovers(store: Store) -> None:
    for seq in range(10):
        store.append("a", [frame("a", seq, rows=200)]).result()
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    future = store.append("a", [])
    while not future.exception():
        future = store.append("a", [frame("a", store.find("a").next_seq, rows=200)])
    with pytest.raises(StoreError, match="is full"):
        future.result()
    store._db.execute("PRAGMA max_page_count = 1000000")
    kept = store.find("a").next_seq
    assert store.append("a", [frame("a", kept, rows=200)]).result().run.next_seq == kept + 1
    assert [f.seq for f in read_all(store)] == list(range(kept + 1))


KILLED = """
import sys
from pathlib import Path
from fake_producer import frame
from app.store import NewRun, Status, Store, segments
segments.FRAMES = 16
store = Store(Path(sys.argv[1]))
store.create(NewRun("a", "train", "a", status=Status.RUNNING)).result()
for seq in range(100_000):
    print(store.append("a", [frame("a", seq)]).result().run.next_seq, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 111])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, acknowledged: int) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/web")])}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    told = 0
    while told < acknowledged:
        told = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    told = max([told, *map(int, process.stdout.read().split()[:-1])])
    process.stdout.close()
    process.wait()
    store = Store(tmp_path)
    frames = read_all(store)
    store.close()
    assert len(frames) >= told
    assert all(same(f, frame("a", seq)) for seq, f in enumerate(frames))
