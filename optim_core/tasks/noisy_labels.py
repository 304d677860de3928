"""Digits with wrong labels: a network large enough to learn the noise by heart, so that decay matters."""

from __future__ import annotations

from typing import Annotated

import torch

from optim_core.declare.kinds import Integer, Real
from optim_core.task import Task, TaskRun, drawer, seeded, shuffled
from optim_core.tasks._classify import Hidden, digits, evaluation, loss, mlp, moved

Noise = Annotated[
    float,
    Real(
        label="wrong labels",
        help="The share of training labels that are replaced by another class.",
        low=0.0,
        high=0.9,
        slider=(0.0, 0.6),
    ),
]
Examples = Annotated[
    int,
    Integer(label="examples", help="Size of the training set.", low=20, high=1437, slider=(50, 1000)),
]


def build(
    seed: int, device: torch.device, *, noise: Noise = 0.3, examples: Examples = 300, hidden: Hidden = 256
) -> TaskRun:
    """Few examples, some labels wrong; validated on labels that are right."""
    (images, labels), validation = digits()
    generator = drawer(seed, stream=2)
    labels = labels[:examples].clone()
    wrong = torch.randperm(examples, generator=generator)[: round(noise * examples)]
    labels[wrong] = (labels[wrong] + torch.randint(1, 10, (len(wrong),), generator=generator)) % 10
    train, validation = moved((images[:examples], labels), device), moved(validation, device)
    with seeded(seed):
        model = mlp(64, 10, hidden, 2, "relu").to(device)
    return TaskRun(
        model=model,
        batches=shuffled(train, seed),
        loss=loss,
        evaluate=evaluation(train, validation),
        examples=examples,
        facts={"wrong_labels": len(wrong)},
    )


TASK = Task(
    title="Wrong labels (overfitting)",
    data="scikit-learn's digits (UCI, 1998), labels changed at random",
    batch_size=64,
    steps=1500,
    rates={"gradient": 0.1, "adaptive": 1e-3},
    decay_rate=1e-4,
)
