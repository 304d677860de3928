"""Handwritten digits, a plain network: 1797 images of 8×8 pixels, ten classes."""

from __future__ import annotations

import torch

from optim_core.task import Task, TaskRun, seeded, shuffled
from optim_core.tasks._classify import Activation, Depth, Hidden, digits, evaluation, loss, mlp, moved


def build(
    seed: int,
    device: torch.device,
    *,
    hidden: Hidden = 256,
    depth: Depth = 2,
    activation: Activation = "relu",
) -> TaskRun:
    """64 pixels, hidden layers, 10 scores."""
    train, validation = (moved(part, device) for part in digits())
    with seeded(seed):
        model = mlp(64, 10, hidden, depth, activation).to(device)
    return TaskRun(
        model=model,
        batches=shuffled(train, seed),
        loss=loss,
        evaluate=evaluation(train, validation),
        examples=len(train[1]),
    )


TASK = Task(
    title="Digits, plain network",
    data="scikit-learn's digits (UCI, 1998)",
    batch_size=128,
    steps=1000,
    rates={"gradient": 0.2, "adaptive": 1e-3},
    decay_rate=1e-4,
)
