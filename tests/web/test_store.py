"""What every store holds to: each frame is kept once and whole, any column is read over any part.

Runs once for each implementation of `Store`; what one does with its files is tested beside it.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from fake_producer import frame, same, sparse_frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import PATIENCE_S

from app.store import (
    Change,
    NewRun,
    NoSuchRun,
    Query,
    Run,
    RunEnded,
    RunExists,
    Status,
    Store,
    Window,
)
from app.store.sqlite import SqliteStore, segments
from optim_core.declare.errors import InvalidInput
from optim_core.recording import Series, thinned
from optim_core.transport.frames import Frame

ROOT = Path(__file__).parents[2]
ALL = 10**9
RUNS = itertools.count()


def everything(name: str) -> bool:
    return True


def new(run: str = "a", **given: Any) -> NewRun:
    return NewRun(run, "train", given.pop("name", run), **{"steps": 1000, "status": Status.RUNNING} | given)


def read_all(store: Store, run: str = "a", after: int = 0, most_bytes: int = ALL) -> list[Frame]:
    found: list[Frame] = []
    while part := store.frames(run, found[-1].seq + 1 if found else after, everything, most_bytes):
        found += part
    return found


# Opens a store in a folder; the same folder is the same store.
IMPLEMENTATIONS: dict[str, Callable[..., Store]] = {"sqlite": SqliteStore}
Open = Callable[..., Store]


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def open_store(request: pytest.FixtureRequest) -> Open:
    return IMPLEMENTATIONS[request.param]


@pytest.fixture
def store(open_store: Open, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    opened.create(new()).result()
    yield opened
    opened.close()


@pytest.fixture
def gather_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what a store does with many frames only."""
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
    open_store: Open, tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[int, int]]
) -> None:
    store = open_store(tmp_path_factory.mktemp("data"))
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


# --- Producers that go back -------------------------------------------------------------------------


def piece(run: str, seq: int, steps: Sequence[int], *names: str) -> Frame:
    """A frame whose numbers tell in which frame they came."""
    values = np.full(len(steps), seq, np.float32)
    return replace(Frame.at(steps, dict.fromkeys(names, values)), run=run, seq=seq)


def told_last(frames: Sequence[Frame]) -> dict[str, dict[int, float]]:
    """What holds of these frames, row by row: a column that goes back loses all from there on."""
    found: dict[str, dict[int, float]] = {}
    for each in frames:
        for name, values in each.columns.items():
            if name != "step" and len(values):
                kept = {s: v for s, v in found.get(name, {}).items() if s < each.steps[0]}
                found[name] = kept | dict(zip(each.steps.tolist(), values.tolist(), strict=True))
    return found


RESUMED = [
    piece("a", 0, range(1, 11), "loss"),
    piece("a", 1, [10], "val_loss"),
    piece("a", 2, range(11, 21), "loss"),
    piece("a", 3, [20], "val_loss"),
    piece("a", 4, range(11, 16), "loss"),  # goes back
    piece("a", 5, range(16, 21), "loss"),
    piece("a", 6, [20], "val_loss"),  # comes to the same return later
    piece("a", 7, range(21, 31), "loss"),
]


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("gathered", [False, True])
def test_what_a_resumed_run_measures_again_holds_and_the_return_is_told_once(
    open_store: Open, tmp_path: Path, reopened: bool, gathered: bool
) -> None:
    store = open_store(tmp_path)
    store.create(new()).result()
    store.append("a", RESUMED[:4]).result()
    if gathered:
        store.finish("a", lambda run: {"status": Status.RUNNING.value}).result()
    if reopened:
        store.close()
        store = open_store(tmp_path)
    live = store.append("a", RESUMED[4:5]).result()
    assert (live.run.step, live.run.sparkline["values"]) == (15, [0.0] * 10 + [4.0] * 5)
    store.append("a", RESUMED[5:]).result()
    text = "Resumed at step 11: what was measured from there on before has given way."
    event = {"step": 11, "kind": "restart", "text": text}
    assert live.new[0].events == (event,)
    assert [dict(e) for f in read_all(store) for e in f.events] == [event]
    run, series, events = store.series("a", everything, Window())
    assert (run.step, events) == (30, [event])
    assert series["loss"].steps.tolist() == list(range(1, 31))
    assert series["loss"].values.tolist() == [0.0] * 10 + [4.0] * 5 + [5.0] * 5 + [7.0] * 10
    assert (series["val_loss"].steps.tolist(), series["val_loss"].values.tolist()) == ([10, 20], [1.0, 6.0])
    store.append("a", [piece("a", 8, [29, 30], "loss")]).result()
    assert [e["step"] for e in store.series("a", everything, Window())[2]] == [11, 29]
    store.close()


