"""Which of several training runs broke, and when."""

from __future__ import annotations

from collections.abc import Iterator

from optim_core.finding import Check, Finding, Runs
from optim_core.outcomes import Outcome

TOLD_APART = 3  # runs; more are counted


def find(runs: Runs) -> Iterator[Finding]:
    begun = {key: run for key, run in runs.items() if "loss" in run and len(run["loss"])}
    broken = {k: r for k, r in begun.items() if r.outcome in (Outcome.DIVERGED, Outcome.UNDEFINED)}
    if len(begun) < 2 or len({run.about.get("task") for run in begun.values()}) > 1:
        return
    if len(broken) > TOLD_APART:
        numbers = {"broken": float(len(broken)), "runs": float(len(begun))}
        yield Finding(code="several", severity="fault", numbers=numbers)
        return
    for key, run in broken.items():
        step = int(run.steps("loss")[-1])
        yield Finding(
            code=run.outcome,
            severity="fault",
            run=key,
            step=step,
            numbers={"step": float(step)},
            runs={"run": key},
        )


FINDING = Check(
    find=find,
    texts={
        "diverged": "{run} diverged at step {step:count}.",
        "undefined": "{run} came to a number that is not finite at step {step:count}.",
        "several": "{broken:count} of {runs:count} runs broke: see the events below.",
    },
    about="train",
    columns=("loss",),
    order=20,
)
