"""What tasks of classification share: handwritten digits, layers, loss and accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from optim_core.declare.kinds import Choice, Integer
from optim_core.task import Batch, Evaluate

Hidden = Annotated[
    int, Integer(label="width", help="Units in each hidden layer.", low=1, high=4096, slider=(8, 512))
]
Depth = Annotated[int, Integer(label="depth", help="Number of hidden layers.", low=0, high=16, slider=(1, 6))]
Activation = Annotated[
    str,
    Choice(
        label="activation",
        help="What follows each hidden layer.",
        options={"relu": "max(0, x)", "tanh": "the hyperbolic tangent", "gelu": "x·Φ(x)"},
    ),
]
ACTIVATIONS: Mapping[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
TESTED = 360  # of the 1797 digits


def digits(seed: int = 0) -> tuple[Batch, Batch]:
    """scikit-learn's 8×8 digits as (images (n, 64) from −1 to 1, labels (n,)): to train on, to validate on.

    The split depends on ``seed`` alone; no image is in both.
    """
    data = load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    images = torch.from_numpy(data.data[order] / 8.0 - 1.0).float()
    labels = torch.from_numpy(data.target[order]).long()
    return (images[TESTED:], labels[TESTED:]), (images[:TESTED], labels[:TESTED])


def mlp(inputs: int, outputs: int, hidden: int, depth: int, activation: str) -> nn.Sequential:
    """A plain network: ``depth`` hidden layers of ``hidden`` units."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, hidden), ACTIVATIONS[activation]()]
        inputs = hidden
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy in nats."""
    inputs, labels = batch
    return cross_entropy(model(inputs), labels)


def evaluation(train: Batch, validation: Batch) -> Evaluate:
    """Loss and accuracy on the validation set, and accuracy on as many training examples, at least 500."""
    count = max(len(validation[1]), 500)

    def evaluate(model: nn.Module) -> Mapping[str, Tensor]:
        scores, own = model(validation[0]), model(train[0][:count])
        return {
            "val_loss": cross_entropy(scores, validation[1]),
            "val_accuracy": _accuracy(scores, validation[1]),
            "accuracy": _accuracy(own, train[1][:count]),
        }

    return evaluate


def moved(batch: Batch, device: torch.device) -> Batch:
    """The arrays on ``device``."""
    return tuple(array.to(device) for array in batch)


def _accuracy(scores: Tensor, labels: Tensor) -> Tensor:
    return (scores.argmax(1) == labels).float().mean()
