"""A run that gave way, at any steps, is to the bit the run that never did; its file is safe and whole."""

from __future__ import annotations

import errno
import os
import random
import resource
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from optim_core.catalogue import as_task, rules, tasks
from optim_core.declare.errors import InvalidInput
from optim_core.experiment import Experiment, TaskProblem, task_experiment
from optim_core.recording import Recording
from optim_core.task import Task, TaskRun
from optim_core.train import checkpoint, loop
from optim_core.train import control as steering
from optim_core.train.loop import GaveWay, Loop
from optim_core.transport.sinks import Control, MemorySink

SMALL: Mapping[str, Any] = {
    "task": "moons_mlp", "settings": {"hidden": 8, "depth": 1}, "batch_size": 16, "steps": 24,
    "optimizer": "adamw", "device": "cpu", "validate_every": 7, "trace": {"every": 3, "histogram_every": 6},
    "schedule": {"id": "cosine", "warmup_steps": 4},
}  # fmt: skip
TINY: Mapping[str, Mapping[str, Any]] = {
    "char_gpt": {"context": 8},
    "digits_cnn": {"channels": 2},
    "digits_mlp": {"hidden": 8},
    "moons_mlp": {"hidden": 8},
    "noisy_labels": {"hidden": 8, "examples": 40},
    "scale_invariant": {"rows": 4, "row_length": 8},
}
Wish = Callable[[int], Control]  # by the number of steps that are told


@dataclass
class Ran:
    """What came of a run, in how many pieces soever."""

    frames: list[Any]
    about: dict[str, Any]
    outcome: str
    model: nn.Module
    left: list[int]  # the steps after which it gave way

    @property
    def recording(self) -> Recording:
        return Recording.of_frames(self.about, self.frames, self.outcome)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Without those of giving way."""
        return [dict(e) for e in self.recording.events if e["kind"] != "give_way"]


class Leaving(MemorySink):
    """Wants what ``wish`` says, and asks to give way as soon as more than ``after`` steps are told."""

    def __init__(self, wish: Wish, after: int, told: int):
        super().__init__()
        self._wish, self._after, self._told = wish, after, told

    def write(self, frame: Any) -> Control | None:
        if "loss" in frame.columns:
            self._told = int(frame.steps[-1])
        return super().write(frame)

    def control(self) -> Control | None:
        return replace(self._wish(self._told), give_way=self._told >= self._after)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is told after each step, and a pause is looked at often."""
    monkeypatch.setattr(loop, "FLUSH_S", 0.0)
    monkeypatch.setattr(steering, "POLL_S", 0.001)


def no_wish(told: int) -> Control:
    return Control()


def experiment(**given: Any) -> Experiment[TaskProblem]:
    return task_experiment({**SMALL, **given})


def run(described: Experiment[TaskProblem], path: Path, leaves: list[int], wish: Wish = no_wish) -> Ran:
    """The run, giving way after these steps; each piece is a new `Loop`, as in a new process."""
    torch.manual_seed(11)
    frames: list[Any] = []
    left: list[int] = []
    never = described.problem.steps + 1
    for after in [*leaves, never]:
        sink = Leaving(wish, after, left[-1] if left else 0)
        job = Loop(described, sink, "run", leave_at=path)
        if left:
            torch.manual_seed(99)  # another process draws something else
            job.load_state_dict(checkpoint.load(path))
        try:
            result = job.run()
        except GaveWay:
            frames += sink.frames
            left.append(checkpoint.load(path)["step"])
            continue
        frames += sink.frames
        return Ran(frames, sink.about, result.outcome.value, result.model, left)
    raise AssertionError("it left although nobody asked")


def check_same(one: Ran, other: Ran) -> None:
    """Frames that go on, equal columns at equal steps, equal events, and equal weights: to the bit."""
    assert [frame.seq for frame in one.frames] == list(range(len(one.frames)))
    assert (one.outcome, one.events) == (other.outcome, other.events)
    found, wanted = one.recording, other.recording
    assert found.series.keys() == wanted.series.keys()
    for name in wanted.series.keys() - {"steps_per_second"}:
        np.testing.assert_array_equal(found.steps(name), wanted.steps(name), err_msg=name)
        assert found[name].tobytes() == wanted[name].tobytes(), name
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name


def leaves_of(seed: str, steps: int) -> list[int]:
    """After which steps to give way, drawn by the name of the case."""
    chance = random.Random(seed)
    return sorted(chance.sample(range(1, steps), chance.choice([1, 2, 4])))


@pytest.mark.parametrize("rule", sorted(rules()))
def test_every_rule_goes_on_to_the_bit(rule: str, tmp_path: Path) -> None:
    described = experiment(optimizer=rule, clip=0.5)
    leaves = leaves_of(rule, 24)
    away = run(described, tmp_path / "run.pt", leaves)
    assert away.left == leaves
    check_same(away, run(described, tmp_path / "other.pt", []))


