"""`oc.train`: the same losses as torch's own optimizers, and every option does what it says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import optim_core as oc
from optim_core.catalogue import as_task
from optim_core.experiment import task_experiment
from optim_core.outcomes import Outcome
from optim_core.param_groups import split_decay
from optim_core.rule import Twin
from optim_core.task import Task, TaskRun
from optim_core.train import control as steering
from optim_core.train import loop
from optim_core.train.loop import Loop, TrainResult
from optim_core.transport.sinks import Control, MemorySink

SMALL = {"id": "digits_mlp", "hidden": 16, "depth": 1}
CPU = torch.device("cpu")


def train(rule: str = "adamw", *, task: Any = SMALL, **options: Any) -> TrainResult:
    return oc.train(task, rule, **{"steps": 12, "batch_size": 16, "device": "cpu", **options})


def column(result: TrainResult, name: str) -> NDArray[np.float32]:
    assert isinstance(result.sink, MemorySink)
    return result.sink.recording[name]


def memory(result: TrainResult) -> MemorySink:
    assert isinstance(result.sink, MemorySink)
    return result.sink


# --- Parity with torch --------------------------------------------------------------------------


def in_double(task: Task) -> Task:
    """The task in float64 from the same weights and batches."""

    def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
        run = task.build(seed, device, **settings)

        def batches(size: int) -> Any:
            for batch in run.batches(size):
                yield tuple(x.double() if x.is_floating_point() else x for x in batch)

        return replace(run, model=run.model.double(), batches=batches, evaluate=lambda model: {})

    return replace(task, build=build)


WITH_TWIN = [
    name
    for name, rule in oc.rules().items()
    if rule.reference and (not isinstance(rule.reference, Twin) or rule.reference.covers(rule.complete({})))
]


def by_torch(task: Task, rule_id: str, steps: int, hyper: dict[str, Any]) -> list[float]:
    """The losses of the loop that anybody would write."""
    run = task.run(0, CPU, {"hidden": 16, "depth": 1})
    rule = oc.rules()[rule_id]
    assert rule.reference is not None
    optimizer = rule.reference(list(run.model.parameters()), **rule.complete(hyper))
    losses = []
    for batch in islice(run.batches(16), steps):
        optimizer.zero_grad()
        loss = run.loss(run.model, batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("rule", WITH_TWIN)
@pytest.mark.parametrize(("double", "tolerance"), [(False, 1e-5), (True, 1e-9)], ids=["float32", "float64"])
def test_losses_are_those_of_torch(rule: str, double: bool, tolerance: float) -> None:
    task = as_task("digits_mlp")
    task = in_double(task) if double else task
    hyper: dict[str, Any] = {"weight_decay": 0.01} if "weight_decay" in oc.rules()[rule].settings else {}
    found: list[float] = []

    def record(seen: float) -> None:
        found.append(seen)

    experiment = experiment_of(rule, groups="all", steps=200, trace={"every": 20}, **hyper)
    wanted = by_torch(task, rule, 200, dict(experiment.hyper))
    job = Loop(replace(experiment, problem=replace(experiment.problem, task=task)), MemorySink(), "run")
    original = job._tracer.record
    job._tracer.record = lambda loss, **more: (record(float(loss)), original(loss, **more))[1]  # type: ignore[method-assign]
    assert job.run().outcome is Outcome.FINISHED
    np.testing.assert_allclose(found, wanted, rtol=tolerance)
    assert np.ptp(wanted) > 1e-3  # the steps were large enough to tell rules apart


def experiment_of(rule: str, **options: Any) -> Any:
    known = {"task": "digits_mlp", "settings": {"hidden": 16, "depth": 1}, "batch_size": 16, "device": "cpu"}
    own = {name: options.pop(name) for name in list(options) if name in oc.rules()[rule].settings}
    return task_experiment({**known, **options, "optimizer": rule, "hyper": own})


# --- The run and its trace ----------------------------------------------------------------------


def test_a_seed_fixes_a_run_to_the_last_bit() -> None:
    runs = [
        train(seed=5, schedule="cosine", clip=0.5),
        train(seed=5, schedule="cosine", clip=0.5),
        train(seed=6),
    ]
    same, again, other = (column(run, "loss") for run in runs)
    np.testing.assert_array_equal(same, again)
    assert (same != other).any()
    for a, b in zip(runs[0].model.parameters(), runs[1].model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_tracing_more_changes_no_loss() -> None:
    often, seldom = train(trace={"every": 1, "histogram_every": 1}), train(trace={"every": 100})
    np.testing.assert_array_equal(column(often, "loss"), column(seldom, "loss"))


def test_the_sink_is_told_everything_in_order() -> None:
    result = train(trace={"every": 3, "histogram_every": 6, "watch": [["0.bias", 2]]}, validate_every=4)
    sink = memory(result)
    assert result.outcome is Outcome.FINISHED
    assert sink.outcome == "finished"
    assert result.steps == 12
    assert [frame.seq for frame in sink.frames] == list(range(len(sink.frames)))
    columns = sink.recording.series
    assert columns["loss"].steps.tolist() == list(range(1, 13))
    assert columns["0.weight/angle"].steps.tolist() == [1, 3, 6, 9, 12]
    assert columns["0.weight/effective_lr_hist"].steps.tolist() == [1, 6, 12]
    assert columns["0.bias[2]/value"].steps.tolist() == [1, 3, 6, 9, 12]
    assert columns["val_loss"].steps.tolist() == columns["accuracy"].steps.tolist() == [4, 8, 12]
    assert columns["path_x"].values.shape == (3, 200)
    assert {"lr", "weight_decay", "grad_norm", "steps_per_second", "val_accuracy"} <= columns.keys()
    assert result.metrics["val_loss"] == columns["val_loss"].values[-1]
    assert sink.recording.events[-1]["kind"] == "outcome"
    assert sink.about["task"] == "digits_mlp"
    assert sink.about["config"]["hyper"]["lr"] == 1e-3
    assert sink.about["config"]["batch_size"] == 16


def test_the_sink_is_told_each_tensors_group_and_why() -> None:
    tensors = memory(train()).about["tensors"]
    wanted = {name for group in split_decay(train().model) for name in group["names"]}
    assert {tensor["name"] for tensor in tensors} == wanted
    bias = next(tensor for tensor in tensors if tensor["name"] == "0.bias")
    assert bias == {
        "name": "0.bias",
        "shape": [16],
        "group": 1,
        "decayed": False,
        "reason": "Does not decay: it is a bias (of Linear).",
    }
    without = memory(train("sgd")).about["tensors"]
    assert not any(tensor["decayed"] for tensor in without)
    assert "SGD has no decay" in without[0]["reason"]


@pytest.mark.parametrize("rule", sorted(oc.rules()))
def test_every_rule_trains(rule: str) -> None:
    result = train(rule, steps=5)
    assert result.outcome is Outcome.FINISHED
    assert np.isfinite(column(result, "0.weight/effective_lr_median")).all()


def test_boundary_and_closed_form_come_with_the_validation() -> None:
    moons = train(task="moons_mlp", validate_every=6)
    n = memory(moons).about["facts"]["boundary"]["n"]
    assert column(moons, "boundary").shape == (2, n * n)
    ridge = train("sgd_l2", task={"id": "ridge", "data": "diabetes"}, steps=400, lr=0.1, weight_decay=0.1)
    apart = column(ridge, "distance_to_minimum")
    assert apart[-1] < 0.8 * apart[0]


def test_path_is_that_of_the_principal_components() -> None:
    task = as_task(SMALL["id"])
    kept: list[NDArray[np.float64]] = []

    class Keeping(MemorySink):
        def control(self) -> Control | None:
            if job._tracer.step:
                flat = [p.detach().double().flatten() for p in job._model.parameters()]
                kept.append(torch.cat(flat).numpy())
            return None

    job = Loop(experiment_of("adamw", groups="all", steps=30, trace=None, lr=0.01), Keeping(), "run")
    result = job.run()
    kept.append(torch.cat([p.detach().double().flatten() for p in job._model.parameters()]).numpy())
    matrix = np.stack(kept)
    _, values, vectors = np.linalg.svd(matrix - matrix.mean(0), full_matrices=False)
    columns = memory(result).recording.series
    for i, name in enumerate(("path_x", "path_y")):
        shown = columns[name].values[-1]
        wanted = (matrix - matrix.mean(0)) @ vectors[i]
        assert np.isnan(shown[30:]).all()
        wanted *= np.sign(wanted @ shown[:30])
        np.testing.assert_allclose(shown[:30], wanted, rtol=2e-3, atol=1e-4 * np.abs(wanted).max())
    assert columns["path_step"].values[-1][:30].tolist() == list(range(1, 31))
    np.testing.assert_allclose(
        columns["path_share"].values[-1], (values**2 / (values**2).sum())[:2], rtol=1e-3
    )
    assert task.id == "digits_mlp"


# --- Options ------------------------------------------------------------------------------------


def test_schedules_move_learning_rate_and_decay() -> None:
    result = train(
        schedule={"id": "cosine", "warmup_steps": 3},
        decay_schedule="linear",
        lr=0.1,
        weight_decay=0.5,
        trace={"every": 1},
    )
    schedules = oc.schedules()
    lr = schedules["cosine"].at(warmup_steps=3).factors(12)
    decay = schedules["linear"].at().factors(12)
    np.testing.assert_allclose(column(result, "lr"), 0.1 * np.array(lr), rtol=1e-6)
    np.testing.assert_allclose(column(result, "weight_decay"), 0.5 * np.array(decay), rtol=1e-6)
    shrink = 0.05 * np.array(lr) * np.array(decay)
    np.testing.assert_allclose(column(result, "0.weight/effective_decay"), shrink, rtol=1e-4)
    assert (column(result, "0.bias/decay_part_norm") == 0.0).all()


def test_decay_of_loshchilov_and_hutter_follows_the_factor_alone() -> None:
    result = train("adamw_lh", schedule="cosine", lr=0.1, weight_decay=0.01, trace={"every": 1})
    factors = oc.schedules()["cosine"].at().factors(12)
    np.testing.assert_allclose(
        column(result, "0.weight/effective_decay"), 0.01 * np.array(factors), rtol=1e-4
    )


def test_groups_decide_what_decays() -> None:
    result = train(groups="all", weight_decay=0.5, trace={"every": 1})
    np.testing.assert_allclose(column(result, "0.weight/effective_decay"), 5e-4, rtol=1e-4)
    assert (column(result, "0.bias/decay_part_norm") > 0.0).all()


def test_clipping_bounds_the_gradient_that_the_optimizer_sees() -> None:
    result = train("sgd", clip=0.1, trace={"every": 1})
    names = [tensor["name"] for tensor in memory(result).about["tensors"]]
    seen = np.sqrt(sum(column(result, f"{name}/grad_norm") ** 2 for name in names))
    norm, factor = column(result, "grad_norm"), column(result, "clip_factor")
    assert (norm > 0.1).all()
    np.testing.assert_allclose(factor, 0.1 / norm, rtol=1e-3)
    np.testing.assert_allclose(seen, 0.1, rtol=1e-3)


def test_a_penalty_in_the_loss_is_twice_the_decay_of_the_half_convention() -> None:
    a = train("sgd", l2_in_loss=0.05, lr=0.1, groups="all")
    b = train("sgd_l2", weight_decay=0.1, lr=0.1, groups="all")
    np.testing.assert_allclose(column(a, "loss"), column(b, "loss"), rtol=1e-5)
    assert (column(a, "l2_in_loss") > 0.0).all()


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp16_unscaled"])
def test_half_precision_trains_nearly_alike(precision: str) -> None:
    exact, rough = train("sgd", lr=0.1), train("sgd", lr=0.1, precision=precision)
    np.testing.assert_allclose(column(rough, "loss"), column(exact, "loss"), rtol=0.05)
    assert (column(rough, "loss") != column(exact, "loss")).any()
    assert ("loss_scale" in memory(rough).recording.series) == (precision == "fp16")


def test_scaling_saves_small_gradients_in_float16() -> None:
    def tiny(task: Task) -> Task:
        def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
            run = task.build(seed, device, **settings)
            return replace(run, loss=lambda model, batch: 1e-7 * run.loss(model, batch))

        return replace(task, build=build)

    task = tiny(as_task("digits_mlp"))
    lost, kept = (
        column(
            train("sgd", task=task, precision=precision, steps=8, trace={"every": 1}), "0.weight/grad_norm"
        )
        for precision in ("fp16_unscaled", "fp16")
    )
    assert (lost == 0.0).all()
    assert (kept > 0.0).any()


# --- Ends and steering --------------------------------------------------------------------------


def test_divergence_ends_the_run_and_keeps_its_trace() -> None:
    result = train("sgd", lr=1e5, steps=200)
    assert result.outcome is Outcome.DIVERGED
    assert f"Diverged at step {result.steps}" in result.reason
    losses = column(result, "loss")
    assert len(losses) == result.steps < 200
    assert losses[-1] > 1e9
    assert memory(result).outcome == "diverged"


def test_nan_ends_the_run_at_that_step(monkeypatch: pytest.MonkeyPatch) -> None:
    task = as_task("digits_mlp")

    def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
        run = task.build(seed, device, **settings)
        calls = iter(range(1000))
        return replace(run, loss=lambda m, b: run.loss(m, b) * (torch.nan if next(calls) == 6 else 1.0))

    result = train(task=replace(task, build=build), steps=50)
    assert result.outcome is Outcome.UNDEFINED
    assert result.steps == 7
    losses = column(result, "loss")
    assert np.isfinite(losses[:6]).all()
    assert np.isnan(losses[6])


def test_an_infinite_loss_ends_the_run_at_that_step() -> None:
    task = as_task("digits_mlp")

    def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
        run = task.build(seed, device, **settings)
        calls = iter(range(1000))
        return replace(run, loss=lambda m, b: run.loss(m, b) + (torch.inf if next(calls) == 4 else 0.0))

    result = train(task=replace(task, build=build), steps=50)
    assert (result.outcome, result.steps) == (Outcome.DIVERGED, 5)
    assert np.isinf(column(result, "loss")).tolist() == [False] * 4 + [True]


def test_where_the_gradient_is_shorter_than_the_bound_the_clip_factor_is_one() -> None:
    assert (column(train("sgd", clip=1e6), "clip_factor") == 1.0).all()


def test_an_error_is_told_and_raised() -> None:
    task = as_task("digits_mlp")
    sink = MemorySink()

    def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
        def broken(model: Any, batch: Any) -> torch.Tensor:
            raise RuntimeError("out of paper")

        return replace(task.build(seed, device, **settings), loss=broken)

    with pytest.raises(RuntimeError, match="out of paper"):
        train(task=replace(task, build=build), sink=sink)
    assert (sink.outcome, sink.reason) == ("failed", "RuntimeError: out of paper")


def test_an_interrupt_is_told_and_raised() -> None:
    class Interrupting(MemorySink):
        def control(self) -> Control | None:
            if self.frames:
                raise KeyboardInterrupt
            return None

    sink = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        train(sink=sink, steps=100_000)
    assert sink.outcome == "interrupted"


class Script(MemorySink):
    """Wants something from the moment that so many steps were written."""

    def __init__(self, wishes: dict[int, Control]):
        super().__init__()
        self.wishes = wishes

    def control(self) -> Control | None:
        step = sum(len(f.columns["step"]) for f in self.frames if "loss" in f.columns)
        return next((wish for at, wish in sorted(self.wishes.items(), reverse=True) if step >= at), None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushes after every step."""
    monkeypatch.setattr(loop, "FLUSH_S", 0.0)
    monkeypatch.setattr(steering, "POLL_S", 0.001)


