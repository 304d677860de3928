"""Training a task with a rule: the one call."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from optim_core.experiment import task_experiment
from optim_core.options import TASK_OPTIONS
from optim_core.rule import Rule
from optim_core.task import Task
from optim_core.train.loop import Loop, TrainResult
from optim_core.transport.sinks import MemorySink, Sink

_OPTIONS = {name.partition(".")[0] for name in TASK_OPTIONS} | {"schedule", "decay_schedule"}


def train(
    task: Task | str | Mapping[str, Any],
    rule: Rule | str,
    *,
    sink: Sink | None = None,
    run: str | None = None,
    **settings: Any,
) -> TrainResult:
    """Trains ``task`` (its id, or ``{"id": "char_gpt", "size": "micro"}``) with ``rule``.

    ``settings`` are the rule's hyperparameters and, by the names that `optim_core.options.TASK_OPTIONS`
    declares:

    steps, batch_size  the task's own by default
    seed               of the first weights and the data's order
    device             "auto" (CUDA, else MPS, else CPU) or torch's name of one
    schedule           of the learning rate: an id or ``{"id": "cosine", "warmup_steps": 100}``;
                       ``decay_schedule`` likewise multiplies λ
    groups             which tensors decay, a policy of `split_decay`
    clip               the largest global norm that the gradient keeps
    precision          one of `PRECISIONS`
    l2_in_loss         c adds cΣp² over the decaying tensors to the loss, so 2cp to their gradients; to
                       the optimizer this is data, so it belongs to the traced gradient part
    trace              see `TraceOptions`: every tensor every 10th step by default
    validate_every     steps between evaluations; 20 in a run by default

    ``sink`` takes the frames, and may steer the run; by default a `MemorySink`, whose recording the result
    has. A run that diverges, meets NaN or is cancelled ends with that `Outcome` and its trace. With the
    same seed a run on a CPU repeats to the last bit. Raises InvalidInput with the field's path.
    """
    given = {name: value for name, value in settings.items() if name in _OPTIONS}
    hyper = {name: value for name, value in settings.items() if name not in _OPTIONS}
    own = {k: v for k, v in task.items() if k != "id"} if isinstance(task, Mapping) else {}
    known = task.get("id") if isinstance(task, Mapping) else task
    experiment = task_experiment({**given, "task": known, "settings": own, "optimizer": rule, "hyper": hyper})
    return Loop(experiment, sink or MemorySink(), run or uuid.uuid4().hex).run()
