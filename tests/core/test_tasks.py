"""The contract that every registered task keeps, and what single tasks promise beyond it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optim_core.catalogue import as_task, rules, tasks
from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import Choice, Flag, Integer, Real
from optim_core.declare.registry import Catalogue
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.param_groups import split_decay
from optim_core.rule import Rule
from optim_core.task import Batch, Task, TaskRun, placed, shuffled
from optim_core.tasks import char_gpt, digits_mlp
from optim_core.tasks._classify import digits

CPU = torch.device("cpu")
SIZE = 8
# Tasks by id with other settings than their defaults, run through the contract too.
VARIANTS: Mapping[str, list[dict[str, Any]]] = {
    "char_gpt": [{"context": 16}],
    "moons_mlp": [{"points": "spirals", "noise": 0.0}],
    "ridge": [{"data": "diabetes"}],
}
CASES = [
    pytest.param(task, settings, id="-".join([name, *map(str, settings.values())]))
    for name, task in tasks().items()
    for settings in [{}, *VARIANTS.get(name, [])]
]
each_case = pytest.mark.parametrize(("task", "given"), CASES)
each_task = pytest.mark.parametrize("task", tasks().values(), ids=tasks())


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small only wait for each other's threads, above all where other tests run beside."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def started(name: str, seed: int = 0, **given: Any) -> TaskRun:
    return as_task(name).run(seed, CPU, given)


def weights(run: TaskRun) -> Tensor:
    return torch.cat([p.detach().flatten() for p in run.model.parameters()])


def first(run: TaskRun, size: int = SIZE) -> Batch:
    return next(run.batches(size))


def same(a: Batch, b: Batch) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def evaluated(run: TaskRun) -> dict[str, Tensor]:
    run.model.eval()
    with torch.no_grad():
        return dict(run.evaluate(run.model))


def gradient(run: TaskRun, batch: Batch) -> Tensor:
    return torch.cat(
        [g.flatten() for g in torch.autograd.grad(run.loss(run.model, batch), list(run.model.parameters()))]
    )


# --- Every task ---------------------------------------------------------------------------------


@each_task
def test_declaration_is_complete(task: Task) -> None:
    assert task.title
    assert task.data
    assert task.summary.endswith((".", "?"))
    assert task.batch_size >= 1
    assert task.steps >= 1


def suggested(task: Task) -> dict[str, dict[str, Any]]:
    """For every rule all of its settings, as the task suggests them."""
    return {rule.id: rule.complete(task.suits(rule)) for rule in rules().values()}


@each_task
def test_what_a_task_suggests_goes_with_each_kind_of_step(task: Task) -> None:
    lr = {id: hyper["lr"] for id, hyper in suggested(task).items()}
    assert lr["adamw"] == lr["adam_l2"] == task.rates["adaptive"]
    assert lr["sgd"] == lr["sgd_l2"] == lr["sgdw"] == task.rates["gradient"]
    assert lr["lion"] == pytest.approx(0.3 * lr["adamw"])
    assert lr["momentum"] == lr["nesterov"] == pytest.approx(lr["sgd"] / 10)
    assert lr["nadam"] == pytest.approx(2 * lr["adamw"]), "as its default is to Adam's"


@each_task
@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_every_rule_is_to_take_the_tasks_decay_in_a_step(task: Task, rule: Rule) -> None:
    """Measured where a rule declares its share, by one step without a gradient; else λ by hand."""
    hyper = suggested(task)[rule.id]
    if "weight_decay" not in hyper:
        return
    rate, given = task.decay_rate, {name: task.suits(rule)[name] for name in ("lr", "weight_decay")}
    assert rate
    if rule.averaging_time(hyper):
        param = torch.ones(2, 3, dtype=torch.float64)
        state = rule.start(param, hyper)
        step, _ = rule.update(torch.zeros_like(param), state, param, 1, **hyper)
        torch.testing.assert_close(step.decay, torch.full_like(param, rate), rtol=5e-3, atol=0.0)
        assert rule.averaging_time(hyper) == pytest.approx(1 / rate, rel=5e-3)
    elif rule.decay == "decoupled":  # of the point that steps, or while the trust ratio is 1
        assert given["lr"] * given["weight_decay"] == pytest.approx(rate, rel=5e-3)
    else:  # the same penalised loss for all
        assert given["weight_decay"] == pytest.approx(rate / task.rates["gradient"], rel=5e-3)


@each_task
def test_the_suggested_decay_lets_weights_average_over_much_of_the_run(task: Task) -> None:
    assert task.decay_rate
    assert task.steps / 10 <= 1 / task.decay_rate <= 100 * task.steps


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_every_rule_learns_the_digits_with_what_is_suggested(rule: Rule) -> None:
    """A guess costs 2.3 nats; AdamW ends at 0.015."""
    task = as_task("digits_mlp")
    run = started(task.id)
    moves = make_optimizer(rule, split_decay(run.model), **task.suits(rule))
    losses = []
    for batch in islice(run.batches(task.batch_size), 300):
        moves.zero_grad()
        loss = run.loss(run.model, batch)
        loss.backward()
        moves.step()
        losses.append(loss.item())
    assert np.mean(losses[-20:]) < 0.06


def test_a_task_with_decay_needs_the_rate_of_plain_descent() -> None:
    task = Task(title="t", data="d", batch_size=1, steps=1, decay_rate=1e-4, rates={"adaptive": 1e-3})
    with pytest.raises(TypeError, match="rate of plain descent"):
        task.named("mine", digits_mlp)


@each_case
def test_a_seed_fixes_weights_batches_and_evaluation(task: Task, given: dict[str, Any]) -> None:
    one, other = task.run(3, CPU, given), task.run(3, CPU, given)
    assert torch.equal(weights(one), weights(other))
    assert all(same(a, b) for a, b in islice(zip(one.batches(SIZE), other.batches(SIZE), strict=False), 3))
    assert evaluated(one) == evaluated(other)


@each_case
def test_batches_start_anew_and_move_on(task: Task, given: dict[str, Any]) -> None:
    run = task.run(0, CPU, given)
    stream = run.batches(SIZE)
    begin, later = next(stream), next(stream)
    assert same(begin, first(run))
    assert not same(begin, later)


@each_case
@pytest.mark.parametrize("taken", [0, 1, 7, 500])
def test_batches_go_on_from_any_place_without_those_before(
    task: Task, given: dict[str, Any], taken: int
) -> None:
    run = task.run(0, CPU, given)
    stream, elsewhere = placed(run.batches(SIZE)), placed(run.batches(SIZE))
    assert hasattr(run.batches(SIZE), "load_state_dict")  # else all batches before are made once more
    list(islice(stream, taken))
    list(islice(elsewhere, 3))
    elsewhere.load_state_dict(as_file(stream.state_dict()))
    assert all(same(next(stream), next(elsewhere)) for _ in range(70))


def test_an_iterator_that_cannot_tell_its_place_is_counted() -> None:
    stream, other = (placed((torch.tensor(i),) for i in count()) for _ in range(2))
    list(islice(stream, 5))
    list(islice(other, 2))
    other.load_state_dict(as_file(stream.state_dict()))
    assert next(other) == next(stream) == (torch.tensor(5),)


def as_file(state: Mapping[str, Any]) -> Any:
    """The state as it comes out of a checkpoint."""
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@each_case
def test_another_seed_differs(task: Task, given: dict[str, Any]) -> None:
    one, other = task.run(0, CPU, given), task.run(1, CPU, given)
    assert not same(first(one), first(other))
    known = one.minimum is not None  # starts at zero: its solution is known
    assert torch.equal(weights(one), weights(other)) == known


@each_case
def test_every_array_of_a_batch_has_the_size_asked_for(task: Task, given: dict[str, Any]) -> None:
    run = task.run(0, CPU, given)
    if run.examples:  # endless noise comes as the mean of a batch
        assert {len(array) for array in first(run)} == {SIZE}
    assert all(array.isfinite().all() for array in first(run))


@each_case
def test_loss_is_a_finite_number_with_a_gradient_for_every_weight(task: Task, given: dict[str, Any]) -> None:
    run = task.run(0, CPU, given)
    loss = run.loss(run.model, first(run))
    assert loss.shape == ()
    assert loss.isfinite()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in run.model.parameters())
    assert all(p.dtype == torch.float32 for p in run.model.parameters())


@each_case
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_a_few_steps_on_one_batch_lower_its_loss(task: Task, given: dict[str, Any], optimizer: Any) -> None:
    run = task.run(0, CPU, given)
    batch = first(run)
    moves = optimizer(run.model.parameters(), lr=3e-3)
    losses = []
    for _ in range(8):
        moves.zero_grad()
        loss = run.loss(run.model, batch)
        loss.backward()
        moves.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@each_case
def test_evaluation_gives_finite_numbers_and_a_validation_loss(task: Task, given: dict[str, Any]) -> None:
    found = evaluated(task.run(0, CPU, given))
    assert found
    assert ("val_loss" in found) == task.descends
    for name, number in found.items():
        assert number.shape == ()
        assert number.isfinite()
        if name.endswith("accuracy"):
            assert 0 <= number <= 1


@each_case
def test_evaluation_leaves_the_model_as_it_was(task: Task, given: dict[str, Any]) -> None:
    run = task.run(0, CPU, given)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    evaluated(run)
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())


@each_case
def test_global_random_numbers_are_left_alone(
    task: Task, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(seed: int) -> None:
        raise AssertionError("seeds an accelerator")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    run = task.run(5, CPU, given)
    list(islice(run.batches(SIZE), 3))
    evaluated(run)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


@each_task
def test_settings_out_of_bounds_are_refused_by_name(task: Task) -> None:
    for name, setting in task.settings.items():
        match setting.kind:
            case Real(low=low, high=high) | Integer(low=low, high=high):
                wrong: list[object] = [low - 1, high + 1, math.nan, "many"]
            case Choice() | Flag():
                wrong = ["nothing of the kind", 3]
        for value in wrong:
            with pytest.raises(InvalidInput) as refused:
                task.run(0, CPU, {name: value})
            assert refused.value.field == name
    with pytest.raises(InvalidInput, match="no setting 'colour'"):
        task.run(0, CPU, {"colour": 1})


# --- The catalogue and the batches --------------------------------------------------------------


def test_tasks_are_found_by_id_or_given_themselves() -> None:
    ridge = as_task("ridge")
    assert as_task(ridge) is ridge is tasks()["ridge"]
    with pytest.raises(InvalidInput, match=r"known: .*ridge") as refused:
        as_task("chess")
    assert refused.value.code == "unknown_task"


def test_a_file_in_a_folder_of_ones_own_is_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(char_gpt.__file__).with_name("digits_mlp.py").read_text()
    (tmp_path / "my_own.py").write_text(source)
    monkeypatch.setenv("OPTIMSCOPE_TASKS", str(tmp_path))
    found = Catalogue("optim_core.tasks", "TASK", Task, noun="task", extra="OPTIMSCOPE_TASKS").all()
    assert set(found) == {*tasks(), "my_own"}
    monkeypatch.delitem(sys.modules, "optim_core.tasks.my_own")


def test_an_epoch_has_every_example_at_most_once_and_a_new_order() -> None:
    batches = shuffled((torch.arange(10), torch.arange(10) * 2), seed=4)(3)
    epochs = [torch.cat([next(batches)[0] for _ in range(3)]) for _ in range(2)]
    assert all(len(epoch.unique()) == 9 for epoch in epochs)
    assert not torch.equal(*epochs)
    numbers, doubles = next(batches)
    assert torch.equal(doubles, 2 * numbers)


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    (numbers,) = next(shuffled((torch.arange(10),), seed=0)(64))
    assert sorted(numbers.tolist()) == list(range(10))


# --- Single tasks -------------------------------------------------------------------------------


def test_digits_are_split_once_and_for_all() -> None:
    (images, labels), (held_out, held_out_labels) = digits()
    assert images.shape == (1437, 64)
    assert held_out.shape == (360, 64)
    assert (images.min(), images.max()) == (-1, 1)
    assert set(labels.tolist()) == set(held_out_labels.tolist()) == set(range(10))
    assert not {i.numpy().tobytes() for i in images} & {i.numpy().tobytes() for i in held_out}


@pytest.mark.parametrize("points", ["moons", "spirals"])
def test_boundary_is_drawn_row_by_row_from_below(points: str) -> None:
    run = started("moons_mlp", points=points)
    boundary = run.boundary
    assert boundary is not None
    x_low, x_high, y_low, y_high = boundary.box

    class Plane(torch.nn.Module):
        """Scores that tell where they were asked for."""

        def forward(self, places: Tensor) -> Tensor:
            return places[:, :1] + 100 * places[:, 1:]

    scores = boundary.evaluate(Plane()).reshape(boundary.n, boundary.n)
    x, y = torch.linspace(x_low, x_high, boundary.n), torch.linspace(y_low, y_high, boundary.n)
    torch.testing.assert_close(scores, x[None, :] + 100 * y[:, None])
    assert len(boundary.points) == len(boundary.labels) == run.examples
    assert set(boundary.labels.tolist()) == {0.0, 1.0}
    inside = (boundary.points >= torch.tensor([x_low, y_low])) & (
        boundary.points <= torch.tensor([x_high, y_high])
    )
    assert inside.float().mean() > 0.98


@pytest.mark.parametrize(
    ("size", "context", "tensors", "count"),
    [
        ("nano", 64, 54, 216_544),
        ("micro", 64, 54, 826_208),
        ("small", 64, 54, 1_829_088),
        ("nano", 128, 54, 216_544 + 64 * 64),
    ],
)
def test_gpt_has_the_size_that_it_says(size: str, context: int, tensors: int, count: int) -> None:
    run = started("char_gpt", size=size, context=context)
    assert len(list(run.model.parameters())) == tensors
    assert len(weights(run)) == count
    letters, targets = first(run)
    assert letters.shape == targets.shape == (SIZE, context)
    assert torch.equal(letters[:, 1:], targets[:, :-1])


def test_gpt_sees_no_letter_that_is_still_to_come() -> None:
    run = started("char_gpt", context=16)
    letters, _ = first(run)
    changed = letters.clone()
    changed[:, 9] = (changed[:, 9] + 1) % len(char_gpt.LETTERS)
    with torch.no_grad():
        before, after = run.model(letters), run.model(changed)
    torch.testing.assert_close(before[:, :9], after[:, :9])
    assert not torch.allclose(before[:, 9:], after[:, 9:])


def test_gpt_starts_at_the_loss_of_guessing() -> None:
    assert float(evaluated(started("char_gpt"))["val_loss"]) == pytest.approx(
        math.log(len(char_gpt.LETTERS)), abs=0.1
    )


def test_gpt_tells_the_hash_of_its_text() -> None:
    numbers, digest = char_gpt.text()
    assert len(numbers) == char_gpt.LENGTH
    assert started("char_gpt").facts["sha256"] == digest
    assert len(digest) == 64


def test_gpt_says_so_where_python_has_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(InvalidInput, match=r"no pydoc_data\.topics"):
        char_gpt.text.__wrapped__()


@pytest.mark.parametrize("data", ["synthetic", "diabetes"])
@pytest.mark.parametrize("strength", [0.0, 1e-3, 0.1, 10.0])
def test_ridge_minimum_is_that_of_least_squares_and_has_no_gradient(data: str, strength: float) -> None:
    run = started("ridge", data=data)
    assert run.minimum is not None
    weight = run.minimum(strength)["weight"]
    inputs, targets = first(run, run.examples)
    n, d = inputs.shape
    # min ½|Xw − y|²/n + (c/2)|w|²  is the least squares of  [X/√n; √c I] w = [y/√n; 0].
    rows = np.vstack((inputs.double().numpy() / n**0.5, strength**0.5 * np.eye(d)))
    right = np.concatenate((targets.double().numpy() / n**0.5, np.zeros(d)))
    expected = np.linalg.lstsq(rows, right, rcond=None)[0]
    np.testing.assert_allclose(weight[0].numpy(), expected, rtol=1e-4, atol=1e-5)

    model = run.model
    model.load_state_dict({"weight": weight})
    slope = gradient(run, (inputs, targets)) + strength * weight[0]
    assert slope.abs().max() < 1e-5


@pytest.mark.parametrize("loudness", [1.0, 10.0])
def test_row_lengths_do_not_matter_to_the_scale_invariant_loss(loudness: float) -> None:
    run = started("scale_invariant", loudness=loudness)
    batch = first(run)
    before = run.loss(run.model, batch).detach()
    slopes = torch.autograd.grad(run.loss(run.model, batch), list(run.model.parameters()))
    for weight, slope in zip(run.model.parameters(), slopes, strict=True):
        along = (weight * slope).sum(1).abs()
        assert (along < 1e-5 * weight.norm(dim=1) * slope.norm(dim=1)).all()
    sizes = [float(slope.norm(dim=1).mean()) for slope in slopes]
    assert sizes[0] / sizes[1] == pytest.approx(loudness, rel=0.1)
    with torch.no_grad():
        for weight in run.model.parameters():
            weight *= torch.logspace(-2, 2, len(weight))[:, None]
    torch.testing.assert_close(run.loss(run.model, batch).detach(), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.9])
def test_the_share_of_wrong_labels_is_exact_and_spread_over_the_batches(noise: float) -> None:
    run = started("noisy_labels", noise=noise, examples=300)
    (images, labels), _ = digits()
    right = {image.numpy().tobytes(): int(label) for image, label in zip(images, labels, strict=True)}
    wrong = [
        [right[image.numpy().tobytes()] != int(label) for image, label in zip(*batch, strict=True)]
        for batch in islice(run.batches(60), 5)
    ]
    assert np.sum(wrong) == round(noise * 300) == run.facts["wrong_labels"]
    assert np.abs(np.mean(wrong, axis=1) - noise).max() < 0.25


def test_wrong_labels_are_learnt_by_heart() -> None:
    run = started("noisy_labels", examples=100)
    moves = torch.optim.Adam(run.model.parameters(), lr=3e-3)
    for batch in islice(run.batches(50), 150):
        moves.zero_grad()
        run.loss(run.model, batch).backward()
        moves.step()
    found = evaluated(run)
    assert found["accuracy"] > 0.98
    assert found["val_accuracy"] < 0.85
