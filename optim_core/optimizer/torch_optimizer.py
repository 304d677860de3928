"""A rule as a real ``torch.optim.Optimizer``.

Elementwise rules run on one flat buffer per parameter group, dtype and device: parameters and
gradients are gathered, updated in a few kernels whatever the number of tensors, and scattered back.
The parameters stay the user's own tensors, so weights changed from outside between steps are seen.
(For a model of one's own the copying can be saved: ``adopt``.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, overload

import torch
from torch import Tensor

from optim_core.catalogue import as_rule
from optim_core.optimizer.flat import Flat, Move
from optim_core.rule import Rule


def make_optimizer(
    rule: Rule | str, params: Iterable[Any], *, adopt: bool = False, **hyper: Any
) -> RuleOptimizer:
    """A torch optimizer that runs ``rule`` over ``params`` (tensors, named tensors or groups).

    With ``adopt`` the parameters become views of the optimizer's own buffer at the first step, which
    saves copying them there and back; only for models whose storage nobody else holds. Raises
    InvalidInput for an unknown rule or hyperparameter, TypeError or ValueError, as torch does, for
    parameters that can't be optimised.
    """
    return RuleOptimizer(as_rule(rule), params, hyper, adopt=adopt)


class Observer(Protocol):
    """Who looks on, such as a `Tracer`: asked before each step, told of every part, then of the end."""

    def wants(self, flats: Sequence[Flat]) -> bool: ...
    def saw(self, move: Move) -> None: ...
    def done(self) -> None: ...


_Placed = tuple[Flat, list[int]]  # a buffer, and the places of its tensors among those of the group


class RuleOptimizer(torch.optim.Optimizer):
    """`make_optimizer` builds it; ``rule`` is what it runs, ``observer`` who looks on.

    A rule that takes its gradient elsewhere (schedule-free) keeps the parameters there while it
    trains: `eval` puts the weights themselves into them, `train` goes back. The learning-rate factor
    that AdamW-LH's decay follows is a group's ``lr`` over its ``initial_lr``, which torch's
    schedulers keep.
    """

    def __init__(self, rule: Rule, params: Iterable[Any], hyper: Mapping[str, Any], *, adopt: bool = False):
        self.rule = rule
        self._adopt = adopt and rule.view is None  # under a view the parameters are not the weights
        self.observer: Observer | None = None
        # By group: the tensors that had gradients, and the buffers made for them with their places.
        self._buffers: dict[int, tuple[list[Tensor], list[_Placed]]] = {}
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
        work: list[tuple[Flat, dict[str, Any], list[Tensor]]] = []
        for index, group in enumerate(self.param_groups):
            # Each access to p.grad makes a Python object: once is enough.
            given = [(p, p.grad) for p in group["params"]]
            live, grads = [p for p, g in given if g is not None], [g for _, g in given if g is not None]
            for flat, places in self._flats(index, live):
                work.append((flat, group, grads if len(places) == len(grads) else [grads[i] for i in places]))
        observer = self.observer
        if observer and not observer.wants([flat for flat, _, _ in work]):
            observer = None
        for flat, group, grads in work:
            flat.step(group, grads, observer.saw if observer else None)
        if observer:
            observer.done()
        return loss

    def eval(self) -> None:
        """Puts the weights into the parameters, where the rule trains them elsewhere."""
        self._place(lambda flat: flat.theta_views)

    def train(self) -> None:
        """Puts the parameters back to where the rule wants its gradients."""
        self._place(lambda flat: flat.seen_views())

    @torch.no_grad()
    def _place(self, values: Callable[[Flat], list[Tensor]]) -> None:
        if self.rule.view:
            for flat, _ in (placed for _, flats in self._buffers.values() for placed in flats):
                torch._foreach_copy_(flat.live, values(flat))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's: the state is copied in, matched by position."""
        super().load_state_dict(state_dict)
        self._buffers.clear()

    def _flats(self, index: int, live: list[Tensor]) -> list[_Placed]:
        """The group's buffers, made anew when other tensors than before have gradients."""
        known, flats = self._buffers.get(index, ([], []))
        if len(known) != len(live) or any(a is not b for a, b in zip(known, live, strict=True)):
            flats = self._lay_out(self.param_groups[index], live)
            self._buffers[index] = live, flats
        return flats

    def _lay_out(self, group: dict[str, Any], live: list[Tensor]) -> list[_Placed]:
        """Buffers over these tensors: one for all of a kind, or one each where tensors are wholes."""
        kinds: dict[object, list[int]] = {}
        for i, p in enumerate(live):
            if p.grad is not None and p.grad.is_sparse:
                raise RuntimeError(
                    f"{self.rule.title} has no rule for sparse gradients; use a dense gradient"
                )
            if not p.is_floating_point():
                raise TypeError(
                    f"{self.rule.title} can't optimise a parameter of dtype {p.dtype}; use floats"
                )
            kinds.setdefault((p.dtype, p.device) if self.rule.elementwise else id(p), []).append(i)
        return [
            (Flat(self.rule, [live[i] for i in places], self.state, group, adopt=self._adopt), places)
            for places in kinds.values()
        ]
