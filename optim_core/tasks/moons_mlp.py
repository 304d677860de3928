"""Two classes of points in the plane, with the decision boundary drawn as it forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from optim_core.declare.kinds import Choice, Real
from optim_core.task import Batch, Boundary, Task, TaskRun, seeded, shuffled
from optim_core.tasks._classify import Activation, Depth, Hidden, mlp, moved

EXAMPLES, GRID = 500, 48
Points = Annotated[
    str,
    Choice(
        label="points",
        help="How the two classes lie.",
        options={
            "moons": "two interleaved half circles",
            "spirals": "two spirals, one and a half turns each",
        },
    ),
]
Spread = Annotated[
    float,
    Real(label="noise", help="Standard deviation of the points.", low=0.0, high=2.0, slider=(0.0, 0.5)),
]


def build(
    seed: int,
    device: torch.device,
    *,
    points: Points = "moons",
    noise: Spread = 0.15,
    hidden: Hidden = 32,
    depth: Depth = 2,
    activation: Activation = "tanh",
) -> TaskRun:
    """2 coordinates, hidden layers, one score: the logarithm of the odds of class 1."""
    train, validation = (moved(_points(points, noise, [seed, part]), device) for part in (0, 1))
    with seeded(seed):
        model = mlp(2, 1, hidden, depth, activation).to(device)
    return TaskRun(
        model=model,
        batches=shuffled(train, seed),
        loss=loss,
        evaluate=lambda net: _evaluate(net, train, validation),
        examples=EXAMPLES,
        boundary=_boundary(train, device),
    )


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean logistic loss in nats."""
    places, labels = batch
    return binary_cross_entropy_with_logits(model(places)[:, 0], labels)


def _points(kind: str, noise: float, seed: list[int]) -> Batch:
    """Places (n, 2) with about unit spread, labels (n,) 0 or 1."""
    rng = np.random.default_rng(seed)
    if kind == "moons":
        places, labels = make_moons(EXAMPLES, noise=noise, random_state=int(rng.integers(2**31)))
        places = places - [0.5, 0.25]
    else:
        labels = np.arange(EXAMPLES) % 2
        along = np.sqrt(rng.uniform(0.02, 1.0, EXAMPLES))
        angle = 3.0 * math.pi * along + math.pi * labels
        places = 1.5 * along[:, None] * np.stack((np.cos(angle), np.sin(angle)), 1)
        places = places + 0.5 * noise * rng.normal(size=places.shape)
    return torch.from_numpy(places).float(), torch.from_numpy(labels).float()


def _evaluate(model: nn.Module, train: Batch, validation: Batch) -> Mapping[str, Tensor]:
    scores, own = model(validation[0])[:, 0], model(train[0])[:, 0]
    return {
        "val_loss": binary_cross_entropy_with_logits(scores, validation[1]),
        "val_accuracy": ((scores > 0) == (validation[1] > 0)).float().mean(),
        "accuracy": ((own > 0) == (train[1] > 0)).float().mean(),
    }


def _boundary(train: Batch, device: torch.device) -> Boundary:
    box = (-2.2, 2.2, -2.2, 2.2)
    x, y = torch.linspace(box[0], box[1], GRID), torch.linspace(box[2], box[3], GRID)
    grid = torch.cartesian_prod(y, x).flip(1).to(device)  # (GRID², 2), x runs fastest
    return Boundary(box, GRID, lambda model: model(grid)[:, 0], train[0], train[1])


TASK = Task(
    title="Moons and spirals",
    data="made from the seed",
    batch_size=64,
    steps=1500,
    rates={"gradient": 0.3, "adaptive": 3e-3},
    decay_rate=1e-4,
)
