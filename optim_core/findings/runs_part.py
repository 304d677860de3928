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
    losses = {key: _at(run, "loss", step) for key, run in whole.items()}
    spreads = {key: decay_spread(run, step) for key, run in whole.items()}
    if len(whole) > TOLD_APART:
        yield from _outstanding(step, losses, spreads)
        return
    for key, spread in spreads.items():
        numbers = {"step": float(step), "loss": losses[key]}
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
        )


def _outstanding(step: int, losses: dict[Key, float], spreads: dict[Key, float | None]) -> Iterator[Finding]:
    """Who stands lowest and highest, and whose decay is least even."""
    ordered = sorted(losses, key=lambda key: losses[key] if math.isfinite(losses[key]) else math.inf)
    low, high = ordered[0], ordered[-1]
    numbers = {"step": float(step), "lowest": losses[low], "highest": losses[high]}
    yield Finding(
        code="losses", severity="information", step=step, numbers=numbers, runs={"low": low, "high": high}
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
    known = [rate for rate in rates if rate > 0.0]
    return max(known) / min(known) if known else None


def _recent(run: Recording, name: str, step: int) -> float:
    """Mean of the last tenth before the step."""
    values = run[name][: int(np.searchsorted(run.steps(name), step, side="right"))]
    if not len(values):
        return math.nan
    return float(values[-min(RECENT, max(1, math.ceil(len(values) / 10))) :].mean(dtype=np.float64))


def _at(run: Recording, name: str, step: int) -> float:
    """The last value at or before the step."""
    row = int(np.searchsorted(run.steps(name), step, side="right")) - 1
    return float(run[name][max(row, 0)])


_LOSS = "and stands at a loss of {loss:number}."

FINDING = Check(
    find=find,
    texts={
        "different_tasks": "These runs train different tasks: their losses say nothing about each other.",
        "no_decay": "After {step:steps} {run} does not decay " + _LOSS,
        "even": "After {step:steps} {run} shrinks all decayed tensors at one rate " + _LOSS,
        "uneven": "After {step:steps} {run} shrinks its tensors at rates that differ by a factor of"
        " {spread:factor} " + _LOSS,
        "losses": "After {step:steps} {low} stands lowest, at a loss of {lowest:number}, and {high} highest,"
        " at {highest:number}.",
        "least_even": "Decay is least even with {run}: the rates of its tensors differ by a factor of"
        " {spread:factor}.",
    },
    about="train",
    columns=("loss", "*/effective_decay"),
    order=10,
)
