"""Schedules against torch's schedulers, closed forms and properties that hold for any settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import Integer
from optim_core.schedules import as_plan, schedules

quick = settings(max_examples=60, deadline=None, derandomize=True)
STEPS = st.integers(2, 300)
SHARE = st.floats(0.0, 1.0)
Build = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]


def by_torch(build: Build, steps: int) -> list[float]:
    """The learning rates that torch's scheduler gives an optimizer whose own rate is 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = build(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(found) < steps:
            scheduler.step()
    return found


def plan(name: str, **chosen: Any) -> Any:
    return schedules()[name].at(**chosen)


@quick
@given(steps=STEPS, end=SHARE)
def test_linear_is_torchs(steps: int, end: float) -> None:
    theirs = by_torch(lambda o: lr_scheduler.LinearLR(o, 1.0, end, total_iters=steps), steps)
    assert plan("linear", end=end).factors(steps) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@quick
@given(steps=STEPS, end=SHARE)
def test_cosine_is_torchs(steps: int, end: float) -> None:
    theirs = by_torch(lambda o: lr_scheduler.CosineAnnealingLR(o, steps, eta_min=end), steps)
    assert plan("cosine", end=end).factors(steps) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@quick
@given(steps=STEPS, drops=st.integers(1, 10), gamma=st.floats(0.01, 1.0))
def test_step_is_torchs(steps: int, drops: int, gamma: float) -> None:
    stretch = math.ceil(steps / (drops + 1))
    theirs = by_torch(lambda o: lr_scheduler.StepLR(o, stretch, gamma), steps)
    assert plan("step", drops=drops, gamma=gamma).factors(steps) == pytest.approx(theirs, rel=1e-9)


@quick
@given(steps=STEPS, end=st.floats(1e-6, 1.0))
def test_exponential_is_torchs(steps: int, end: float) -> None:
    theirs = by_torch(lambda o: lr_scheduler.ExponentialLR(o, end ** (1.0 / steps)), steps)
    assert plan("exponential", end=end).factors(steps) == pytest.approx(theirs, rel=1e-9)


@quick
@given(steps=STEPS, rise=st.floats(0.05, 0.95), start=st.floats(0.01, 1.0), end=st.floats(0.0, 1.0))
def test_one_cycle_is_torchs(steps: int, rise: float, start: float, end: float) -> None:
    """torch divides by a rise of no steps; falls of less than one have a test of their own."""
    if rise * steps < 1.0 + 1e-6 or (1.0 - rise) * steps < 1.0:
        return
    theirs = by_torch(
        lambda o: lr_scheduler.OneCycleLR(
            o,
            max_lr=1.0,
            total_steps=steps,
            pct_start=rise,
            div_factor=1.0 / start,
            final_div_factor=start / end if end else math.inf,
            cycle_momentum=False,
        ),
        steps,
    )
    ours = plan("one_cycle", rise=rise, start=start, end=end).factors(steps)
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@quick
@given(steps=STEPS, rise=SHARE, fall=SHARE, end=SHARE)
def test_warmup_stable_decay_is_the_lower_of_a_rise_and_a_fall(
    steps: int, rise: float, fall: float, end: float
) -> None:
    if rise + fall > 1.0:
        return
    factors = plan("warmup_stable_decay", rise=rise, fall=fall, end=end).factors(steps)
    for i, factor in enumerate(factors):
        risen = min((i + 1) / (rise * steps), 1.0) if rise * steps else 1.0
        fallen = min((steps - i) / (fall * steps), 1.0) if fall * steps else 1.0
        assert factor == pytest.approx(min(risen, end + (1.0 - end) * fallen), abs=1e-9)


@quick
@given(steps=STEPS, end=st.floats(0.0, 100.0))
def test_ramp_is_lambda_times_t_over_T(steps: int, end: float) -> None:  # noqa: N802
    factors = plan("ramp", end=end).factors(steps)
    assert factors == pytest.approx([end * t / steps for t in range(1, steps + 1)])


@pytest.mark.parametrize("name", schedules())
@quick
@given(data=st.data())
def test_factors_are_finite_and_never_negative(name: str, data: st.DataObject) -> None:
    chosen = {}
    for setting in schedules()[name].settings.values():
        kind = setting.kind
        whole = isinstance(kind, Integer)
        numbers = st.integers(kind.low, min(kind.high, 400)) if whole else st.floats(kind.low, kind.high)
        chosen[setting.name] = data.draw(numbers, label=setting.name)
    steps = data.draw(st.integers(1, 120), label="steps")
    for factor in plan(name, **chosen).factors(steps):
        assert math.isfinite(factor)
        assert factor >= 0.0


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "step", "exponential"])
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_schedules_that_fall_begin_at_one(name: str, steps: int) -> None:
    assert plan(name)(1, steps) == 1.0


