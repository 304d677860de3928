"""The contract that every registered optimizer keeps; a new file in the folder is covered as it stands."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from latex_value import holds, spelled, split, value
from math_core import LatexToMathML
from rule_cases import SHAPES, Bowl, Case, cases, combinations, drawn, factors, in_torch, numbers, services
from twins import FromTorch, code_values, newton_schulz, rounded, twin

from optim_core.catalogue import rules
from optim_core.decay import relative_norm
from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import Integer, Real
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.rule import Rule, Step, Twin, state_items
from optim_core.simulate.batch import simulate_many
from optim_core.simulate.trajectory import simulate

STEPS = 300


def each_case(found: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", found, ids=lambda case: case.name)


def each_rule(found: Mapping[str, Rule]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rule", found.values(), ids=found)


ELEMENTWISE = {name: rule for name, rule in rules().items() if rule.elementwise}
WHOLE = {name: rule for name, rule in rules().items() if not rule.elementwise}
DECAYING = {name: rule for name, rule in rules().items() if "weight_decay" in rule.settings}


def parts(step: Step, like: Any) -> tuple[Any, Any]:
    """Gradient part and decay part of a step, in the shape of ``like``."""
    pair = (step.effective_lr * step.direction, step.decay)
    if isinstance(like, torch.Tensor):
        return tuple(torch.broadcast_to(torch.as_tensor(p, dtype=like.dtype), like.shape) for p in pair)
    return tuple(np.broadcast_to(np.asarray(p, dtype=float), np.shape(like)) for p in pair)


def close(a: Any, b: Any, *, rel: float = 1e-10, of: Any = 0.0) -> None:
    """Both the same to ``rel`` of the largest value of ``b`` or ``of``; NaN is the same as nothing."""
    a, b = np.asarray(a), np.asarray(b)
    scale = max(abs(b).max(), abs(np.asarray(of)).max())
    assert (abs(a - b) <= rel * scale).all(), f"{a}\nis not\n{b}"


# --- The same as its twins ------------------------------------------------------------------------


@each_case(in_torch(cases(at_least=3)))
def test_takes_the_steps_of_its_torch_twin(case: Case) -> None:
    for shape in SHAPES:
        follow(case, FromTorch(case, Bowl(shape, STEPS).start), shape)


@each_case(cases(at_least=3))
def test_takes_the_steps_and_the_split_of_a_plain_loop(case: Case) -> None:
    for shape in SHAPES:
        other = twin(case.rule.id, Bowl(shape, STEPS).start, case.hyper)
        if other is None:
            assert in_torch([case]), f"{case.name} needs a second witness: a torch twin, or one in twins.py"
            pytest.skip("torch has the rule; no plain loop is written for it")
        follow(case, other, shape)


def follow(case: Case, other: Any, shape: tuple[int, ...]) -> None:
    """Walks beside another implementation, under a schedule, and compares every step."""
    rule, bowl, factor = case.rule, Bowl(shape, STEPS), factors(STEPS)
    theirs, ours = bowl.start, torch.tensor(bowl.start)
    state = rule.start(ours, case.hyper)
    for t in range(1, STEPS + 1):
        lr = case.hyper["lr"] * factor[t]
        grad = torch.as_tensor(bowl.gradient(rule.look(ours, state, case.hyper).numpy(), t))
        made, state = rule.update(
            grad, state, ours, t, **{**case.hyper, "lr": lr}, **services(rule, ours, factor[t], case.hyper)
        )
        moved = other.step(theirs, bowl.gradient(other.look(theirs), t), t, lr, factor[t])
        gradient_part, decay_part = parts(made, ours)
        rounding = 1e-4 * theirs  # the other's parts may be differences of weights
        close(gradient_part + decay_part, theirs - moved.theta, of=rounding)
        if moved.gradient_part is not None:
            close(gradient_part, moved.gradient_part, of=rounding)
            close(decay_part, moved.decay_part, of=rounding)
        ours, theirs = ours - gradient_part - decay_part, moved.theta
    close(ours, theirs)


def test_muon_is_torchs_where_torch_does_not_round_to_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.optim.Muon takes matrices, and its iteration runs in bfloat16: not, for once."""
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())
    for case in cases():
        if case.rule.id == "muon":
            h, same_names = case.hyper, ("lr", "weight_decay", "momentum", "nesterov", "eps", "ns_steps")
            arguments = {name: h[name] for name in same_names} | {"adjust_lr_fn": h["adjust_lr_fn"]}
            reference = Twin("Muon", lambda h, arguments=arguments: arguments)
            follow(
                case,
                FromTorch(
                    replace(case, rule=replace(case.rule, reference=reference)), Bowl((5, 3), STEPS).start
                ),
                (5, 3),
            )


