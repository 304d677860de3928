"""Coupled beside decoupled decay of one λ: whether one spares the steep coordinate and the other does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim_core.catalogue import rules
from optim_core.finding import Check, ColumnAt, Finding, Key, Runs
from optim_core.findings.decay_taken import steep_axis
from optim_core.recording import Recording

ALIKE = 0.005  # shares that differ by less count as equal
SPARED = 0.6  # of what decay took from the flat coordinate: less than that is sparing the steep one


def find(runs: Runs) -> Iterator[Finding]:
    for coupled, decoupled in product(_decaying(runs, "coupled"), _decaying(runs, "decoupled")):
        one, other = runs[coupled], runs[decoupled]
        steep = steep_axis(one)
        if not steep or _shared(one) != _shared(other):
            continue
        flat = "y" if steep == "x" else "x"
        spared, taken = (one[f"decay_taken_{axis}"] for axis in (steep, flat))
        last = min(len(one["x"]), len(other["x"])) - 1
        even = np.abs(other["decay_taken_x"] - other["decay_taken_y"]) <= ALIKE
        first = _from(even[: last + 1] & (spared < SPARED * taken)[: last + 1])
        if first is None:
            continue
        names = {"coupled": coupled, "decoupled": decoupled}
        steps = (first, last)
        yield Finding(
            code="claim", severity="information", step=last, steps=steps, runs=names, words={"steep": steep}
        )
        yield Finding(
            code="cause",
            severity="information",
            step=last,
            steps=steps,
            numbers={"spared": float(spared[last]), "taken": float(taken[last])},
            columns={
                "spared": ColumnAt(coupled, f"decay_taken_{steep}"),
                "taken": ColumnAt(coupled, f"decay_taken_{flat}"),
            },
            runs={"coupled": coupled},
            words={"steep": steep, "flat": flat},
        )
        return


def _decaying(runs: Runs, kind: str) -> list[Key]:
    """Runs with this kind of decay that took a step."""
    return [
        key
        for key, run in runs.items()
        if len(run["x"]) > 1
        and rules()[run.about["optimizer"]].decay_kind(run.about["config"]["hyper"]) == kind
    ]


def _shared(run: Recording) -> list[Any]:
    """What two runs have to share, for their decay alone to differ."""
    config = run.about["config"]
    hyper = config["hyper"]
    return [hyper["lr"], hyper["weight_decay"], config["start"], config["schedule"], config["decay_schedule"]]


def _from(holds: NDArray[np.bool_]) -> int | None:
    """The step from which it holds to the end."""
    broken = np.flatnonzero(~holds)
    first = int(broken[-1]) + 1 if broken.size else 0
    return first if first < len(holds) else None


FINDING = Check(
    find=find,
    texts={
        "claim": "Same λ. {decoupled} shrinks every weight alike; {coupled} spares the steep one, {steep}.",
        "cause": "λθ enters the gradient of {coupled}, so √v divides it: decay took {spared:percent} of"
        " {steep}, where gradients are large, {taken:percent} of {flat}.",
    },
    about="trajectory",
    columns=("decay_taken_?",),
    order=5,
)