@pytest.mark.usefixtures("gather_often")
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_later_rows_hold_however_a_producer_goes_back(store: Store, data: st.DataObject) -> None:
    shapes = st.sampled_from([("loss",), ("loss", "accuracy"), ("val_loss",), ("accuracy",)])
    starts = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 9), shapes), max_size=24)
    run = f"run-{next(RUNS)}"
    store.create(new(run)).result()
    frames = [
        piece(run, seq, range(first, first + rows), *names)
        for seq, (first, rows, names) in enumerate(data.draw(starts))
    ]
    for each in frames:
        store.append(run, [each]).result()
    low = data.draw(st.integers(0, 35))
    high = data.draw(st.integers(low, 40))
    _, series, _ = store.series(run, everything, Window(0, low, high))
    for name, rows in told_last(frames).items():
        wanted = {step: value for step, value in sorted(rows.items()) if low <= step <= high}
        found = series.get(name)
        assert (
            dict(zip(found.steps.tolist(), found.values.tolist(), strict=True)) if found else {}
        ) == wanted


def test_a_window_is_empty_where_all_has_given_way_to_what_lies_before_it(store: Store) -> None:
    for seq, steps in enumerate((range(1, 101), range(11, 31))):
        store.append("a", [piece("a", seq, steps, "loss")]).result()
        store.finish("a", lambda run: {"status": Status.RUNNING.value}).result()  # gathers
    assert not len(store.series("a", everything, Window(0, 50, 60))[1]["loss"])