# --- One function, four lives ---------------------------------------------------------------------


def walk(
    case: Case, theta: Any, gradient: Any, steps: int = 30, factor: float = 0.8, **hyper: Any
) -> tuple[Any, Any]:
    """Weights and state after plain steps, whatever the weights are; rows are runs of their own."""
    rule, hyper = case.rule, {**case.hyper, **hyper}
    state = rule.start(theta, hyper)
    for i in range(steps):
        grad = gradient(rule.look(theta, state, hyper), i)
        norm = abs(theta) if np.ndim(theta) == 0 else (theta * theta).sum(-1, keepdims=True) ** 0.5
        norm = relative_norm(norm, theta.shape[-1] if np.ndim(theta) else 1, hyper.get("relative_decay"))
        given = {n: {"param_norm": norm, "schedule_factor": factor}[n] for n in rule.needs}
        made, state = rule.update(grad, state, theta, i + 1, **hyper, **given)
        theta = theta - made.effective_lr * made.direction - made.decay
    return theta, state


CURVATURE, NOISE = np.array([0.3, 2.0]), np.random.default_rng(1).normal(size=(30, 2))
STARTS = np.array([[0.5, -1.0], [1.5, 2.0], [-0.3, 0.8]])


def same(a: Any, b: Any) -> None:
    """Equal up to the last digits: torch's powers and roots may round another way."""
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-11, atol=1e-300)


@each_case(cases(elementwise=True))
def test_floats_numpy_and_tensors_take_the_same_steps(case: Case) -> None:
    """One number at a time; so ``relative_decay`` sees the coordinate's own size as its norm."""
    for k in range(2):
        start = STARTS[:, k : k + 1]

        def gradient(theta: Any, i: int, k: int = k) -> Any:
            return float(CURVATURE[k]) * theta + float(NOISE[i, k])

        by_float = [walk(case, float(x), gradient)[0] for x in start[:, 0]]
        assert all(type(x) is float for x in by_float)
        same(walk(case, start, gradient)[0][:, 0], by_float)
        same(walk(case, torch.tensor(start), gradient)[0][:, 0], by_float)


@each_case(cases(elementwise=True))
def test_a_batch_of_hyperparameters_takes_the_same_steps_as_each_alone(case: Case) -> None:
    rng = np.random.default_rng(2)
    each = [{n: v for n, v in numbers(case.rule, rng).items() if n in case.reals} for _ in STARTS]
    columns = {name: torch.tensor([[h[name]] for h in each], dtype=torch.float64) for name in case.reals}
    curvature, noise = torch.tensor(CURVATURE), torch.tensor(NOISE)

    def gradient(theta: torch.Tensor, i: int) -> torch.Tensor:
        return curvature * theta + noise[i]

    together, state = walk(case, torch.tensor(STARTS), gradient, **columns)
    assert together.dtype == torch.float64
    for i, hyper in enumerate(each):
        alone, own = walk(case, torch.tensor(STARTS[i]), gradient, **hyper)
        same(together[i], alone)
        for name, array in state_items(state).items():
            same(torch.broadcast_to(array, STARTS.shape)[i], state_items(own)[name])


