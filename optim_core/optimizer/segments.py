"""Many tensors in one buffer, laid out so that sums over each of them are plain row sums.

A buffer has the shape (rows, 64): every tensor begins a row of its own, and the rest of its last row
is padding. Elementwise arithmetic runs over the whole buffer, a sum over each tensor is a sum over
each row and a short segment sum over rows, and a number per tensor broadcasts as (rows, 1): a few
kernels, however many tensors there are. What stands in the padding means nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

WIDTH = 64


class Segments:
    """The layout of tensors with these ``sizes`` (numbers of elements) on one device."""

    def __init__(self, sizes: Sequence[int], device: torch.device):
        self.sizes, self.device = tuple(sizes), device
        self.lengths = tuple(-(-size // WIDTH) for size in sizes)  # rows of each tensor
        self.rows = sum(self.lengths)
        self._cuts: list[int] = []
        for size, length in zip(self.sizes, self.lengths, strict=True):
            self._cuts += [size, length * WIDTH - size]

    def zeros(self, dtype: torch.dtype) -> Tensor:
        """An empty buffer (rows, 64)."""
        return torch.zeros(self.rows, WIDTH, dtype=dtype, device=self.device)

    def split(self, buffer: Tensor) -> list[Tensor]:
        """Each tensor's elements as a view of the buffer, of one dimension."""
        return list(torch.split(buffer.view(-1), self._cuts)[::2])

    def spread(self, values: Tensor) -> Tensor:
        """A number per tensor (tensors,) as it broadcasts over the buffer: (rows, 1)."""
        return values.index_select(0, self.owner)[:, None]

    def over(self, rows: Tensor, how: str) -> Tensor:
        """The "sum" or "max" over each tensor (k, tensors) from that over each row (k, rows)."""
        lengths = self._length_tensor.expand(len(rows), -1)
        return torch.segment_reduce(rows, how, lengths=lengths, axis=1, unsafe=True)

    def places(self, coordinates: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """Row and column of elements that are given as (tensor, index in it)."""
        found = [int(self._starts[tensor]) + index for tensor, index in coordinates]
        places = torch.tensor(found, dtype=torch.long, device=self.device)
        return places // WIDTH, places % WIDTH

    @cached_property
    def owner(self) -> Tensor:
        """The tensor that each row belongs to (rows,)."""
        lengths = torch.tensor(self.lengths)
        return torch.repeat_interleave(torch.arange(len(self.sizes)), lengths).to(self.device)

    @cached_property
    def padding(self) -> Tensor:
        """Places in the flattened buffer that belong to no tensor."""
        spans = zip(self._starts, self.sizes, self.lengths, strict=True)
        gaps = [torch.arange(start + size, start + length * WIDTH) for start, size, length in spans]
        return torch.cat([*gaps, torch.empty(0, dtype=torch.long)]).to(self.device)

    @cached_property
    def _length_tensor(self) -> Tensor:
        return torch.tensor(self.lengths, device=self.device)

    @cached_property
    def _starts(self) -> list[int]:
        """Where each tensor begins in the flattened buffer."""
        return list(itertools.accumulate((length * WIDTH for length in self.lengths[:-1]), initial=0))
