"""Thousands of trajectories at once, as one tensor: the same rules and surfaces, broadcast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from optim_core.decay import relative_norm
from optim_core.declare.errors import InvalidInput
from optim_core.experiment import CLIP_EPSILON, Experiment, SurfaceProblem, surface_experiment
from optim_core.rule import Rule, Step
from optim_core.simulate.trajectory import DIVERGED_AT
from optim_core.surfaces.catalogue import as_landscape

RECORDABLE = (
    *("x", "y", "loss", "grad_x", "grad_y", "effective_lr_x", "effective_lr_y"),
    *("gradient_part_x", "gradient_part_y", "decay_part_x", "decay_part_y"),
)


@dataclass(frozen=True)
class Batch:
    """Many runs: columns of shape (runs, steps + 1), with rows as in `Trajectory`.

    ``diverged`` (runs,) marks the runs whose weights passed all bounds or stopped being numbers;
    their values after that are whatever arithmetic gives.
    """

    columns: Mapping[str, Tensor]
    final: Tensor  # (runs, 2)
    diverged: Tensor  # (runs,)

    def __getitem__(self, name: str) -> Tensor:
        return self.columns[name]


def simulate_many(
    surface: object,
    rule: Rule | str,
    starts: Tensor | Sequence[Sequence[float]],
    steps: int,
    *,
    schedule: object = None,
    decay_schedule: object = None,
    noise: float = 0.0,
    seed: int = 0,
    clip: float | None = None,
    record: Sequence[str] = ("x", "y", "loss"),
    **hyper_tensors: Any,
) -> Batch:
    """Run from every start at once: ``starts`` (runs, 2), each hyperparameter a number or (runs,).

    Runs in the dtype and on the device of ``starts`` (float64 when given as lists). ``noise`` is
    the same for every run, and the same as in `simulate`; so is ``clip``. ``record`` names the columns
    to keep.
    """
    theta = (
        torch.as_tensor(starts) if isinstance(starts, Tensor) else torch.tensor(starts, dtype=torch.float64)
    )
    if theta.ndim != 2 or theta.shape[1] != 2:
        raise InvalidInput(f"got shape {tuple(theta.shape)}, expected (runs, 2).", field="starts")
    unknown = set(record) - set(RECORDABLE)
    if unknown:
        raise InvalidInput(f"got {sorted(unknown)}, known: {', '.join(RECORDABLE)}.", field="record")
    runs = len(theta)
    for name, value in hyper_tensors.items():
        if isinstance(value, Tensor) and value.shape not in ((), (runs,)):
            raise InvalidInput(f"got shape {tuple(value.shape)}, expected ({runs},).", field=f"hyper.{name}")
    given = {"surface": surface, "start": (0.0, 0.0), "steps": steps, "noise": noise, "seed": seed}
    chosen = {"optimizer": rule, "hyper": hyper_tensors, "clip": clip}
    schedules = {"schedule": schedule, "decay_schedule": decay_schedule}
    experiment = surface_experiment({**given, **chosen, **schedules})
    columns = {name: theta.new_full((steps + 1, runs), torch.nan) for name in record}
    final = _iterate(experiment, theta, columns)
    bad = ~(final.abs().sum(1) <= DIVERGED_AT)
    return Batch({name: column.T for name, column in columns.items()}, final, bad)


def _iterate(experiment: Experiment[SurfaceProblem], theta: Tensor, columns: Mapping[str, Tensor]) -> Tensor:
    """All steps; fills ``columns`` (steps + 1, runs) and returns the last positions (runs, 2)."""
    problem, rule = experiment.problem, experiment.rule
    functions = as_landscape(problem.landscape).functions("torch")
    arguments = {name: _column(value) for name, value in experiment.hyper.items()}
    lr, weight_decay = arguments["lr"], arguments.get("weight_decay", 0.0)
    lr_factors, decay_factors = experiment.lr_factors(), experiment.decay_factors()
    noise = problem.noise_values()
    if "schedule_factor" in rule.needs:
        arguments["schedule_factor"] = 1.0
    update, look, state = _lifted(rule, theta, arguments)

    loss, grad_x, grad_y = functions.value_and_gradient(theta[:, 0], theta[:, 1])
    grad = torch.stack((grad_x, grad_y), 1)
    start = {"x": theta[:, 0], "y": theta[:, 1], "loss": loss}
    start |= {name: torch.zeros_like(loss) for name in RECORDABLE if "part" in name}
    for name in columns.keys() & start.keys():
        columns[name][0] = start[name]
    for t in range(1, problem.steps + 1):
        if lr_factors:
            arguments["lr"] = lr * lr_factors[t - 1]
            if "schedule_factor" in rule.needs:
                arguments["schedule_factor"] = lr_factors[t - 1]
        if decay_factors:
            arguments["weight_decay"] = weight_decay * decay_factors[t - 1]
        if "param_norm" in rule.needs and arguments.get("relative_decay") is not False:
            norm = torch.linalg.vector_norm(theta, dim=1, keepdim=True)
            arguments["param_norm"] = relative_norm(norm, 2, arguments.get("relative_decay"))
        if rule.view:
            seen = look(theta, state)
            _, grad_x, grad_y = functions.value_and_gradient(seen[:, 0], seen[:, 1])
            grad = torch.stack((grad_x, grad_y), 1)
        if noise:
            grad = grad + theta.new_tensor(noise[t - 1])
        if problem.clip is not None:
            length = torch.linalg.vector_norm(grad, dim=1, keepdim=True)
            grad = grad * (problem.clip / (length + CLIP_EPSILON)).clamp(max=1.0)
        step, state = update(grad, state, theta, t)
        gradient_part = step.effective_lr * step.direction
        theta = theta - gradient_part - step.decay
        loss, grad_x, grad_y = functions.value_and_gradient(theta[:, 0], theta[:, 1])
        _record(columns, t, theta, loss, grad, step, gradient_part)
        grad = torch.stack((grad_x, grad_y), 1)
    return theta


def _record(
    columns: Mapping[str, Tensor],
    t: int,
    theta: Tensor,
    loss: Tensor,
    grad: Tensor,
    step: Step,
    gradient_part: Tensor,
) -> None:
    pairs = {
        "": theta,
        "grad_": grad,
        "effective_lr_": step.effective_lr,
        "gradient_part_": gradient_part,
        "decay_part_": step.decay,
    }
    for name, column in columns.items():
        if name == "loss":
            column[t] = loss
        else:
            pair = torch.broadcast_to(torch.as_tensor(pairs[name[:-1]], dtype=theta.dtype), theta.shape)
            column[t] = pair[:, 0 if name.endswith("x") else 1]


Update = Callable[[Tensor, Any, Tensor, int], tuple[Step, Any]]
Look = Callable[[Tensor, Any], Tensor]


def _lifted(rule: Rule, theta: Tensor, arguments: Mapping[str, Any]) -> tuple[Update, Look, Any]:
    """``rule.update`` and ``rule.look`` over (runs, 2), and the first state.

    Elementwise rules broadcast; others are mapped over runs, each seeing its own (2,) tensor.
    """
    if rule.elementwise:
        state = rule.start(theta, arguments)
        return (
            lambda grad, state, param, t: rule.update(grad, state, param, t, **arguments),
            lambda param, state: rule.look(param, state, arguments),
            state,
        )

    def one(grad: Tensor, state: Any, param: Tensor, t: int, own: dict[str, Any]) -> tuple[Step, Any]:
        step, state = rule.update(grad, state, param, t, **{**arguments, **own})
        shaped = (torch.broadcast_to(torch.as_tensor(part, dtype=param.dtype), param.shape) for part in step)
        return Step(*shaped), state

    def per_run() -> dict[str, Tensor]:
        return {
            n: v.reshape(-1)
            for n, v in arguments.items()
            if isinstance(v, Tensor) and v.numel() == len(theta)
        }

    def update(grad: Tensor, state: Any, param: Tensor, t: int) -> tuple[Step, Any]:
        return torch.func.vmap(one, in_dims=(0, 0, 0, None, 0))(grad, state, param, t, per_run())

    def look(param: Tensor, state: Any) -> Tensor:
        seen: Tensor = torch.func.vmap(lambda p, s: rule.look(p, s, arguments))(param, state)
        return seen

    return update, look, torch.func.vmap(lambda param: rule.start(param, arguments))(theta)


def _column(value: Any) -> Any:
    """A hyperparameter (runs,) as (runs, 1), to broadcast against (runs, 2)."""
    return value.reshape(-1, 1) if isinstance(value, Tensor) and value.ndim else value