@pytest.mark.usefixtures("quick")
def test_settings_change_without_a_reset_and_leave_an_event() -> None:
    wish = Control(version=1, hyper={"lr": 0.01, "weight_decay": 0.7})
    result = train(sink=Script({4: wish}), schedule="linear")
    factors = np.array(oc.schedules()["linear"].at().factors(12))
    base = np.where(np.arange(1, 13) <= 4, 1e-3, 1e-2)
    np.testing.assert_allclose(column(result, "lr"), base * factors, rtol=1e-6)
    np.testing.assert_allclose(column(result, "weight_decay"), np.where(base < 2e-3, 0.1, 0.7), rtol=1e-6)
    events = [e for e in memory(result).recording.events if e["kind"] == "setting"]
    assert [(e["step"], e["name"], e["from"], e["to"]) for e in events] == [
        (4, "lr", 1e-3, 0.01),
        (4, "weight_decay", 0.1, 0.7),
    ]
    untouched = train(schedule="linear")
    np.testing.assert_array_equal(column(result, "loss")[:5], column(untouched, "loss")[:5])


@pytest.mark.usefixtures("quick")
def test_settings_out_of_bounds_are_refused_in_an_event() -> None:
    result = train(sink=Script({2: Control(version=1, hyper={"lr": -1.0})}))
    assert (column(result, "lr") == np.float32(1e-3)).all()
    assert "Refused: lr: got -1" in memory(result).recording.events[0]["text"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("by", "words"), [("", "by hand"), ("the instructor", "by the instructor")])