@pytest.mark.parametrize("task", sorted(tasks()))
def test_every_task_goes_on_to_the_bit(task: str, tmp_path: Path) -> None:
    described = experiment(task=task, settings=TINY.get(task, {}), batch_size=8)
    leaves = leaves_of(task, 24)
    away = run(described, tmp_path / "run.pt", leaves)
    assert away.left == leaves
    check_same(away, run(described, tmp_path / "other.pt", []))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_at_any_steps_with_dropout_and_scaled_losses(precision: str, seed: int, tmp_path: Path) -> None:
    described = experiment(precision=precision, l2_in_loss=0.01, steps=40, seed=seed)
    task = with_dropout(described.problem.task)
    described = replace(described, problem=replace(described.problem, task=task))
    away = run(described, tmp_path / "run.pt", leaves_of(f"{precision}{seed}", 40))
    check_same(away, run(described, tmp_path / "other.pt", []))
    assert ("loss_scale" in away.recording.series) == (precision == "fp16")


def with_dropout(task: Task) -> Task:
    def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
        made = task.build(seed, device, **settings)
        assert isinstance(made.model, nn.Sequential)
        made.model.insert(2, nn.Dropout(0.3))
        return made

    return replace(task, build=build)


def test_a_scale_that_has_shrunk_stays(tmp_path: Path) -> None:
    """The first losses overflow, which is how the scale finds its size: part of what must not be lost."""
    described = experiment(precision="fp16", optimizer="sgd", steps=12)
    task = louder(described.problem.task)
    described = replace(described, problem=replace(described.problem, task=task))
    away = run(described, tmp_path / "run.pt", [3, 8])
    scales = away.recording["loss_scale"]
    assert len(set(scales.tolist())) > 1
    check_same(away, run(described, tmp_path / "other.pt", []))


def louder(task: Task) -> Task:
    def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
        made = task.build(seed, device, **settings)
        return replace(made, loss=lambda model, batch: 1e3 * made.loss(model, batch))

    return replace(task, build=build)


def test_flushing_often_or_never_gives_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = run(experiment(), tmp_path / "run.pt", [5, 9])
    monkeypatch.setattr(loop, "FLUSH_S", 1e9)
    seldom = run(experiment(), tmp_path / "other.pt", [])
    assert len(seldom.frames) < len(often.frames) / 2
    check_same(often, seldom)


# --- What was asked for stays -------------------------------------------------------------------


def changing(told: int) -> Control:
    """λ, η and β are changed on the way; η goes back."""
    if told < 5:
        return Control()
    hyper = {"lr": 0.02, "weight_decay": 0.3, "beta1": 0.5}
    return Control(version=1, hyper=hyper) if told < 15 else Control(version=2, hyper={**hyper, "lr": 0.001})


def test_settings_changed_by_hand_stay_changed_and_are_told_once(tmp_path: Path) -> None:
    away = run(experiment(), tmp_path / "run.pt", [3, 8, 12, 20], changing)
    whole = run(experiment(), tmp_path / "other.pt", [], changing)
    check_same(away, whole)
    assert [e["name"] for e in away.events if e["kind"] == "setting"] == ["lr", "weight_decay", "beta1", "lr"]


def test_a_pause_outlasts_giving_way_and_single_steps_are_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    paused, stepped = Control(paused=True), Control(paused=True, steps=2)
    first = MemorySink()
    first.wanted = replace(stepped, give_way=True)
    with pytest.raises(GaveWay):
        Loop(experiment(), first, "run", leave_at=path).run()
    assert first.recording.steps("loss").tolist() == [1, 2]  # those asked for are taken before it leaves
    assert [e["kind"] for e in first.recording.events] == ["pause", "give_way"]
    again = Leaving(lambda told: replace(stepped, steps=3), 3, 2)
    job = Loop(experiment(), again, "run", leave_at=path)
    job.load_state_dict(checkpoint.load(path))
    with pytest.raises(GaveWay):
        job.run()
    assert again.recording.steps("loss").tolist() == [3]
    last = MemorySink()
    last.wanted = replace(paused, paused=False, steps=3)
    job = Loop(experiment(), last, "run", leave_at=path)
    job.load_state_dict(checkpoint.load(path))
    assert job.run().steps == 24
    assert [e["kind"] for e in last.recording.events] == ["resume", "outcome"]


def test_until_the_new_sink_has_heard_anything_a_pause_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    first = MemorySink()
    first.wanted = Control(paused=True, steps=2, give_way=True)
    with pytest.raises(GaveWay):
        Loop(experiment(), first, "run", leave_at=path).run()

    class Silent(MemorySink):
        asked = 0

        def control(self) -> Control | None:
            self.asked += 1
            return None if self.asked < 9 else Control(paused=True, steps=3, cancel=self.asked > 12)

    later = Silent()
    job = Loop(experiment(), later, "run", leave_at=path)
    job.load_state_dict(checkpoint.load(path))
    assert job.run().outcome == "cancelled"
    assert later.recording.steps("loss").tolist() == [3]
    assert [e["kind"] for e in later.recording.events] == ["outcome"]


