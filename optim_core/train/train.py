"""Training a task with a rule: the one call."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import torch

from optim_core.plans import plan
from optim_core.rule import Rule
from optim_core.task import Task
from optim_core.train.loop import Loop, TrainResult
from optim_core.transport.sinks import MemorySink, Sink


def train(
    task: Task | str | Mapping[str, Any],
    rule: Rule | str,
    *,
    steps: int | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    device: str | torch.device = "auto",
    schedule: object = None,
    decay_schedule: object = None,
    groups: str = "no_bias_no_norm",
    clip: float | None = None,
    precision: str = "fp32",
    l2_in_loss: float = 0.0,
    trace: Mapping[str, Any] | None = None,
    validate_every: int | None = None,
    sink: Sink | None = None,
    run: str | None = None,
    **hyper: Any,
) -> TrainResult:
    """Trains ``task`` (its id, or ``{"id": "char_gpt", "size": "micro"}``) with ``rule``.

    steps, batch_size  the task's own by default
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
    sink               takes the frames, and may steer the run; by default a `MemorySink`

    A run that diverges, meets NaN or is cancelled ends with that `Outcome` and its trace. With the
    same seed a run on a CPU repeats to the last bit. Raises InvalidInput with the field's path.
    """
    plans = plan(
        task,
        rule,
        steps=steps,
        seed=seed,
        batch_size=batch_size,
        device=device,
        schedule=schedule,
        decay_schedule=decay_schedule,
        groups=groups,
        clip=clip,
        precision=precision,
        l2_in_loss=l2_in_loss,
        trace=trace,
        validate_every=validate_every,
        hyper=hyper,
    )
    return Loop(plans, sink or MemorySink(), run or uuid.uuid4().hex).run()