def test_cancelling_ends_the_run(by: str, words: str) -> None:
    result = train(sink=Script({5: Control(version=1, cancel=True, by=by)}), steps=100_000)
    assert result.outcome is Outcome.CANCELLED
    assert result.steps == 5
    assert result.reason == f"Stopped {words} after step 5."
    assert memory(result).outcome == "cancelled"


class Steered(MemorySink):
    """Counts how often it was asked what is wanted."""

    asked = 0

    def control(self) -> Control | None:
        self.asked += 1
        return super().control()

    def answered(self) -> None:
        """Waits until the loop has seen what is wanted now, and has had time to act on it."""
        seen = self.asked
        wait_for(lambda: self.asked > seen + 3)


@contextmanager
def steered(**options: Any) -> Iterator[tuple[Steered, list[TrainResult]]]:
    """A run in a thread that is paused before its first step; ended when the block is left."""
    sink, ended = Steered(), list[TrainResult]()
    sink.wanted = Control(version=1, paused=True)
    thread = threading.Thread(target=lambda: ended.append(train(sink=sink, **options)))
    thread.start()
    try:
        wait_for(lambda: bool(sink.recording.events))
        yield sink, ended
    finally:
        sink.wanted = Control(version=99, cancel=True)
        thread.join(60.0)
        assert not thread.is_alive()