def test_extremes_that_have_given_way_are_not_drawn(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "FRAMES", 2)
    rows = 40_000
    values = np.zeros(rows, np.float32)
    values[rows // 2 :] = 9.0
    steps = range(1, rows + 1)
    first = replace(Frame.at(steps, {"loss": values}), run="a", seq=0)
    again = replace(Frame.at(steps[rows // 2 :], {"loss": values[: rows // 2]}), run="a", seq=1)
    store.append("a", [first]).result()
    store.append("a", [again]).result()
    for window in (Window(points=100), Window(0, rows - 100, rows, 50)):
        _, series, _ = store.series("a", everything, window)
        assert series["loss"].values.max() == 0.0
        assert series["loss"].steps[-1] == rows


def test_speed_progress_and_the_time_left_count_from_the_first_step(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = store.create(new("late", steps=301_000)).result().created

    def at(seconds: float, *frames: Frame) -> Run:
        monkeypatch.setattr(time, "time", lambda: began + seconds)
        return store.append("late", frames).result().run

    run = at(10, piece("late", 0, range(300_000, 300_100), "loss"))
    assert (run.first_step, run.speed) == (300_000, pytest.approx(10.0))
    assert run.progress == pytest.approx(100 / 1001)
    run = at(20, piece("late", 1, range(300_100, 300_200), "loss"))
    assert (run.step, run.speed) == (300_199, pytest.approx(10.0))
    assert run.seconds_left == pytest.approx(80.1)
    run = at(30, piece("late", 2, range(300_150, 300_250), "loss"))  # goes back
    assert (run.step, run.speed) == (300_249, pytest.approx(10.0))
    run = at(40, piece("late", 3, range(290_000, 290_100), "loss"))  # to before its beginning
    assert (run.first_step, run.speed) == (290_000, pytest.approx(10.0))
    assert run.progress == pytest.approx(100 / 11_001)
    counted_from_0 = store.append("a", [piece("a", 0, range(500), "loss")]).result().run
    assert counted_from_0.progress == pytest.approx(0.499)


# --- Thinning ---------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from([0.0, 1.0, 5.0, -3.0, math.nan, math.inf, -math.inf]), min_size=1, max_size=300),
    st.integers(8, 60),
)
def test_between_two_rows_that_are_kept_no_gap_was_thinned_away(values: list[float], points: int) -> None:
    whole = np.array(values, np.float32)
    found = thinned(Series(np.arange(len(whole)), whole), points)
    assert len(found) <= points
    assert np.array_equal(found.values, whole[found.steps], equal_nan=True)
    for before, after in itertools.pairwise(found.steps.tolist()):
        if np.isfinite(whole[[before, after]]).all():
            assert np.isfinite(whole[before:after]).all()


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


def test_a_run_that_has_given_its_device_back_is_not_interrupted(store: Store) -> None:
    store.change("a", lambda run: {"status": Status.PAUSED.value, "control": {"away": True}}).result()
    assert store.interrupt_all("gone").result() == 0
    assert store.find("a").status == Status.PAUSED


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


def test_listeners_hear_of_what_is_kept_in_order(open_store: Open, tmp_path: Path) -> None:
    heard: list[Change] = []
    store = open_store(tmp_path, heard.extend)
    store.create(new()).result()
    for seq in range(50):
        store.append("a", [frame("a", seq)])
    store.delete("a").result()
    store.close()
    assert [f.seq for change in heard for f in change.frames] == list(range(50))
    assert [change.deleted for change in heard[-2:]] == [False, True]


# --- Restarts -------------------------------------------------------------------------------------


def test_everything_is_there_after_opening_again(open_store: Open, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.create(new(tags=("one",), config={"hyper": {"lr": 0.1}})).result()
    store.describe("a", [{"name": "w", "shape": [2]}], {"examples": 9}).result()
    store.append("a", mixed(20)).result()
    store.close()
    store = open_store(tmp_path)
    run = store.find("a")
    assert (run.tags, run.config, run.next_seq) == (["one"], {"hyper": {"lr": 0.1}}, 20)
    assert store.description(run) == {"tensors": [{"name": "w", "shape": [2]}], "facts": {"examples": 9}}
    assert all(same(*pair) for pair in zip(read_all(store), mixed(20), strict=True))
    store.close()


def test_what_is_written_before_closing_is_kept(open_store: Open, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.create(new())
    written = [store.append("a", [frame("a", seq)]) for seq in range(50)]
    store.close()
    assert [future.result().run.next_seq for future in written] == list(range(1, 51))
    store = open_store(tmp_path)
    assert store.find("a").next_seq == 50
    store.close()


# --- Changes --------------------------------------------------------------------------------------


def test_an_id_is_given_once(store: Store) -> None:
    with pytest.raises(RunExists, match="there is a run 'a' already"):
        store.create(new("a", name="another")).result()
    assert store.find("a").name == "a"


def test_what_is_not_there_is_told_so(store: Store) -> None:
    for asked in (
        lambda: store.find("b"),
        lambda: store.change("b", lambda run: {}).result(),
        lambda: store.finish("b", lambda run: {}).result(),
        lambda: store.delete("b").result(),
        lambda: store.append("b", []).result(),
        lambda: store.describe("b", [], {}).result(),
        lambda: store.frames("b", 0, everything, ALL),
        lambda: store.series("b", everything, Window()),
    ):
        with pytest.raises(NoSuchRun, match="there is no run 'b'"):
            asked()
    assert store.retire("b").result() is False


def test_a_change_sees_the_run_as_it_stands_and_may_leave_it_so(store: Store) -> None:
    for _ in range(20):
        store.change("a", lambda run: {"control": {"version": run.control.get("version", 0) + 1}})
    assert store.change("a", lambda run: None).result().control == {"version": 20}
    with pytest.raises(ZeroDivisionError):
        store.change("a", lambda run: {"step": 1 // 0}).result()
    with pytest.raises(InvalidInput, match="expected whole characters"):
        store.change("a", lambda run: {"name": "\ud800"}).result()
    assert store.find("a").control == {"version": 20}


def test_only_what_neither_waits_nor_runs_is_retired(store: Store) -> None:
    for status in Status:
        store.create(new(status.value, status=status)).result()
    retired = {status.value for status in Status if store.retire(status.value).result()}
    assert retired == {"finished", "cancelled", "failed", "interrupted"}
    assert set(store.count()) == {status for status in Status if status.value not in retired}


def test_a_run_is_told_with_every_field_that_lists_show(store: Store) -> None:
    store.append("a", [frame("a", 0)]).result()
    told = store.find("a").summary()
    assert list(told) == [
        *("id", "kind", "name", "task", "optimizer", "tags", "config", "steps", "owner", "status", "outcome"),
        *("reason", "step", "first_step", "created", "started", "finished", "speed", "latest", "next_seq"),
        *("progress", "eta", "sparkline", "paused", "away", "cancelling", "changed"),
    ]
    assert (told["step"], told["progress"], told["steps"]) == (4, 0.004, 1000)


def test_a_deleted_run_is_gone_at_once_and_what_it_took_soon(store: Store) -> None:
    long_run(store, 4_000, 500)
    before = store.bytes_used()
    store.delete("a").result()
    assert store.select(Query())[1] == 0
    pause, until = threading.Event(), monotonic() + PATIENCE_S
    while store.purging:
        assert monotonic() < until
        pause.wait(0.01)
    assert store.bytes_used() < before


def test_a_trial_of_writing_changes_nothing(store: Store) -> None:
    heard = store.find("a")
    assert store.try_writing().result() is None
    assert store.find("a") == heard
    assert store.bytes_on_disk() > 0
