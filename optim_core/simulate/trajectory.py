"""One optimizer on a surface, on Python floats, with everything about it recorded."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optim_core.decay import relative_norm
from optim_core.experiment import CLIP_EPSILON, Experiment, Point, SurfaceProblem, surface_experiment
from optim_core.outcomes import Outcome
from optim_core.recording import Recording, Series
from optim_core.rule import Rule, state_items
from optim_core.surfaces.landscape import Landscape
from optim_core.wording import number

Column: TypeAlias = NDArray[np.float64]

# A run whose weights pass this bound has diverged.
DIVERGED_AT = 1e10
# A run has come to rest when each of its last REST_STEPS steps moved less than this part of its size,
# and an earlier one more: what never moved has not come anywhere.
REST_STEPS, REST = 10, 1e-7

_MEASURED = (
    *("x", "y", "loss", "grad_x", "grad_y", "effective_lr_x", "effective_lr_y"),
    *("gradient_part_x", "gradient_part_y", "decay_part_x", "decay_part_y"),
)

# (x, y, grad_x, grad_y, step) -> effective_lr_x, _y, gradient_part_x, _y, decay_part_x, _y, state values…
Move: TypeAlias = Callable[[float, float, float, float, int], tuple[float, ...]]


@dataclass(frozen=True)
class Trajectory:
    """A run: row 0 of every column is the start, row t what step t used and where it led.

    So x[t] = x[t-1] − gradient_part_x[t] − decay_part_x[t], and lr, grad and effective_lr of row 0
    are NaN: no step has used any. Columns are float64 of shape (rows,); a run that ends early has
    fewer rows than steps were asked for, and ``reason`` says at which step and why.
    """

    experiment: Experiment[SurfaceProblem]
    outcome: Outcome
    reason: str
    columns: Mapping[str, Column]

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["step"])

    @property
    def problem(self) -> SurfaceProblem:
        return self.experiment.problem

    @cached_property
    def recording(self) -> Recording:
        """The run as a recording: every column was measured at every step, from 0."""
        steps = self.columns["step"].astype(np.int64)
        rule, surface = self.experiment.rule, self.problem.landscape.surface_id
        about = {
            "kind": "trajectory",
            "optimizer": rule.id,
            "surface": surface or "",
            "config": self.experiment.config(),
            "steps": self.experiment.steps,
        }
        series = {name: Series(steps, values) for name, values in self.columns.items() if name != "step"}
        return Recording(about, series, (), self.outcome.value, self.reason)


def simulate(
    surface: object,
    rule: Rule | str,
    start: Point | None = None,
    steps: int = 500,
    *,
    schedule: object = None,
    decay_schedule: object = None,
    noise: float = 0.0,
    seed: int = 0,
    clip: float | None = None,
    **hyper: Any,
) -> Trajectory:
    """Take ``steps`` steps of ``rule`` from ``start`` (the surface's own start if None).

    ``surface`` is an id, a landscape (``oc.surface("bowl", condition=30)``) or a formula in x and
    y. ``schedule`` multiplies the learning rate, ``decay_schedule`` λ: an id or ``{"id": …}``.
    ``noise`` is the standard deviation of Gaussian noise on each gradient coordinate, the same for
    every rule with the same ``seed``. ``clip`` shortens gradients to that norm, noise and all, as
    torch.nn.utils.clip_grad_norm_ does; then grad_x, grad_y are what is left, and the column
    ``clip_factor`` says how much. Raises InvalidInput for input that makes no sense; a run
    that blows up is no error but an outcome.
    """
    given = {"surface": surface, "start": start, "steps": steps, "noise": noise, "seed": seed, "clip": clip}
    chosen = {"optimizer": rule, "hyper": hyper, "schedule": schedule, "decay_schedule": decay_schedule}
    return run(surface_experiment({**given, **chosen}))


def run(experiment: Experiment[SurfaceProblem]) -> Trajectory:
    """Takes the experiment's steps."""
    with np.errstate(all="ignore"):
        outcome, reason, names, rows, factors = _iterate(experiment)
    columns = _columns(experiment, names, rows, factors)
    if outcome is Outcome.FINISHED and _at_rest(columns):
        outcome = Outcome.CONVERGED
    return Trajectory(experiment, outcome, reason or outcome.sentence, columns)


def _iterate(
    experiment: Experiment[SurfaceProblem],
) -> tuple[Outcome, str, list[str], Column, list[float]]:
    """The steps, until the last or the blow-up.

    Outcome, reason, names of the columns, (rows, columns), and of each row what clipping left of a gradient.
    """
    problem, rule = experiment.problem, experiment.rule
    x, y = problem.start
    arguments = dict(experiment.hyper)  # what update gets; the scheduled ones change at every step
    lr_factors, decay_factors = experiment.lr_factors(), experiment.decay_factors()
    lr, weight_decay = arguments["lr"], arguments.get("weight_decay", 0.0)
    relative, wants_factor = arguments.get("relative_decay"), "schedule_factor" in rule.needs
    wants_norm = "param_norm" in rule.needs and relative is not False  # usually it is off
    if wants_factor:
        arguments["schedule_factor"] = 1.0
    noise, clip, factors = problem.noise_values(), problem.clip, [math.nan]
    mover = (_Elementwise if rule.elementwise else _Whole)(rule, problem.start, arguments)
    move, look = mover.move, mover.look if rule.view else None
    value_and_gradient = problem.landscape.value_and_gradient
    measure = _careful(problem.landscape)  # where that fails

    loss, grad_x, grad_y = measure(x, y)
    recorded = array("d", (x, y, loss, *[math.nan] * 4, *[0.0] * 4, *mover.state))
    record = recorded.extend
    end = _stop(0, x, y, loss, *((0.0, 0.0) if look else (grad_x, grad_y)))
    for t in range(1, problem.steps + 1):
        if end:
            break
        if lr_factors:
            arguments["lr"] = lr * lr_factors[t - 1]
            if wants_factor:
                arguments["schedule_factor"] = lr_factors[t - 1]
        if decay_factors:
            arguments["weight_decay"] = weight_decay * decay_factors[t - 1]
        if wants_norm:
            arguments["param_norm"] = relative_norm(math.hypot(x, y), 2, relative)
        if look:
            seen = look(x, y)
            _, grad_x, grad_y = measure(*seen)
            end = _stop(t, *seen, 0.0, grad_x, grad_y)
            if end:
                break
        if noise:
            noise_x, noise_y = noise[t - 1]
            grad_x, grad_y = grad_x + noise_x, grad_y + noise_y
        if clip is not None:
            clip_factor = clip / (math.hypot(grad_x, grad_y) + CLIP_EPSILON)
            clip_factor = 1.0 if clip_factor > 1.0 else clip_factor
            grad_x, grad_y = clip_factor * grad_x, clip_factor * grad_y
            factors.append(clip_factor)
        try:
            moved = move(x, y, grad_x, grad_y, t)
        except ArithmeticError as error:
            end = _broken(t, error)
            break
        x, y = x - moved[2] - moved[4], y - moved[3] - moved[5]
        used_x, used_y = grad_x, grad_y
        try:
            loss, grad_x, grad_y = value_and_gradient(x, y)
        except (ArithmeticError, ValueError):
            loss = math.nan
        total = loss + grad_x + grad_y
        if not (abs(x) + abs(y) <= DIVERGED_AT and total - total == 0.0):
            loss, grad_x, grad_y = measure(x, y)
            end = _stop(t, x, y, loss, *((0.0, 0.0) if look else (grad_x, grad_y)))
        record((x, y, loss, used_x, used_y, *moved))
    names = [*_MEASURED, *(f"{name}_x" for name in mover.names), *(f"{name}_y" for name in mover.names)]
    outcome, reason = end or (Outcome.FINISHED, "")
    return outcome, reason, names, np.frombuffer(recorded, dtype=np.float64).reshape(-1, len(names)), factors


class _Elementwise:
    """Moves two coordinates, each by itself, as plain floats."""

    def __init__(self, rule: Rule, start: Point, arguments: dict[str, Any]):
        self._rule, self._arguments = rule, arguments
        self._x, self._y = (rule.start(value, arguments) for value in start)
        self.names = list(state_items(self._x))
        self._update, self._flat = rule.update, isinstance(self._x, tuple)

    @property
    def state(self) -> tuple[float, ...]:
        return (*state_items(self._x).values(), *state_items(self._y).values())

    def look(self, x: float, y: float) -> Point:
        look, arguments = self._rule.look, self._arguments
        return look(x, self._x, arguments), look(y, self._y, arguments)

    def move(self, x: float, y: float, grad_x: float, grad_y: float, step: int) -> tuple[float, ...]:
        update, arguments = self._update, self._arguments
        (rate_x, along_x, decay_x), state_x = update(grad_x, self._x, x, step, **arguments)
        (rate_y, along_y, decay_y), state_y = update(grad_y, self._y, y, step, **arguments)
        self._x, self._y = state_x, state_y
        if self._flat:
            return (
                rate_x, rate_y, rate_x * along_x, rate_y * along_y, decay_x, decay_y, *state_x, *state_y,
            )  # fmt: skip
        return (rate_x, rate_y, rate_x * along_x, rate_y * along_y, decay_x, decay_y, *self.state)


class _Whole:
    """Moves both coordinates as one numpy array, for rules that are not elementwise."""

    def __init__(self, rule: Rule, start: Point, arguments: dict[str, Any]):
        self._rule, self._arguments = rule, arguments
        self._state = rule.start(np.array(start), arguments)
        # State of another size (a matrix's factors) has no x and y of its own.
        self.names = [name for name, value in self._shown().items() if np.size(value) in (1, 2)]

    @property
    def state(self) -> tuple[float, ...]:
        items = self._shown()
        pairs = [np.broadcast_to(np.ravel(items[name]), 2).tolist() for name in self.names]
        return (*(pair[0] for pair in pairs), *(pair[1] for pair in pairs))

    def _shown(self) -> dict[str, Any]:
        return self._rule.shown(self._state, self._arguments)

    def look(self, x: float, y: float) -> Point:
        seen = self._rule.look(np.array((x, y)), self._state, self._arguments)
        return float(seen[0]), float(seen[1])

    def move(self, x: float, y: float, grad_x: float, grad_y: float, step: int) -> tuple[float, ...]:
        grad, param = np.array((grad_x, grad_y)), np.array((x, y))
        made, self._state = self._rule.update(grad, self._state, param, step, **self._arguments)
        parts = (made.effective_lr, made.effective_lr * made.direction, made.decay)
        return (*(value for part in parts for value in np.broadcast_to(part, 2).tolist()), *self.state)


def _careful(landscape: Landscape) -> Callable[[float, float], tuple[float, float, float]]:
    """Loss and gradient, never an error: infinite where too large, NaN where the formula is not defined.

    As on arrays, what a part of the formula loses to overflow is found again, and a loss is told where
    only its gradient is not defined.
    """

    def measure(x: float, y: float) -> tuple[float, float, float]:
        try:
            found = landscape.value_and_gradient(x, y)
        except (ArithmeticError, ValueError):
            found = (math.nan,) * 3
        if not all(map(math.isfinite, found)):
            found = landscape.functions("numpy").value_and_gradient(np.float64(x), np.float64(y))
        loss, grad_x, grad_y = map(float, found)
        return loss, grad_x, grad_y

    return measure


def _stop(
    step: int, x: float, y: float, loss: float, grad_x: float, grad_y: float
) -> tuple[Outcome, str] | None:
    """The outcome and its reason if the run can't go on from here."""
    if math.isnan(x) or math.isnan(y):
        return Outcome.UNDEFINED, f"Stopped at step {step}: the update gave no number (NaN)."
    if not abs(x) + abs(y) <= DIVERGED_AT or math.isinf(loss):
        reached = f"the weights reached ({number(x)}, {number(y)}), the loss {number(loss)}."
        return Outcome.DIVERGED, f"Diverged at step {step}: {reached} A smaller learning rate may help."
    where = f"at ({number(x, 4)}, {number(y, 4)})"
    if math.isnan(loss):
        return Outcome.UNDEFINED, f"Stopped at step {step}: the loss is not defined {where}."
    if math.isnan(grad_x) or math.isnan(grad_y):
        return Outcome.UNDEFINED, f"Stopped at step {step}: the gradient is not defined {where}."
    if math.isinf(grad_x) or math.isinf(grad_y):
        reason = f"Diverged at step {step}: the gradient overflows {where}."
        return Outcome.DIVERGED, f"{reason} A smaller learning rate may help."
    return None


def _broken(step: int, error: ArithmeticError) -> tuple[Outcome, str]:
    if isinstance(error, ZeroDivisionError):
        return Outcome.UNDEFINED, f"Stopped at step {step}: the update divides by zero. Choose ε above 0."
    return (
        Outcome.DIVERGED,
        f"Diverged at step {step}: the update overflows. A smaller learning rate may help.",
    )


def _columns(
    experiment: Experiment[SurfaceProblem], names: list[str], rows: Column, factors: list[float]
) -> dict[str, Column]:
    """All columns by name, in the order in which the API lists them."""
    steps = len(rows) - 1
    measured = {name: np.ascontiguousarray(rows[:, i]) for i, name in enumerate(names)}

    def scheduled(value: float, factors: list[float] | None) -> Column:
        column = np.full(steps + 1, value, dtype=np.float64)
        column[0] = math.nan
        if factors:
            column[1:] *= factors[:steps]
        return column

    settings = {"lr": scheduled(experiment.hyper["lr"], experiment.lr_factors())}
    if "weight_decay" in experiment.hyper:
        settings["weight_decay"] = scheduled(experiment.hyper["weight_decay"], experiment.decay_factors())
    if "schedule_factor" in experiment.rule.needs:
        settings["schedule_factor"] = scheduled(1.0, experiment.lr_factors())
    if experiment.problem.clip is not None:
        settings["clip_factor"] = np.array(factors[: len(rows)])
    with np.errstate(all="ignore"):
        weight_norm = np.hypot(measured["x"], measured["y"])
    measured_first = {name: measured[name] for name in _MEASURED}
    return {
        "step": np.arange(steps + 1, dtype=np.float64),
        **settings,
        **measured_first,
        "weight_norm": weight_norm,
        **measured,
    }


def _at_rest(columns: Mapping[str, Column]) -> bool:
    if len(columns["step"]) <= REST_STEPS:
        return False
    moved = np.hypot(np.diff(columns["x"]), np.diff(columns["y"]))
    rests = moved <= REST * (1.0 + columns["weight_norm"][-1])
    return bool(np.all(rests[-REST_STEPS:])) and not bool(np.all(rests))