@pytest.mark.usefixtures("quick")
def test_pausing_single_steps_and_going_on() -> None:
    with steered(steps=30) as (sink, ended):
        assert steps_of(sink) == 0
        sink.wanted = Control(version=2, paused=True, steps=3)
        wait_for(lambda: steps_of(sink) == 3)
        sink.answered()
        assert steps_of(sink) == 3
        sink.wanted = Control(version=3, paused=False, steps=3)
        wait_for(lambda: bool(ended))
    assert steps_of(sink) == 30
    assert [(e["kind"], e["step"]) for e in sink.recording.events] == [
        ("pause", 0),
        ("resume", 3),
        ("outcome", 30),
    ]
    np.testing.assert_array_equal(sink.recording["loss"], column(train(steps=30), "loss"))


@pytest.mark.usefixtures("quick")
def test_a_paused_run_can_be_cancelled() -> None:
    with steered(steps=30) as (sink, ended):
        sink.wanted = Control(version=2, cancel=True, paused=True)
        wait_for(lambda: bool(ended))
    assert (ended[0].outcome, steps_of(sink)) == (Outcome.CANCELLED, 0)


def steps_of(sink: MemorySink) -> int:
    series = sink.recording.series.get("loss")
    return len(series.steps) if series else 0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "digits"}, "task: there is no task 'digits'"),
        ({"task": {"id": "digits_mlp", "hidden": 0}}, "settings.hidden: got 0"),
        ({"rule": "adamx"}, "optimizer: there is no optimizer 'adamx'"),
        ({"lr": -1.0}, "hyper.lr: got -1"),
        ({"steps": 0}, "steps: got 0"),
        ({"batch_size": 1.5}, "batch_size: got 1.5"),
        ({"device": "abacus"}, "device: got 'abacus'"),
        ({"schedule": "cos"}, "schedule: there is no schedule 'cos'"),
        ({"rule": "sgd", "decay_schedule": "linear"}, "decay_schedule: SGD has no decay"),
        ({"groups": "some"}, "groups: got 'some', allowed is one of"),
        ({"clip": -1.0}, "clip: got -1"),
        ({"precision": "fp8"}, "precision: got 'fp8', allowed is one of"),
        ({"trace": {"each": 1}}, "trace: there is no option 'each'"),
        ({"trace": {"every": 0}}, "trace.every: got 0"),
        ({"trace": {"watch": [["0.bias"]]}}, "trace.watch: expected pairs"),
        ({"trace": {"select": "nothing"}}, "no tensor is named 'nothing'"),
        ({"validate_every": 0}, "validate_every: got 0"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(oc.InvalidInput, match=words.replace("(", r"\(")):
        train(**options)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("rule", ["adamw", "adam_l2", "muon"])
def test_cuda_trains_like_the_cpu(rule: str) -> None:
    ours, theirs = train(rule, device="cuda"), train(rule)
    np.testing.assert_allclose(column(ours, "loss"), column(theirs, "loss"), rtol=1e-3)
