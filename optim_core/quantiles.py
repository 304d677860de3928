"""Exact order statistics of many tensors at once, and their histograms over powers of two.

The q-quantile is the ⌈q·n⌉-th smallest of n values (numpy's ``inverted_cdf``), an element itself and
never an interpolation. Values are compared as float32; where one is NaN, its place means nothing.

A float32's leading bits are a logarithmic bin: its exponent is an octave, and the next four bits cut
the octave in 16. On a CPU one count of these fine bins tells in which bin each quantile lies, and only
the few values in those bins are sorted: 0.5 ms for 217 000 elements in 54 tensors, where sorting all
takes 4. Elsewhere one sort of (tensor, value) keys does it, without waiting for the device.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optim_core.arithmetic import Array
from optim_core.segments import WIDTH, Segments

PERCENTS = (0, 10, 50, 90, 100)
# The histogram's 64 bins: bin i holds [2^(i−40), 2^(i−39)); the first also all that is smaller (0
# with it), the last also all that is larger (2^24 and above, infinity, NaN).
OCTAVES, LOWEST = 64, -40
_FINE_BITS = 4
_SHIFT = 23 - _FINE_BITS
_BINS = OCTAVES << _FINE_BITS
_FIRST = (127 + LOWEST) << _FINE_BITS  # the fine bin of 2^-40


def edges() -> list[float]:
    """The 65 edges of the histogram's bins."""
    return [2.0 ** (LOWEST + i) for i in range(OCTAVES + 1)]


def ranks(size: int) -> list[int]:
    """Which smallest of ``size`` values (from 1) each of `PERCENTS` is."""
    return [max(1, -(-percent * size // 100)) for percent in PERCENTS]


class Quantiles:
    """Order statistics over the tensors of one layout, none of them empty."""

    def __init__(self, segments: Segments):
        self._tensors = len(segments.sizes)
        sizes = np.array(segments.sizes, dtype=np.int64)
        self._sizes = torch.tensor(segments.sizes, dtype=torch.float32, device=segments.device)
        starts = np.cumsum(sizes) - sizes
        # Places, from 1, in the sequence of all values sorted by tensor and then by size.
        self._places = (starts[:, None] + [ranks(int(size)) for size in sizes]).ravel()
        owner = segments.owner.to(torch.int32).repeat_interleave(WIDTH)
        owner[segments.padding] = self._tensors  # padding comes last
        self._offset = owner * _BINS - _FIRST
        self._bins = torch.empty_like(self._offset)
        self._on_cpu = segments.device.type == "cpu"
        if self._on_cpu:
            self._wanted = torch.zeros((self._tensors + 1) * _BINS, dtype=torch.bool)
        else:
            self._index = torch.from_numpy(self._places - 1).to(segments.device)

    def of(self, values: Tensor, *, histogram: bool = False) -> tuple[Tensor, Tensor | None]:
        """Quantiles (5, tensors) of float32 ``values`` (rows, 64), and if wanted counts (tensors, 64)."""
        bits = values.contiguous().view(torch.int32).view(-1)
        # Elements by fine bin, the bins of one tensor after those of another.
        bins = torch.bitwise_right_shift(bits, _SHIFT, out=self._bins)
        bins.clamp_(_FIRST, _FIRST + _BINS - 1).add_(self._offset)
        return (
            self._by_counting(bits, bins, histogram)
            if self._on_cpu
            else self._by_sorting(bits, bins, histogram)
        )

    def constant(self, values: Tensor) -> Tensor:
        """Counts (tensors, 64) where each tensor has one value (tensors,) throughout."""
        octave = ((values.view(torch.int32) >> 23) - (127 + LOWEST)).clamp(0, OCTAVES - 1).long()
        return torch.nn.functional.one_hot(octave, OCTAVES) * self._sizes[:, None]

    def _by_counting(self, bits: Tensor, bins: Tensor, histogram: bool) -> tuple[Tensor, Tensor | None]:
        counts = torch.bincount(bins, minlength=len(self._wanted)).numpy()  # twice as quick as numpy's
        up_to = np.cumsum(counts)
        found = np.searchsorted(up_to, self._places)  # each quantile's bin, ascending
        candidates = found[np.concatenate(([True], found[1:] != found[:-1]))]
        wanted = self._wanted.numpy()
        wanted[candidates] = True
        chosen = np.flatnonzero(self._wanted.index_select(0, bins).numpy())
        wanted[candidates] = False
        keys = bins.numpy()[chosen].astype(np.int64) << 32 | _ordered(bits.numpy()[chosen])
        keys.sort()
        held = counts[candidates]
        begin = (np.cumsum(held) - held)[np.searchsorted(candidates, found)]  # of the bin, in `keys`
        in_bin = self._places - 1 - (up_to[found] - counts[found])
        result = _floats(keys[begin + in_bin]).reshape(self._tensors, -1)
        octaves = None
        if histogram:
            octaves = torch.from_numpy(counts).view(-1, OCTAVES, 1 << _FINE_BITS)[:-1].sum(2).float()
        return torch.from_numpy(result.T), octaves

    def _by_sorting(self, bits: Tensor, bins: Tensor, histogram: bool) -> tuple[Tensor, Tensor | None]:
        owner = (self._offset.long() + _FIRST) // _BINS << 32
        keys = torch.sort(owner + _flip(bits).long() + 2**31).values.index_select(0, self._index)
        result = _flip(((keys & 0xFFFFFFFF) - 2**31).to(torch.int32)).view(torch.float32)
        octaves = None
        if histogram:
            counts = torch.zeros((self._tensors + 1) * _BINS, dtype=torch.int32, device=bits.device)
            counts.index_add_(0, bins, torch.ones_like(bins))
            octaves = counts.view(-1, OCTAVES, 1 << _FINE_BITS)[:-1].sum(2).float()
        return result.view(self._tensors, -1).T, octaves


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
