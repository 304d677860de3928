r"""What an optimizer is: ``init`` and a pure ``update``, declared in one file of ``optim_core/rules``.

Every rule moves the weights by  θ ← θ − effective_lr·direction − decay,  where ``decay`` is the
displacement that the decay strength λ makes: the two parts add up to the step exactly, and without λ
there is no second. Where λθ enters a second moment, that moment is shared: it scales both parts, so the
first is not the step that would have been made without λ. ``update`` returns these three as a
`Step`, with the new state; runners apply them. The same function runs on Python floats, numpy
arrays, broadcast tensors and flat buffers (see `optim_core.arithmetic`).

A rule file reads: docstring (one sentence; the equations as indented LaTeX lines; the source and what
departs from it, in plain text, since pages show it below the equations), state, ``init``, ``update``,
``RULE``; where it needs them, ``view`` (the point at which the gradient is evaluated) and ``show`` (the
state decoded, to look at). ``step`` counts from 1; where elements have taken different numbers of steps
it may be a tensor of theirs.

What theory knows of the rule stands beside ``update``, in functions of the step's own settings that name
their arguments: hyperparameters (``lr`` and ``weight_decay`` as scheduled), services, ``step``. Numbers come
in, or arrays with a value for each step; a service with a default may be missing. They give None where
theory gives no one number:

    decay_rate         the share of θ that decay takes in the step
    equilibrium_angle  by how much (rad) the step turns weights whose length does not matter to the loss,
                       once their growth by gradients and their decay are in balance

In the equations g_t is the gradient, \alpha_t the effective learning rate, d_t the direction, \delta_t
the decay and t the step. A line ending in ``% name`` or ``% not name`` or ``% name=word`` holds only
under that setting, or under all of several that commas separate; ``% matrix`` holds for tensors of two
and more dimensions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from inspect import signature
from types import ModuleType
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch

from optim_core.arithmetic import Array
from optim_core.declare.kinds import Choice, Flag, Real, Setting, complete, declared

# Keyword-only arguments of `update` that a runner supplies when the rule lists them in `needs`:
#   schedule_factor  the learning-rate schedule's factor at this step
#   param_norm       norm of the tensor that the element belongs to, before the step: Euclidean, or its
#                    root mean square where that is what relative decay wants (`decay.relative_norm`)
SERVICES = frozenset({"schedule_factor", "param_norm"})

# What torch's optimizers take as one setting, and rules here as settings of their own.
PAIRS: Mapping[str, tuple[str, ...]] = {"betas": ("beta1", "beta2"), "eps": ("eps1", "eps2")}

Decay = Literal["none", "coupled", "decoupled"]


class Step(NamedTuple):
    """One update: θ ← θ − effective_lr·direction − decay; each broadcasts to θ's shape."""

    effective_lr: Array
    direction: Array
    decay: Array


