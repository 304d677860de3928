"""What a training task is: data, a model and a loss, declared in one file of ``optim_core/tasks``.

A task file reads: docstring (its first line is what menus say), ``build(seed, device, *, settings…)``
that returns a `TaskRun`, and ``TASK = Task(...)``. It holds no optimizer and no loop. Everything that
is drawn at random comes from ``seed``. Nothing is downloaded.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from types import ModuleType
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from optim_core.declare.kinds import Setting, complete, declared
from optim_core.rule import Rule

Batch = tuple[Tensor, ...]
Evaluate = Callable[[nn.Module], Mapping[str, Tensor]]
ADAMS_RATE = 1e-3  # the default of Adam's learning rate


class Batches(Protocol):
    """Endless batches that tell where they are, as plain data, and can be put there."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Batch: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Boundary:
    """The plane that a classifier of points divides: the model's output is drawn over it."""

    box: tuple[float, float, float, float]  # x_low, x_high, y_low, y_high
    n: int  # points along each side
    evaluate: Callable[[nn.Module], Tensor]  # (n·n,), row by row from y_low up: the odds' logarithm
    points: Tensor  # (examples, 2)
    labels: Tensor  # (examples,)


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """A task, built: everything that a loop needs.

    batches    endless batches of a size, always the same for a seed: `shuffled`, `drawn`, other `Batches`,
               or any iterator, whose place `placed` finds by taking its batches once more
    loss       of the model on a batch, a number; the data's part alone
    evaluate   what is known of the model beyond the batch: ``val_loss``, ``val_accuracy``, ``accuracy``
               (on training data)…, numbers on the device; called without gradients, in eval mode
    examples   in the training set; 0 for endless data
    minimum    the weights, by parameter name, at which loss + (c/2)‖θ‖² is least, where that is known
    facts      what else a page may tell: JSON data
    """

    model: nn.Module
    batches: Callable[[int], Iterator[Batch]]
    loss: Callable[[nn.Module, Batch], Tensor]
    evaluate: Evaluate
    examples: int
    boundary: Boundary | None = None
    minimum: Callable[[float], Mapping[str, Tensor]] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task:
    """The declaration that ends a task file.

    title       as menus show it
    data        where the data come from
    batch_size  that suits it
    steps       after which something is to be seen
    rates       learning rates that suit it, by a rule's ``step_size``: "gradient" (plain descent) and
                "adaptive" (Adam); see `suits`. Chosen by short sweeps of sgd, momentum and adamw in steps
                of about 3, by validation loss, where the next larger one still works
    decay_rate  the share of the weights that decay is to take in a step at the full learning rate, by
                every rule alike: each rule's λ follows, see `suits`
    hyper       other settings of the optimizer that suit it, where its own defaults show little
    schedule    a schedule's id that suits it, or None for a constant learning rate
    descends    whether its loss falls; a laboratory of noise has nothing to learn
    """

    title: str
    data: str
    batch_size: int
    steps: int
    rates: Mapping[str, float] = field(default_factory=dict)
    decay_rate: float | None = None
    hyper: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    descends: bool = True

    # Bound by the registry, from the file that holds the declaration.
    id: str = ""
    summary: str = ""
    build: Callable[..., TaskRun] = lambda *args, **settings: _unbound()
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def named(self, name: str, module: ModuleType) -> Task:
        """The task with its builder and settings, read from its module."""
        doc = inspect.cleandoc(module.__doc__ or "").splitlines()
        if not doc or not hasattr(module, "build"):
            raise TypeError(f"{module.__name__}: needs a docstring and build(seed, device, *, ...)")
        if self.decay_rate and "gradient" not in self.rates:
            raise TypeError(f"{module.__name__}: a decay_rate needs the rate of plain descent beside it")
        return dataclasses.replace(
            self, id=name, summary=doc[0], build=module.build, settings=declared(module.build)
        )

    def suits(self, rule: Rule) -> dict[str, Any]:
        """Settings of ``rule`` that suit the task, where they are not the rule's own defaults.

        The learning rate is the task's for such steps, times the rule's ``lr_ratio``. Where none is declared,
        an adaptive rule whose default is not Adam's takes the rate in proportion; plain descent with
        momentum, which adds up 1/(1 − momentum) gradients, so much less. λ is what makes the task's
        ``decay_rate`` at that learning rate.
        """
        found: dict[str, Any] = {}
        rate = self.rates.get(rule.step_size)
        if rate is not None:
            found["lr"] = _short(rate * _lr_ratio(rule))
        if self.decay_rate and "weight_decay" in rule.settings:
            found["weight_decay"] = _short(self.decay_rate / self._decay_per_strength(rule, found))
        return found | {name: value for name, value in self.hyper.items() if name in rule.settings}

    def _decay_per_strength(self, rule: Rule, found: Mapping[str, Any]) -> float:
        """The decay per step that λ = 1 makes; every declared rate is in proportion to λ."""
        hyper = rule.complete({**found, "weight_decay": 1.0})
        declared = rule.expected_decay_rate({**hyper, "schedule_factor": 1.0, "step": 1.0})
        if declared is not None:
            return float(declared)
        if rule.decay_kind(hyper) == "coupled":
            # λ belongs to the loss + (λ/2)‖θ‖² that all coupled rules descend, whatever their steps are
            # divided by: they share the λ of SGD+L2.
            return self.rates["gradient"]
        # ηλ of the point that steps (schedule-free), and LAMB's while its trust ratio is 1: at most so much.
        return float(hyper["lr"])

    def run(self, seed: int, device: torch.device, settings: Mapping[str, Any]) -> TaskRun:
        """The task built with these settings, checked; raises InvalidInput."""
        return self.build(seed, device, **complete(self.settings, settings))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's own random numbers (a model's first weights) come from ``seed``; outside, as before.

    Only those of the CPU, where models are made: ``torch.manual_seed`` would reset every device's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def drawer(seed: int, stream: int = 1) -> torch.Generator:
    """Random numbers for data: another stream than the first weights have for the same seed.

    Stream 1 is the batches'. What else a task draws needs a stream of its own, lest it repeat their order.
    """
    return torch.Generator().manual_seed((seed + stream * 0x9E3779B97F4A7C15) % 2**63)


