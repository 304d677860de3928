"""What one update did to each of its tensors, as a few sums per tensor and the numbers they give.

The heavy part is seven sums over each tensor and the order statistics of its effective learning rate.
The sums are taken part by part while the optimizer has the part in the processor's cache. Everything
else follows from those sums, for many steps at once, when a trace is flushed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from optim_core.flat import Flat, Move
from optim_core.quantiles import Quantiles
from optim_core.segments import WIDTH, Segments

# Per tensor, with θ before the step, θ′ after it and Δ = θ − θ′, the displacement as it was stored:
#   weight_norm         |θ′|
#   grad_norm           |g|, as the optimizer saw it (so after clipping)
#   gradient_part_norm  |effective_lr ⊙ direction|
#   decay_part_norm     |decay|
#   update_ratio        |Δ| / |θ|
#   angle               between θ and θ′, in radians; NaN where θ is 0
#   effective_decay     ⟨decay, θ⟩ / ⟨θ, θ⟩, the part of the weights that decay takes in this step
METRICS = (
    "weight_norm",
    "grad_norm",
    "gradient_part_norm",
    "decay_part_norm",
    "update_ratio",
    "angle",
    "effective_decay",
)
RATES = (
    "effective_lr_min",
    "effective_lr_q10",
    "effective_lr_median",
    "effective_lr_q90",
    "effective_lr_max",
)
SHARE_EVERY = 8  # measured steps between estimates of the part along θ
WATCHED = ("value", "effective_lr", "gradient_part", "decay_part")


@dataclass(frozen=True)
class Measured:
    """Numbers of one step, still on the device: what `metrics` needs, rates and watched coordinates."""

    sums: Tensor  # (8, tensors)
    rates: Tensor  # (5, tensors)
    counts: Tensor | None  # (tensors, 64)
    watched: Tensor  # (4, coordinates)


@dataclass(frozen=True)
class _Part:
    """Where a part's measured rows are: in the part, and among all measured rows."""

    picked: Tensor | None  # rows of the part; None for all
    rows: slice
    padding: Tensor  # places in the flattened picked rows that belong to no tensor
    watched: Tensor  # places among the watched coordinates of those that lie here
    coordinates: tuple[Tensor, Tensor]  # their row and column


class Gauge:
    """Measures steps over these buffers: `begin`, `add` every move, `finish`.

    ``chosen`` holds for each buffer which of its tensors are measured, at least one in all;
    ``watched`` coordinates as (place among all chosen tensors, index in the tensor).
    """

    def __init__(
        self, flats: Sequence[Flat], chosen: Sequence[Sequence[int]], watched: Sequence[tuple[int, int]]
    ):
        pairs = list(zip(flats, chosen, strict=True))
        self._device = flats[0].theta.device
        self._segments = Segments([f.segments.sizes[i] for f, picked in pairs for i in picked], self._device)
        self._quantiles = Quantiles(self._segments)
        wide = any(flat.theta.dtype == torch.float64 for flat in flats)
        self._dtype = torch.float64 if wide else torch.float32
        self._exact = torch.float32 if self._device.type == "mps" else torch.float64
        count, rows = len(self._segments.sizes), self._segments.rows
        # Memory kept from step to step: what `add` collects.
        self._sums = torch.zeros(7, rows, dtype=self._dtype, device=self._device)
        self._numeric = True  # whether every effective learning rate so far is one number a tensor
        self._seen = torch.zeros(len(WATCHED), len(watched), device=self._device)
        self._finished = 0
        # About how much of θ a step takes along θ, as an earlier one did: see `add`.
        self._share = torch.zeros(count, dtype=self._exact, device=self._device)
        self._shares = self._segments.spread(self._share.to(self._dtype))
        self._parts = _lay_out(pairs, self._segments, watched)
        largest = max(part.rows.stop - part.rows.start for part in self._parts.values())
        self._delta, self._scratch = torch.zeros(2, largest, WIDTH, dtype=self._dtype, device=self._device)

    def begin(self, *, histogram: bool) -> None:
        """Before a step's first move."""
        self._numeric = True
        self._quantiles.begin(histogram=histogram)

    def add(self, move: Move) -> None:
        """Takes a part's sums over rows, and its rates; on the way the move's padding becomes zero.

        Of Δ = θ − θ′ the part along θ, which decay mostly makes, is taken out element by element as
        well as it is known beforehand: the angle is what is left, and would cancel in |Δ|² − ⟨Δ, θ⟩²/|θ|².
        """
        part = self._parts.get((id(move.flat), move.part))
        if part is None:
            return
        theta, after, grad, along = (
            self._rows(array, move, part)
            for array in (move.before, move.after, move.grad, move.gradient_part)
        )
        decay = None if _is_zero(move.decay_part) else self._rows(move.decay_part, move, part)
        if len(part.padding):
            for array in (theta, after, along, decay):
                if array is not None:
                    array.view(-1).index_fill_(0, part.padding, 0.0)
        delta, scratch = self._delta[: len(theta)], self._scratch[: len(theta)]
        torch.sub(theta, after, out=delta).addcmul_(theta, self._shares[part.rows], value=-1.0)
        sums = self._sums[:, part.rows]
        for row, array in enumerate((theta, grad, along, delta, decay)):
            if array is None:
                sums[row].zero_()
            else:
                torch.linalg.vector_norm(array, dim=1, out=sums[row])
        for row, array in ((5, delta), (6, decay)):
            if array is None:
                sums[row].zero_()
            else:
                torch.sum(torch.mul(array, theta, out=scratch), 1, out=sums[row])
        self._numeric &= _is_number(move.effective_lr)
        rate = self._rows(move.effective_lr, move, part).to(torch.float32)
        self._quantiles.put(part.rows, rate)
        if len(part.watched):
            decay = torch.zeros_like(theta) if decay is None else decay
            seen = [array[part.coordinates].float() for array in (after, rate, along, decay)]
            self._seen[:, part.watched] = torch.stack(seen)

    def finish(self) -> Measured:
        """What all the step's moves come to."""
        rows = self._sums.to(self._exact)
        rows[:5].square_()
        sums = torch.cat((self._segments.sums(rows), self._share[None]))
        if self._finished % SHARE_EVERY == 0:
            share = (self._share + sums[5] / sums[0]).nan_to_num(0.0, 0.0, 0.0).to(self._dtype)
            self._share, self._shares = share.to(self._exact), self._segments.spread(share)
        self._finished += 1
        rates, counts = self._quantiles.take(constant=self._numeric)
        return Measured(sums, rates, counts, self._seen.clone())

    def _rows(self, array: Tensor | float, move: Move, part: _Part) -> Tensor:
        """One quantity of the part's measured rows (rows, 64), in one piece."""
        shape = move.before.shape
        if not isinstance(array, Tensor) or array.shape != shape:
            array = torch.as_tensor(array, dtype=self._dtype, device=self._device).expand(shape)
        if move.flat.whole:
            array = pad(array.reshape(-1), (0, WIDTH * move.flat.segments.rows - array.numel()))
            array = array.view(-1, WIDTH)
        elif part.picked is not None:
            array = array.index_select(0, part.picked)
        return array.to(self._device, self._dtype).contiguous()


