"""Rows whose length does not matter, under pure noise: how fast does each optimizer turn them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from optim_core.declare.kinds import Integer, Real
from optim_core.task import Batch, Task, TaskRun, drawn, seeded

Rows = Annotated[
    int, Integer(label="rows", help="Rows of each of the two tensors.", low=1, high=1024, slider=(8, 128))
]
Size = Annotated[
    int, Integer(label="row length", help="Weights in a row.", low=2, high=4096, slider=(16, 512))
]
Ratio = Annotated[
    float,
    Real(
        label="loudness",
        help="How many times as large the gradients of the loud rows are.",
        low=1.0,
        high=1e3,
        slider=(1.0, 100.0),
        scale="log",
    ),
]


class TwoTensors(nn.Module):
    """Rows with large gradients and rows with small ones; only their directions enter the loss."""

    def __init__(self, rows: int, size: int):
        super().__init__()
        self.loud = nn.Parameter(torch.randn(rows, size) / size**0.5)
        self.quiet = nn.Parameter(torch.randn(rows, size) / size**0.5)

    def forward(self, noise: Tensor) -> Tensor:
        """Each row's direction times its noise (2·rows,)."""
        return (normalize(torch.cat((self.loud, self.quiet)), dim=1) * noise).sum(1)


def build(
    seed: int, device: torch.device, *, rows: Rows = 32, row_length: Size = 128, loudness: Ratio = 10.0
) -> TaskRun:
    """A gradient that is noise across each row, as at the end of training (Kosson et al. 2024)."""
    with seeded(seed):
        model = TwoTensors(rows, row_length).to(device)
    scale = torch.ones(2 * rows, 1)
    scale[:rows] = loudness

    def draw(generator: torch.Generator, size: int) -> Batch:
        noise = torch.randn(2 * rows, row_length, generator=generator)
        return ((noise * scale / size**0.5).to(device),)

    return TaskRun(model=model, batches=drawn(draw, seed), loss=loss, evaluate=_lengths, examples=0)


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """The sum over rows; its expectation is 0 whatever the weights."""
    total: Tensor = model(batch[0]).sum()
    return total


def _lengths(model: nn.Module) -> Mapping[str, Tensor]:
    """Mean length of the rows: at equilibrium it stays."""
    assert isinstance(model, TwoTensors)
    return {
        "row_length_loud": model.loud.norm(dim=1).mean(),
        "row_length_quiet": model.quiet.norm(dim=1).mean(),
    }


TASK = Task(
    title="Rotation (rows of any length)",
    data="noise made from the seed",
    batch_size=1,
    steps=5000,
    rates={"gradient": 1e-3, "adaptive": 1e-3},  # rows then stay between one and three long
    decay_rate=1e-4,
    descends=False,
)
