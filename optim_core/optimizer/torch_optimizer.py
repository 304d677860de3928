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

from optim_core.catalogue import as_rule, rules
from optim_core.optimizer import torch_words
from optim_core.optimizer.flat import Flat, Move, steps_taken
from optim_core.rule import Rule


def make_optimizer(
    rule: Rule | str, params: Iterable[Any], *, adopt: bool = False, **hyper: Any
) -> RuleOptimizer:
    """A torch optimizer that runs ``rule`` over ``params`` (tensors, named tensors or groups).

    Hyperparameters, here and in groups, go by our names or by torch's (``betas``, ``maximize``); what
    this optimizer can't follow is refused. With ``adopt`` the parameters become views of the
    optimizer's own buffer at the first step, which saves copying them there and back; only for models
    whose storage nobody else holds. Raises InvalidInput for an unknown rule or hyperparameter,
    TypeError or ValueError, as torch does, for parameters that can't be optimised.
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
    that AdamW-LH's decay follows is a group's ``lr`` over its base rate, which is known where a
    scheduler has left it in the group: ``max_lr`` (OneCycleLR) or else ``initial_lr``. It is 1 where
    none has, as under ReduceLROnPlateau or a rate set by hand.

    Weights of 16 bits are updated in 32 and rounded once; their state stays in 32 bits. Checkpoints
    are torch's wherever torch has the rule, see `torch_words`.
    """

    def __init__(self, rule: Rule, params: Iterable[Any], hyper: Mapping[str, Any], *, adopt: bool = False):
        self.rule = rule
        self._adopt = adopt and rule.view is None  # under a view the parameters are not the weights
        self.observer: Observer | None = None
        # By group: the tensors that had gradients, and the buffers made for them with their places.
        self._buffers: dict[int, tuple[list[Tensor], list[_Placed]]] = {}
        found = torch_words.taken(rule, hyper)
        strange = {name: v for name, v in hyper.items() if name not in found.keys() | torch_words.words()}
        complete = torch_words.grouped(rule, rule.complete({**strange, **found}))
        how = {name: hyper[name] for name in torch_words.HOW & hyper.keys()}
        super().__init__(params, {**complete, "maximize": hyper.get("maximize", False), **how})

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles keep: not the observer, nor the buffers, which are made anew."""
        rule = self.rule.id if rules().get(self.rule.id) is self.rule else self.rule
        return {**super().__getstate__(), "rule": rule, "_adopt": self._adopt}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From `__getstate__`; torch's `load_state_dict` passes a part of it."""
        if "rule" in state:
            state = {**state, "rule": as_rule(state["rule"]), "observer": None}
        super().__setstate__({**state, "_buffers": {}})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's; a group's own hyperparameters are checked like those of all groups."""
        found = torch_words.taken(self.rule, param_group)
        checked = self.rule.complete(found)
        param_group |= {name: checked[name] for name in found}
        torch_words.fold(self.rule, param_group, self.defaults)
        super().add_param_group(param_group)

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
            torch_words.fold(self.rule, group, group)
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

    def state_dict(self) -> dict[str, Any]:
        """As torch's, and in torch's form where torch has the rule, so that torch can go on with it."""
        return torch_words.to_torch(self.rule, super().state_dict())

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, from our checkpoints and those of the rule's twin; matched by position.

        Raises InvalidInput for one of another rule. What torch remembers of the decay's part of a
        momentum it does not tell apart: it counts as the gradient's.
        """
        given = torch_words.from_torch(self.rule, state_dict, self.param_groups)
        super().load_state_dict(given)
        # torch casts state to the parameter's dtype: of one of 16 bits it would lose half.
        places = [place for group in given["param_groups"] for place in group["params"]]
        params = [p for group in self.param_groups for p in group["params"]]
        for place, p in zip(places, params, strict=True):
            for name, value in given["state"].get(place, {}).items():
                if isinstance(value, Tensor) and self.state[p][name].dtype != value.dtype:
                    self.state[p][name] = value.to(p.device)

    def _flats(self, index: int, live: list[Tensor]) -> list[_Placed]:
        """The group's buffers, made anew when other tensors have gradients, or these have changed type."""
        known, flats = self._buffers.get(index, ([], []))
        same = len(known) == len(live) and all(a is b for a, b in zip(known, live, strict=True))
        if not (same and all(flat.fits() for flat, _ in flats)):
            flats = self._lay_out(self.param_groups[index], live)
            self._buffers[index] = live, flats
        return flats

    def _lay_out(self, group: dict[str, Any], live: list[Tensor]) -> list[_Placed]:
        """Buffers over these tensors: one for all of a kind and age, or one each where tensors are wholes.

        So all tensors of a buffer have taken the same number of steps, and the powers of β in a bias
        correction are numbers, as exact as Python's. Empty tensors have none and take no steps.
        """
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
            kind = (p.dtype, p.device, steps_taken(self.state, p)) if self.rule.elementwise else id(p)
            if p.numel():
                kinds.setdefault(kind, []).append(i)
        return [
            (Flat(self.rule, [live[i] for i in places], self.state, group, adopt=self._adopt), places)
            for places in kinds.values()
        ]
