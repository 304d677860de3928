"""A run on a surface that could not go on, and why."""

from __future__ import annotations

from collections.abc import Iterator

from optim_core.finding import Check, Finding, Runs
from optim_core.outcomes import Outcome


def find(runs: Runs) -> Iterator[Finding]:
    for key, run in runs.items():
        if run.outcome not in (Outcome.DIVERGED, Outcome.UNDEFINED):
            continue
        last = len(run["x"]) - 1
        yield Finding(
            code="why",
            severity="fault",
            run=key,
            step=last,
            runs={"run": key},
            words={"reason": run.reason},
            steps=(last + 1, int(run.about["steps"])),
        )


FINDING = Check(find=find, texts={"why": "{run}: {reason}"}, about="trajectory", columns=(), order=20)
