"""Derived columns against plain loops, closed forms and finite differences."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optim_core as oc
from optim_core.derive import apart, derive, derived, global_minima, minima_in_sight
from optim_core.recording import Recording, Series
from optim_core.surfaces.landscape import formula_landscape
from optim_core.transport.sinks import Control, FileSink, MemorySink, read_file

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


# --- What theory expects --------------------------------------------------------------------------------


def expected_of(recording: Recording) -> dict[str, Any]:
    """The two columns, where they are declared."""
    found = derived(recording).series
    return {name: found[name] for name in ("expected_decay_rate", "expected_angle") if name in found}


def test_decay_has_taken_what_the_scheduled_rates_take_together() -> None:
    run = oc.simulate("rotated_bowl", "adamw", None, 400, lr=0.05, weight_decay=0.1, schedule="cosine")
    taken = derive(run)
    closed = 1.0 - np.cumprod(1.0 - run["lr"][1:] * 0.1)
    for axis in "xy":
        assert taken[f"decay_taken_{axis}"][1:] == pytest.approx(closed, rel=1e-9)
        assert taken[f"decay_taken_{axis}"][0] == 0.0
    assert closed[-1] == pytest.approx(0.634, abs=5e-4)


def test_decay_has_taken_nothing_where_there_is_none() -> None:
    assert not derive(walk("adam"))["decay_taken_x"].any()
    assert not derive(walk("adam_l2", weight_decay=0.0))["decay_taken_x"].any()


def test_what_undeclared_decay_has_taken_is_told_from_its_own_parts() -> None:
    """With its moments switched off Adam+L2 scaled by a large ε is gradient descent, whose rate is known."""
    scale = {"beta1": 0.0, "beta2": 0.0, "eps": 1e3}
    run = oc.simulate("bowl", "adam_l2", START, 400, lr=10.0, weight_decay=0.3, schedule="cosine", **scale)
    taken = derive(run)["decay_taken_x"]
    closed = 1.0 - np.cumprod(1.0 - run["lr"][1:] / 1e3 * 0.3)
    assert taken[1:] == pytest.approx(closed, rel=0.05)


def test_a_weight_that_passes_zero_seems_to_lose_no_more_than_decay_takes() -> None:
    run = oc.simulate("bowl", "momentum", (1.0, 1.0), 200, lr=0.1, momentum=0.9, weight_decay=0.01)
    assert (np.diff(np.sign(run["x"])) != 0).any()
    assert np.nanmax(np.abs(derive(run)["decay_rate_x"])) > 0.1  # ten times what it can be
    assert np.abs(np.diff(derive(run)["decay_taken_x"])).max() < 0.02


def test_coupled_decay_has_a_reference_and_no_expected_rate() -> None:
    coupled = derive(walk("adam_l2", weight_decay=0.3, penalty="full", schedule="cosine"))
    assert "expected_decay_rate" not in coupled
    assert "expected_angle" not in coupled
    lr = walk("adam_l2", schedule="cosine")["lr"]
    assert coupled["reference_decay_rate"][1:] == pytest.approx(0.6 * lr[1:])
    for rule in ("adamw", "sgd_l2", "lamb", "adam", "schedule_free_adamw"):
        assert "reference_decay_rate" not in derive(walk(rule)), rule
    assert "expected_decay_rate" not in derive(walk("lamb"))


def test_only_what_is_asked_for_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optim_core.derive._sharpness", None)  # would fail if it were called
    assert list(derive(walk(), lambda name: name.startswith("decay_taken"))) == [
        "decay_taken_x",
        "decay_taken_y",
    ]


def test_a_walks_recording_gives_the_same_as_the_walk() -> None:
    run = walk("adam_l2", weight_decay=0.3)
    found = derived(run.recording)
    for name, column in derive(run).items():
        np.testing.assert_array_equal(found[name], column, err_msg=name)
        assert list(found.steps(name)) == list(range(41))


def run_with(
    hyper: dict[str, Any], events: tuple[dict[str, Any], ...] = (), optimizer: str = "adamw", **config: Any
) -> Recording:
    """A training run of 10 steps, η falling from 0.1 by a tenth a step, λ 0.2."""
    steps = np.arange(1, 11)
    lr = Series(steps, np.linspace(0.1, 0.01, 10, dtype=np.float32))
    series = {"lr": lr, "weight_decay": Series(steps, np.full(10, 0.2, dtype=np.float32))}
    return Recording({"optimizer": optimizer, "config": {"hyper": hyper, **config}}, series, events)


HYPER = {"lr": 0.1, "weight_decay": 0.2}


def test_expected_columns_follow_the_rates_of_every_step() -> None:
    recording = run_with(HYPER)
    lr = recording["lr"].astype(float)
    found = expected_of(recording)
    assert found["expected_decay_rate"].values == pytest.approx(0.2 * lr)
    assert found["expected_angle"].values == pytest.approx(np.sqrt(2 * 0.2 * lr * 0.1 / 1.9))
    assert list(found["expected_angle"].steps) == list(range(1, 11))
    lh = expected_of(run_with(HYPER, optimizer="adamw_lh"))
    assert lh["expected_decay_rate"].values == pytest.approx(0.2 * lr / 0.1)


def change(after: int, name: str, to: Any) -> dict[str, Any]:
    return {"kind": "setting", "step": after, "name": name, "from": 0, "to": to, "text": ""}


def test_a_setting_changed_by_hand_moves_the_line_from_the_next_step_on() -> None:
    before = expected_of(run_with(HYPER))["expected_angle"].values
    moved = expected_of(run_with(HYPER, (change(4, "beta1", 0.5),)))["expected_angle"].values
    np.testing.assert_array_equal(moved[:4], before[:4])
    assert moved[4:] == pytest.approx(before[4:] * np.sqrt((0.5 / 1.5) / (0.1 / 1.9)))
    again = (change(4, "beta1", 0.5), change(7, "beta1", 0.9))
    back = expected_of(run_with(HYPER, again))["expected_angle"].values
    np.testing.assert_array_equal(back[7:], before[7:])
    np.testing.assert_array_equal(back[:7], moved[:7])


def test_a_learning_rate_changed_by_hand_is_no_schedule() -> None:
    """AdamW-LH follows the schedule's factor: η by hand leaves its decay as it is."""
    recording = run_with(HYPER, (change(4, "lr", 0.05),), "adamw_lh")
    lr = recording["lr"].copy()
    lr[4:] *= 0.5
    by_hand = Recording(
        recording.about, {**recording.series, "lr": Series(np.arange(1, 11), lr)}, recording.events
    )
    plain = expected_of(run_with(HYPER, (), "adamw_lh"))
    assert expected_of(by_hand)["expected_decay_rate"].values == pytest.approx(
        plain["expected_decay_rate"].values
    )


