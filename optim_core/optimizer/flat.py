"""Tensors of one dtype and device as one buffer, with a rule's state beside it.

On a CPU an elementwise rule goes over a large buffer in parts of a megabyte, which stay in the
processor's cache while its twenty-odd operations, and whoever looks on, pass over them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from optim_core.decay import relative_norm
from optim_core.optimizer import torch_words
from optim_core.optimizer.segments import WIDTH, Segments
from optim_core.rule import Rule, Step, state_items

PART_ELEMENTS = 2**18  # for each thread


@dataclass(frozen=True)
class Move:
    """What one update did to some rows of a buffer; valid only while it is told.

    The arrays have the shape (rows, 64) or broadcast to it; of a rule that is not elementwise, its one
    tensor's own shape (``flat.whole``).
    """

    flat: Flat
    part: int  # which of ``flat.parts``
    before: Tensor  # θ
    after: Tensor
    grad: Tensor
    effective_lr: Tensor | float
    gradient_part: Tensor  # effective_lr · direction
    decay_part: Tensor | float | None  # None: ``shrink`` times θ
    shrink: float = 0.0


class Flat:
    """The buffer of the tensors ``live``; ``parts`` are the rows that are updated one after another.

    All of them have taken the same number of steps. The buffer has their dtype, or float32 where theirs
    has 16 bits: then a step is computed in 32 and rounded once, when θ is stored. ``state[p]`` holds
    views of the state, in p's shape, so that ``state_dict`` works as everywhere. A rule that is not
    elementwise (``whole``) has its one tensor here, in its own shape.
    """

    def __init__(
        self,
        rule: Rule,
        live: list[Tensor],
        state: dict[Tensor, Any],
        group: Mapping[str, Any],
        *,
        adopt: bool,
    ):
        _keep_freed_memory()
        self.rule, self.live, self.whole = rule, live, not rule.elementwise
        self.segments = Segments([p.numel() for p in live], live[0].device)
        self._dtype, self._device = live[0].dtype, live[0].device
        self._on_cpu = self._device.type == "cpu"  # where settings are numbers, see `torch_words.settings`
        self._stored = live[0].dtype if live[0].dtype.itemsize < 4 else None  # what θ is rounded to
        self.theta = self.segments.zeros(torch.float32 if self._stored else live[0].dtype)
        self._grad = torch.zeros_like(self.theta)
        if self.whole:
            (theta,), (grad,) = self.segments.split(self.theta), self.segments.split(self._grad)
            self.theta, self._grad = theta.view(live[0].shape), grad.view(live[0].shape)
        self.theta_views, self._grad_views = self._views(self.theta), self._views(self._grad)
        self._steps = steps_taken(state, live[0])
        self._hyper = torch_words.settings(rule, group)
        self._state = self._gather_state(state)
        self._records = [state[p] for p in live]
        self._adopted = adopt and not self._stored
        if self._adopted:
            for p, view in zip(live, self.theta_views, strict=True):
                p.data = view
        self.parts = self._cut()
        self._of_parts = [
            (_rows(self.theta, rows), _rows(self._grad, rows), _rows_of(self._state, rows))
            for rows in self.parts
        ]

    def fits(self) -> bool:
        """Whether the tensors are still of the dtype and on the device that the buffer was made for."""
        dtype, device = self._dtype, self._device
        return all(p.dtype is dtype and p.device == device for p in self.live)

    def step(
        self, group: Mapping[str, Any], grads: list[Tensor], tell: Callable[[Move], None] | None
    ) -> None:
        """One update of all its tensors, with the group's present settings; ``tell`` gets the parts."""
        if not self.rule.view and not self._adopted:
            torch._foreach_copy_(self.theta_views, self.live)
        torch._foreach_copy_(self._grad_views, grads)
        if group["maximize"]:
            self._grad.neg_()
        self._steps += 1
        for record in self._records:
            record["step"] += 1
        self._hyper = torch_words.settings(self.rule, group)
        services = self._services(group)
        # The one kernel also where somebody looks on, so that looking changes no bit.
        fused = self.rule.fused if self._on_cpu or not _any_tensor(self._hyper) else None
        for part, (theta, grad, state) in enumerate(self._of_parts):
            before = theta.clone() if tell else theta
            given = grad, state, theta, self._steps
            if fused and (told := fused(*given, **self._hyper)):
                self._round(theta)
                if tell:
                    rate, along, shrink = told()
                    tell(Move(self, part, before, theta, grad, rate, along, None, shrink))
                continue
            made, fresh = self.rule.update(*given, **self._hyper, **services(part))
            kept = state_items(state)
            for name, value in state_items(fresh).items():
                kept[name].copy_(value)
            _apply(theta, made)
            self._round(theta)
            if tell:
                rate, along, decay = made
                tell(Move(self, part, before, theta, grad, rate, rate * along, decay))
        if not self._adopted:
            torch._foreach_copy_(self.live, self.seen_views())

    def seen_views(self) -> list[Tensor]:
        """Where the next gradients are to be taken, tensor by tensor: at θ unless the rule has a view."""
        if not self.rule.view:
            return self.theta_views
        return self._views(self.rule.look(self.theta, self._state, self._hyper))

    def _services(self, group: Mapping[str, Any]) -> Callable[[int], dict[str, Any]]:
        """What the rule needs beside its settings, for each part."""
        given: dict[str, Any] = {}
        if "schedule_factor" in self.rule.needs:
            base = torch_words.plain(group.get("max_lr", group.get("initial_lr")))
            given["schedule_factor"] = self._hyper["lr"] / base if base else 1.0
        # Rules that offer relative decay read the norm for it alone; usually it is off.
        if "param_norm" in self.rule.needs and self._hyper.get("relative_decay", True):
            relative = self._hyper.get("relative_decay")
            norms = torch._foreach_norm(self.theta_views)
            sizes = [relative_norm(n, p.numel(), relative) for n, p in zip(norms, self.live, strict=True)]
            given["param_norm"] = self.segments.spread(torch.stack(sizes))
        return lambda part: {name: self._at(part, value) for name, value in given.items()}

    def _at(self, part: int, value: Any) -> Any:
        """A number, or a column of numbers (rows, 1), as the part's rows have it."""
        return value[self.parts[part]] if isinstance(value, Tensor) and value.dim() else value

    def _round(self, theta: Tensor) -> None:
        """Leaves of θ what the parameters can store; a θ that is kept here, under a view, stays whole."""
        if self._stored and not self.rule.view:
            theta.copy_(theta.to(self._stored))

    def _cut(self) -> list[slice]:
        rows = PART_ELEMENTS // WIDTH * torch.get_num_threads()
        if self.whole or self.segments.device.type != "cpu":
            return [slice(None)]
        return [slice(i, min(i + rows, self.segments.rows)) for i in range(0, self.segments.rows, rows)]

    def _views(self, buffer: Tensor) -> list[Tensor]:
        if self.whole:
            return [buffer]
        parts = self.segments.split(buffer)
        return [part.view(p.shape) for part, p in zip(parts, self.live, strict=True)]

    def _gather_state(self, state: dict[Tensor, Any]) -> Any:
        """The rule's state over the whole buffer, from what the tensors have; views go back to them."""
        torch._foreach_copy_(self.theta_views, self.live)
        fresh = self.rule.start(self.theta, self._hyper)
        buffers = dict(state_items(fresh))
        if self.rule.view:  # then the parameters are not θ, which so has to be kept
            buffers["theta"] = self.theta
        for name, buffer in buffers.items():
            for p, view in zip(self.live, self._views(buffer) if not self.whole else [buffer], strict=True):
                if name in state[p]:
                    view.copy_(state[p][name])
                state[p][name] = view
        for p in self.live:
            state[p]["step"] = self._steps
        return fresh


