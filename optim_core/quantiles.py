"""Exact order statistics of many tensors at once, and their histograms over powers of two.

The q-quantile is the ⌈q·n⌉-th smallest of n values (numpy's ``inverted_cdf``), an element itself and
never an interpolation. Values are compared as float32; where one is NaN, its place means nothing.

A float32's leading bits are a logarithmic bin: its exponent is an octave, and the next bits cut the
octave evenly. On a CPU one count of such bins tells in which of them each quantile lies, and only the
few values in those are sorted. The bins lie about each tensor's median of last time. Elsewhere
one sort of (tensor, value) keys does it, without waiting for the device.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from optim_core.arithmetic import Array
from optim_core.segments import WIDTH, Segments

PERCENTS = (0, 10, 50, 90, 100)
# The histogram's 64 bins: bin i holds [2^(i−40), 2^(i−39)); the first also all that is smaller (0
# with it), the last also all that is larger (2^24 and above, infinity, NaN).
OCTAVES, LOWEST = 64, -40
_BINS = 1024  # for each tensor: all 64 octaves by 16 bins, or 16 octaves about its median by 64
_MANTISSA = 23  # bits of a float32's fraction; its exponent is above them, with a bias of 127
_WHOLE, _FINE = 4, 6  # bits that cut an octave
_NEAR = 4  # octaves by which a median may wander before its tensor's bins follow it


def edges() -> list[float]:
    """The 65 edges of the histogram's bins."""
    return [2.0 ** (LOWEST + i) for i in range(OCTAVES + 1)]


def ranks(size: int) -> list[int]:
    """Which smallest of ``size`` values (from 1) each of `PERCENTS` is."""
    return [max(1, -(-percent * size // 100)) for percent in PERCENTS]


class Quantiles:
    """Order statistics over the tensors of one layout, none of them empty: `put` all rows, then `take`."""

    def __init__(self, segments: Segments, *, by_sorting: bool | None = None):
        self._tensors = len(segments.sizes)
        sizes = np.array(segments.sizes, dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        # Places, from 1, in the sequence of all values sorted by tensor and then by size.
        self._places = (starts[:, None] + [ranks(int(size)) for size in sizes]).ravel()
        self._sizes = torch.tensor(segments.sizes, dtype=torch.float32, device=segments.device)
        self._firsts = segments.places([(i, 0) for i in range(self._tensors)])
        self._owner = segments.owner.to(torch.int32)[:, None].repeat(1, WIDTH)
        self._owner.view(-1)[segments.padding] = self._tensors  # padding comes last
        self._values = segments.zeros(torch.float32)
        self._bins, self._first = torch.empty_like(self._owner), torch.empty_like(self._owner)
        self._offset = self._owner * _BINS
        self._spread = segments.spread
        self._centres = np.zeros(self._tensors)  # octave of each median about which the bins lie
        self._bits = 0  # that cut an octave, at present; 0: never set
        self._by_sorting = segments.device.type != "cpu" if by_sorting is None else by_sorting
        if self._by_sorting:
            self._index = torch.from_numpy(self._places - 1).to(segments.device)
        else:
            self._wanted = torch.zeros((self._tensors + 1) * _BINS, dtype=torch.bool)
        self._medians: NDArray[np.float64] | None = None  # octaves, last time
        self.begin(histogram=True)

    def begin(self, *, histogram: bool) -> None:
        """Before the first `put`: whether `take` will be asked for the histogram."""
        self._histogram = histogram
        if histogram or self._medians is None:
            self._lay_bins(_WHOLE, np.full(self._tensors, LOWEST + OCTAVES / 2))
        elif self._bits != _FINE or (abs(self._medians - self._centres) > _NEAR).any():
            self._lay_bins(_FINE, self._medians)

    def _lay_bins(self, bits: int, centres: NDArray[np.float64]) -> None:
        """Places each tensor's bins about an octave, 2^``bits`` of them in each octave."""
        if bits == self._bits and (centres == self._centres).all():
            return
        self._bits, self._centres = bits, centres.copy()
        lowest = 127 + centres - (_BINS >> bits) / 2
        first = torch.from_numpy((lowest * (1 << bits)).astype(np.int32)).to(self._first.device)
        self._first.copy_(self._spread(first))

    def put(self, rows: slice, values: Tensor) -> None:
        """Some rows' values (rows, 64), float32."""
        kept, bins = self._values[rows], self._bins[rows]
        kept.copy_(values)
        # Elements by bin, the bins of one tensor after those of another; what is beyond goes to the ends.
        torch.bitwise_right_shift(kept.view(torch.int32), _MANTISSA - self._bits, out=bins)
        bins.sub_(self._first[rows]).clamp_(0, _BINS - 1).add_(self._offset[rows])

    def take(self, *, constant: bool = False) -> tuple[Tensor, Tensor | None]:
        """Quantiles (5, tensors), and if `begin` was told so counts (tensors, 64).

        ``constant`` says that each tensor has one value throughout, which then is quickly done.
        """
        if constant:
            values = self._values[self._firsts]
            octave = (values.view(torch.int32) >> _MANTISSA) - (127 + LOWEST)
            counts = one_hot(octave.clamp(0, OCTAVES - 1).long(), OCTAVES) * self._sizes[:, None]
            return values.expand(len(PERCENTS), -1), counts if self._histogram else None
        bits, bins = self._values.view(torch.int32).view(-1), self._bins.view(-1)
        return (self._sort if self._by_sorting else self._count)(bits, bins)

    def _count(self, bits: Tensor, bins: Tensor) -> tuple[Tensor, Tensor | None]:
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
        self._medians = np.frexp(np.maximum(result[:, 2], 2.0**LOWEST))[1].astype(np.float64)
        octaves = None
        if self._histogram:
            octaves = torch.from_numpy(counts).view(-1, OCTAVES, _BINS // OCTAVES)[:-1].sum(2).float()
        return torch.from_numpy(result.T), octaves

    def _sort(self, bits: Tensor, bins: Tensor) -> tuple[Tensor, Tensor | None]:
        owner = self._owner.view(-1).long() << 32
        keys = torch.sort(owner + _flip(bits).long() + 2**31).values.index_select(0, self._index)
        result = _flip(((keys & 0xFFFFFFFF) - 2**31).to(torch.int32)).view(torch.float32)
        octaves = None
        if self._histogram:
            counts = torch.zeros((self._tensors + 1) * _BINS, dtype=torch.int32, device=bits.device)
            counts.index_add_(0, bins, torch.ones_like(bins))
            octaves = counts.view(-1, OCTAVES, _BINS // OCTAVES)[:-1].sum(2).float()
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
