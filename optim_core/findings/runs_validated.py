"""Which of several training runs does best on data that it was not trained on, and since when."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optim_core.finding import Check, Finding, Key, Runs
from optim_core.outcomes import Outcome
from optim_core.recording import Recording

ALIKE = 0.005  # of the lowest: losses closer than that are not told apart
OVERFITTED = (
    1.02  # times the lowest validation loss, from which a lower training loss is called learning by heart
)
SURE = 2.0  # standard errors of a difference, from which it counts as one
BEFORE = 3  # evaluations in a row on the other side, before a crossing is told

Losses = tuple[NDArray[np.int64], NDArray[np.float64]]  # steps, values


def find(runs: Runs) -> Iterator[Finding]:
    validated = {key: _validation(run) for key, run in runs.items() if _is_whole(run)}
    validated = {key: losses for key, losses in validated.items() if len(losses[0])}
    if len(validated) < 2 or len({runs[key].about.get("task") for key in validated}) > 1:
        return
    step = min(int(steps[-1]) for steps, _ in validated.values())
    groups = _by_setting({key: runs[key] for key in validated})
    if any(len(members) > 1 for members in groups):
        yield from _of_seeds(groups, validated, step)
        return
    reached = {key: _at(losses, step) for key, losses in validated.items()}
    ordered = sorted((key for key in reached if math.isfinite(reached[key])), key=lambda key: reached[key])
    if len(ordered) < 2:
        return
    low, high = ordered[0], ordered[-1]
    spread = reached[high] / reached[low] - 1 if reached[low] > 0 else math.inf
    numbers = {"step": float(step), "lowest": reached[low], "highest": reached[high]}
    if spread < ALIKE:
        told = {"step": float(step), "spread": spread, "lowest": reached[low]}
        yield Finding(
            code="alike", severity="information", step=step, value=spread, threshold=ALIKE, numbers=told
        )
        return
    yield Finding(
        code="best",
        severity="information",
        run=low,
        step=step,
        numbers=numbers,
        runs={"low": low, "high": high},
    )
    yield from _by_heart(runs, ordered, reached, step)
    yield from _crossing(validated, low, ordered[1], step)


def _by_setting(runs: Runs) -> list[list[Key]]:
    """The runs that differ in their seed alone, together."""
    found: dict[str, list[Key]] = {}
    for key, run in runs.items():
        config = run.about.get("config")
        told = {name: value for name, value in (config or {}).items() if name not in ("seed", "name", "tags")}
        found.setdefault(json.dumps(told, sort_keys=True, default=str) if config else repr(key), []).append(
            key
        )
    return list(found.values())


def _of_seeds(groups: list[list[Key]], validated: dict[Key, Losses], step: int) -> Iterator[Finding]:
    """Settings by the mean over their seeds, and whether they differ by more than seeds do."""
    found = []
    for members in groups:
        reached = np.array([_at(validated[key], step) for key in members])
        if np.isfinite(reached).all():
            error = float(reached.std(ddof=1) / math.sqrt(len(reached))) if len(reached) > 1 else 0.0
            found.append((float(reached.mean()), error, members[0], len(members)))
    if len(found) < 2:
        return
    found.sort(key=lambda one: one[0])
    (lowest, low_error, low, seeds), (highest, high_error, high, _) = found[0], found[-1]
    error = math.hypot(low_error, high_error)
    numbers = {
        "step": float(step),
        "lowest": lowest,
        "highest": highest,
        "error": error,
        "seeds": float(seeds),
    }
    apart = highest - lowest
    yield Finding(
        code="best_of_seeds" if apart > SURE * error else "as_seeds_differ",
        severity="information",
        run=low,
        step=step,
        value=apart,
        threshold=SURE * error,
        numbers=numbers,
        runs={"low": low, "high": high},
    )


def _by_heart(runs: Runs, ordered: list[Key], reached: dict[Key, float], step: int) -> Iterator[Finding]:
    """Whose training loss is lowest though it does worse on other data."""
    trained = {key: _at(_losses(runs[key], "loss"), step) for key in ordered}
    best = min(ordered, key=lambda key: trained[key] if math.isfinite(trained[key]) else math.inf)
    if best == ordered[0] or reached[best] < OVERFITTED * reached[ordered[0]]:
        return
    yield Finding(
        code="by_heart",
        severity="information",
        run=best,
        step=step,
        numbers={"loss": trained[best], "validation": reached[best]},
        runs={"run": best},
    )


def _crossing(validated: dict[Key, Losses], low: Key, other: Key, step: int) -> Iterator[Finding]:
    """Since when the best is below the next one, where it was above before."""
    steps = np.intersect1d(validated[low][0], validated[other][0])
    steps = steps[steps <= step]
    apart = np.array([_at(validated[low], int(at)) - _at(validated[other], int(at)) for at in steps])
    above = np.flatnonzero(apart > 0)
    if not above.size or above[-1] + 1 >= len(steps):
        return
    last = int(above[-1])
    if last + 1 < BEFORE or not (apart[last + 1 - BEFORE : last + 1] > 0).all():
        return
    at = int(steps[last + 1])
    yield Finding(
        code="crossing",
        severity="information",
        run=low,
        step=at,
        numbers={"at": float(at)},
        runs={"low": low, "other": other},
    )


def _is_whole(run: Recording) -> bool:
    return run.outcome not in (Outcome.DIVERGED, Outcome.UNDEFINED)


def _validation(run: Recording) -> Losses:
    return _losses(run, "val_loss")


def _losses(run: Recording, name: str) -> Losses:
    """What was measured, without what is no number."""
    if name not in run.series:
        return np.zeros(0, np.int64), np.zeros(0)
    values = np.asarray(run[name], np.float64)
    known = ~np.isnan(values)
    return np.asarray(run.steps(name))[known], values[known]


def _at(losses: Losses, step: int) -> float:
    """The last value at or before the step."""
    steps, values = losses
    row = int(np.searchsorted(steps, step, side="right")) - 1
    return float(values[row]) if row >= 0 else math.nan


FINDING = Check(
    find=find,
    texts={
        "best": "After {step:steps} {low} has the lowest validation loss, {lowest:number}; {high} has the"
        " highest, {highest:number}.",
        "alike": "After {step:steps} all validation losses are within {spread:percent} of {lowest:number}.",
        "by_heart": "On its training data {run} is lowest, at {loss:number}, but at {validation:number} on"
        " other data: it learns by heart.",
        "best_of_seeds": "After {step:steps} the mean validation loss over {seeds:count} seeds is lowest with"
        " the setting of {low}, {lowest:number}, and highest with that of {high}, {highest:number}; the"
        " standard error of the difference is {error:number}.",
        "as_seeds_differ": "After {step:steps} the settings do not differ by more than their seeds do: mean"
        " validation losses over {seeds:count} seeds from {lowest:number} (as {low}) to {highest:number} (as"
        " {high}), with a standard error of {error:number}.",
        "crossing": "{low} is above {other} until step {at:count}, below it after.",
    },
    about="train",
    columns=("loss", "val_loss"),
    order=5,
)
