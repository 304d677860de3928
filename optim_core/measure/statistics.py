"""What one update did to each of its tensors, as a few sums per tensor and the numbers they give.

The heavy part is eight sums over each tensor and the order statistics of its effective learning rate,
which are taken of many steps at once where a model is small. Everything else follows from those
sums when a trace is flushed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from optim_core.measure.quantiles import BINS, Quantiles
from optim_core.optimizer.flat import Flat, Move
from optim_core.optimizer.segments import WIDTH, Segments

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
BATCH = 2**21  # elements whose order statistics are taken together


@dataclass(frozen=True)
class Measured:
    """Numbers of some steps, still on the device: what `metrics` needs, rates and watched coordinates."""

    steps: list[int]
    sums: Tensor  # (steps, 9, tensors)
    rates: Tensor  # (steps, 5, tensors)
    grad_norm: Tensor  # (steps,), of all tensors, those not measured with them
    watched: Tensor  # (steps, 4, coordinates)
    counts: dict[int, Tensor]  # by step, where a histogram was asked for: (tensors, 64)


@dataclass(frozen=True)
class _Part:
    """Where a part's measured rows are: in the part, and among all measured rows."""

    picked: Tensor | None  # rows of the part; None for all
    rows: slice
    tensors: slice  # of its buffer, among all measured tensors
    padding: Tensor  # places in the flattened picked rows that belong to no tensor
    watched: Tensor  # places among the watched coordinates of those that lie here
    coordinates: tuple[Tensor, Tensor]  # their row and column


