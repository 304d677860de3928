"""A chart is the same picture wherever it is bound: in Python, and by the browser's own module."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optim_core as oc
from app.chart import charts
from app.traces import GROUND, PALETTE
from optim_core.catalogue import rules
from optim_core.derive import derived

HERE = Path(__file__).parent
CASES = json.loads((HERE / "charts.json").read_text())
NAMES = [case["name"] for case in CASES]


@dataclass(frozen=True)
class Told:
    """A recording as the fixtures tell it."""

    about: Mapping[str, Any]
    columns: Mapping[str, Any]
    at: Mapping[str, Any]

    def steps(self, name: str, /) -> Any:
        return self.at[name]


def recording(told: dict[str, Any]) -> Told:
    arrays = {
        name: np.array(column["value"], np.float32).reshape(column.get("shape", [-1]))
        for name, column in told["columns"].items()
    }
    steps = {name: np.array(column["step"], np.int64) for name, column in told["columns"].items()}
    return Told(told["about"], arrays, steps)


def bound(case: dict[str, Any], **changes: Any) -> Any:
    chosen = dict(case["choices"]) | changes
    chosen["log_y"] = chosen.pop("logarithmic", False)
    return charts()[case["chart"]].bind([recording(told) for told in case["recordings"]], **chosen)


@pytest.fixture(scope="module")
def in_the_browser() -> dict[str, list[dict[str, Any]]]:
    """The traces of every case as static/chart/traces.mjs makes them."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI"):
            pytest.fail("no node: it is required in CI")
        pytest.skip("no node")
    figures = {name: chart.figure.to_plotly_json() for name, chart in charts().items()}
    said = {
        "cases": [{**case, "figure": {"data": figures[case["chart"]]["data"]}} for case in CASES],
        "catalogue": {"optimizers": [{"id": rule.id, "title": rule.title} for rule in rules().values()]},
        "palette": PALETTE,
        "ground": GROUND,
    }
    done = subprocess.run(
        [node, str(HERE.parent / "js" / "bind-charts.mjs")],
        input=json.dumps(said),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(NAMES, json.loads(done.stdout), strict=True))