@each_case(cases(elementwise=True))
def test_one_flat_buffer_takes_the_same_steps_as_tensors_of_different_ages(case: Case) -> None:
    rule, hyper = case.rule, case.hyper
    ages, sizes = [0, 1, 7], [1, 2, 3]
    rng = np.random.default_rng(3)
    thetas = [torch.tensor(rng.normal(size=n)) for n in sizes]
    grads = [torch.tensor(rng.normal(size=(20, n))) for n in sizes]
    states = [rule.start(theta, hyper) for theta in thetas]

    def norm(theta: torch.Tensor) -> torch.Tensor:
        length = torch.linalg.vector_norm(theta)
        return relative_norm(length, theta.numel(), hyper.get("relative_decay"))  # type: ignore[no-any-return]

    def given(norms: torch.Tensor) -> dict[str, Any]:
        return {n: {"param_norm": norms, "schedule_factor": 0.8}[n] for n in rule.needs}

    for i, age in enumerate(ages):  # the older ones walk ahead by themselves
        for t in range(1, age + 1):
            made, states[i] = rule.update(
                grads[i][t], states[i], thetas[i], t, **hyper, **given(norm(thetas[i]))
            )
            thetas[i] = thetas[i] - made.effective_lr * made.direction - made.decay

    def spread(values: list[Any]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64).repeat_interleave(torch.tensor(sizes))

    flat, kind = torch.cat(thetas), type(states[0])
    state = kind(*(torch.cat(same_name) for same_name in zip(*states, strict=True)))
    for t in range(1, 10):
        steps = spread(ages) + t
        flat_grad = torch.cat([grads[i][age + t] for i, age in enumerate(ages)])
        norms = spread([norm(part) for part in flat.split(sizes)])
        made, state = rule.update(flat_grad, state, flat, steps, **hyper, **given(norms))
        flat = flat - made.effective_lr * made.direction - made.decay
        for i, age in enumerate(ages):
            made, states[i] = rule.update(
                grads[i][age + t], states[i], thetas[i], age + t, **hyper, **given(norm(thetas[i]))
            )
            thetas[i] = thetas[i] - made.effective_lr * made.direction - made.decay
    same(flat, torch.cat(thetas))


@each_case(cases(elementwise=False))
def test_a_rule_over_whole_tensors_can_be_mapped_over_runs(case: Case) -> None:
    rng = np.random.default_rng(4)
    each = [{n: v for n, v in numbers(case.rule, rng).items() if n in case.reals} for _ in STARTS]
    columns = {name: torch.tensor([h[name] for h in each], dtype=torch.float64) for name in case.reals}

    def run(theta: torch.Tensor, hyper: dict[str, Any]) -> torch.Tensor:
        return walk(case, theta, lambda x, i: torch.tensor(CURVATURE) * x + torch.tensor(NOISE[i]), **hyper)[
            0
        ]

    together = torch.func.vmap(run)(torch.tensor(STARTS), columns)
    for i, hyper in enumerate(each):
        alone, _ = walk(case, STARTS[i], lambda x, i: CURVATURE * x + NOISE[i], **hyper)
        np.testing.assert_allclose(together[i], alone, rtol=1e-9)


# --- The runners ---------------------------------------------------------------------------------


@each_case([case for case in cases() if not case.rule.view])  # torch's loop takes gradients at θ
def test_the_torch_optimizer_takes_the_steps_of_the_plain_loops_of_its_tensors(case: Case) -> None:
    """All shapes at once, so in one flat buffer where the rule is elementwise."""
    rule, steps = case.rule, 40
    bowls, factor = [Bowl(shape, steps) for shape in SHAPES], factors(steps)
    theirs = [bowl.start for bowl in bowls]
    others = [twin(rule.id, start, case.hyper) or FromTorch(case, start) for start in theirs]
    ours = [torch.nn.Parameter(torch.tensor(start)) for start in theirs]
    optimizer = make_optimizer(rule, ours, **case.hyper)
    for t in range(1, steps + 1):
        lr = case.hyper["lr"] * factor[t]
        optimizer.param_groups[0] |= {"lr": lr, "initial_lr": case.hyper["lr"]}
        for i, bowl in enumerate(bowls):
            ours[i].grad = torch.as_tensor(bowl.gradient(ours[i].detach().numpy(), t))
            theirs[i] = others[i].step(theirs[i], bowl.gradient(theirs[i], t), t, lr, factor[t]).theta
        optimizer.step()
    for mine, its in zip(ours, theirs, strict=True):
        close(mine.detach(), its)


FORMULA = "0.15*x^2 + 0.5*y^2 + 0.2*x*y - x"


def formula_gradient(theta: Any, i: int) -> Any:
    x, y = theta[..., 0], theta[..., 1]
    stack = torch.stack if isinstance(theta, torch.Tensor) else np.stack
    return stack((0.3 * x + 0.2 * y - 1.0, y + 0.2 * x), -1)


