"""Tracing a `RuleOptimizer`: exact statistics per tensor, taken on the device, moved once per flush.

    tracer = Tracer(optimizer, model.named_parameters(), every=10)
    for step in …:
        loss.backward()
        optimizer.step()
        tracer.record(loss)
        if …:                       # now and then
            frames = tracer.flush()

A flush gives up to three frames, by how often their columns are measured: every step (loss, lr,
weight_decay, steps_per_second and what else `record` was given), every ``every``-th step (`METRICS`
and `RATES` of each tensor as ``name/metric``, watched coordinates as ``name[index]/value``, the global
grad_norm), and every ``histogram_every``-th (``name/effective_lr_hist``). The first step is in all.
Nothing waits for the device between two flushes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import accumulate
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from optim_core.declare.errors import InvalidInput
from optim_core.measure.statistics import METRICS, RATES, WATCHED, Measured, StepStatistics, metrics
from optim_core.optimizer.flat import Flat, Move
from optim_core.optimizer.torch_optimizer import RuleOptimizer
from optim_core.transport.frames import Columns, Frame

Number = Tensor | float


@dataclass(eq=False)
class _Layout:
    """The statistics for these buffers, and where its numbers belong among all that is traced."""

    flats: list[Flat]
    statistics: StepStatistics | None  # None where none of the traced tensors is among them
    columns: list[int]  # of each measured tensor
    coordinates: list[int]  # of each measured coordinate


@dataclass
class _Pending:
    """What has been measured since the last flush."""

    steps: list[int] = field(default_factory=list)
    scalars: dict[str, list[Number]] = field(default_factory=dict)
    traced: list[tuple[_Layout, Measured]] = field(default_factory=list)


class Tracer:
    """Observes ``optimizer``, one that `make_optimizer` made; `close` ends it.

    ``select`` is a glob over names, or several; ``watch`` names single coordinates as (name, index
    in the flattened tensor). Raises InvalidInput for what matches nothing, and for another optimizer.
    """

    def __init__(
        self,
        optimizer: RuleOptimizer,
        named_params: Iterable[tuple[str, Tensor]],
        *,
        select: str | Sequence[str] = "*",
        every: int = 1,
        histogram_every: int | None = None,
        watch: Sequence[tuple[str, int]] = (),
    ):
        if not isinstance(optimizer, RuleOptimizer):
            kind = type(optimizer)
            raise InvalidInput(
                f"got {kind.__module__}.{kind.__qualname__}, which tells nothing of its steps.",
                field="optimizer",
                hint="Trace one that make_optimizer has made: it takes the steps of torch's.",
            )
        owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
        known = {name: p for name, p in named_params if id(p) in owned and p.numel()}
        globs = [select] if isinstance(select, str) else list(select)
        self.names = [name for name in known if any(fnmatchcase(name, glob) for glob in globs)]
        if not self.names:
            raise InvalidInput(
                f"no tensor is named {' or '.join(globs)[:80]!r}; there are {', '.join(known)[:300]}.",
                field="select",
            )
        self.every, self.histogram_every = max(every, 1), max(histogram_every or 10 * every, 1)
        self.watch = [_coordinate(known, name, index) for name, index in watch]
        self.step = 0  # steps recorded so far
        self._columns = [f"{name}/{metric}" for metric in METRICS + RATES for name in self.names]
        self._columns += [f"{name}[{index}]/{what}" for what in WATCHED for name, index in self.watch]
        self._params, self._optimizer = known, optimizer
        self._place = {id(known[name]): i for i, name in enumerate(self.names)}
        self._pending, self._flushed = _Pending(), perf_counter()
        self._layout: _Layout | None = None
        optimizer.observer = self

    def close(self) -> None:
        """Looks on no longer."""
        self._optimizer.observer = None

    def wants(self, flats: Sequence[Flat]) -> bool:
        """Whether the coming step, of these buffers, is traced."""
        step = self.step + 1
        histogram = step == 1 or step % self.histogram_every == 0
        if not (histogram or step % self.every == 0):
            return False
        if self._layout is None or not _same(self._layout.flats, flats):
            self._collect()
            self._layout = self._lay_out(flats)
        if self._layout.statistics:
            self._layout.statistics.begin(step, histogram=histogram)
        return True

    def saw(self, move: Move) -> None:
        """Measures a part of the step."""
        if self._layout and self._layout.statistics:
            self._layout.statistics.add(move)

    def done(self) -> None:
        """Ends the step."""
        if self._layout and self._layout.statistics:
            self._layout.statistics.end()

    def _collect(self) -> None:
        """Takes what the statistics has measured."""
        if self._layout and self._layout.statistics:
            self._pending.traced += [(self._layout, part) for part in self._layout.statistics.take()]

    def record(self, loss: Number, **more: Number) -> None:
        """Ends a step: its loss, and what else is known at every step; before a scheduler moves on.

        Tensors of one number may stay on their device. Their value now is kept, and no graph with it.
        """
        self.step += 1
        groups = self._optimizer.param_groups
        # Asked of the rule: a group that was loaded says torch's words, a decay of 0 among them.
        has_decay = "weight_decay" in self._optimizer.rule.settings
        settings = {"weight_decay": max(group["weight_decay"] for group in groups)} if has_decay else {}
        pending = self._pending
        pending.steps.append(self.step)
        for name, value in {"loss": loss, "lr": groups[0]["lr"], **settings, **more}.items():
            known = pending.scalars.setdefault(name, [])
            known += [float("nan")] * (len(pending.steps) - 1 - len(known))
            # A copy: losses and rates that are tensors may be written into later.
            known.append(value.detach().clone() if isinstance(value, Tensor) else value)

    def flush(self) -> list[Frame]:
        """What has been measured since the last flush, moved to the host at once."""
        self._collect()
        pending, self._pending = self._pending, _Pending()
        parcel = _Parcel()
        for name, values in pending.scalars.items():
            values += [float("nan")] * (len(pending.steps) - len(values))
            parcel.add(name, _column(values))
        traced = [step for _, measured in pending.traced for step in measured.steps]
        counted = [step for _, measured in pending.traced for step in measured.counts]
        if traced:
            parcel.add("metrics", self._metrics(pending.traced))
            parcel.add("watched", self._watched(pending.traced))
            parcel.add("grad_norm of traced", torch.cat([m.grad_norm for _, m in pending.traced]))
        if counted:
            parcel.add("counts", self._counts(pending.traced))
        host = parcel.unpack()
        frames = []
        if pending.steps:
            now = perf_counter()
            pace = len(pending.steps) / max(now - self._flushed, 1e-9)
            self._flushed = now
            columns = {name: host[name] for name in pending.scalars}
            columns["steps_per_second"] = np.full(len(pending.steps), pace, dtype=np.float32)
            frames.append(Frame.at(pending.steps, columns))
        if traced:
            frames.append(Frame.at(traced, self._traced_columns(host, pending)))
        if counted:
            columns = {f"{name}/effective_lr_hist": host["counts"][:, i] for i, name in enumerate(self.names)}
            frames.append(Frame.at(counted, columns))
        return frames

    def _traced_columns(self, host: Columns, pending: _Pending) -> Columns:
        rows = len(host["metrics"])
        measured = np.concatenate((host["metrics"].reshape(rows, -1), host["watched"].reshape(rows, -1)), 1)
        columns = dict(zip(self._columns, np.ascontiguousarray(measured.T), strict=True))
        if "grad_norm" not in pending.scalars:
            columns["grad_norm"] = host["grad_norm of traced"]
        return columns

    def _metrics(self, traced: Sequence[tuple[_Layout, Measured]]) -> Tensor:
        """(rows, 12, tensors); NaN where a tensor took no part."""
        return torch.cat(
            [
                _placed(torch.cat((metrics(m.sums).float(), m.rates), 1), layout.columns, len(self.names))
                for layout, m in traced
            ]
        )

    def _watched(self, traced: Sequence[tuple[_Layout, Measured]]) -> Tensor:
        """(rows, 4, coordinates)."""
        return torch.cat([_placed(m.watched, layout.coordinates, len(self.watch)) for layout, m in traced])

    def _counts(self, traced: Sequence[tuple[_Layout, Measured]]) -> Tensor:
        """(rows, tensors, 64)."""
        counts = [(layout, counted.T) for layout, m in traced for counted in m.counts.values()]
        return torch.stack([_placed(c, layout.columns, len(self.names)).T for layout, c in counts])

    def _lay_out(self, flats: Sequence[Flat]) -> _Layout:
        chosen = [[i for i, p in enumerate(flat.live) if id(p) in self._place] for flat in flats]
        taken = [flat.live[i] for flat, picked in zip(flats, chosen, strict=True) for i in picked]
        place = {id(p): i for i, p in enumerate(taken)}
        places = [(place.get(id(self._params[name])), index) for name, index in self.watch]
        statistics = (
            StepStatistics(flats, chosen, [(i, index) for i, index in places if i is not None])
            if taken
            else None
        )
        coordinates = [j for j, (i, _) in enumerate(places) if i is not None]
        return _Layout(list(flats), statistics, [self._place[id(p)] for p in taken], coordinates)


class _Parcel:
    """Tensors of one device that go to the host as one."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._tensors: list[Tensor] = []

    def add(self, name: str, tensor: Tensor) -> None:
        self._names.append(name)
        self._tensors.append(tensor)

    def unpack(self) -> Columns:
        """The arrays by name, after one transfer for each device that had any: one, as a rule."""
        if not self._tensors:
            return {}
        device = max((t.device for t in self._tensors), key=lambda d: d.type != "cpu")
        flat = torch.cat([t.to(device).reshape(-1).float() for t in self._tensors]).cpu().numpy()
        ends = list(accumulate(t.numel() for t in self._tensors))
        pieces = np.split(flat, ends[:-1])
        return {
            name: piece.reshape(t.shape)
            for name, piece, t in zip(self._names, pieces, self._tensors, strict=True)
        }


def _column(values: Sequence[Number]) -> Tensor:
    """Numbers and tensors of no dimension as one tensor."""
    if not any(isinstance(value, Tensor) for value in values):
        return torch.tensor(values, dtype=torch.float32)
    return torch.stack([torch.as_tensor(value, dtype=torch.float32).reshape(()) for value in values])


def _placed(values: Tensor, places: list[int], width: int) -> Tensor:
    """The last axis put at ``places`` of an axis of ``width``, NaN elsewhere."""
    if places == list(range(width)):
        return values
    whole = values.new_full((*values.shape[:-1], width), float("nan"))
    whole[..., places] = values
    return whole


def _same(a: Sequence[Flat], b: Sequence[Flat]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _coordinate(known: Mapping[str, Tensor], name: str, index: int) -> tuple[str, int]:
    size = known[name].numel() if name in known else 0
    if not 0 <= index < size:
        raise InvalidInput(
            f"there is no coordinate {name[:80]}[{index}]"
            + (f"; {name} has {size}." if size else f"; tensors are {', '.join(known)[:300]}."),
            field="watch",
        )
    return name, index
