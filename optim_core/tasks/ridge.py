"""Linear regression, whose ridge solution is known in closed form: where does each optimizer stop?"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

from optim_core.declare.kinds import Choice
from optim_core.task import Batch, Task, TaskRun, seeded, shuffled
from optim_core.tasks._classify import moved

# The problem of Schaipp 2024: fewer equations than unknowns, and noise.
EQUATIONS, UNKNOWNS, NOISE = 200, 1000, 0.1
Data = Annotated[
    str,
    Choice(
        label="data",
        help="Which equations are to be solved.",
        options={
            "synthetic": f"{EQUATIONS} random equations in {UNKNOWNS} unknowns, with noise",
            "diabetes": "442 patients, 10 measurements each, progression of the disease",
        },
    ),
]


def build(seed: int, device: torch.device, *, data: Data = "synthetic") -> TaskRun:
    """ŷ = ⟨w, x⟩ from w = 0, loss ½·mean (ŷ − y)²; a fifth of the diabetes data validates."""
    train, validation = (
        moved(part, device) for part in (_synthetic(seed) if data == "synthetic" else _diabetes())
    )
    with seeded(seed):  # the layer draws weights, though they are not kept
        model = nn.Linear(train[0].shape[1], 1, bias=False).to(device)
    nn.init.zeros_(model.weight)
    return TaskRun(
        model=model,
        batches=shuffled(train, seed),
        loss=loss,
        evaluate=lambda net: {"val_loss": loss(net, validation)},
        examples=len(train[1]),
        minimum=lambda strength: {"weight": minimum(train, strength)[None]},
    )


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """½ mean (ŷ − y)²."""
    inputs, targets = batch
    half: Tensor = 0.5 * (model(inputs)[:, 0] - targets).square().mean()
    return half


def minimum(batch: Batch, strength: float) -> Tensor:
    """w (unknowns,) that minimises the loss + (strength/2)|w|²; without strength the shortest such w.

    w = Xᵀ (X Xᵀ/n + strength)⁺ y/n, the same as (XᵀX/n + strength)⁻¹ Xᵀy/n with the smaller matrix.
    """
    inputs, targets = (array.double().cpu() for array in batch)
    count = len(targets)
    gram = inputs @ inputs.T / count + strength * torch.eye(count, dtype=torch.float64)
    weights: Tensor = inputs.T @ (torch.linalg.pinv(gram, hermitian=True) @ targets) / count
    return weights.to(batch[0])


def _synthetic(seed: int) -> tuple[Batch, Batch]:
    """Equations with unit rows on average and a solution of unit length, and as many to validate on."""
    rng = np.random.default_rng(seed)
    solution = rng.normal(size=UNKNOWNS) / np.sqrt(UNKNOWNS)
    parts: list[Batch] = []
    for _ in range(2):
        inputs = rng.normal(size=(EQUATIONS, UNKNOWNS))
        targets = inputs @ solution + NOISE * rng.normal(size=EQUATIONS)
        parts.append((torch.from_numpy(inputs).float(), torch.from_numpy(targets).float()))
    return parts[0], parts[1]


def _diabetes() -> tuple[Batch, Batch]:
    """Measurements and target with mean 0 and variance 1, as the training part has them."""
    inputs, targets = load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(targets))
    cut = len(targets) // 5
    both = np.column_stack((inputs, targets))[order]
    both = (both - both[cut:].mean(0)) / both[cut:].std(0)
    table = torch.from_numpy(both).float()
    return (table[cut:, :-1], table[cut:, -1]), (table[:cut, :-1], table[:cut, -1])


TASK = Task(
    title="Ridge regression",
    data="made from the seed, or scikit-learn's diabetes (Efron et al. 2004)",
    batch_size=20,
    steps=500,
    rates={"gradient": 0.02, "adaptive": 1e-3},
    decay_rate=1e-4,
)