@each_case(cases())
def test_one_simulated_run_and_many_take_the_steps_of_a_plain_loop(case: Case) -> None:
    starts = STARTS.tolist()
    many = simulate_many(FORMULA, case.rule, starts, 30, **case.hyper)
    for i, start in enumerate(starts):
        plain, _ = walk(case, np.array(start), formula_gradient, factor=1.0, **case.hyper)
        one = simulate(FORMULA, case.rule, tuple(start), 30, **case.hyper)
        np.testing.assert_allclose([one["x"][-1], one["y"][-1]], plain, rtol=1e-9)
        np.testing.assert_allclose(many.final[i], plain, rtol=1e-9)
        moved = one["gradient_part_x"] + one["decay_part_x"]
        np.testing.assert_allclose(-np.diff(one["x"]), moved[1:], rtol=1e-9, atol=1e-12)


# --- Forms of a rule, by the numbers of those who have them -----------------------------------------


def test_epsilon_inside_the_root_is_the_form_of_textbooks() -> None:
    """RMSProp on 0.1x² + 2y² with ε = 1 as d2l.ai's code, and TensorFlow's, take their steps."""
    x, y, s = -5.0, -2.0, [0.0, 0.0]
    for _ in range(20):
        grad = 0.2 * x, 4.0 * y
        s = [0.9 * old + 0.1 * g * g for old, g in zip(s, grad, strict=True)]
        x, y = (w - 0.4 / math.sqrt(v + 1.0) * g for w, v, g in zip((x, y), s, grad, strict=True))
    for inside, wanted in ((True, -1.1374), (False, -1.7306)):
        run = simulate(
            "0.1*x^2 + 2*y^2", "rmsprop", (-5.0, -2.0), 20, lr=0.4, alpha=0.9, eps=1.0, eps_in_root=inside
        )
        assert run["x"][-1] == pytest.approx(wanted, abs=1e-4)
    assert x == pytest.approx(-1.1374, abs=1e-4)


def test_every_rule_that_adds_epsilon_to_a_root_can_add_it_inside() -> None:
    for rule in rules().values():
        added = "eps" in rule.settings and "added to the root" in rule.settings["eps"].kind.label
        rooted = any(r"\sqrt" in line for line in rule.formula)  # Adamax takes a maximum
        assert ("eps_in_root" in rule.settings) == (added and rooted), rule.id


def test_relative_decay_goes_by_adafactors_measure_or_by_the_norm() -> None:
    """Adafactor's α = max(ε₂, RMS(θ))·ρ, read off torch's own step; the norm is √n as much."""
    theta = torch.linspace(1.0, 2.0, 25, dtype=torch.float64)
    shares = {}
    for kind in (False, True, "norm"):
        p = torch.nn.Parameter(theta.clone())
        optimizer = make_optimizer("sgdw", [p], lr=0.01, weight_decay=0.1, relative_decay=kind)
        p.grad = torch.zeros_like(p)
        optimizer.step()
        shares[kind] = float((1.0 - p.detach() / theta).mean())
    p = torch.nn.Parameter(theta.clone())
    p.grad = torch.ones_like(p)
    torch.optim.Adafactor([p], lr=0.01, eps=(1e-12, 1e-3)).step()
    size = float((theta - p.detach()).mean()) / 0.01
    assert shares[True] == pytest.approx(shares[False] * size, rel=1e-6)
    assert shares["norm"] == pytest.approx(5.0 * shares[True], rel=1e-9)
    assert rules()["adamw"].complete({"relative_decay": "true"})["relative_decay"] is True


def test_schedule_free_weighs_by_the_largest_rate_so_far() -> None:
    """facebookresearch/schedule_free's AdamWScheduleFree, step by step, under a rate that falls to 0."""
    rates = [0.1, 0.2, 0.2, 0.1, 0.05, 0.0, 0.0, 0.01]
    b1, b2, eps, lam = 0.9, 0.99, 1e-8, 0.1
    z = x = np.array([1.0, -2.0])
    v, lr_max, weight_sum = np.zeros(2), 0.0, 0.0
    rule = rules()["schedule_free_adamw"]
    hyper = rule.complete({"beta1": b1, "beta2": b2, "eps": eps, "weight_decay": lam})
    theta = torch.tensor(x)
    state = rule.start(theta, hyper)
    for t, lr in enumerate(rates, 1):
        y = (1 - b1) * z + b1 * x
        grad = np.array([0.3, 2.0]) * y + 0.1 * t
        v = b2 * v + (1 - b2) * grad**2
        lr_max = max(lr, lr_max)
        weight_sum += lr_max**2
        c = lr_max**2 / weight_sum
        z = z - lr * (grad / (np.sqrt(v / (1 - b2**t)) + eps) + lam * y)
        x = (1 - c) * x + c * z
        made, state = rule.update(torch.tensor(grad), state, theta, t, **{**hyper, "lr": lr})
        theta = theta - made.effective_lr * made.direction - made.decay
        np.testing.assert_allclose(theta, x, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 2, 3, 3), (2, 6, 4, 1), (4, 3, 1, 5)])
