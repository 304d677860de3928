"""Charts show columns that runs really have."""

from __future__ import annotations

import pytest

import optim_core as oc
from app.chart import Chart, charts
from app.compute.trajectories import columns_of as columns_of_runs
from app.traces import EACH, STATE, TENSOR
from optim_core.catalogue import rules
from optim_core.derive import derived
from optim_core.transport.sinks import MemorySink

ALL = pytest.mark.parametrize("chart", charts().values(), ids=charts())
OF_SURFACES = {name: chart for name, chart in charts().items() if chart.about == "surface"}
OF_RUNS = {name: chart for name, chart in charts().items() if chart.about == "run"}


def columns_of(rule: str, **hyper: float) -> set[str]:
    run = oc.simulate("rosenbrock", rule, (-1.5, 2.0), 5, **hyper)
    [columns] = columns_of_runs([run], derived=True)
    return set(columns)


@pytest.fixture(scope="module")
def traced() -> set[str]:
    """The columns of a traced training run."""
    sink = MemorySink()
    trace = {"every": 1, "histogram_every": 1}
    oc.train("digits_mlp", "adamw", steps=4, clip=1.0, trace=trace, validate_every=2, sink=sink)
    return set(derived(sink.recording).series)


@pytest.mark.parametrize("chart", OF_SURFACES.values(), ids=OF_SURFACES)
def test_every_trace_names_a_column_that_some_run_has(chart: Chart) -> None:
    known = columns_of("adam_l2", weight_decay=0.1) | columns_of("adamw")
    for trace in chart.figure.data:
        column = trace.meta["y"].replace(STATE, "m")
        assert column in known
        assert trace.meta["x"] in known
        assert trace.meta["label"]


@pytest.mark.parametrize("chart", OF_SURFACES.values(), ids=OF_SURFACES)
def test_the_first_trace_names_a_column_that_every_run_has(chart: Chart) -> None:
    if chart.chooses_state:
        pytest.skip("what a state is called depends on the optimizer")
    for rule in rules():
        assert chart.columns[0] in columns_of(rule), rule


@pytest.mark.parametrize("chart", OF_RUNS.values(), ids=OF_RUNS)
def test_every_trace_names_a_column_that_the_tracer_measures(chart: Chart, traced: set[str]) -> None:
    for trace in chart.figure.data:
        column = trace.meta["y"].replace(EACH, "0.weight").replace(TENSOR, "0.weight")
        assert column in traced


@ALL
def test_a_chart_says_what_it_shows(chart: Chart) -> None:
    assert chart.title
    assert chart.figure.layout.yaxis.title.text
    assert chart.figure.layout.xaxis.title.text == "step"
    assert 2 <= chart.what.count(". ") + 1 <= 3, "two sentences, three at most"
    assert chart.what.endswith(".")
    assert chart.latex


@ALL
def test_coordinates_differ_by_dash_and_not_by_colour(chart: Chart) -> None:
    lines = [trace for trace in chart.figure.data if trace.type == "scatter"]
    assert all(trace.line.color is None for trace in lines)
    # Two lines may share a dash only where one of them is every tensor, faint.
    strong = [trace.line.dash for trace in lines if EACH not in trace.meta["y"]]
    assert len(set(strong)) >= len(strong) - 1
    for trace in lines:
        if trace.meta["y"].endswith("_y"):
            assert trace.line.dash == "dot"


def test_the_menu_has_an_order_and_some_charts_are_open_at_first() -> None:
    orders = [chart.order for chart in charts().values()]
    assert orders == sorted(set(orders))
    assert [chart.id for chart in charts().values() if chart.opening] == [
        *("loss", "effective_lr", "parts", "decay_rate", "weight_norm"),
        *("run_loss", "run_effective_lr", "run_weight_norm", "run_parts", "run_effective_decay"),
    ]


def test_the_effective_learning_rate_says_which_definition_it_is() -> None:
    chart = charts()["effective_lr"]
    assert "η/(√v̂+ε)" in chart.title
    assert "one definition of several" in chart.what
