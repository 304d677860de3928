"""Columns that follow from a recording: what charts and findings show beside what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np

from optim_core.decay import relative_norm
from optim_core.experiment import as_surface
from optim_core.recording import Recording, Series
from optim_core.rule import Rule
from optim_core.simulate.trajectory import Column, Trajectory
from optim_core.surfaces.landscape import Landscape, Points
from optim_core.surfaces.minima import points_of
from optim_core.theory import EXPECTED, Theory, expected

Wanted: TypeAlias = Callable[[str], bool]

# Over so many steps the decay of a coordinate is averaged where no rate is declared: in a single step a
# weight that passes zero would seem to lose many times itself.
WINDOW = 10


def derived(recording: Recording, wanted: Wanted = lambda name: True) -> Recording:
    """The recording with the wanted columns that follow from it beside its own; those stay as they are.

    Every run gets what its rule declares, at each step whose η and λ are known: ``expected_decay_rate``, the
    share of the weights that decay takes in a step, and ``expected_angle``, the angle that scale-invariant
    weights turn by at equilibrium. A run on a surface gets all that `derive` lists.
    """

    def missing(name: str) -> bool:
        return wanted(name) and name not in recording

    if not any(map(missing, _COLUMNS)):
        return recording
    about, theory = recording.about, Theory.of(recording.about)
    if about.get("kind") == "trajectory" and theory:
        steps, landscape = recording.steps("x"), _landscape(json.dumps(about["config"]["surface"]))
        columns = _Derivation(landscape, recording, theory).columns(missing)
        found = {name: Series(steps, column) for name, column in columns.items()}
    else:
        found = expected(about, recording.series, recording.events, missing)
    return replace(recording, series={**recording.series, **found})


def derive(trajectory: Trajectory, wanted: Wanted = lambda name: True) -> dict[str, Column]:
    """The wanted ones of these columns, each of the trajectory's length, row by row of the same step.

    gradient_part_norm   length of the step's part that the data caused
    decay_part_norm      length of the part that decay caused
    distance             from the nearest global minimum; NaN where there is none in sight
    update_ratio         |θ_t − θ_{t−1}| / |θ_{t−1}|
    sharpness            λ_max of the loss's Hessian at θ_t
    stability_limit      2/η: gradient descent is unstable where the sharpness is above it
    decay_rate_x, _y     decay part over θ_{t−1}, per coordinate; NaN where θ_{t−1} is 0
    decay_taken_x, _y    share of the coordinate that decay alone has taken so far: 1 − ∏(1 − rate), with the
                         rate that the rule declares, else with that of the last steps (see `WINDOW`)
    expected_decay_rate  share that decay takes in a step; only where the rule declares it
    reference_decay_rate what decoupled decay would take, ηλ (2ηλ for the penalty λ‖θ‖²): only beside coupled
                         decay whose own rate is not declared
    expected_angle       of scale-invariant weights at equilibrium; only where the rule declares it
    penalised_loss       loss + (c/2)‖θ‖², c = λ or 2λ; only under coupled decay
    """
    experiment = trajectory.experiment
    theory = Theory(experiment.rule, experiment.hyper)
    return _Derivation(trajectory.problem.landscape, trajectory.recording, theory).columns(wanted)


@dataclass(frozen=True)
class _Derivation:
    """A run on a surface, with what several of its columns need."""

    landscape: Landscape
    recording: Recording
    theory: Theory

    def columns(self, wanted: Wanted) -> dict[str, Column]:
        found = {}
        with np.errstate(all="ignore"):
            for name, column in _COLUMNS.items():
                if wanted(name):
                    values = column(self)
                    if values is not None:
                        found[name] = values
        return found

    def __getitem__(self, name: str) -> Column:
        return self.recording[name]

    @property
    def rule(self) -> Rule:
        return self.theory.rule

    @cached_property
    def expected(self) -> Mapping[str, Column]:
        """What the rule declares; relative decay is of the norm before the step."""
        if "weight_decay" not in self.recording:
            return {}
        kind = self.theory.hyper.get("relative_decay")
        given = {"param_norm": relative_norm(_before(self["weight_norm"]), 2, kind)}
        if "schedule_factor" in self.recording:
            given["schedule_factor"] = self["schedule_factor"]
        steps = self.recording.steps("lr")
        return self.theory.columns(steps, self["lr"], self["weight_decay"], wanted=lambda name: True, **given)

    @cached_property
    def taken_as_declared(self) -> Column | None:
        """What decay has taken of every coordinate alike, where the rule declares the rate."""
        rate = self.expected.get("expected_decay_rate")
        return None if rate is None else _taken(rate)

    @cached_property
    def strength(self) -> Column | None:
        """c of the penalised gradient g + cθ at each step; None where no decay is coupled."""
        if self.rule.decay_kind(self.theory.hyper) != "coupled":
            return None
        return self["weight_decay"] * self.rule.decay_strength({**self.theory.hyper, "weight_decay": 1.0})


def _decay_taken(known: _Derivation, axis: str) -> Column:
    if known.taken_as_declared is not None:
        return known.taken_as_declared
    decay, before = known[f"decay_part_{axis}"], _before(known[axis])
    own: Column = _windowed(decay * before) / _nonzero(_windowed(before * before))
    return _taken(np.minimum(own, 1.0))


def _taken(rate: Column) -> Column:
    """What a share that is taken at every step comes to."""
    return np.asarray(1.0 - np.cumprod(1.0 - np.nan_to_num(rate, neginf=0.0)), dtype=np.float64)


def _windowed(column: Column) -> Column:
    """The sum of each row and those of the steps before it, `WINDOW` in all."""
    padded = np.concatenate((np.zeros(WINDOW - 1), np.where(np.isnan(column), 0.0, column)))
    return np.convolve(padded, np.ones(WINDOW), mode="valid")


def _penalised_loss(known: _Derivation) -> Column | None:
    if known.strength is None:
        return None
    used = known.strength
    strength = np.append(used[1:2], used[1:]) if len(used) > 1 else used  # the start by the first step's
    loss: Column = known["loss"] + 0.5 * strength * (known["x"] ** 2 + known["y"] ** 2)
    return loss


def _reference_rate(known: _Derivation) -> Column | None:
    declared = "expected_decay_rate" in known.expected
    return None if declared or known.strength is None else known["lr"] * known.strength


# In the order in which answers list them. None: this run has no such column.
_COLUMNS: Mapping[str, Callable[[_Derivation], Column | None]] = {
    "gradient_part_norm": lambda w: np.hypot(w["gradient_part_x"], w["gradient_part_y"]),
    "decay_part_norm": lambda w: np.hypot(w["decay_part_x"], w["decay_part_y"]),
    "distance": lambda w: _distance(w.landscape, w["x"], w["y"]),
    "update_ratio": lambda w: np.hypot(_moved(w["x"]), _moved(w["y"])) / _before(w["weight_norm"]),
    "sharpness": lambda w: _sharpness(w.landscape, w["x"], w["y"]),
    "stability_limit": lambda w: 2.0 / w["lr"],
    "decay_rate_x": lambda w: w["decay_part_x"] / _nonzero(_before(w["x"])),
    "decay_rate_y": lambda w: w["decay_part_y"] / _nonzero(_before(w["y"])),
    "decay_taken_x": lambda w: _decay_taken(w, "x"),
    "decay_taken_y": lambda w: _decay_taken(w, "y"),
    "reference_decay_rate": _reference_rate,
    "expected_decay_rate": lambda w: w.expected.get("expected_decay_rate"),
    "expected_angle": lambda w: w.expected.get("expected_angle"),
    "penalised_loss": _penalised_loss,
}
assert EXPECTED.keys() <= _COLUMNS.keys()


@lru_cache(maxsize=64)
def _landscape(config: str) -> Landscape:
    """One object for one description, so that its minima are found once."""
    return as_surface(json.loads(config))


def apart(trajectory: Trajectory, other: Trajectory) -> Column:
    """Distance between two runs, row by row; NaN where the other has no such row."""
    rows = min(len(trajectory), len(other))
    distance = np.full(len(trajectory), np.nan)
    distance[:rows] = np.hypot(
        trajectory["x"][:rows] - other["x"][:rows], trajectory["y"][:rows] - other["y"][:rows]
    )
    return distance


@lru_cache(maxsize=128)
def minima_in_sight(landscape: Landscape) -> Points:
    """The minima that the surface declares, or those found in the box of one's own formula."""
    return landscape.minima if landscape.surface_id else points_of(landscape.minima_known)