def plain(value: Any) -> Any:
    """Numbers as JSON has them: what is not finite is nothing."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        return bool(np.isclose(ours, theirs, rtol=1e-5, atol=1e-9))
    return bool(ours == theirs)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_python_and_the_browser_draw_the_same(
    case: dict[str, Any], in_the_browser: dict[str, list[dict[str, Any]]]
) -> None:
    ours, theirs = bound(case).data, in_the_browser[case["name"]]
    assert [trace.name for trace in ours] == [trace["name"] for trace in theirs]
    for mine, their in zip(ours, theirs, strict=True):
        told = mine.to_plotly_json()
        assert set(told) == set(their)
        for part in told.keys() - {"x", "y", "z"}:
            assert same(plain(told[part]), plain(their[part])), part
        for part in {"x", "y", "z"} & told.keys():
            assert same(plain(list(told[part])), plain(their[part])), part


def case(name: str) -> dict[str, Any]:
    return next(each for each in CASES if each["name"] == name)


def test_a_trace_is_drawn_for_every_recording_that_has_its_column() -> None:
    figure = bound(case("gaps, zeros and negative values on a logarithmic axis"))
    assert [trace.name for trace in figure.data] == ["Adam+L2 x", "Adam+L2 y", "Adam+L2 expected", "AdamW x"]
    assert figure.data[0].y == (None, 0.5, None, None)
    assert [trace.line.dash for trace in figure.data] == ["solid", "dot", "dash", "solid"]
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.title.text == charts()["decay_rate"].title


def test_each_recording_has_its_colour_and_dash() -> None:
    figure = bound(case("runners of one optimizer are told apart by dashes and numbers"))
    looks = {trace.name: (trace.line.color, trace.line.dash) for trace in figure.data}
    assert looks["AdamW 1 loss"] == (PALETTE[1], "solid")
    assert looks["AdamW 3 loss"] == (PALETTE[1], "dash")
    assert looks["SGD+L2 loss"] == (PALETTE[3], "solid")
    dark = bound(case("names lose the words that all begin with"), palette=["#fff", *["#abc"] * 7])
    assert [trace.line.color for trace in dark.data] == ["#abc", "#abc", "#fff"]
    assert [trace.name for trace in dark.data] == ["seed 1 training", "seed 1 validation", "seed 2 training"]


def test_no_line_of_many_runs_looks_like_another() -> None:
    lines = {"loss": {"step": [1, 2], "value": [2, 1]}, "val_loss": {"step": [1, 2], "value": [3, 2]}}
    runs = [
        {"about": {"kind": "train", "optimizer": o, "task": "t", "id": str(i)}, "columns": lines}
        for i, o in enumerate(["adamw"] * 40 + ["sgd", "adam_l2"] * 12)
    ]
    figure = charts()["run_loss"].bind([recording(told) for told in runs])
    looks = {(trace.line.color, trace.line.dash, trace.line.width) for trace in figure.data}
    assert len(looks) == len(figure.data) == 128
    validations = [trace for trace in figure.data if trace.name.endswith("validation")]
    assert min(trace.line.width for trace in validations) > 1.6, "heavier than training"


def test_another_column_stands_across_where_it_was_measured() -> None:
    figure = bound(case("another column across"))
    assert figure.layout.xaxis.title.text == "tokens"
    assert figure.data[0].x == pytest.approx((None, 100.0, 150.0, 200.0, 300.0, 400.0, None))
    assert figure.data[1].x == pytest.approx((200.0, None))
    assert figure.data[2].x == (None,), "a run without that column"


def test_many_values_become_few_and_no_peak_is_lost() -> None:
    [told] = case("many values are thinned, smoothed ones too")["recordings"]
    [trace] = bound(case("many values are thinned, smoothed ones too"), smoothing=0.0).data
    assert len(trace.x) <= 500
    values = [value for value in told["columns"]["loss"]["value"] if value is not None]
    drawn = [value for value in trace.y if value is not None]
    assert max(drawn) == pytest.approx(max(values))
    assert min(drawn) == pytest.approx(min(values))
    assert (trace.x[0], trace.x[-1]) == (1, 2098)


def test_what_is_not_finite_is_a_gap_and_what_stands_alone_between_gaps_a_point() -> None:
    told = case("alone between gaps")
    told["recordings"][0]["columns"]["loss"]["value"][3] = np.inf
    [trace] = bound(told).data
    assert trace.y == pytest.approx((1.0, None, 0.3, None, 0.1, 0.05))
    assert (trace.mode, trace.marker.size, trace.connectgaps) == ("lines+markers", (6, 0, 6, 0, 0, 0), None)


def test_a_state_that_nobody_has_is_the_first() -> None:
    walks = case("the chosen state of those that have it")
    assert bound(walks, state="gone").data[0].y == (0, 1, 2, 3)


def test_the_palette_is_that_of_the_pages() -> None:
    tokens = (HERE.parents[1] / "static/css/tokens.css").read_text()
    found = dict(re.findall(r"--(series-\d|ground): light-dark\((#\w+)", tokens))
    assert tuple(found[f"series-{slot}"] for slot in range(8)) == PALETTE
    assert found["ground"] == GROUND


def test_where_no_theory_gives_a_line_the_figure_says_so() -> None:
    def notes(**lambdas: float) -> list[str]:
        runs = [
            derived(oc.simulate("rotated_bowl", rule, steps=20, weight_decay=value).recording)
            for rule, value in lambdas.items()
        ]
        return [note.text for note in charts()["decay_rate"].bind(runs).layout.annotations]

    assert notes(adam_l2=0.1, adamw=0.1) == ["No theory gives one decay rate for Adam+L2."]
    assert notes(adamw=0.1) == []
    assert notes(adam_l2=0.0) == [], "what does not decay has no rate"
