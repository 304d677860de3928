"""A rule as a real ``torch.optim.Optimizer``.

Elementwise rules run on one flat buffer per parameter group, dtype and device: parameters and
gradients are gathered, updated in a few kernels whatever the number of tensors, and scattered back.
The parameters stay the user's own tensors, so weights changed from outside between steps are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, overload

import torch
from torch import Tensor

from optim_core.catalogue import as_rule
from optim_core.rule import Rule, Step, state_items
from optim_core.segments import Segments


def make_optimizer(rule: Rule | str, params: Iterable[Any], **hyper: Any) -> RuleOptimizer:
    """A torch optimizer that runs ``rule`` over ``params`` (tensors, named tensors or groups).

    Raises InvalidInput for an unknown rule or hyperparameter, TypeError or ValueError, as torch
    does, for parameters that can't be optimised.
    """
    return RuleOptimizer(as_rule(rule), params, hyper)


@dataclass(frozen=True)
class Move:
    """What one update did to the tensors of one buffer; valid until the next step.

    The arrays have the shape (rows, 64) of ``segments``, or broadcast to it; of a rule that is not
    elementwise, its one tensor's own shape (``whole``).
    """

    live: list[Tensor]  # the parameters
    segments: Segments
    whole: bool
    before: Tensor  # θ
    after: Tensor
    grad: Tensor
    effective_lr: Tensor | float
    gradient_part: Tensor  # effective_lr · direction
    decay_part: Tensor | float


class Observer(Protocol):
    """Who looks on, such as a `Tracer`: asked before each step, and told after it if it wants."""

    def wants(self) -> bool: ...
    def saw(self, moves: Sequence[Move]) -> None: ...


class RuleOptimizer(torch.optim.Optimizer):
    """`make_optimizer` builds it; ``rule`` is what it runs, ``observer`` who looks on.

    A rule that takes its gradient elsewhere (schedule-free) keeps the parameters there while it
    trains: `eval` puts the weights themselves into them, `train` goes back. The learning-rate factor
    that AdamW-LH's decay follows is a group's ``lr`` over its ``initial_lr``, which torch's
    schedulers keep.
    """

    def __init__(self, rule: Rule, params: Iterable[Any], hyper: Mapping[str, Any]):
        self.rule = rule
        self.observer: Observer | None = None
        self._buffers: dict[int, list[_Flat]] = {}  # by group, made anew when its tensors change
        super().__init__(params, rule.complete(hyper))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's; a group's own hyperparameters are checked like those of all groups."""
        own = {name: param_group[name] for name in self.rule.settings if name in param_group}
        param_group |= {name: value for name, value in self.rule.complete(own).items() if name in own}
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.setdefault("initial_lr", group["lr"])

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update of every parameter that has a gradient; returns the closure's loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        observer = self.observer if self.observer and self.observer.wants() else None
        moves: list[Move] = []
        for index, group in enumerate(self.param_groups):
            live = [p for p in group["params"] if p.grad is not None]
            for flat in self._flats(index, live):
                moves += flat.step(group, observed=observer is not None)
        if observer:
            observer.saw(moves)
        return loss

    def eval(self) -> None:
        """Puts the weights into the parameters, where the rule trains them elsewhere."""
        self._place(lambda flat: flat.theta_views)

    def train(self) -> None:
        """Puts the parameters back to where the rule wants its gradients."""
        self._place(lambda flat: flat.seen_views())

    @torch.no_grad()
    def _place(self, values: Callable[[_Flat], list[Tensor]]) -> None:
        if self.rule.view:
            for flat in (flat for flats in self._buffers.values() for flat in flats):
                torch._foreach_copy_(flat.live, values(flat))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's: the state is copied in, matched by position."""
        super().load_state_dict(state_dict)
        self._buffers.clear()

    def _flats(self, index: int, live: Sequence[Tensor]) -> list[_Flat]:
        known = self._buffers.get(index)
        if known is None or not _same(live, [p for flat in known for p in flat.live]):
            known = self._buffers[index] = self._lay_out(self.param_groups[index], live)
        return known

    def _lay_out(self, group: dict[str, Any], live: Sequence[Tensor]) -> list[_Flat]:
        """Buffers over these tensors: one for all of a kind, or one each where tensors are wholes."""
        kinds: dict[object, list[Tensor]] = {}
        for p in live:
            if p.grad is not None and p.grad.is_sparse:
                raise RuntimeError(
                    f"{self.rule.title} has no rule for sparse gradients; use a dense gradient"
                )
            if not p.is_floating_point():
                raise TypeError(
                    f"{self.rule.title} can't optimise a parameter of dtype {p.dtype}; use floats"
                )
            kinds.setdefault((p.dtype, p.device) if self.rule.elementwise else id(p), []).append(p)
        return [_Flat(self.rule, tensors, self.state, group) for tensors in kinds.values()]


