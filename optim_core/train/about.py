"""What the sink of a run is told of it, before its first frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optim_core.experiment import Experiment, TaskProblem
from optim_core.param_groups import Placement
from optim_core.task import Boundary, TaskRun


def about(
    experiment: Experiment[TaskProblem], task: TaskRun, placements: Sequence[Placement]
) -> dict[str, Any]:
    """The run as JSON data: what is trained with what, its tensors, why they are in their groups, facts."""
    rule, problem = experiment.rule, experiment.problem
    has_decay = "weight_decay" in rule.settings
    tensors = [
        {
            "name": p.name,
            "shape": list(p.shape),
            "group": 0 if p.decayed or not has_decay else 1,
            "decayed": p.decayed and has_decay,
            "reason": p.reason if has_decay else f"Does not decay: {rule.title} has no decay.",
        }
        for p in placements
    ]
    facts = {
        **task.facts,
        "examples": task.examples,
        "weights": sum(math.prod(p.shape) for p in placements),
    }
    if task.boundary:
        facts["boundary"] = _drawn(task.boundary)
    return {
        "kind": "train",
        "task": problem.task.id,
        "optimizer": rule.id,
        "config": experiment.config(),
        "steps": problem.steps,
        "tensors": tensors,
        "facts": facts,
    }


def _drawn(boundary: Boundary) -> dict[str, Any]:
    return {
        "box": list(boundary.box),
        "n": boundary.n,
        "points": [[round(v, 3) for v in point] for point in boundary.points.tolist()],
        "labels": boundary.labels.int().tolist(),
    }
