"""Exact order statistics of many tensors at once, and their histograms over powers of two.

The q-quantile is the ⌈q·n⌉-th smallest of n values (numpy's ``inverted_cdf``), an element itself and
never an interpolation. Values are compared as float32; where one is NaN, its place means nothing.

A float32's leading bits are a logarithmic bin: its exponent is an octave, and the next bits cut the
octave evenly. On a CPU one count of such bins tells in which of them each quantile lies, and only the
few values in those are sorted. The bins lie about each tensor's median of last time. Elsewhere
one sort of (tensor, value) keys does it, without waiting for the device.
"""

from __future__ import annotations

import itertools
import math
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optim_core.arithmetic import Array
from optim_core.optimizer.segments import WIDTH, Segments

PERCENTS = (0, 10, 50, 90, 100)
# The histogram's 64 bins: bin i holds [2^(i−40), 2^(i−39)); the first also all that is smaller (0
# with it), the last also all that is larger (2^24 and above, infinity, NaN).
OCTAVES, LOWEST = 64, -40
BINS = 2048  # for each tensor: all 64 octaves by 32 bins, or 16 octaves about its median by 128
_MANTISSA = 23  # bits of a float32's fraction; its exponent is above them, with a bias of 127
_WHOLE, _FINE = 5, 7  # bits that cut an octave
_NEAR = 4  # octaves by which a median may wander before its tensor's bins follow it

_Some = TypeVar("_Some", Tensor, NDArray[np.int64])


def edges() -> list[float]:
    """The 65 edges of the histogram's bins."""
    return [2.0 ** (LOWEST + i) for i in range(OCTAVES + 1)]