def test_muon_scales_convolutions_as_its_author_does(shape: tuple[int, ...]) -> None:
    """KellerJordan/Muon, muon_update: flattened for the iteration, scaled by the last two sizes."""
    rng = np.random.default_rng(0)
    grad, momentum = rng.normal(size=shape), np.zeros(shape)
    momentum = 0.95 * momentum + 0.05 * grad
    update = 0.05 * grad + 0.95 * momentum
    update = newton_schulz(update.reshape(len(update), -1), 5, 1e-7).reshape(shape)
    update = update * max(1, shape[-2] / shape[-1]) ** 0.5
    rule = rules()["muon"]
    theta = torch.zeros(shape, dtype=torch.float64)
    hyper = rule.complete({"lr": 1.0})
    made, _ = rule.update(torch.tensor(grad), rule.start(theta, hyper), theta, 1, **hyper)
    np.testing.assert_allclose(made.effective_lr * made.direction, update, rtol=1e-9, atol=1e-12)


def test_adafactors_equation_holds_where_its_bounds_bind() -> None:
    case = drawn(rules()["adafactor"], {})
    case = replace(case, hyper={**case.hyper, "eps1": 1e-2})
    theta = np.random.default_rng(0).normal(size=(5, 3))
    grad = 1e-2 * np.random.default_rng(1).normal(size=(5, 3))
    made, _ = case.rule.update(grad, case.rule.start(theta, case.hyper), theta, 1, **case.hyper)
    names = {"t": 1, "g_t": grad, r"\theta_t-1": theta, "R_t-1": 0.0, "C_t-1": 0.0}
    names |= {spelled(s.kind.symbol): case.hyper[n] for n, s in case.rule.settings.items()}
    for name, text, conditions in (split(line) for line in case.rule.formula):
        if holds(conditions, case.hyper, matrix=True):
            names[name] = value(text, names, words(case))
    same(names[r"\alpha_t"], made.effective_lr)
    parameter = torch.nn.Parameter(torch.tensor(theta))
    parameter.grad = torch.tensor(grad)
    case.rule.reference([parameter], **{**case.hyper, "weight_decay": 0.0}).step()
    np.testing.assert_allclose(theta - parameter.detach().numpy(), made.effective_lr * grad, rtol=1e-9)


def test_amsgrads_steps_can_grow_while_its_bias_is_corrected() -> None:
    for corrected in (False, True):
        state = rules()["amsgrad"].start(0.0, rules()["amsgrad"].complete({}))
        rates = []
        for t in range(1, 30):
            made, state = rules()["amsgrad"].update(
                1.0 if t == 1 else 0.01, state, 0.0, t, beta2=0.9, bias_correction=corrected
            )
            rates.append(made.effective_lr)
        grows = any(b > a * (1 + 1e-9) for a, b in itertools.pairwise(rates))
        assert grows == corrected
    assert "rises again" not in rules()["amsgrad"].summary
    assert "rises again" in rules()["amsgrad"].notes


def test_departures_are_told_below_the_equations() -> None:
    for name in ("sgdw", "nesterov", "momentum"):
        assert "inside the velocity" in rules()[name].notes
    for rule in rules().values():  # sentences for a page: no LaTeX, no markup
        assert re.fullmatch(r"[^\\`\n]+\.", rule.notes), rule.id


