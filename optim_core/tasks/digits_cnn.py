"""Handwritten digits, a convolutional network with batch normalisation."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import nn

from optim_core.declare.kinds import Integer
from optim_core.task import Task, TaskRun, seeded, shuffled
from optim_core.tasks._classify import digits, evaluation, loss, moved

Channels = Annotated[
    int,
    Integer(label="channels", help="Filters of the first layer.", low=1, high=256, slider=(4, 64)),
]


def build(seed: int, device: torch.device, *, channels: Channels = 16) -> TaskRun:
    """Two convolutions of 3×3, each normalised and halved in size, and a linear layer."""
    train, validation = (moved(part, device) for part in digits())
    with seeded(seed):
        model = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (examples, channels, 4, 4)
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (examples, 2·channels, 2, 2)
            nn.Flatten(),
            nn.Linear(8 * channels, 10),
        ).to(device)
    return TaskRun(
        model=model,
        batches=shuffled(train, seed),
        loss=loss,
        evaluate=evaluation(train, validation),
        examples=len(train[1]),
    )


TASK = Task(
    title="Digits, convolutional network",
    data="scikit-learn's digits (UCI, 1998)",
    batch_size=64,
    steps=600,
    rates={"gradient": 0.2, "adaptive": 3e-3},
    decay_rate=1e-4,
)
