"""What is said of runs, with the numbers that they measured."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import optim_core as oc
from optim_core.declare.registry import Catalogue
from optim_core.derive import derive
from optim_core.finding import Check, Finding, checks, find, labels_of
from optim_core.recording import Recording, Series
from optim_core.wording import KINDS, count, fill, number, percent, places, steps

H = {"lr": 0.05, "weight_decay": 0.1}


def said(*walks: oc.Trajectory) -> list[Finding]:
    return find({place: walk.recording for place, walk in enumerate(walks)}, "trajectory")


def test_compared_under_a_schedule_decay_has_taken_what_the_rates_take_together() -> None:
    runs = [
        oc.simulate("rotated_bowl", rule, None, 400, schedule="cosine", **H) for rule in ("adamw", "adam_l2")
    ]
    adamw, adam_l2 = [one for one in said(*runs) if one.code.startswith("decay_taken")]
    closed = 1.0 - np.prod(1.0 - runs[0]["lr"][1:] * 0.1)
    assert closed == pytest.approx(0.634, abs=5e-4)
    assert adamw.numbers["both"] == pytest.approx(closed)
    assert adamw.text == (
        f"After 400 steps, by decay alone, AdamW has shrunk both by 63\u00a0%; its loss is"
        f" {number(runs[0]['loss'][-1])}."
    )
    assert adam_l2.run == 1
    assert adam_l2.numbers["x"] == pytest.approx(derive(runs[1])["decay_taken_x"][-1])


def test_the_sentence_of_a_walk_names_the_columns_that_it_tells() -> None:
    runs = [oc.simulate("bowl", rule, None, 30, **H) for rule in ("adam_l2", "adamw")]
    for place, finding in enumerate(one for one in said(*runs) if one.code.startswith("decay_taken")):
        columns = {**runs[place].columns, **derive(runs[place])}
        assert finding.columns.keys() == finding.numbers.keys()
        for name, at in finding.columns.items():
            assert at.run == place
            assert finding.numbers[name] == pytest.approx(columns[at.column][-1])
        assert finding.steps == (1, 30)


def test_of_one_decay_strength_what_spares_the_steep_coordinate_is_named_with_its_numbers() -> None:
    bowl = oc.surface("bowl", condition=30, offset_x=2, offset_y=1.2)
    both = [
        oc.simulate(bowl, rule, (-2.0, 3.5), 400, lr=0.05, weight_decay=0.05) for rule in ("adam_l2", "adamw")
    ]
    claim, cause = [one for one in said(*both) if one.code.startswith("same_decay")]
    assert claim.text == ("Same λ. AdamW shrinks every weight alike; Adam+L2 spares the steep one, y.")
    y, x = (float(derive(both[0])[f"decay_taken_{axis}"][-1]) for axis in "yx")
    assert (y, x) == pytest.approx((0.048, 0.462), abs=1e-3)
    assert f"took {percent(y)} of y, where gradients are large, {percent(x)} of x." in cause.text
    first, last = claim.steps or (0, 0)
    assert last == 400
    assert 0 < first < 100
    turned = "(30*(x - 2)^2 + (y - 1.2)^2)/2"  # steep along x
    swapped = [
        oc.simulate(turned, rule, (-2.0, 3.5), 400, lr=0.05, weight_decay=0.05)
        for rule in ("adam_l2", "adamw")
    ]
    assert any("the steep one, x." in one.text for one in said(*swapped))


@pytest.mark.parametrize(
    ("rules", "surface", "other"),
    [
        (("sgd_l2", "sgdw"), "bowl", {}),  # neither divides by anything
        (("adam_l2", "adamw"), "x^2/2 + y^2/2", {}),  # nothing is steep
        (("adam_l2", "adamw"), "bowl", {"weight_decay": 0.1}),  # not the same λ
        (("adam_l2", "adam_l2"), "bowl", {}),
    ],
)
def test_nothing_is_said_of_one_decay_strength_where_it_is_not_so(
    rules: tuple[str, str], surface: str, other: dict[str, float]
) -> None:
    first = oc.simulate(surface, rules[0], (-2.0, 3.5), 200, lr=0.05, weight_decay=0.05)
    second = oc.simulate(surface, rules[1], (-2.0, 3.5), 200, **{"lr": 0.05, "weight_decay": 0.05, **other})
    assert not [one for one in said(first, second) if one.code.startswith("same_decay")]


def test_coordinates_are_steep_and_flat_only_where_the_surface_bends_differently() -> None:
    for formula, pattern in (
        ("x^2/2 + 5*y^2/2", "the steep coordinate y by .* and the flat one x by"),
        ("5*x^2/2 + y^2/2", "the steep coordinate x by .* and the flat one y by"),
        ("x^2/2 + y^2/2", "has shrunk x by .* and y by"),
    ):
        (one,) = said(oc.simulate(formula, "adam_l2", (-2.0, 3.0), 50, **H))
        assert re.search(pattern, one.text), one.text


def test_a_walk_that_does_not_decay_says_so_and_one_that_breaks_says_why() -> None:
    whole, broken = oc.simulate("bowl", "adam", None, 30), oc.simulate("bowl", "sgd", None, 30, lr=1e6)
    nothing, until, why = said(whole, broken)
    assert nothing.text.startswith("After 30 steps Adam has not decayed; its loss is ")
    last = len(broken) - 1
    assert (until.steps, why.steps) == ((1, last), (last + 1, 30))
    assert why.text == f"SGD: {broken.reason}"
    assert (why.code, why.severity) == ("stopped_early.why", "fault")


def test_a_walk_that_never_began_is_told_of_alone() -> None:
    (why,) = said(oc.simulate("log(x)", "adamw", (-1.0, 0.0), 5))
    assert why.steps == (1, 5)


# --- Training runs ---------------------------------------------------------------------------------------


def training(
    losses: list[float], decay: dict[str, float] | None = None, outcome: str = "finished", **about: Any
) -> Recording:
    """A run with a loss at every step from 1, and tensors that shrink at these rates."""
    at = np.arange(1, len(losses) + 1)
    series = {"loss": Series(at, np.array(losses, dtype=np.float32))}
    for name, rate in (decay or {}).items():
        series[f"{name}/effective_decay"] = Series(at, np.full(len(at), rate, dtype=np.float32))
    return Recording({"kind": "train", "task": "t", **about}, series, (), outcome)


def told(**runs: Recording) -> list[str]:
    return [one.text for one in find(runs, "train", {key: key for key in runs})]


def test_losses_are_told_at_a_step_that_all_have_reached() -> None:
    assert told(A=training([3, 2, 1], {"w": 0.1, "v": 0.25}), B=training([4, 8], {"w": 0.1, "v": 0.101})) == [
        "After 2 steps A shrinks its tensors at rates that differ by a factor of 2.5"
        " and stands at a loss of 2.",
        "After 2 steps B shrinks all decayed tensors at one rate and stands at a loss of 8.",
    ]
    assert told(A=training([3.0]), B=training([4.0]))[0] == (
        "After 1 step A does not decay and stands at a loss of 3."
    )


def validated(losses: list[float], val: list[float], every: int = 1, **about: Any) -> Recording:
    """A run with a training loss at every step and a validation loss at every so many."""
    run = training(losses, **about)
    at = np.arange(every, every * len(val) + 1, every)
    return Recording(
        run.about, {**run.series, "val_loss": Series(at, np.array(val, np.float32))}, (), run.outcome
    )


def test_what_counts_is_the_loss_on_other_data_and_what_learns_by_heart_is_told() -> None:
    none = validated([2, 1, 0.5, 0.0016], [1.1, 1.0, 1.2, 1.4])
    strong = validated([2, 1.5, 1.2, 0.9], [1.3, 1.1, 0.9, 0.83])
    best, by_heart, crossing, *rest = told(none=none, strong=strong)
    assert best == "After 4 steps strong has the lowest validation loss, 0.83; none has the highest, 1.4."
    assert by_heart == (
        "On its training data none is lowest, at 0.0016, but at 1.4 on other data: it learns by heart."
    )
    assert "training loss of 0.0016" in crossing + " ".join(rest)


def test_a_crossing_is_told_where_one_was_above_for_long_enough() -> None:
    low = validated([1] * 12, [3, 2.9, 2.8, 1.0, 0.9, 0.8], every=2)
    other = validated([1] * 12, [2, 1.9, 1.8, 1.7, 1.6, 1.5], every=2)
    assert "low is above other until step 8, below it after." in told(low=low, other=other)
    brief = validated([1] * 12, [3, 1.0, 0.9, 0.9, 0.9, 0.8], every=2)
    assert not any("until step" in text for text in told(low=brief, other=other))
    always = validated([1] * 12, [1, 1, 1, 1, 1, 1], every=2)
    assert not any("until step" in text for text in told(low=always, other=other))


def test_validation_is_compared_at_a_step_that_all_have_reached_among_those_that_are_whole() -> None:
    ahead = validated([1] * 9, [5, 5, 0.1], every=3)
    behind = validated([1] * 6, [4, 4], every=3)
    broken = validated([1] * 6, [1e-3, 1e-3], every=3, outcome="diverged")
    texts = told(ahead=ahead, behind=behind, broken=broken)
    assert texts[0] == "After 6 steps behind has the lowest validation loss, 4; ahead has the highest, 5."
    alike = validated([1] * 6, [4.001, 4.001], every=3)
    assert (
        told(behind=behind, alike=alike)[0]
        == "After 6 steps all validation losses are within 0.02\u00a0% of 4."
    )
    assert not any("validation" in text for text in told(A=training([1, 2]), B=behind))


def seeded(decay: float, seed: int, val: list[float]) -> Recording:
    return validated(
        [1.0] * len(val), val, config={"hyper": {"weight_decay": decay}, "seed": seed, "name": f"{seed}"}
    )


def test_runs_that_differ_in_their_seed_alone_are_one_setting() -> None:
    runs = {
        f"l{decay}s{seed}": seeded(decay, seed, [3, 2, level + 0.01 * seed])
        for decay, level in ((0, 1.0), (1, 0.8))
        for seed in range(3)
    }
    first, *_ = told(**runs)
    assert first.startswith(
        "After 3 steps the mean validation loss over 3 seeds is lowest with the setting of l1s0, 0.81,"
    )
    assert "highest with that of l0s0, 1.01; the standard error of the difference is 0.00816." in first
    assert not any("until step" in text or "by heart" in text for text in told(**runs))
    noisy = {
        f"l{decay}s{seed}": seeded(decay, seed, [3, 2, level + 0.3 * seed])
        for decay, level in ((0, 1.0), (1, 0.9))
        for seed in range(3)
    }
    assert told(**noisy)[0].startswith("After 3 steps the settings do not differ by more than their seeds do")


def test_only_tensors_that_decay_are_compared_and_only_lately() -> None:
    tensors = [
        {"name": "w", "decayed": True},
        {"name": "b", "decayed": False},
        {"name": "v", "decayed": True},
    ]
    one = training([1.0] * 100, {"w": 0.1, "b": 0.001, "v": 0.1}, tensors=tensors)
    one["w/effective_decay"][:90] = 9.0
    assert "at one rate" in told(A=one, B=one)[0]
    one["w/effective_decay"][95:] = 0.3
    (first, _) = find({"A": one, "B": one}, "train", {"A": "A", "B": "B"})
    assert first.value == pytest.approx(2.0)


def test_of_many_runs_those_that_stand_out_are_told() -> None:
    many = dict(zip("ABCD", ([3.0], [4.0], [2.0], [9.0]), strict=True))
    assert told(**{name: training(losses) for name, losses in many.items()}) == [
        "After 1 step C stands lowest, at a loss of 2, and D highest, at 9."
    ]
    rates = {"A": 1.0, "B": 3.0, "C": 2.0, "D": 1.0}
    uneven = {name: training([1.0], {"w": 1.0, "v": rate}) for name, rate in rates.items()}
    assert told(**uneven)[1] == (
        "Decay is least even with B: the rates of its tensors differ by a factor of 3."
    )


def test_a_run_that_broke_is_told_apart_and_holds_nobody_back() -> None:
    broken, none = training([4, 1e30], outcome="diverged"), training([4.0], outcome="undefined")
    assert told(A=training([3, 2, 1]), B=broken, C=none) == [
        "After 3 steps A does not decay and stands at a loss of 1.",
        "B diverged at step 2.",
        "C came to a number that is not finite at step 1.",
    ]
    assert told(**dict.fromkeys("BCDE", broken)) == ["4 of 4 runs broke: see the events below."]


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_has_no_rank(broken: float) -> None:
    losses = {"A": broken, "B": 4.0, "C": 2.0, "D": 9.0, "E": 3.0}
    many = {name: training([1.0, loss]) for name, loss in losses.items()}
    assert told(**many) == [
        "After 2 steps the loss of A is not a finite number.",
        "After 2 steps C stands lowest, at a loss of 2, and D highest, at 9.",
    ]
    assert told(A=many["A"], B=many["B"]) == [
        "After 2 steps the loss of A is not a finite number.",
        "After 2 steps B does not decay and stands at a loss of 4.",
    ]
    assert told(**dict.fromkeys("BCDE", many["A"])) == [
        "After 2 steps the loss of 4 runs is not a finite number."
    ]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_rates_that_are_not_finite_say_nothing_of_decay(broken: float) -> None:
    one = training([1.0] * 100, {"w": 0.1, "v": 0.2, "u": 0.1})
    one["v/effective_decay"][95:97] = broken
    one["u/effective_decay"][:] = broken
    assert "by a factor of 2 " in told(A=one, B=one)[0]


def test_nothing_is_compared_that_has_not_begun_or_is_alone() -> None:
    assert told(A=training([1.0])) == []
    assert told(A=training([1.0], outcome="diverged")) == []
    assert told(A=training([1.0]), B=training([])) == []
    (only,) = told(A=training([1.0]), B=training([1.0], task="other"))
    assert only == "These runs train different tasks: their losses say nothing about each other."


# --- Form -------------------------------------------------------------------------------------------------


def test_every_check_and_sentence_is_declared_whole() -> None:
    assert checks().keys() == Catalogue("optim_core.findings", "FINDING", Check, noun="finding").all().keys()
    for code, check in checks().items():
        assert check.code == code
        for template in check.texts.values():
            assert template.endswith((".", "{reason}"))
            assert set(places(template).values()) <= KINDS.keys()


def test_a_finding_travels_whole() -> None:
    (one,) = said(oc.simulate("bowl", "adamw", None, 5))
    told_as = one.to_json()
    assert told_as["columns"]["loss"] == {"run": 0, "column": "loss"}
    assert fill(told_as["template"], {**told_as["numbers"], "run": "AdamW"}) == told_as["text"]


def test_a_name_turns_no_text_around_that_stands_beside_it() -> None:
    named = Recording({"optimizer": "adamw", "name": "safe\u202egnp.exe"})
    assert labels_of({1: named}) == {1: "safegnp.exe"}


def test_runs_of_one_name_are_numbered() -> None:
    same, other = Recording({"optimizer": "adamw"}), Recording({"optimizer": "sgd", "name": "mine"})
    assert labels_of({1: same, 2: other, 3: same}) == {1: "AdamW 1", 2: "mine", 3: "AdamW 2"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.012345, "0.0123"),
        (1234.5, "1230"),
        (-0.5, "−0.5"),
        (1.23456e-5, "1.23×10⁻⁵"),
        (1e30, "10³⁰"),
        (0.0, "0"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
    ],
)
def test_numbers_are_written_as_pages_write_them(value: float, text: str) -> None:
    assert number(value) == text


def test_shares_and_counts_are_written_as_pages_write_them() -> None:
    assert [percent(v) for v in (0.634, 0.0634, 0.00634, float("nan"))] == [
        *("63\u00a0%", "6.3\u00a0%", "0.63\u00a0%", "–")
    ]
    assert [count(12345.0), steps(1), steps(2000)] == ["12 345", "1 step", "2 000 steps"]