def test_bad_losses_before_and_after_count_together(tmp_path: Path) -> None:
    described = experiment(precision="fp16", optimizer="sgd", steps=40)

    def infinite(task: Task) -> Task:
        def build(seed: int, device: torch.device, **settings: Any) -> TaskRun:
            made = task.build(seed, device, **settings)
            return replace(made, loss=lambda model, batch: torch.inf * made.loss(model, batch))

        return replace(task, build=build)

    task = infinite(described.problem.task)
    described = replace(described, problem=replace(described.problem, task=task))
    away = run(described, tmp_path / "run.pt", [10, 20])
    assert (away.outcome, len(away.recording["loss"])) == ("diverged", 26)


def test_every_turn_takes_a_step_however_early_it_ends(tmp_path: Path) -> None:
    path, left = tmp_path / "run.pt", []
    for turn in range(3):
        sink = MemorySink()
        sink.wanted = Control(give_way=True)
        job = Loop(experiment(), sink, "run", leave_at=path)
        if turn:
            job.load_state_dict(checkpoint.load(path))
        with pytest.raises(GaveWay):
            job.run()
        left.append(checkpoint.load(path)["step"])
    assert left == [1, 2, 3]


def test_a_run_without_a_place_for_a_checkpoint_trains_on() -> None:
    sink = MemorySink()
    sink.wanted = Control(give_way=True)
    assert Loop(experiment(), sink, "run").run().outcome == "finished"


def test_a_loss_that_ends_the_run_counts_also_where_giving_way_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FLUSH_S", 1e9)  # so that nothing else flushes
    described = experiment(optimizer="sgd", hyper={"lr": 1e5}, schedule=None, steps=50, task="digits_mlp")
    described = replace(described, problem=replace(described.problem, validate_every=50))
    wanted = run(described, tmp_path / "other.pt", [])

    class Late(MemorySink):
        asked = 0

        def control(self) -> Control | None:
            self.asked += 1
            return Control(give_way=self.asked == 31)

    sink = Late()
    result = Loop(described, sink, "run", leave_at=tmp_path / "run.pt").run()
    assert (result.outcome.value, result.steps) == (wanted.outcome, len(wanted.recording["loss"]))
    assert result.steps < 30
    assert result.outcome != "finished"


# --- The file -----------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints" / "run.pt"
    sink = Leaving(no_wish, 5, 0)
    with pytest.raises(GaveWay):
        Loop(experiment(), sink, "run", leave_at=path).run()
    return path


def test_the_file_is_the_owners_alone_and_nothing_lies_beside_it(written: Path) -> None:
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert list(written.parent.iterdir()) == [written]
    state = torch.load(written, weights_only=True)
    assert (state["step"], state["version"]) == (5, 1)


def test_a_file_of_something_else_is_refused_with_words(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    with pytest.raises(InvalidInput, match=r"other.pt cannot be read \(No such file"):
        checkpoint.load(other)
    other.write_bytes(written.read_bytes()[:1000])
    with pytest.raises(InvalidInput, match=r"other.pt cannot be read \("):
        checkpoint.load(other)
    torch.save({"a": 1}, other)
    with pytest.raises(InvalidInput, match=r"other.pt is no checkpoint"):
        checkpoint.load(other)
    torch.save({"format": checkpoint.FORMAT, "version": 2}, other)
    with pytest.raises(InvalidInput, match="is 2, this version reads 1"):
        checkpoint.load(other)
    torch.save(as_task, other)  # code, not data
    with pytest.raises(InvalidInput, match="UnpicklingError"):
        checkpoint.load(other)


def test_another_experiment_does_not_take_it_up(written: Path) -> None:
    job = Loop(experiment(seed=1, clip=2.0), MemorySink(), "run")
    with pytest.raises(InvalidInput, match=r"another experiment: it differs in (seed, clip|clip, seed)"):
        job.load_state_dict(checkpoint.load(written))


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond a kilobyte."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("full_disk")
def test_where_the_disk_is_full_the_run_stays_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    path.write_bytes(b"before")
    sink = Leaving(no_wish, 5, 0)
    result = Loop(experiment(), sink, "run", leave_at=path).run()
    told = [e["text"] for e in sink.recording.events if e["kind"] == "give_way"]
    assert (result.outcome, result.steps) == ("finished", 24)
    assert told[0] == "Gives way after step 5."
    assert told[1].startswith("Keeps its device: its checkpoint cannot be written: ")
    assert len(told) == 2  # it is told once for each time that it is asked
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_disk_has_not_taken_is_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(checkpoint.CheckpointError, match="No space left on device"):
        checkpoint.save(tmp_path / "run.pt", {})
    assert not list(tmp_path.iterdir())


def test_frames_that_do_not_arrive_keep_the_run(tmp_path: Path) -> None:
    class Cut(Leaving):
        def settle(self) -> bool:
            return False

    sink = Cut(no_wish, 5, 0)
    assert Loop(experiment(), sink, "run", leave_at=tmp_path / "run.pt").run().steps == 24
    assert "does not arrive" in [e["text"] for e in sink.recording.events if e["kind"] == "give_way"][1]
    assert not list(tmp_path.iterdir())