def metrics(sums: Tensor) -> Tensor:
    """`METRICS` (…, 7, tensors) from the sums of `Gauge.finish` (…, 8, tensors)."""
    theta, grad, along, rest, decay, rest_theta, decay_theta, share = sums.unbind(-2)
    delta_theta = rest_theta + share * theta
    delta = rest + 2.0 * share * rest_theta + share * share * theta
    across = (rest - rest_theta * rest_theta / theta).clamp(min=0.0)
    after = (theta - 2.0 * delta_theta + delta).clamp(min=0.0)  # |θ − Δ|²
    # θ′ has the component |θ| − ⟨θ, Δ⟩/|θ| along θ, and |Δ across θ| across it.
    angle = torch.atan2(across.sqrt(), (theta - delta_theta) / theta.sqrt())
    lengths = (after.sqrt(), grad.sqrt(), along.sqrt(), decay.sqrt(), (delta / theta).sqrt())
    return torch.stack((*lengths, angle, decay_theta / theta), -2)


def _lay_out(
    pairs: Sequence[tuple[Flat, Sequence[int]]], segments: Segments, watched: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], _Part]:
    """The parts that have measured rows, by buffer and number."""
    found: dict[tuple[int, int], _Part] = {}
    row, column = segments.places(watched)
    end = 0
    for flat, chosen in pairs:
        every = len(chosen) == len(flat.live)
        wanted = torch.isin(flat.segments.owner, torch.tensor(list(chosen), device=row.device))
        for number, rows in enumerate(flat.parts):
            picked = wanted[rows].nonzero()[:, 0]
            if not len(picked):
                continue
            start, end = end, end + len(picked)
            first, last = start * WIDTH, end * WIDTH
            padding = segments.padding[(segments.padding >= first) & (segments.padding < last)] - first
            inside = ((row >= start) & (row < end)).nonzero()[:, 0]
            place = row[inside] - start, column[inside]
            found[id(flat), number] = _Part(
                None if every else picked, slice(start, end), padding, inside, place
            )
    return found


def _is_zero(value: Tensor | float) -> bool:
    return isinstance(value, float) and value == 0.0


def _is_number(value: Tensor | float) -> bool:
    return not isinstance(value, Tensor) or value.dim() == 0