def test_clipped_walks_are_torchs_clipped_training() -> None:
    """torch.nn.utils.clip_grad_norm_ before each step of torch's Adam."""
    start, formula = (3.0, -2.0), "3*x^2 + 0.2*y^2 + x*y"
    for clip in (0.5, 5.0, 1e6):
        p = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        optimizer = torch.optim.Adam([p], lr=0.1)
        path = [p.detach().clone()]
        for _ in range(40):
            optimizer.zero_grad()
            (3 * p[0] ** 2 + 0.2 * p[1] ** 2 + p[0] * p[1]).backward()
            torch.nn.utils.clip_grad_norm_([p], clip)
            optimizer.step()
            path.append(p.detach().clone())
        theirs = torch.stack(path).numpy()
        run = simulate(formula, "adam", start, 40, lr=0.1, clip=clip)
        np.testing.assert_allclose(np.stack((run["x"], run["y"]), 1), theirs, rtol=1e-9)
        assert (np.hypot(run["grad_x"], run["grad_y"])[1:] <= clip).all()
        assert (run["clip_factor"][1:] <= 1.0).all()
        many = simulate_many(formula, "adam", [start] * 2, 40, lr=0.1, clip=clip)
        np.testing.assert_allclose(many["x"][1], theirs[:, 0], rtol=1e-9)
    assert "clip_factor" not in simulate(formula, "adam", start, 3, clip=None).columns
    for bad in (-1.0, math.nan, "much"):
        with pytest.raises(InvalidInput, match="clip"):
            simulate(formula, "adam", start, 3, clip=bad)


# --- Pure, and quiet about bad numbers -----------------------------------------------------------


@each_case(cases())
def test_update_is_pure(case: Case) -> None:
    rule = case.rule
    for shape in ((7,), (5, 3)):
        bowl = Bowl(shape, 3)
        theta = torch.tensor(bowl.start)
        _, state = walk(case, theta, lambda x, i: 0.1 * x, steps=3)
        grad = torch.tensor(bowl.noise[1])
        inputs = [grad, theta, *state_items(state).values()]
        before = [x.clone() for x in inputs]
        given = services(rule, theta, 0.8, case.hyper)
        first, after = rule.update(grad, state, theta, 4, **case.hyper, **given)
        second, again = rule.update(grad, state, theta, 4, **case.hyper, **given)
        assert all(torch.equal(x, y) for x, y in zip(inputs, before, strict=True))
        assert all(np.array_equal(x, y) for x, y in zip(first, second, strict=True))
        for x, y in zip(state_items(after).values(), state_items(again).values(), strict=True):
            assert torch.equal(x, y)


@each_case(cases())
def test_state_arrays_are_their_own(case: Case) -> None:
    """A runner may write into them: no two share memory, and none is the parameter's."""
    theta = torch.zeros(5, 3)
    arrays = [theta, *state_items(case.rule.start(theta, case.hyper)).values()]
    assert len({array.data_ptr() for array in arrays}) == len(arrays)


@each_case(cases())
def test_states_and_steps_keep_the_dtype_of_the_weights(case: Case) -> None:
    theta = torch.tensor(Bowl((5, 3), 3).start, dtype=torch.float32)
    state = case.rule.start(theta, case.hyper)
    before = {name: array.dtype for name, array in state_items(state).items()}
    for t in (1, 2, 3):
        made, state = case.rule.update(
            theta + t, state, theta, t, **case.hyper, **services(case.rule, theta, 0.8, case.hyper)
        )
        assert (made.effective_lr * made.direction).dtype == torch.float32
        assert {name: array.dtype for name, array in state_items(state).items()} == before


@pytest.mark.parametrize("bad", [0.0, 1e-200, 1e200, math.inf, math.nan])
@each_case(cases(elementwise=True))
def test_a_float_raises_only_what_runners_catch_and_else_agrees_with_tensors(case: Case, bad: float) -> None:
    def gradient(theta: Any, i: int) -> Any:
        return theta * 0.0 + (bad if i == 1 else 0.1)

    with np.errstate(all="ignore"):
        tensor, _ = walk(case, torch.tensor([0.5], dtype=torch.float64), gradient, steps=4)
        try:
            number, _ = walk(case, 0.5, gradient, steps=4)
        except (ZeroDivisionError, OverflowError):
            assert not math.isfinite(tensor) or bad == 1e200
            return
    np.testing.assert_allclose(number, tensor.item(), rtol=1e-9)


@each_case(cases(elementwise=True))
def test_no_step_size_is_lost_to_a_division_whose_result_is_not_wanted(case: Case) -> None:
    """Without ε and without a gradient a rule may divide zero by zero; with ε it may not."""
    theta, _ = walk(case, 0.5, lambda x, i: 0.0 * x, steps=3)
    assert math.isfinite(theta)


# --- λ --------------------------------------------------------------------------------------------