class StepStatistics:
    """Measures steps over these buffers: `begin`, `add` every move, `end`; now and then `take`.

    Sums are taken of each move, while it lasts; order statistics of a batch of steps together, because a
    small model would mostly wait for the kernels to be launched. ``chosen`` holds for each buffer which
    of its tensors are measured, at least one in all; ``watched`` coordinates as (place among all chosen
    tensors, index in the tensor).
    """

    def __init__(
        self, flats: Sequence[Flat], chosen: Sequence[Sequence[int]], watched: Sequence[tuple[int, int]]
    ):
        pairs = list(zip(flats, chosen, strict=True))
        device = flats[0].theta.device
        self._segments = Segments([f.segments.sizes[i] for f, picked in pairs for i in picked], device)
        wide = any(flat.theta.dtype == torch.float64 for flat in flats)
        self._dtype = torch.float64 if wide else torch.float32
        self._tiny = torch.finfo(self._dtype).tiny
        self._exact = torch.float32 if device.type == "mps" else torch.float64
        self._parts = _lay_out(pairs, self._segments, watched)
        rows = self._segments.rows
        self._most = max(1, BATCH // max(rows * WIDTH, len(self._segments.sizes) * BINS))  # steps in a batch
        self._quantiles = Quantiles(self._segments, self._most)
        # Sums and effective learning rates by line: the rows of a batch's steps, one step after another.
        lines = self._most * rows
        self._sums = torch.zeros(8, lines, dtype=self._dtype, device=device)
        self._rates = torch.zeros(lines, WIDTH, dtype=torch.float32, device=device)
        # Of each step, the share of θ that decay took, of the tensors where it is one number.
        self._shrinks = torch.zeros(self._most, len(self._segments.sizes), dtype=self._exact, device=device)
        # Of each step, |g|², where other tensors than the measured ones have a part in it.
        others = any(len(picked) < len(flat.live) for flat, picked in pairs)
        self._grads = torch.zeros(self._most, dtype=self._exact, device=device) if others else None
        self._seen = torch.zeros(self._most, len(WATCHED), len(watched), dtype=torch.float32, device=device)
        self._steps: list[int] = []  # of this batch, so far
        self._histograms: list[int] = []  # those of them that want one
        self._decays = False  # whether decay was an array in any step of the batch
        self._constant = True  # whether every effective learning rate of the batch is one number a tensor
        self._measured: list[Measured] = []

    def begin(self, step: int, *, histogram: bool) -> None:
        """Before a step's first move."""
        self._step, self._histogram = step, histogram
        if self._grads is not None:
            self._grads[len(self._steps)] = 0.0

    def add(self, move: Move) -> None:
        """Takes a part's sums over rows, and its rates; on the way the move's padding becomes zero.

        Δ = θ − θ′ is taken apart row by row: its share along that row of θ, which decay mostly makes, and
        what is left across. Squares of both add up without cancelling, however unequal they are; as
        |Δ|² − ⟨Δ, θ⟩²/|θ|² over a tensor, the smaller would be lost in the larger.
        """
        if self._grads is not None:
            self._grads[len(self._steps)] += torch.linalg.vector_norm(move.grad).to(self._grads) ** 2
        part = self._parts.get((id(move.flat), move.part))
        if part is None:
            return
        theta, after, grad, along = (
            self._rows(array, move, part)
            for array in (move.before, move.after, move.grad, move.gradient_part)
        )
        given = move.decay_part
        decay = None if given is None or _is_zero(given) else self._rows(given, move, part)
        if len(part.padding):
            for array in (theta, after, along) if decay is None else (theta, after, along, decay):
                array.view(-1).index_fill_(0, part.padding, 0.0)
        delta = theta - after
        first = len(self._steps) * self._segments.rows
        lines = slice(first + part.rows.start, first + part.rows.stop)
        sums, rates = self._sums[:, lines], self._rates[lines]
        for row, array in ((0, theta), (1, grad), (2, along), (5, after)):
            torch.linalg.vector_norm(array, dim=1, out=sums[row])
        length = sums[0].clamp(min=self._tiny)  # a row of zeros has nothing along it
        share = torch.div(torch.linalg.vecdot(delta, theta, dim=1).div_(length), length, out=sums[4])
        rest = delta.addcmul_(theta, share[:, None], value=-1.0)
        torch.linalg.vector_norm(rest, dim=1, out=sums[3])
        if decay is not None:
            self._decays = True
            torch.linalg.vector_norm(decay, dim=1, out=sums[6])
            torch.sum(decay * theta, 1, out=sums[7])
        else:
            sums[6:].zero_()
        self._shrinks[len(self._steps), part.tensors] = move.shrink
        rate = move.effective_lr
        if isinstance(rate, Tensor) and rate.dim():
            self._constant = False
            rates.copy_(self._rows(rate, move, part))
        else:
            rates.fill_(rate)
        if len(part.watched):
            decay = move.shrink * theta if decay is None else decay
            seen = [array[part.coordinates].float() for array in (after, rates, along, decay)]
            self._seen[len(self._steps)][:, part.watched] = torch.stack(seen)

    def end(self) -> None:
        """After a step's last move."""
        self._steps.append(self._step)
        if self._histogram:
            self._histograms.append(self._step)
        if len(self._steps) == self._most:
            self._measure()

    def take(self) -> list[Measured]:
        """All steps since the last time."""
        if self._steps:
            self._measure()
        measured, self._measured = self._measured, []
        return measured

    def _measure(self) -> None:
        """What the batch's steps come to; then another batch begins."""
        count, lines = len(self._steps), len(self._steps) * self._segments.rows
        rows = self._sums[: 8 if self._decays else 6, :lines].to(self._exact)
        share = rows[4].clone()
        rows[4] *= rows[0].square_()  # ⟨Δ, θ⟩
        for row in (1, 2, 3, 5, 6) if self._decays else (1, 2, 3, 5):
            rows[row].square_()
        theta, grad, along, rest, delta_theta, after, *of_decay = self._sum(rows).unbind(1)
        # The share of each row beside its tensor's lies across θ as well.
        whole = (delta_theta / theta).nan_to_num(0.0, 0.0, 0.0)
        beside = (share.view(count, -1) - whole.index_select(1, self._segments.owner)).square_().view(-1)
        across = rest + self._sum(beside.mul_(rows[0])[None])[:, 0]
        shrinks = self._shrinks[:count]
        decay, decay_theta = of_decay or (torch.zeros_like(theta), torch.zeros_like(theta))
        decay, decay_theta = decay + shrinks**2 * theta, decay_theta + shrinks * theta
        delta = across + whole * whole * theta
        parts = theta, grad, along, decay, delta_theta, decay_theta, after, across, delta
        rates = self._rates[:lines]
        each = dict(zip(self._steps, rates.view(count, -1, WIDTH), strict=True))
        self._measured.append(
            Measured(
                self._steps,
                torch.stack(parts, 1),
                self._quantiles.take(rates, constant=self._constant),
                (grad.sum(1) if self._grads is None else self._grads[:count]).sqrt(),
                self._seen[:count].clone(),
                {step: self._quantiles.octaves(each[step]) for step in self._histograms},
            )
        )
        self._steps, self._histograms, self._constant, self._decays = [], [], True, False

    def _sum(self, rows: Tensor) -> Tensor:
        """Sums over each tensor (steps, k, tensors) of the batch's lines (k, steps · rows)."""
        kinds, count = len(rows), len(self._steps)
        over = self._segments.over(rows.reshape(kinds * count, -1), "sum")
        return over.view(kinds, count, -1).transpose(0, 1)

    def _rows(self, array: Tensor | float, move: Move, part: _Part) -> Tensor:
        """One quantity of the part's measured rows (rows, 64)."""
        shape = move.before.shape
        if not isinstance(array, Tensor) or array.shape != shape:
            array = torch.as_tensor(array, dtype=self._dtype).expand(shape).contiguous()
        if move.flat.whole:
            array = pad(array.reshape(-1), (0, -array.numel() % WIDTH)).view(-1, WIDTH)
        elif part.picked is not None:
            array = array.index_select(0, part.picked)
        return array.to(self._rates.device, self._dtype)


def metrics(sums: Tensor) -> Tensor:
    """`METRICS` (…, 7, tensors) from the sums of a `StepStatistics` (…, 9, tensors)."""
    theta, grad, along, decay, delta_theta, decay_theta, after, across, delta = sums.unbind(-2)
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
    end, last_tensor = 0, 0
    for flat, chosen in pairs:
        tensors = slice(last_tensor, last_tensor + len(chosen))
        last_tensor = tensors.stop
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
                None if every else picked, slice(start, end), tensors, padding, inside, place
            )
    return found


def _is_zero(value: Tensor | float) -> bool:
    return isinstance(value, float) and value == 0.0