@dataclass(frozen=True)
class Twin:
    """The ``torch.optim`` class that computes the same update.

    ``arguments`` turns hyperparameters into that class's keyword arguments; ``only`` names the
    settings, and ``where`` decides for the numbers, outside which torch has no such rule. ``state``
    tells what torch's checkpoints call the state: torch's name, and ours whose sum it is; ``numbers``
    are those of torch's that are one number a tensor. ``read`` makes a torch group's settings, for
    parameters of this dtype, explicit where torch leaves them open.
    """

    name: str
    arguments: Callable[[Mapping[str, Any]], dict[str, Any]]
    only: Mapping[str, Any] = field(default_factory=dict)
    where: Callable[[Mapping[str, Any]], bool] = lambda hyper: True
    state: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    read: Callable[[Mapping[str, Any], torch.dtype], Mapping[str, Any]] = lambda group, dtype: group

    def covers(self, hyper: Mapping[str, Any]) -> bool:
        """Whether torch has the rule under these hyperparameters, in the installed version."""
        inside = all(hyper[k] == v for k, v in self.only.items()) and self.where(hyper)
        return inside and hasattr(torch.optim, self.name)

    def __call__(self, params: Sequence[torch.Tensor], **hyper: Any) -> torch.optim.Optimizer:
        build: Callable[..., torch.optim.Optimizer] = getattr(torch.optim, self.name)
        return build(params, **self.arguments(hyper))

    def settings(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """All settings of torch's optimizer, those left at their defaults too."""
        return dict(self([torch.zeros(1)], **hyper).defaults)

    def source(self, params: str, hyper: Mapping[str, Any]) -> str:
        """The call as Python source, with ``params`` as the text of its first argument."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments(hyper).items())
        return f"torch.optim.{self.name}({params}, {given})"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The declaration that ends a rule file.

    title       as menus show it
    family      the menu's group
    source      the paper or the library that defines it
    decay       "coupled" (λθ enters the gradient) or "decoupled"; a boolean hyperparameter
                ``decoupled_weight_decay`` overrides it
    elementwise whether each element is updated by itself
    needs       services, see `SERVICES`
    reference   a `Twin`, or ``f(params, **hyper)`` that builds any torch optimizer
    step_size   which learning rates suit it: "gradient" if a step is proportional to the gradient,
                "adaptive" if it is about lr whatever the gradient
    lr_ratio    the learning rate with which it trains networks, over AdamW's ("adaptive") or plain descent's
                ("gradient") on the same task, where it is not as the defaults have it; found by short sweeps
                in steps of about 3 over digits, moons, ridge and the nano GPT
    demo        hyperparameters for the two-dimensional pictures, where the defaults show little
    symbols     LaTeX stems of state names, where they differ from the name (m → m_t, m_{t-1})
    """

    title: str
    family: str
    source: str
    decay: Decay = "none"
    elementwise: bool = True
    needs: tuple[str, ...] = ()
    reference: Callable[..., torch.optim.Optimizer] | None = None
    step_size: Literal["gradient", "adaptive"] = "adaptive"
    lr_ratio: float | None = None
    demo: Mapping[str, Any] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)

    # Bound by the registry, from the file that holds the declaration.
    id: str = ""
    summary: str = ""
    notes: str = ""  # the docstring below the equations, one paragraph: sources, departures from them
    formula: tuple[str, ...] = ()
    init: Callable[..., Any] = lambda param: ()
    update: Callable[..., tuple[Step, Any]] = lambda *args, **hyper: (Step(0.0, 0.0, 0.0), ())
    view: Callable[..., Array] | None = None
    show: Callable[..., Mapping[str, Array]] | None = None
    fused: Callable[..., Callable[[], Any] | None] | None = None
    decay_rate: Callable[..., Array | None] = lambda: None
    equilibrium_angle: Callable[..., Array | None] = lambda: None
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def named(self, name: str, module: ModuleType) -> Rule:
        """The rule with its functions, settings and equations, read from its module."""
        doc = (module.__doc__ or "").strip().splitlines()
        unknown = set(self.needs) - SERVICES
        if not doc or unknown or not (hasattr(module, "init") and hasattr(module, "update")):
            raise TypeError(
                f"{module.__name__}: needs a docstring, init, update; unknown needs: {unknown or 'none'}"
            )
        rule = dataclasses.replace(
            self,
            id=name,
            summary=doc[0],
            notes=" ".join(line for line in doc[1:] if line and not line.startswith("    ")),
            formula=tuple(line.strip() for line in doc if line.startswith("    ")),
            init=module.init,
            update=module.update,
            view=getattr(module, "view", None),
            show=getattr(module, "show", None),
            fused=getattr(module, "fused", None),
            decay_rate=getattr(module, "decay_rate", self.decay_rate),
            equilibrium_angle=getattr(module, "equilibrium_angle", self.equilibrium_angle),
            settings=declared(module.update, SERVICES),
        )
        rule.complete(rule.demo)
        for function in (rule.decay_rate, rule.equilibrium_angle):
            unknown = set(signature(function).parameters) - {*rule.settings, *SERVICES, "step"}
            if unknown:
                raise TypeError(f"{module.__name__}: {function.__name__} names what no step has: {unknown}")
        return rule

    def __deepcopy__(self, memo: object) -> Rule:
        return self  # a declaration has no copies: copied optimizers run the same rule

    def complete(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """``hyper`` checked and filled up with defaults; raises InvalidInput."""
        return complete(self.settings, hyper)

    def start(self, param: Array, hyper: Mapping[str, Any]) -> Any:
        """The state before the first step; ``init`` gets the hyperparameters that it declares."""
        return self.init(param, **{name: hyper[name] for name in self._init_settings})

    def look(self, param: Array, state: Any, hyper: Mapping[str, Any]) -> Array:
        """Where the gradient is to be evaluated: at θ itself unless the rule has a ``view``."""
        return self.view(param, state, **{n: hyper[n] for n in self._view_settings}) if self.view else param

    def shown(self, state: Any, hyper: Mapping[str, Any]) -> dict[str, Array]:
        """The state's arrays by name, as numbers to look at: decoded where the rule has a ``show``."""
        if self.show:
            state = self.show(state, **{name: hyper[name] for name in self._show_settings})
        return state_items(state)

    def expected_decay_rate(self, known: Mapping[str, Any]) -> Array | None:
        """The share of θ that decay takes in a step with these settings, as `decay_rate` declares it."""
        return _told(self.decay_rate, known)

    def expected_angle(self, known: Mapping[str, Any]) -> Array | None:
        """The angle (rad) that such a step turns scale-invariant weights by, as `equilibrium_angle` has."""
        return _told(self.equilibrium_angle, known)

    def averaging_time(self, hyper: Mapping[str, Any]) -> float | None:
        """τ = 1/rate: the steps over which the weights average, at the full learning rate.

        None where no rate is declared, where it differs from step to step, or where nothing decays.
        """
        rate = self.expected_decay_rate({**hyper, "schedule_factor": 1.0, "step": np.array([1.0, 2.0])})
        if rate is None:
            return None
        first, second = np.broadcast_to(rate, 2).tolist()
        return 1.0 / first if first == second and first > 0.0 else None

    @cached_property
    def pairs(self) -> dict[str, tuple[str, ...]]:
        """`PAIRS` of which the rule has every setting."""
        return {word: names for word, names in PAIRS.items() if all(n in self.settings for n in names)}

    @cached_property
    def singles(self) -> tuple[str, ...]:
        """The settings that torch takes by themselves."""
        paired = {name for names in self.pairs.values() for name in names}
        return tuple(name for name in self.settings if name not in paired)

    @cached_property
    def singles_and_pairs(self) -> tuple[str, ...]:
        """All settings, those of `pairs` last."""
        return (*self.singles, *(name for names in self.pairs.values() for name in names))

    @cached_property
    def _init_settings(self) -> tuple[str, ...]:
        return tuple(declared(self.init))

    @cached_property
    def _view_settings(self) -> tuple[str, ...]:
        return tuple(declared(self.view)) if self.view else ()

    @cached_property
    def _show_settings(self) -> tuple[str, ...]:
        return tuple(declared(self.show)) if self.show else ()

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        """The names of the shown state's arrays, in order, for a vector."""
        param, hyper = 0.0 if self.elementwise else np.zeros(2), self.complete({})
        return tuple(self.shown(self.start(param, hyper), hyper))

    def decay_kind(self, hyper: Mapping[str, Any]) -> Decay:
        """How λ acts under these hyperparameters."""
        if not self.decay_strength(hyper):
            return "none"
        if "decoupled_weight_decay" in hyper:
            return "decoupled" if hyper["decoupled_weight_decay"] else "coupled"
        return self.decay

    def decay_strength(self, hyper: Mapping[str, Any]) -> float:
        """c in the penalised gradient g + cθ: λ, or 2λ for the penalty λ‖θ‖²; 0 without decay."""
        strength = float(hyper.get("weight_decay", 0.0))
        return 2.0 * strength if hyper.get("penalty") == "full" else strength


def _told(function: Callable[..., Array | None], known: Mapping[str, Any]) -> Array | None:
    """The function's answer, given what it names of ``known``."""
    return function(**{name: known[name] for name in _arguments(function) if name in known})


@cache  # a few functions a rule; looking at one takes as long as asking it
def _arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(signature(function).parameters)


def state_items(state: Any) -> dict[str, Array]:
    """A state's arrays by name, whether it is a named tuple or a dict."""
    return dict(state) if isinstance(state, Mapping) else state._asdict()


def state_bytes(state: Any) -> int:
    """The memory that a state's arrays take; over the number of weights, bytes per parameter."""
    return sum(int(array.nbytes) for array in state_items(state).values())


# --- The hyperparameters that several rules share ------------------------------------------------

LearningRate = Annotated[
    Array,
    Real(
        label="learning rate η",
        symbol=r"\eta",
        help="The length scale of a step.",
        low=0.0,
        high=1e6,
        slider=(1e-5, 10.0),
        scale="log",
    ),
]
Momentum = Annotated[
    Array,
    Real(
        label="momentum β",
        symbol=r"\beta",
        help="How much of the previous velocity is kept.",
        low=0.0,
        high=1.0,
        below=True,
        slider=(0.0, 0.999),
    ),
]
Beta1 = Annotated[
    Array,
    Real(
        label="first-moment decay β₁",
        symbol=r"\beta_1",
        help="How much of the average gradient is kept; it remembers about 1/(1−β₁) steps.",
        low=0.0,
        high=1.0,
        below=True,
        slider=(0.0, 0.999),
    ),
]
Beta2 = Annotated[
    Array,
    Real(
        label="second-moment decay β₂",
        symbol=r"\beta_2",
        help="How much of the average squared gradient is kept; it remembers about 1/(1−β₂) steps.",
        low=0.0,
        high=1.0,
        below=True,
        slider=(0.0, 0.9999),
    ),
]
Epsilon = Annotated[
    Array,
    Real(
        label="ε, added to the root",
        symbol=r"\epsilon",
        help="Keeps the division finite; a large ε makes the step less adaptive.",
        low=0.0,
        high=1e3,
        slider=(1e-12, 1.0),
        scale="log",
    ),
]
EpsilonInRoot = Annotated[
    bool,
    Flag(
        label="ε inside the root",
        help="√(v+ε) in place of √v+ε, as TensorFlow has it for some rules; the same ε then matters more.",
    ),
]
WeightDecay = Annotated[
    Array,
    Real(
        label="decay strength λ",
        symbol=r"\lambda",
        help="How strongly the weights are pulled towards zero.",
        low=0.0,
        high=1e3,
        slider=(1e-4, 1.0),
        scale="log",
    ),
]
BiasCorrection = Annotated[
    bool,
    Flag(label="bias correction", help="Divide the averages by 1−βᵗ, which undoes their start at zero."),
]
Decoupled = Annotated[
    bool,
    Flag(label="decoupled decay", help="Shrink the weights by ηλ apart from the gradient, as AdamW does."),
]
Penalty = Annotated[
    str,
    Choice(
        label="penalty",
        help="Which squared norm λ multiplies.",
        options={"half": "(λ/2)‖θ‖², so that the gradient gains λθ", "full": "λ‖θ‖², so that it gains 2λθ"},
    ),
]
DecayOrder = Annotated[
    str,
    Choice(
        label="decay order",
        help="Whether the weights shrink before the step or after it; the two differ by O(η²).",
        options={
            "before": "before the step, on θ (as torch does)",
            "after": "after the step, on the moved θ",
        },
    ),
]
RelativeDecay = Annotated[
    str | bool,
    Choice(
        label="relative decay",
        help="Whether decay grows with the weights, and by which measure of a tensor.",
        options={
            False: "every weight shrinks by the same share",
            True: "times max(RMS(θ), 10⁻³), as Adafactor scales its steps",
            "norm": "times max(‖θ‖, 10⁻³), √n times as strong for n weights",
        },
    ),
]
