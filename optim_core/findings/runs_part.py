"""How training runs part: their losses at a step that all have reached, and how evenly decay acts on each."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from optim_core.finding import Check, Finding, Key, Runs
from optim_core.outcomes import Outcome
from optim_core.recording import Recording

TOLD_APART = 3  # runs; of more, only those that stand out
EVEN = 1.02  # the largest rate over the smallest, up to which decay counts as even
RECENT = 20  # measurements at most, and a tenth of all: what a tensor's rate is averaged over


def find(runs: Runs) -> Iterator[Finding]:
    begun = {key: run for key, run in runs.items() if "loss" in run and len(run["loss"])}
    if len(begun) < 2:
        return
    if len({run.about.get("task") for run in begun.values()}) > 1:
        yield Finding(code="different_tasks", severity="information")
        return
    whole = {k: r for k, r in begun.items() if r.outcome not in (Outcome.DIVERGED, Outcome.UNDEFINED)}
    if not whole:
        return
    step = min(int(run.steps("loss")[-1]) for run in whole.values())
    at_step = {key: _at(run, "loss", step) for key, run in whole.items()}
    losses = {key: loss for key, loss in at_step.items() if math.isfinite(loss)}  # the others have no rank
    yield from _unranked(step, [key for key in whole if key not in losses])
    spreads = {key: decay_spread(whole[key], step) for key in losses}
    if len(losses) > TOLD_APART:
        yield from _outstanding(step, losses, spreads, _which(whole[next(iter(losses))]))
        return
    for key, spread in spreads.items():
        numbers = {"step": float(step), "loss": losses[key]}
        words = {"which": _which(whole[key])}
        sentence = "no_decay" if spread is None else "even" if spread < EVEN else "uneven"
        yield Finding(
            code=sentence,
            severity="information",
            run=key,
            step=step,
            value=spread,
            threshold=EVEN,
            numbers={**numbers, "spread": spread} if spread is not None and spread >= EVEN else numbers,
            runs={"run": key},
            words=words,
        )


def _unranked(step: int, keys: list[Key]) -> Iterator[Finding]:
    """Whose loss is not finite at the step: by name, or how many of more."""
    if len(keys) > TOLD_APART:
        numbers = {"step": float(step), "unranked": float(len(keys))}
        yield Finding(code="unranked", severity="fault", step=step, numbers=numbers)
        return
    for key in keys:
        yield Finding(
            code="not_finite",
            severity="fault",
            run=key,
            step=step,
            numbers={"step": float(step)},
            runs={"run": key},
        )


def _which(run: Recording) -> str:
    """What its loss is called, beside one of other data or alone."""
    return "training loss" if "val_loss" in run else "loss"


def _outstanding(
    step: int, losses: dict[Key, float], spreads: dict[Key, float | None], which: str
) -> Iterator[Finding]:
    """Who stands lowest and highest, and whose decay is least even."""
    ordered = sorted(losses, key=lambda key: losses[key])
    low, high = ordered[0], ordered[-1]
    numbers = {"step": float(step), "lowest": losses[low], "highest": losses[high]}
    yield Finding(
        code="losses",
        severity="information",
        step=step,
        numbers=numbers,
        runs={"low": low, "high": high},
        words={"which": which},
    )
    key, spread = max(((k, s or 0.0) for k, s in spreads.items()), key=lambda item: item[1])
    if spread >= EVEN:
        yield Finding(
            code="least_even",
            severity="information",
            run=key,
            step=step,
            value=spread,
            threshold=EVEN,
            numbers={"spread": spread},
            runs={"run": key},
        )


def decay_spread(run: Recording, step: int) -> float | None:
    """The largest effective decay over the smallest, of the tensors that decay, lately; None without any."""
    decayed = {tensor["name"]: tensor.get("decayed", True) for tensor in run.about.get("tensors", ())}
    rates = [
        abs(_recent(run, name, step))
        for name in run.series
        if name.endswith("/effective_decay") and decayed.get(name.removesuffix("/effective_decay"), True)
    ]
    known = [rate for rate in rates if 0.0 < rate < math.inf]
    return max(known) / min(known) if known else None


def _recent(run: Recording, name: str, step: int) -> float:
    """Mean of what is finite in the last tenth before the step."""
    values = run[name][: int(np.searchsorted(run.steps(name), step, side="right"))]
    recent = values[-min(RECENT, max(1, math.ceil(len(values) / 10))) :]
    recent = recent[np.isfinite(recent)]
    return float(recent.mean(dtype=np.float64)) if len(recent) else math.nan


def _at(run: Recording, name: str, step: int) -> float:
    """The last value at or before the step."""
    row = int(np.searchsorted(run.steps(name), step, side="right")) - 1
    return float(run[name][max(row, 0)])


_LOSS = "and stands at a {which} of {loss:number}."

FINDING = Check(
    find=find,
    texts={
        "different_tasks": "These runs train different tasks: their losses say nothing about each other.",
        "not_finite": "After {step:steps} the loss of {run} is not a finite number.",
        "unranked": "After {step:steps} the loss of {unranked:count} runs is not a finite number.",
        "no_decay": "After {step:steps} {run} does not decay " + _LOSS,
        "even": "After {step:steps} {run} shrinks all decayed tensors at one rate " + _LOSS,
        "uneven": "After {step:steps} {run} shrinks its tensors at rates that differ by a factor of"
        " {spread:factor} " + _LOSS,
        "losses": "After {step:steps} {low} stands lowest, at a {which} of {lowest:number}, and {high}"
        " highest, at {highest:number}.",
        "least_even": "Decay is least even with {run}: the rates of its tensors differ by a factor of"
        " {spread:factor}.",
    },
    about="train",
    columns=("loss", "val_loss", "*/effective_decay"),
    order=10,
)