def shuffled(examples: Batch, seed: int) -> Callable[[int], Batches]:
    """Batches of ``examples`` (arrays of one length) in a new order each epoch, without repetition in it.

    A size that does not divide the number of examples leaves the rest of each epoch out.
    """
    return lambda size: _Shuffled(examples, seed, size)


def drawn(draw: Callable[[torch.Generator, int], Batch], seed: int) -> Callable[[int], Batches]:
    """Batches of a size that ``draw`` makes from random numbers, and from nothing that changes."""
    return lambda size: _Drawn(draw, seed, size)


def placed(batches: Iterator[Batch]) -> Batches:
    """These batches, if they can tell where they are; else so that they can."""
    known: Any = batches
    return known if hasattr(batches, "load_state_dict") else _Counted(batches)


class _Shuffled:
    """The epoch's order, the random numbers that it came from, and the place in it."""

    def __init__(self, examples: Batch, seed: int, size: int):
        self._examples, self._count = examples, len(examples[0])
        self._size = min(size, self._count)
        self._generator = drawer(seed)
        self._shuffle()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        if self._next + self._size > self._count:
            self._shuffle()
        chosen = self._order[self._next : self._next + self._size]
        self._next += self._size
        return tuple(array.index_select(0, chosen) for array in self._examples)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._before, "next": self._next}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._generator.set_state(state["generator"])
        self._shuffle()
        self._next = int(state["next"])

    def _shuffle(self) -> None:
        """Begins an epoch."""
        self._before, self._next = self._generator.get_state(), 0
        order = torch.randperm(self._count, generator=self._generator)
        self._order = order.to(self._examples[0].device)


class _Drawn:
    """The random numbers of the batches to come."""

    def __init__(self, draw: Callable[[torch.Generator, int], Batch], seed: int, size: int):
        self._draw, self._generator, self._size = draw, drawer(seed), size

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        return self._draw(self._generator, self._size)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._generator.set_state(state["generator"])


class _Counted:
    """An iterator of somebody else's: what it has given is taken once more, which lasts as long again."""

    def __init__(self, batches: Iterator[Batch]):
        self._batches, self._taken = batches, 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        self._taken += 1
        return next(self._batches)

    def state_dict(self) -> dict[str, Any]:
        return {"taken": self._taken}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for _ in islice(self, int(state["taken"]) - self._taken):
            pass


def _lr_ratio(rule: Rule) -> float:
    """The rule's learning rate over that of the plain rule with such steps, in training."""
    if rule.lr_ratio is not None:
        return rule.lr_ratio
    if rule.step_size == "adaptive":
        return float(rule.settings["lr"].default) / ADAMS_RATE
    return 1.0 - rule.settings["momentum"].default if "momentum" in rule.settings else 1.0


def _short(number: float) -> float:
    """Three digits: as somebody would type it."""
    return float(f"{number:.3g}")


def _unbound() -> TaskRun:
    raise TypeError("this task was never bound to its file")