@lru_cache(maxsize=128)
def global_minima(landscape: Landscape) -> Points:
    """The lowest of the minima in sight; what only the border of the box makes a minimum is none of them."""
    minima = minima_in_sight(landscape)
    if not minima:
        return ()
    with np.errstate(all="ignore"):
        losses = landscape.functions("numpy").value(*np.array(minima).T)
    lowest = np.fmin.reduce(losses)
    low = losses <= lowest + 1e-9 * (1.0 + abs(lowest))
    return tuple(point for point, kept in zip(minima, low, strict=True) if kept)


def _distance(landscape: Landscape, x: Column, y: Column) -> Column:
    nearest = np.full_like(x, np.nan)
    for at_x, at_y in global_minima(landscape):
        nearest = np.fmin(nearest, np.hypot(x - at_x, y - at_y))
    return nearest


def _sharpness(landscape: Landscape, x: Column, y: Column) -> Column:
    xx, xy, yy = landscape.functions("numpy").hessian(x, y)
    largest: Column = 0.5 * (xx + yy) + np.hypot(0.5 * (xx - yy), xy)
    return largest


def _before(column: Column) -> Column:
    """The column one row later: what it was before each step; NaN at the start."""
    return np.concatenate(([np.nan], column[:-1]))


def _moved(column: Column) -> Column:
    return np.diff(column, prepend=np.nan)


def _nonzero(column: Column) -> Column:
    return np.where(column == 0.0, np.nan, column)
