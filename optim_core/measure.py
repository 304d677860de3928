"""What one update did to each of its tensors, as a few sums per tensor and the numbers they give.

The heavy part is eight sums over each tensor and the order statistics of its effective learning rate,
taken on the device in some forty kernels whatever the number of tensors (see `segments`). Everything
else follows from those sums, for many steps at once, when a trace is flushed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from optim_core.optimizer import Move
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
WATCHED = ("value", "effective_lr", "gradient_part", "decay_part")


@dataclass(frozen=True)
class Measured:
    """Numbers of one step, still on the device: what `metrics` needs, rates and watched coordinates."""

    sums: Tensor  # (8, tensors)
    rates: Tensor  # (5, tensors)
    counts: Tensor | None  # (tensors, 64)
    watched: Tensor  # (4, coordinates)


class Gauge:
    """Measures moves that have the layout of those it was made for.

    ``chosen`` holds for each move which of its tensors are measured, ``watched`` coordinates as
    (place among all chosen tensors, index in the tensor).
    """

    def __init__(
        self, moves: Sequence[Move], chosen: Sequence[Sequence[int]], watched: Sequence[tuple[int, int]]
    ):
        pairs = list(zip(moves, chosen, strict=True))
        self._device = moves[0].before.device
        self._segments = Segments([m.segments.sizes[i] for m, picked in pairs for i in picked], self._device)
        self._quantiles = Quantiles(self._segments)
        self._padding = self._segments.padding
        self._watched = self._segments.places(watched)
        self._counts = [len(picked) for picked in chosen]
        self._picks = [_pick(move, picked) for move, picked in pairs]
        wide = any(move.before.dtype == torch.float64 for move in moves)
        self._dtype = torch.float64 if wide else torch.float32
        self._exact = torch.float32 if self._device.type == "mps" else torch.float64
        # Memory kept from step to step: fresh pages would cost as much as the arithmetic.
        self._delta, self._scratch = (self._segments.zeros(self._dtype) for _ in range(2))

    def measure(self, moves: Sequence[Move], *, histogram: bool) -> Measured:
        """The sums of this step; on the way the moves' padding becomes zero."""
        theta, after, grad, along = (
            self._rows([getattr(move, name) for move in moves], moves)
            for name in ("before", "after", "grad", "gradient_part")
        )
        decays = [move.decay_part for move in moves]
        decay = None if all(map(_is_number, decays)) else self._rows(decays, moves)
        for array in (theta, after, along, decay):
            if array is not None and len(self._padding):
                array.view(-1).index_fill_(0, self._padding, 0.0)
        delta = torch.sub(theta, after, out=self._delta)
        none = theta.new_zeros(len(theta))
        norms = [
            none if array is None else torch.linalg.vector_norm(array, dim=1)
            for array in (theta, grad, along, decay, delta)
        ]
        products = [
            none if array is None else torch.mul(array, theta, out=self._scratch).sum(1)
            for array in (decay, delta)
        ]
        rows = torch.stack(norms + products).to(self._exact)
        rows[: len(norms)].square_()
        sums = self._segments.sums(rows)
        # Δ without its part along θ, element by element: |θ|²|Δ|² − ⟨θ, Δ⟩² would cancel for tiny angles.
        share = self._segments.spread((sums[6] / sums[0]).to(self._dtype))
        across = torch.addcmul(delta, theta, share, value=-1.0, out=self._scratch)
        across = torch.linalg.vector_norm(across, dim=1).to(self._exact).square_()
        sums = torch.cat((sums, self._segments.sums(across[None])))
        rate, rates, counts = self._rates(moves, histogram)
        seen = [after, rate, along, none[:, None].expand_as(theta) if decay is None else decay]
        watched = torch.stack([array[self._watched].to(self._dtype) for array in seen])
        return Measured(sums, rates, counts, watched)

    def _rates(self, moves: Sequence[Move], histogram: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """The effective learning rate by element (rows, 64), its `RATES` and its histogram."""
        given = [move.effective_lr for move in moves]
        if not all(map(_is_number, given)):
            rate = self._rows(given, moves).to(torch.float32)
            return rate, *self._quantiles.of(rate, histogram=histogram)
        numbers = torch.stack([torch.as_tensor(x, dtype=torch.float32).view(()) for x in given])
        per_tensor = numbers.repeat_interleave(torch.tensor(self._counts)).to(self._device)
        counts = self._quantiles.constant(per_tensor) if histogram else None
        rate = self._segments.spread(per_tensor).expand(-1, WIDTH)
        return rate, per_tensor.expand(len(RATES), -1), counts

    def _rows(self, arrays: Sequence[Tensor | float], moves: Sequence[Move]) -> Tensor:
        """One quantity of all moves as (rows, 64) of the measured tensors."""
        found = [
            _as_rows(array, move, pick).to(self._device, self._dtype)
            for array, move, pick in zip(arrays, moves, self._picks, strict=True)
            if pick is None or len(pick)
        ]
        return found[0].contiguous() if len(found) == 1 else torch.cat(found)


def metrics(sums: Tensor) -> Tensor:
    """`METRICS` (…, 7, tensors) from the sums of `Gauge.measure` (…, 8, tensors)."""
    theta, grad, along, decay, delta, decay_theta, delta_theta, across = sums.unbind(-2)
    after = (theta - 2.0 * delta_theta + delta).clamp(min=0.0)  # |θ − Δ|²
    # θ′ has the component |θ| − ⟨θ, Δ⟩/|θ| along θ and |Δ across θ| across it.
    angle = torch.atan2(across.sqrt(), (theta - delta_theta) / theta.sqrt())
    return torch.stack(
        (
            after.sqrt(),
            grad.sqrt(),
            along.sqrt(),
            decay.sqrt(),
            (delta / theta).sqrt(),
            angle,
            decay_theta / theta,
        ),
        -2,
    )


def _pick(move: Move, chosen: Sequence[int]) -> Tensor | None:
    """The rows of the chosen tensors in the move's buffer, or None for all."""
    if len(chosen) == len(move.live):
        return None
    return torch.cat(
        [torch.empty(0, dtype=torch.long, device=move.before.device)]
        + [(move.segments.owner == i).nonzero()[:, 0] for i in chosen]
    )


def _as_rows(array: Tensor | float, move: Move, pick: Tensor | None) -> Tensor:
    whole = torch.as_tensor(array, device=move.before.device).expand(move.before.shape)
    if move.whole:
        gap = move.segments.rows * WIDTH - whole.numel()
        return torch.nn.functional.pad(whole.reshape(-1), (0, gap)).view(-1, WIDTH)
    return whole if pick is None else whole.index_select(0, pick)


def _is_number(value: Tensor | float) -> bool:
    return not isinstance(value, Tensor) or value.dim() == 0