def steps_taken(state: Mapping[Tensor, Any], p: Tensor) -> int:
    """How many steps the tensor has taken so far."""
    return int(state[p].get("step", 0)) if p in state else 0


def _any_tensor(hyper: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Tensor) for value in hyper.values())


def _apply(theta: Tensor, made: Step) -> None:
    """θ ← θ − effective_lr·direction − decay, in place; the displacement is summed up before θ is rounded."""
    rate, direction, decay = made
    alike = isinstance(rate, Tensor) and rate.dtype == theta.dtype
    if isinstance(decay, float) and decay == 0.0:
        theta.addcmul_(rate, direction, value=-1.0) if alike else theta.sub_(rate * direction)
    else:
        theta.sub_(torch.addcmul(decay, rate, direction) if alike else rate * direction + decay)


def _rows(array: Tensor, rows: slice) -> Tensor:
    """Some rows; all of them also of an array that has none, a lone number."""
    return array if rows == slice(None) else array[rows]


def _rows_of(state: Any, rows: slice) -> Any:
    """The same state over some rows, as views."""
    if rows == slice(None):
        return state
    views = {name: array[rows] for name, array in state_items(state).items()}
    return views if isinstance(state, Mapping) else state._replace(**views)


@cache
def _keep_freed_memory() -> None:
    """Has the C library's allocator keep what intermediate results free, once for the process.

    glibc returns every larger block to the system, and every new one then costs its page faults: on a
    CPU four times the arithmetic of a step. Freeing one block of almost 32 MiB (never written to, so
    never real) raises that limit for good; elsewhere it does nothing.
    """
    torch.empty((32 << 20) - 4096, dtype=torch.uint8)