@pytest.mark.parametrize("name", ["linear", "cosine", "exponential"])
@pytest.mark.parametrize("end", [0.001, 0.3, 1.0])
def test_schedules_with_an_end_would_be_there_at_the_step_after_the_last(name: str, end: float) -> None:
    assert plan(name, end=end)(101, 100) == pytest.approx(end)


@pytest.mark.parametrize("steps", [3, 10, 100])
@pytest.mark.parametrize("rise", [0.0, 0.1, 0.3, 1.0])
def test_one_cycle_peaks_at_one_and_ends_at_its_end(rise: float, steps: int) -> None:
    factors = plan("one_cycle", rise=rise, end=0.01).factors(steps)
    assert 0.5 < max(factors) <= 1.0
    assert factors[-1] == pytest.approx(0.01 if rise < 1.0 else 1.0)


def test_one_cycle_reaches_its_end_though_the_fall_is_shorter_than_a_step() -> None:
    assert plan("one_cycle", rise=0.99, end=0.01).factors(10)[-1] == pytest.approx(0.01)


@quick
@given(steps=STEPS, drops=st.integers(1, 10))
def test_step_takes_as_many_drops_as_the_run_has_room_for(steps: int, drops: int) -> None:
    last = plan("step", drops=drops, gamma=0.5).factors(steps)[-1]
    taken = -math.log2(last)
    assert taken == round(taken)
    assert taken <= drops
    if steps % (drops + 1) == 0:
        assert taken == drops


@pytest.mark.parametrize("name", schedules())
def test_warm_up_is_a_straight_line_to_the_schedule_that_follows(name: str) -> None:
    warmed, bare = plan(name, warmup_steps=10), plan(name)
    factors = warmed.factors(60)
    first = bare(1, 50)
    assert factors[:10] == pytest.approx([first * t / 10 for t in range(1, 11)])
    assert factors[10:] == pytest.approx(bare.factors(50))


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # SequentialLR itself still passes it
def test_warm_up_before_a_schedule_is_torchs_sequence_of_two_schedulers() -> None:
    def build(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        rising = lr_scheduler.LinearLR(optimizer, 1.0 / 10, 1.0, total_iters=9)
        falling = lr_scheduler.StepLR(optimizer, 20, 0.1)
        return lr_scheduler.SequentialLR(optimizer, [rising, falling], [10])

    assert plan("step", drops=2, warmup_steps=10).factors(70) == pytest.approx(by_torch(build, 70))


@pytest.mark.parametrize("steps", [30, 200])
def test_a_warm_up_from_zero_is_that_of_transformers(steps: int) -> None:
    """get_linear_schedule_with_warmup and get_cosine_…, as their source has them, under torch's LambdaLR."""
    w = 20

    def linear(s: int) -> float:
        return s / w if s < w else max(0.0, (steps - s) / (steps - w))

    def cosine(s: int) -> float:
        return s / w if s < w else 0.5 * (1.0 + math.cos(math.pi * (s - w) / (steps - w)))

    for name, law in (("linear", linear), ("cosine", cosine)):
        theirs = by_torch(lambda o, law=law: lr_scheduler.LambdaLR(o, law), steps)
        ours = plan(name, warmup_steps=w, warmup_start=0).factors(steps)
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)
        assert ours[0] == 0.0
        assert plan(name, warmup_steps=w).factors(steps)[0] == 1.0 / w


def test_a_run_shorter_than_its_warm_up_only_warms_up() -> None:
    assert plan("cosine", warmup_steps=10).factors(4) == pytest.approx([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("name", "chosen", "field"),
    [
        ("cosine", {"end": -0.1}, "end"),
        ("cosine", {"end": math.nan}, "end"),
        ("cosine", {"end": "low"}, "end"),
        ("cosine", {"stop": 0.1}, "stop"),
        ("one_cycle", {"rise": 1.5}, "rise"),
        ("step", {"drops": 0}, "drops"),
        ("step", {"drops": 1.5}, "drops"),
        ("step", {"gamma": 2.0}, "gamma"),
        ("linear", {"warmup_steps": -1}, "warmup_steps"),
        ("constant", {"warmup_steps": True}, "warmup_steps"),
    ],
)
def test_bad_settings_are_named(name: str, chosen: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan(name, **chosen)
    assert caught.value.field == field


def test_a_schedule_may_be_given_as_an_id_an_object_or_a_plan() -> None:
    chosen = plan("cosine", end=0.2)
    assert as_plan({"id": "cosine", "end": 0.2}) == chosen
    assert as_plan("cosine") == plan("cosine")
    assert as_plan(chosen) is chosen
    assert as_plan(None) is None


@pytest.mark.parametrize("given", ["cosin", 3, {"end": 0.2}, {"id": 7}, ["cosine"]])
def test_anything_else_is_refused_as_a_schedule(given: object) -> None:
    with pytest.raises(InvalidInput):
        as_plan(given)
