"""A small GPT that learns English text letter by letter, with layer norms and biases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import Choice, Integer
from optim_core.task import Batch, Task, TaskRun, drawn, seeded

# The text: Python's own manual of topics, as the interpreter carries it, its first letters. Every
# version of Python words some topics anew, so runs tell the hash of what they read.
LETTERS = "\n" + "".join(map(chr, range(32, 127)))
LENGTH, VALIDATION = 400_000, 40_000
EVALUATED = 64  # windows, evenly spaced over the validation text


class _Shape(NamedTuple):
    layers: int
    width: int
    heads: int


SHAPES = {"nano": _Shape(4, 64, 4), "micro": _Shape(4, 128, 4), "small": _Shape(4, 192, 6)}
Size = Annotated[
    str,
    Choice(
        label="size",
        help="How large the network is.",
        options={
            "nano": "4 layers, 64 wide, 217 thousand weights",
            "micro": "4 layers, 128 wide, 826 thousand weights",
            "small": "4 layers, 192 wide, 1.8 million weights (as in D'Angelo et al. 2024)",
        },
    ),
]
Context = Annotated[
    int,
    Integer(
        label="context", help="Letters that the network sees at once.", low=8, high=512, slider=(16, 256)
    ),
]


def build(seed: int, device: torch.device, *, size: Size = "nano", context: Context = 64) -> TaskRun:
    """Predicts each next letter from up to ``context`` before it; validated on the text's end."""
    letters, digest = text()
    data = letters.to(device)
    train, validation = data[:-VALIDATION], data[-VALIDATION:]
    starts = torch.linspace(0, VALIDATION - context - 1, EVALUATED).long().to(device)
    held_out = _windows(validation, starts, context)
    with seeded(seed):
        model = GPT(SHAPES[size], context).to(device)

    def draw(generator: torch.Generator, count: int) -> Batch:
        places = torch.randint(len(train) - context, (count,), generator=generator)
        return _windows(train, places.to(device), context)

    return TaskRun(
        model=model,
        batches=drawn(draw, seed),
        loss=loss,
        evaluate=lambda net: _evaluate(net, held_out),
        examples=len(train) // context,
        facts={"text": "pydoc_data.topics", "letters": LENGTH, "sha256": digest},
    )


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy of the next letter in nats."""
    inputs, targets = batch
    return cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@lru_cache(maxsize=1)
def text() -> tuple[Tensor, str]:
    """The letters as numbers (LENGTH,), and the SHA-256 of the text."""
    try:
        from pydoc_data.topics import topics  # half a megabyte, needed for this task alone
    except ImportError:  # some systems split the standard library into packages
        raise InvalidInput(
            "this Python has no pydoc_data.topics, the text that char_gpt reads.",
            hint="Install the complete standard library, or choose another task.",
        ) from None

    known = set(LETTERS)
    whole = "\n".join(topics[name] for name in sorted(topics))
    kept = "".join(letter for letter in whole if letter in known)[:LENGTH]
    place = {letter: i for i, letter in enumerate(LETTERS)}
    return torch.tensor([place[letter] for letter in kept]), hashlib.sha256(kept.encode()).hexdigest()


class GPT(nn.Module):
    """A decoder as in GPT-2 (Radford et al. 2019): norms before each part, biases everywhere."""

    def __init__(self, shape: _Shape, context: int):
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS), shape.width)
        self.places = nn.Embedding(context, shape.width)
        self.blocks = nn.Sequential(*(Block(shape.width, shape.heads) for _ in range(shape.layers)))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, len(LETTERS))
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, letters: Tensor) -> Tensor:
        """Scores (batch, context, letters) of the next letter, from letters (batch, context)."""
        x = self.letters(letters) + self.places.weight[: letters.shape[1]]
        scores: Tensor = self.head(self.norm(self.blocks(x)))
        return scores


class Block(nn.Module):
    """Attention and a two-layer network, each added to what it reads."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, context, width = x.shape
        parts = self.attend(self.norm1(x)).view(batch, context, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = parts  # (batch, heads, context, width / heads)
        seen = scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.project(seen.transpose(1, 2).reshape(batch, context, width))
        added: Tensor = x + self.contract(nn.functional.gelu(self.expand(self.norm2(x))))
        return added


def _windows(data: Tensor, starts: Tensor, context: int) -> Batch:
    """Letters (n, context) from each start on, and the letters that follow them."""
    places = starts[:, None] + torch.arange(context + 1, device=data.device)
    window = data[places]
    return window[:, :-1], window[:, 1:]


def _evaluate(model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
    inputs, targets = batch
    scores = model(inputs)
    right = (scores.argmax(-1) == targets).float().mean()
    return {"val_loss": cross_entropy(scores.flatten(0, 1), targets.flatten()), "val_accuracy": right}


TASK = Task(
    title="GPT on letters",
    data="Python's manual of topics (pydoc_data), 400 000 letters",
    batch_size=32,
    steps=500,
    rates={"gradient": 0.2, "adaptive": 1e-3},
    decay_rate=1e-4,
    schedule="cosine",
)
