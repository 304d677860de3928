"""Charts show columns that runs really have."""

from __future__ import annotations

import pytest

import optim_core as oc
from app.chart import STATE, Chart, charts
from app.walks import columns_of as columns_of_runs
from optim_core.catalogue import rules

ALL = pytest.mark.parametrize("chart", charts().values(), ids=charts())


def columns_of(rule: str, **hyper: float) -> set[str]:
    run = oc.simulate("rosenbrock", rule, (-1.5, 2.0), 5, **hyper)
    [columns] = columns_of_runs([run], derived=True)
    return set(columns)


@ALL
def test_every_trace_names_a_column_that_some_run_has(chart: Chart) -> None:
    known = columns_of("adam_l2", weight_decay=0.1) | columns_of("adamw")
    for trace in chart.figure.data:
        column = trace.meta["y"].replace(STATE, "m")
        assert column in known
        assert trace.meta["x"] in known
        assert trace.meta["label"]


@ALL
def test_the_first_trace_names_a_column_that_every_run_has(chart: Chart) -> None:
    if chart.chooses_state:
        pytest.skip("what a state is called depends on the optimizer")
    for rule in rules():
        assert chart.columns[0] in columns_of(rule), rule


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
    dashes = [trace.line.dash for trace in chart.figure.data]
    assert len(set(dashes)) == len(dashes)
    assert all(trace.line.color is None for trace in chart.figure.data)
    for trace in chart.figure.data:
        if trace.meta["y"].endswith("_y"):
            assert trace.line.dash == "dot"


def test_the_menu_has_an_order_and_some_charts_are_open_at_first() -> None:
    orders = [chart.order for chart in charts().values()]
    assert orders == sorted(set(orders))
    assert [chart.id for chart in charts().values() if chart.opening] == [
        *("loss", "effective_lr", "parts", "decay_rate", "weight_norm"),
    ]


def test_the_effective_learning_rate_says_which_definition_it_is() -> None:
    chart = charts()["effective_lr"]
    assert "η/(√v̂+ε)" in chart.title
    assert "one definition of several" in chart.what