@each_rule(DECAYING)
def test_without_decay_strength_nothing_decays(rule: Rule) -> None:
    for words in combinations(rule):
        case = drawn(rule, words)
        for shape in ((7,), (5, 3)):
            theta = torch.tensor(Bowl(shape, 3).start)
            hyper = {**case.hyper, "weight_decay": 0.0}
            state = rule.start(theta, hyper)
            for t in (1, 2, 3):
                made, state = rule.update(
                    theta + t, state, theta, t, **hyper, **services(rule, theta, 0.8, hyper)
                )
                assert not np.any(np.asarray(made.decay)), words


@each_rule(DECAYING)
def test_decay_is_declared_as_it_acts(rule: Rule) -> None:
    """λ inside the gradient turns with the rule's memory; λ beside it acts on the weights at once."""
    for words in combinations(rule):
        case = drawn(rule, words)
        assert rule.decay_kind({**case.hyper, "weight_decay": 0.0}) == "none"
        assert rule.decay_kind(case.hyper) in ("coupled", "decoupled")
        if rule.decay_kind(case.hyper) == "decoupled":
            theta = torch.tensor(Bowl((5, 3), 3).start)
            steps = []
            for decay in (0.0, 0.3):
                hyper = {**case.hyper, "weight_decay": decay}
                state = rule.start(theta, hyper)
                _, state = rule.update(
                    theta + 1.0, state, theta, 1, **hyper, **services(rule, theta, 0.8, hyper)
                )
                steps.append(state_items(state))
            for name, array in steps[0].items():
                if "decay" not in name:
                    assert torch.equal(array, steps[1][name]), f"λ reaches {name} though it is decoupled"


def _path(rule_id: str, **hyper: Any) -> np.ndarray:
    case = drawn(rules()[rule_id], {})
    hyper = rules()[rule_id].complete({"lr": 0.05, "weight_decay": 0.1, **hyper})
    path = [
        walk(case, STARTS, lambda x, i: CURVATURE * x + NOISE[i], steps=steps, **hyper)[0]
        for steps in range(1, 30)
    ]
    return np.stack(path)


def test_for_plain_gradient_descent_decay_is_l2() -> None:
    same(_path("sgdw"), _path("sgd_l2"))


def test_with_momentum_decay_and_l2_part() -> None:
    decayed, penalised = _path("sgdw", momentum=0.9), _path("momentum", momentum=0.9)
    same(decayed[0], penalised[0])
    assert np.abs(decayed - penalised).max() > 0.05


def test_the_full_penalty_is_the_half_one_at_twice_the_strength() -> None:
    for name in ("sgd_l2", "adam_l2"):
        same(_path(name, penalty="full", weight_decay=0.1), _path(name, penalty="half", weight_decay=0.2))


def test_decay_before_and_after_the_step_differ_by_the_square_of_the_learning_rate() -> None:
    def gap(lr: float) -> float:
        before, after = (
            walk(
                drawn(
                    rules()["adamw"], {"decay_order": order, "relative_decay": False, "bias_correction": True}
                ),
                STARTS,
                lambda x, i: CURVATURE * x,
                steps=1,
                lr=lr,
                weight_decay=0.1,
            )[0]
            for order in ("before", "after")
        )
        return float(np.abs(before - after).max())

    assert gap(1e-2) / gap(1e-3) == pytest.approx(100.0, rel=1e-2)


# --- What the declaration says -------------------------------------------------------------------


@each_rule(rules())
def test_declaration_says_what_a_menu_needs(rule: Rule) -> None:
    assert rule.title
    assert rule.source
    assert rule.family
    assert rule.summary.endswith(".")
    assert len(rule.summary) <= 110
    assert rule.complete(rule.demo)
    for name, setting in rule.settings.items():
        assert setting.kind.label, name
        assert setting.kind.help.endswith("."), name
        if isinstance(setting.kind, Real | Integer):
            low, high = setting.kind.slider
            assert setting.kind.low <= low < high <= setting.kind.high, name
            assert setting.kind.scale == "linear" or low > 0 or isinstance(setting.kind, Integer), name
    titles = [other.title for other in rules().values()]
    assert titles.count(rule.title) == 1


@each_rule(rules())
def test_every_equation_renders(rule: Rule) -> None:
    latex = LatexToMathML()
    for line in rule.formula:
        assert "<math" in latex.convert_with_local_state(line.partition("%")[0].strip(), displaystyle=True)


