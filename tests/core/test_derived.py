"""Derived columns against plain loops, closed forms and finite differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import optim_core as oc
from optim_core.derive import apart, derive, global_minima, minima_in_sight
from optim_core.surfaces.landscape import formula_landscape

START = (-1.5, 2.0)


def walk(rule: str = "adamw", surface: object = "rosenbrock", **given: Any) -> oc.Trajectory:
    return oc.simulate(surface, rule, START, 40, **({"lr": 0.02} | given))


def test_columns_have_a_row_for_every_row_of_the_run() -> None:
    run = walk()
    assert {len(column) for column in derive(run).values()} == {len(run)}
    assert {column.dtype for column in derive(run).values()} == {np.dtype(np.float64)}


def test_distance_is_that_of_the_nearest_declared_minimum() -> None:
    run = walk(surface="himmelblau")
    minima = oc.surface("himmelblau").minima
    nearest = [
        min(math.dist(p, m) for m in minima) for p in zip(run["x"], run["y"], strict=True)
    ]  # fmt: skip
    assert derive(run)["distance"] == pytest.approx(nearest, rel=1e-12)


def test_distance_finds_the_minima_of_ones_own_formula() -> None:
    run = walk(surface="(x-1)^2 + 3*(y+2)^2")
    expected = [math.dist(p, (1.0, -2.0)) for p in zip(run["x"], run["y"], strict=True)]
    assert derive(run)["distance"] == pytest.approx(expected, rel=1e-6)


def test_distance_is_nan_where_there_is_no_minimum() -> None:
    assert np.isnan(derive(walk(surface="saddle", lr=1e-3))["distance"]).all()


def test_a_minimum_that_the_border_makes_is_no_goal() -> None:
    run = oc.simulate("x^3 - 3*x + y^2", "sgd", (2.0, 1.0), 5, lr=0.01)
    np.testing.assert_allclose(derive(run)["distance"], np.hypot(run["x"] - 1, run["y"]), rtol=1e-6)
    assert np.isnan(derive(oc.simulate("x + y", "sgd", (0.0, 0.0), 5))["distance"]).all()


def test_minima_of_one_landscape_are_searched_once() -> None:
    landscape = formula_landscape("x^2 + y^2")
    assert minima_in_sight(landscape) is minima_in_sight(landscape)


def test_sharpness_is_the_largest_eigenvalue_of_finite_differences() -> None:
    run = walk(surface="six_hump_camel")
    gradient = run.problem.landscape.value_and_gradient
    h = 1e-5
    for at in (0, 7, 40):
        x, y = float(run["x"][at]), float(run["y"][at])
        columns = []
        for dx, dy in ((h, 0.0), (0.0, h)):
            up, down = gradient(x + dx, y + dy), gradient(x - dx, y - dy)
            columns.append([(u - d) / (2 * h) for u, d in zip(up[1:], down[1:], strict=True)])
        largest = np.linalg.eigvalsh(np.array(columns))[-1]
        assert derive(run)["sharpness"][at] == pytest.approx(largest, rel=1e-5)


def test_stability_limit_follows_the_schedule() -> None:
    run = walk(schedule="cosine")
    limit = derive(run)["stability_limit"]
    assert math.isnan(limit[0])
    assert limit[1:] == pytest.approx(2.0 / run["lr"][1:])


def test_update_ratio_is_the_step_over_the_weights() -> None:
    run, ratio = walk(), derive(walk())["update_ratio"]
    assert math.isnan(ratio[0])
    for t in range(1, len(run)):
        before, after = ((run["x"][i], run["y"][i]) for i in (t - 1, t))
        assert ratio[t] == pytest.approx(math.dist(before, after) / math.hypot(*before))


@pytest.mark.parametrize("rule", ["adamw", "adam_l2", "sgdw", "lion"])
def test_decay_rate_is_the_decay_part_over_the_weight_before(rule: str) -> None:
    run = walk(rule, weight_decay=0.3, lr=1e-3)
    rates = derive(run)
    for axis in "xy":
        rate = rates[f"decay_rate_{axis}"]
        assert math.isnan(rate[0])
        for t in range(1, len(run)):
            expected = run[f"decay_part_{axis}"][t] / run[axis][t - 1]
            assert rate[t] == pytest.approx(expected, rel=1e-12)


def test_decay_rate_of_a_weight_at_zero_is_no_number() -> None:
    run = oc.simulate("x^2", "adamw", (1.0, 0.0), 5)
    assert np.isnan(derive(run)["decay_rate_y"]).all()
    assert not np.isnan(derive(run)["decay_rate_x"][1:]).any()


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("rule", ["adamw", "adamw_lh", "sgdw", "lion"])
def test_decoupled_decay_takes_exactly_the_expected_rate(rule: str, relative: bool) -> None:
    run = walk(
        rule, weight_decay=0.2, lr=1e-3, schedule="cosine", decay_schedule="ramp", relative_decay=relative
    )
    columns = derive(run)
    for axis in "xy":
        assert columns[f"decay_rate_{axis}"][1:] == pytest.approx(
            columns["expected_decay_rate"][1:], rel=1e-9
        )


def test_expected_rate_leaves_the_learning_rate_out_where_the_rule_does() -> None:
    slow, fast = (derive(walk("adamw_lh", lr=lr, weight_decay=0.2, schedule="cosine")) for lr in (1e-4, 1e-2))
    assert slow["expected_decay_rate"][1:] == pytest.approx(fast["expected_decay_rate"][1:])
    factors = walk("adamw_lh", schedule="cosine")["schedule_factor"]
    assert slow["expected_decay_rate"][1:] == pytest.approx(0.2 * factors[1:])


@pytest.mark.parametrize(("penalty", "factor"), [("half", 1.0), ("full", 2.0)])
def test_coupled_decay_of_plain_descent_is_expected_too(penalty: str, factor: float) -> None:
    run = walk("sgd_l2", surface="bowl", lr=0.01, weight_decay=0.3, penalty=penalty)
    columns = derive(run)
    assert columns["expected_decay_rate"][1:] == pytest.approx(0.01 * 0.3 * factor)
    assert columns["decay_rate_x"][1:] == pytest.approx(columns["expected_decay_rate"][1:])


@pytest.mark.parametrize(("penalty", "factor"), [("half", 1.0), ("full", 2.0)])
def test_penalised_loss_adds_the_penalty_that_the_step_used(penalty: str, factor: float) -> None:
    run = walk("adam_l2", weight_decay=0.3, penalty=penalty, decay_schedule="ramp")
    strengths = [0.3 * factor * (max(t, 1) / 40) for t in range(41)]
    squares = run["x"] ** 2 + run["y"] ** 2
    expected = run["loss"] + 0.5 * np.array(strengths) * squares
    assert derive(run)["penalised_loss"] == pytest.approx(expected)


def test_penalised_loss_is_there_only_under_coupled_decay() -> None:
    assert "penalised_loss" not in derive(walk("adamw", weight_decay=0.3))
    assert "penalised_loss" not in derive(walk("adam_l2", weight_decay=0.0))
    assert "expected_decay_rate" not in derive(walk("adam"))


def test_runs_that_stop_at_once_have_derived_columns_of_one_row() -> None:
    run = oc.simulate("log(x)", "adam_l2", (-1.0, 0.0), 5)
    assert {len(column) for column in derive(run).values()} == {1}


def test_apart_is_the_distance_between_two_runs_row_by_row() -> None:
    one, other = (
        oc.simulate("bowl", rule, (3.0, 1.0), steps) for rule, steps in (("adam_l2", 9), ("sgd", 6))
    )
    for row, value in enumerate(apart(one, other)):
        if row <= 6:
            assert value == pytest.approx(
                math.dist((one["x"][row], one["y"][row]), (other["x"][row], other["y"][row]))
            )
        else:
            assert math.isnan(value)


def test_the_parts_norms_are_the_lengths_of_the_parts() -> None:
    run = oc.simulate("bowl", "adam_l2", (3.0, 1.0), 9, lr=0.1)
    derived = derive(run)
    for part in ("gradient_part", "decay_part"):
        for row in range(10):
            length = math.hypot(run[f"{part}_x"][row], run[f"{part}_y"][row])
            assert derived[f"{part}_norm"][row] == pytest.approx(length)


@pytest.mark.parametrize(
    ("rule", "hyper", "outcome"),
    [
        ("adamw", {"lr": 0.0}, "finished"),
        ("sgd_l2", {"lr": 1e-9, "weight_decay": 0.1}, "finished"),
        ("sgd", {"lr": 0.1}, "converged"),
    ],
)
def test_what_never_moved_has_not_converged(rule: str, hyper: dict[str, float], outcome: str) -> None:
    assert oc.simulate("x^2 + 3*y^2", rule, START, 300, **hyper).outcome == outcome


def test_distance_is_measured_to_the_deepest_minimum() -> None:
    run = oc.simulate("double_well", "sgd", (1.2, 0.0), 300, lr=0.05)
    ((x, y),) = global_minima(run.problem.landscape)
    assert x < 0 < run["x"][-1], "the run ended in the shallow well"
    assert derive(run)["distance"][-1] == pytest.approx(math.hypot(run["x"][-1] - x, run["y"][-1] - y))
    assert len(global_minima(oc.surface("himmelblau"))) == 4
    assert global_minima(oc.surface("saddle")) == ()