class _Flat:
    """Tensors of one dtype and device as one buffer, with the rule's state beside it.

    ``state[p]`` holds views of the state, in p's shape, so that ``state_dict`` works as everywhere.
    A rule that is not elementwise has its one tensor here, in its own shape.
    """

    def __init__(self, rule: Rule, live: list[Tensor], state: dict[Tensor, Any], group: Mapping[str, Any]):
        self.rule, self.live = rule, live
        _keep_freed_memory()
        self._segments = Segments([p.numel() for p in live], live[0].device)
        self._theta = self._segments.zeros(live[0].dtype)
        self._grad = torch.zeros_like(self._theta)
        if not rule.elementwise:
            (theta,), (grad,) = self._segments.split(self._theta), self._segments.split(self._grad)
            self._theta, self._grad = theta.view(live[0].shape), grad.view(live[0].shape)
        self.theta_views, self._grad_views = self._views(self._theta), self._views(self._grad)
        self._steps = self._step_counts(state)
        self._hyper = {name: group[name] for name in rule.settings}
        self._state = self._gather_state(state)
        self._records = [state[p] for p in live]

    def step(self, group: Mapping[str, Any], *, observed: bool) -> list[Move]:
        """One update of all its tensors, with the group's present hyperparameters."""
        if not self.rule.view:
            torch._foreach_copy_(self.theta_views, self.live)
        grads = [p.grad for p in self.live if p.grad is not None]
        torch._foreach_copy_(self._grad_views, grads)
        made = self.advance(group)
        rate, direction, decay = made
        before = self._theta.clone() if observed else None
        if isinstance(rate, Tensor) and rate.dtype == self._theta.dtype:
            self._theta.addcmul_(rate, direction, value=-1.0)
        else:
            self._theta.sub_(rate * direction)
        if not (isinstance(decay, float) and decay == 0.0):
            self._theta.sub_(decay)
        torch._foreach_copy_(self.live, self.seen_views())
        if before is None:
            return []
        whole, after = not self.rule.elementwise, self._theta
        return [
            Move(self.live, self._segments, whole, before, after, self._grad, rate, rate * direction, decay)
        ]

    def seen_views(self) -> list[Tensor]:
        """Where the next gradients are to be taken, tensor by tensor: at θ unless the rule has a view."""
        if not self.rule.view:
            return self.theta_views
        return self._views(self.rule.look(self._theta, self._state, self._hyper))

    def advance(self, group: Mapping[str, Any]) -> Step:
        """Takes the rule's step for the gathered gradient and keeps the new state."""
        self._steps = self._steps + 1
        for record in self._records:
            record["step"] += 1
        services: dict[str, Any] = {}
        if "schedule_factor" in self.rule.needs:
            services["schedule_factor"] = group["lr"] / group["initial_lr"] if group["initial_lr"] else 1.0
        self._hyper = {name: group[name] for name in self.rule.settings}
        # Rules that offer relative decay read the norm for it alone; usually it is off.
        if "param_norm" in self.rule.needs and self._hyper.get("relative_decay", True):
            services["param_norm"] = self._segments.spread(torch.stack(torch._foreach_norm(self.theta_views)))
        given = {**self._hyper, **services}
        made, state = self.rule.update(self._grad, self._state, self._theta, self._steps, **given)
        for name, value in state_items(state).items():
            state_items(self._state)[name].copy_(value)
        return made

    def _views(self, buffer: Tensor) -> list[Tensor]:
        if not self.rule.elementwise:
            return [buffer]
        parts = self._segments.split(buffer)
        return [part.view(p.shape) for part, p in zip(parts, self.live, strict=True)]

    def _step_counts(self, state: dict[Tensor, Any]) -> int | Tensor:
        """Steps taken so far: a number, or one per row, in θ's dtype, where the tensors differ."""
        counts = [int(state[p].get("step", 0)) for p in self.live]
        if len(set(counts)) == 1:
            return counts[0]
        steps = self._theta.new_tensor(counts, dtype=torch.promote_types(self._theta.dtype, torch.float32))
        return self._segments.spread(steps)

    def _gather_state(self, state: dict[Tensor, Any]) -> Any:
        """The rule's state over the whole buffer, from what the tensors have; views go back to them."""
        torch._foreach_copy_(self.theta_views, self.live)
        fresh = self.rule.start(self._theta, self._hyper)
        buffers = state_items(fresh)
        if self.rule.view:  # then the parameters are not θ, which so has to be kept
            buffers["theta"] = self._theta
        for name, buffer in buffers.items():
            for p, view in zip(self.live, self._views(buffer), strict=True):
                if name in state[p]:
                    view.copy_(state[p][name])
                state[p][name] = view
        for p in self.live:
            state[p]["step"] = int(state[p].get("step", 0))
        return fresh


@cache
def _keep_freed_memory() -> None:
    """Has the C library's allocator keep what intermediate results free, once for the process.

    glibc returns every larger block to the system, and every new one then costs its page faults: on a
    CPU four times the arithmetic of a step. Freeing one block of almost 32 MiB (never written to, so
    never real) raises that limit for good; elsewhere it does nothing.
    """
    torch.empty((32 << 20) - 4096, dtype=torch.uint8)


def _same(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))