def ranks(size: int) -> list[int]:
    """Which smallest of ``size`` values (from 1) each of `PERCENTS` is."""
    return [max(1, -(-percent * size // 100)) for percent in PERCENTS]


class Quantiles:
    """Order statistics over the tensors of one layout, none of them empty, of up to ``steps`` at once."""

    def __init__(self, segments: Segments, steps: int, *, by_sorting: bool | None = None):
        self._segments, self._tensors, self._steps = segments, len(segments.sizes), steps
        every_rank = [ranks(size) for size in segments.sizes] * steps
        self._firsts = segments.places([(i, 0) for i in range(self._tensors)])
        # By row, which tensor of which step it belongs to; and what of the flattened rows is padding.
        every = torch.arange(steps, device=segments.device)[:, None]
        self._owner = (every * self._tensors + segments.owner).view(-1, 1)
        self._padding = (every * segments.rows * WIDTH + segments.padding).view(-1)
        self._medians = np.full(self._tensors, LOWEST + OCTAVES / 2)  # octaves; later those of last time
        self._centres, self._bits = self._medians, 0  # the bins' at present, and bits that cut an octave
        self._by_sorting = segments.device.type != "cpu" if by_sorting is None else by_sorting
        if self._by_sorting:
            # Places in the sequence of all values sorted by step, tensor and size.
            sizes = list(segments.sizes) * steps
            starts = itertools.accumulate(sizes[:-1], initial=0)
            places = [
                start + rank - 1 for start, mine in zip(starts, every_rank, strict=True) for rank in mine
            ]
            self._index = torch.tensor(places, device=segments.device)
        else:
            self._ranks = torch.tensor([mine[:-1] for mine in every_rank])
            self._tensor_bins = torch.arange(steps * self._tensors)[:, None] * BINS  # where a tensor's begin
            self._offset = (self._owner * BINS).int()
            self._first = torch.empty_like(self._offset)
            self._wanted = torch.zeros(steps * self._tensors * BINS + 1, dtype=torch.bool)
            self._bins = torch.empty(len(self._owner), WIDTH, dtype=torch.int32)

    def take(self, values: Tensor, *, constant: bool = False) -> Tensor:
        """Quantiles (steps, 5, tensors) of these float32 rows (steps · rows, 64).

        ``constant`` says that each tensor has one value throughout, which then is quickly done.
        """
        steps = len(values) // self._segments.rows
        if constant:
            row, column = self._firsts
            each = values.view(steps, self._segments.rows, WIDTH)[:, None, row, column]
            return each.expand(-1, len(PERCENTS), -1)
        bits = values.view(torch.int32)
        if self._by_sorting:
            return self._sort(bits, steps).view(steps, self._tensors, -1).transpose(1, 2)
        lower = self._count(bits, steps).view(steps, self._tensors, -1).transpose(1, 2)
        # The largest apart: often it is many, ``lr / eps`` wherever a gradient has always been 0.
        values.view(-1).index_fill_(0, self._of(steps, self._padding), -math.inf)
        largest = self._segments.over(values.amax(1).view(steps, -1), "max")
        return torch.cat((lower, largest[:, None]), 1)

    def octaves(self, values: Tensor) -> Tensor:
        """How many values of each tensor lie in each bin of the histogram (tensors, 64), of one step."""
        octave = (values.view(torch.int32) >> _MANTISSA).sub_(127 + LOWEST).clamp_(0, OCTAVES - 1)
        bins = octave.add_(self._owner[: len(values)].int() * OCTAVES).view(-1)
        bins.index_fill_(0, self._segments.padding, self._tensors * OCTAVES)
        counts = values.new_zeros(self._tensors * OCTAVES + 1)
        return counts.index_add_(0, bins, torch.ones_like(values).view(-1))[:-1].view(-1, OCTAVES)

    def _count(self, bits: Tensor, steps: int) -> Tensor:
        """By one count of bins."""
        self._lay_bins()
        bins = torch.bitwise_right_shift(bits, _MANTISSA - self._bits, out=self._bins[: len(bits)])
        # Elements by bin, the bins of one tensor after those of another; what is beyond goes to the ends.
        bins.sub_(self._first[: len(bits)]).clamp_(0, BINS - 1).add_(self._offset[: len(bits)])
        bits, bins, last = bits.view(-1), bins.view(-1), steps * self._tensors * BINS
        bins.index_fill_(0, self._of(steps, self._padding), last)
        counts = torch.bincount(bins, minlength=last + 1)  # twice as quick as numpy's
        each, ranks = counts[:last].view(-1, BINS), self._of(steps, self._ranks)
        up_to = each.cumsum(1)
        place = torch.searchsorted(up_to, ranks)  # each quantile's bin in its tensor, ascending
        before = (up_to.gather(1, place) - each.gather(1, place)).view(-1).numpy()
        found = (place + self._tensor_bins[: len(place)]).view(-1).numpy()
        candidates = found[np.concatenate(([True], found[1:] != found[:-1]))]
        wanted = self._wanted.numpy()
        wanted[candidates] = True
        chosen = np.flatnonzero(self._wanted.index_select(0, bins).numpy())
        wanted[candidates] = False
        keys = bins.numpy()[chosen].astype(np.int64) << 32 | _ordered(bits.numpy()[chosen])
        keys.sort()
        held = counts.numpy()[candidates]
        begin = (np.cumsum(held) - held)[np.searchsorted(candidates, found)]  # of the bin, in `keys`
        result = _floats(keys[begin + ranks.view(-1).numpy() - 1 - before])
        medians = result.reshape(-1, len(PERCENTS) - 1)[-self._tensors :, PERCENTS.index(50)]
        self._medians = np.frexp(np.maximum(medians, 2.0**LOWEST))[1].astype(np.float64)
        return torch.from_numpy(result)

    def _lay_bins(self) -> None:
        """Places each tensor's bins about its last median, once that is known and when it has wandered."""
        if self._bits == _FINE and (abs(self._medians - self._centres) <= _NEAR).all():
            return
        self._bits, self._centres = _FINE if self._bits else _WHOLE, self._medians
        lowest = 127 + self._centres - (BINS >> self._bits) / 2
        first = torch.from_numpy((lowest * (1 << self._bits)).astype(np.int32))
        self._first.view(-1, self._segments.rows, 1).copy_(self._segments.spread(first))

    def _sort(self, bits: Tensor, steps: int) -> Tensor:
        """By one sort of everything."""
        keys = (self._owner[: len(bits)] << 32).add(_flip(bits)).add_(2**31).view(-1)
        keys.index_fill_(0, self._of(steps, self._padding), torch.iinfo(torch.int64).max)
        found = torch.sort(keys).values.index_select(0, self._of(steps, self._index))
        result: Tensor = _flip(((found & 0xFFFFFFFF) - 2**31).to(torch.int32)).view(torch.float32)
        return result

    def _of(self, steps: int, every: _Some) -> _Some:
        """What of this, made for all steps, is for so many."""
        return every[: len(every) // self._steps * steps]


def _flip(bits: Array) -> Array:
    """Bits of floats as whole numbers in the floats' order, and back."""
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


def _ordered(bits: NDArray[np.int32]) -> NDArray[np.int64]:
    """Keys from 0 to 2³²−1 in the order of the floats that have these bits."""
    keys: NDArray[np.int64] = _flip(bits).astype(np.int64) + 2**31
    return keys


def _floats(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """The floats whose `_ordered` keys are the lower 32 bits of these."""
    floats: NDArray[np.float32] = _flip(((keys & 0xFFFFFFFF) - 2**31).astype(np.int32)).view(np.float32)
    return floats