def test_the_line_of_a_real_run_moves_with_the_change() -> None:
    sink = Steered(6, Control(hyper={"beta1": 0.0}))
    options = {"steps": 12, "validate_every": 12, "trace": {"every": 4, "histogram_every": 12}}
    oc.train("scale_invariant", "adamw", lr=0.01, weight_decay=0.5, sink=sink, **options)
    angle = expected_of(sink.recording)["expected_angle"]
    (event,) = (e for e in sink.recording.events if e["kind"] == "setting")
    assert list(angle.steps) == list(range(1, 13))
    still, changed = (math.sqrt(2 * 0.005 * kept) for kept in (0.1 / 1.9, 1.0))
    assert angle.values == pytest.approx([still if s <= event["step"] else changed for s in range(1, 13)])
    assert 0 < event["step"] < 12


class Steered(MemorySink):
    """Wants something from the sixth question on: the loop asks once before every step."""

    def __init__(self, question: int, wanted: Control):
        super().__init__()
        self.question, self.later = question, wanted

    def control(self) -> Control | None:
        self.question -= 1
        return self.later if self.question < 0 else None


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"optimizer": "torch.optim.SGD", "config": {"hyper": HYPER}},
        {"optimizer": "adamw"},
        {"optimizer": "adamw", "config": {"hyper": {"lr": "fast"}}},
        {"optimizer": "adam_l2", "config": {"hyper": HYPER}},
        {"optimizer": "lamb", "config": {"hyper": HYPER}},
        {"optimizer": "adamw", "config": {"hyper": {**HYPER, "relative_decay": True}}},
    ],
)
def test_nothing_is_derived_where_nothing_is_declared_or_known(about: dict[str, Any]) -> None:
    recording = run_with(HYPER)
    assert expected_of(Recording(about, recording.series)) == {}