@each_rule(rules())
def test_under_every_setting_each_quantity_has_one_equation(rule: Rule) -> None:
    lines = [split(line) for line in rule.formula]
    used = set()
    for words in combinations(rule):
        for matrix in (False, True):
            valid = [i for i, (_, _, conditions) in enumerate(lines) if holds(conditions, words, matrix)]
            names = [lines[i][0] for i in valid]
            assert len(names) == len(set(names)), words
            assert {r"\alpha_t", "d_t", *([r"\delta_t"] if "weight_decay" in rule.settings else [])} <= {
                *names
            }
            used.update(valid)
    assert len(used) == len(lines), "an equation never holds"


@each_case(cases(at_least=2))
def test_the_equations_shown_are_the_update_that_runs(case: Case) -> None:
    rule, lines = case.rule, [split(line) for line in case.rule.formula]
    symbols = {name: spelled(s.kind.symbol) for name, s in rule.settings.items() if s.kind.symbol}
    assert all(
        name in symbols or name in ("block_size", "min_8bit_size")
        for name in numbers(rule, np.random.default_rng())
    )
    stems = {name: rule.symbols.get(name, name) for name in rule.state_names}
    for shape in ((2,),) if rule.elementwise else ((2,), (5, 3)):
        bowl = Bowl(shape, 40)
        theta, factor = bowl.start, factors(40)
        state = rule.start(theta, case.hyper)
        for t in range(1, 41):
            shown = rule.shown(state, case.hyper)
            stems |= {name: rule.symbols.get(name, name) for name in shown}
            grad = bowl.gradient(rule.look(theta, state, case.hyper), t)
            made, state = rule.update(
                grad, state, theta, t, **case.hyper, **services(rule, theta, factor[t], case.hyper)
            )
            if t not in (1, 2, 3, 40):
                theta = theta - made.effective_lr * made.direction - made.decay
                continue
            names: dict[str, Any] = {
                "t": t,
                "g_t": grad,
                r"\theta_t-1": theta,
                "norm": np.linalg.norm(theta),
                **{symbol: case.hyper[name] for name, symbol in symbols.items()},
                **{f"{stems[name]}_t-1": array for name, array in shown.items()},
                **({r"\phi_t": factor[t]} if "schedule_factor" in rule.needs else {}),
                "rows": shape[0] if len(shape) > 1 else 1,
                "columns": shape[-1],
            }
            found: dict[str, Any] = {}
            for name, text, conditions in lines:
                if holds(conditions, case.hyper, matrix=len(shape) > 1):
                    found[name] = value(text, {**names, **found}, words(case))
            same(found[r"\alpha_t"] * np.ones(shape), made.effective_lr * np.ones(shape))
            same(found["d_t"], made.direction)
            decay = found.get(r"\delta_t", 0.0) * np.ones(shape)
            np.testing.assert_allclose(decay, made.decay * np.ones(shape), rtol=1e-9, atol=1e-18)
            after = rule.shown(state, case.hyper)
            for name, array in after.items():  # a state without an equation is one that rests
                same(found.get(f"{stems[name]}_t", shown[name]), array)
            theta = theta - made.effective_lr * made.direction - made.decay


def words(case: Case) -> dict[str, Any]:
    """The upright words of the equations."""

    def rms(x: np.ndarray) -> float:
        return float(np.sqrt(np.mean(x**2)))

    def newton_schulz_k(x: np.ndarray) -> np.ndarray:
        matrix = x.reshape(1, -1) if x.ndim < 2 else x
        return newton_schulz(matrix, case.hyper["ns_steps"], case.hyper["eps"]).reshape(x.shape)

    def rounding(signed: bool) -> Any:
        if case.hyper.get("min_8bit_size", 0) > 2:
            return lambda x: x
        return lambda x: rounded(x, code_values(signed=signed), case.hyper["block_size"])

    return {
        "sign": np.sign,
        "RMS": rms,
        "rowmean": lambda x: x.mean(axis=1, keepdims=True),
        "colmean": lambda x: x.mean(axis=0, keepdims=True),
        "mean": np.mean,
        "NewtonSchulz_k": newton_schulz_k,
        r"round_\pm": rounding(signed=True),
        "round_+": rounding(signed=False),
    }