@pytest.mark.parametrize("name", oc.rules())
def test_training_runs_get_what_their_rule_declares_and_nothing_else(name: str) -> None:
    rule = oc.rules()[name]
    hyper = rule.complete({})
    told = {"expected_decay_rate": rule.expected_decay_rate, "expected_angle": rule.expected_angle}
    known = {**hyper, "schedule_factor": 1.0, "step": 1.0}
    declared = [column for column, function in told.items() if function(known) is not None]
    assert list(expected_of(run_with({}, optimizer=name))) == declared


def test_without_decay_or_under_a_penalty_in_the_loss_there_is_no_equilibrium() -> None:
    recording = run_with(HYPER)
    none = Series(np.arange(1, 11), np.zeros(10))
    without = expected_of(Recording(recording.about, {**recording.series, "weight_decay": none}))
    assert not without["expected_decay_rate"].values.any()
    assert np.isnan(without["expected_angle"].values).all()
    assert list(expected_of(run_with(HYPER, l2_in_loss=0.1))) == ["expected_decay_rate"]


def test_measured_columns_of_the_same_name_stay() -> None:
    recording = run_with(HYPER)
    own = Series(np.array([3]), np.array([0.5]))
    found = derived(Recording(recording.about, {**recording.series, "expected_angle": own}))
    assert list(found["expected_angle"]) == [0.5]
    assert "expected_decay_rate" in found


def test_rates_that_were_thinned_apart_meet_at_all_their_steps() -> None:
    lr = Series(np.array([1, 400, 600, 1000]), np.array([1.0, 0.8, 0.5, 0.1]))
    decay = Series(np.array([1, 575, 576, 1000]), np.array([0.0, 0.0, 0.5, 0.5]))
    about = {"optimizer": "adamw", "config": {"hyper": HYPER}}
    rate = expected_of(Recording(about, {"lr": lr, "weight_decay": decay}))["expected_decay_rate"]
    found = dict(zip(rate.steps.tolist(), rate.values.tolist(), strict=True))
    assert list(found) == [1, 400, 575, 576, 600, 1000]
    assert (found[400], found[575]) == (0.0, 0.0)
    assert found[600] == pytest.approx(0.25)
    assert found[1000] == pytest.approx(0.05)


def test_changes_that_no_rule_knows_are_passed_over() -> None:
    strange = ({"kind": "setting"}, change(2, "beta1", "low"), change(2, "colour", 1), {"step": "x"})
    assert expected_of(run_with(HYPER, strange)).keys() == expected_of(run_with(HYPER)).keys()


def test_results_and_files_have_derived_columns_like_measured_ones(tmp_path: Path) -> None:
    options = {"steps": 5, "validate_every": 5, "trace": {"every": 2, "histogram_every": 5}}
    result = oc.train("scale_invariant", "sgdw", lr=0.1, weight_decay=0.5, **options)
    assert result.recording is not None
    oc.train("scale_invariant", "sgdw", lr=0.1, weight_decay=0.5, sink=FileSink(tmp_path / "run"), **options)
    for recording in (result.recording, read_file(tmp_path / "run")):
        assert recording["expected_decay_rate"] == pytest.approx([0.05] * 5)
        assert recording["expected_angle"] == pytest.approx([math.sqrt(0.1)] * 5)
        assert list(recording.steps("expected_angle")) == [1, 2, 3, 4, 5]
