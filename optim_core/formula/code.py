"""From a formula's steps to functions: value, gradient and Hessian on floats, numpy arrays and tensors.

A formula is kept as a `Tape`: a straight line of small sympy expressions, each named by a symbol that
later ones use. SymPy differentiates each step by itself and the chain rule joins them. So derivatives
grow in proportion to the formula, where those of one nested expression explode (the Hessian of a
product of 60 factors has 3600 terms), and whatever two derivatives share is computed once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations_with_replacement
from types import FunctionType
from typing import Any

import sympy

from optim_core.formula.dialects import Dialect, Functions, bind
from optim_core.formula.text import refuse

# Of one processor, for the derivatives of a formula; what its size allows takes about a fifth of that.
MAX_SECONDS = 3.0

Atom = Any  # a sympy Symbol, Number or Number·Symbol: sympy has no types
# A step has at most two operands. Neither these nor the steps' names carry assumptions such as "real":
# sympy would deduce more of them at every turn, which doubles the time.
_SLOTS = sympy.symbols("_t:2")


class Absolute(sympy.Function):  # type: ignore[misc]
    """|u|, with slope 0 at the kink. (sympy's own Abs examines its argument, which takes milliseconds.)"""

    def fdiff(self, argindex: int = 1) -> Any:
        return Sign(self.args[0])


class Sign(sympy.Function):  # type: ignore[misc]
    """−1, 0 or 1; its derivative is taken as 0, as everywhere but in the jump."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class Minimum(sympy.Function):  # type: ignore[misc]
    """The smaller of two; where they are equal, its slope is the mean of theirs."""

    def fdiff(self, argindex: int = 1) -> Any:
        a, b = self.args
        return (1 + (1 if argindex == 2 else -1) * Sign(a - b)) / 2


class Maximum(sympy.Function):  # type: ignore[misc]
    """The larger of two; where they are equal, its slope is the mean of theirs."""

    def fdiff(self, argindex: int = 1) -> Any:
        a, b = self.args
        return (1 + (1 if argindex == 1 else -1) * Sign(a - b)) / 2


class Sigmoid(sympy.Function):  # type: ignore[misc]
    """1 / (1 + exp(−u)); its derivative keeps full precision in both tails."""

    def fdiff(self, argindex: int = 1) -> Any:
        (u,) = self.args
        return Sigmoid(u) * Sigmoid(-u)


class Softplus(sympy.Function):  # type: ignore[misc]
    """log(1 + exp(u)), without overflow for large u."""

    def fdiff(self, argindex: int = 1) -> Any:
        return Sigmoid(self.args[0])


class _Step(sympy.Function):  # type: ignore[misc]
    """What is constant on either side of its jumps; its slope is taken as 0 everywhere."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class Floor(_Step):
    """The largest whole number that is not above u."""


class Ceil(_Step):
    """The smallest whole number that is not below u."""


class Less(_Step):
    """1 where a < b, else 0."""


class LessEqual(_Step):
    """1 where a ≤ b, else 0."""


class Equal(_Step):
    """1 where a = b, else 0."""


class Nought(_Step):
    """0 where u is defined."""


class Log2(sympy.Function):  # type: ignore[misc]
    """The logarithm to base 2."""

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / (self.args[0] * sympy.Float(math.log(2)))


class Log10(sympy.Function):  # type: ignore[misc]
    """The logarithm to base 10."""

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / (self.args[0] * sympy.Float(math.log(10)))


class Where(sympy.Function):  # type: ignore[misc]
    """``a`` where the condition is not 0, else ``b``; its slope is that of the branch: see `_chosen`."""


@dataclass(frozen=True)
class Tape:
    """Named steps, in the order in which they are computed; equal expressions share one name."""

    steps: dict[Any, Any] = field(default_factory=dict)  # symbol -> expression
    names: dict[Any, Any] = field(default_factory=dict)  # expression -> symbol

    def symbol(self, expression: Any) -> Atom:
        """A symbol (or number) that stands for ``expression``."""
        expression = expression.xreplace(self.names)
        if expression.is_Atom:
            return expression
        symbol = self.names.get(expression)
        if symbol is None:
            symbol = sympy.Symbol(f"_{len(self.steps)}")
            self.steps[symbol] = expression
            self.names[expression] = symbol
        return symbol

    def name(self, expression: Any) -> Atom:
        """As `symbol`, but number·symbol stays as it is: so that numbers meet and fold."""
        if expression.is_Mul and len(expression.args) == 2 and expression.args[0].is_Number:
            return expression.args[0] * self.symbol(expression.args[1])
        return self.symbol(expression)


_MODEST = (
    sympy.sin,
    sympy.cos,
    sympy.tanh,
    Absolute,
    Sign,
    Minimum,
    Maximum,
    Sigmoid,
    Softplus,
    _Step,
    Where,
)


@dataclass(frozen=True)
class Code:
    """Compiled functions whose names are still free: `functions` binds them to a dialect."""

    value: FunctionType
    value_and_gradient: FunctionType
    hessian: FunctionType
    may_overflow: bool  # inside, where the whole is finite

    def functions(self, dialect: Dialect, values: Sequence[float] = ()) -> Functions:
        """The three functions; ``values``, if given, become the defaults of the parameters."""
        return Functions(
            bind(self.value, dialect, values, self.may_overflow),
            bind(self.value_and_gradient, dialect, values, self.may_overflow),
            bind(self.hessian, dialect, values, self.may_overflow),
        )


def compile_tape(tape: Tape, result: Atom, arguments: Sequence[Any]) -> Code:
    """``result`` and its derivatives by the first two ``arguments``, as functions of them all."""
    tape = Tape(dict(tape.steps), dict(tape.names))  # two threads may compile the same formula
    gradient, hessian = _derivatives(tape, result, *arguments[:2])
    return Code(
        _compile(tape, arguments, result),
        _compile(tape, arguments, (result, *gradient)),
        _compile(tape, arguments, hessian),
        any(map(_may_overflow, tape.steps.values())),
    )


def _may_overflow(step: Any) -> bool:
    """Whether a step, or its derivative, can be lost to overflow: polynomials of what is bounded cannot."""
    if step.is_Pow:
        return not (step.exp.is_Integer and step.exp >= 0)
    return (step.is_Function and not isinstance(step, _MODEST)) or any(map(_may_overflow, step.args))


def _derivatives(tape: Tape, result: Atom, x: Any, y: Any) -> tuple[Sequence[Atom], Sequence[Atom]]:
    """(∂x, ∂y) and (∂xx, ∂xy, ∂yy) of ``result`` by the chain rule, forward through the steps."""
    zero, one = sympy.Integer(0), sympy.Integer(1)
    first: dict[Any, tuple[Atom, ...]] = {x: (one, zero), y: (zero, one)}
    second: dict[Any, tuple[Atom, ...]] = {x: (zero, zero, zero), y: (zero, zero, zero)}

    def chain(terms: Iterable[Any]) -> Atom:
        return tape.name(sympy.Add(*map(tape.name, terms)))

    def crossed(t: Any, u: Any, i: int, j: int) -> Any:
        product = first[t][i] * first[u][j]
        return product if t is u else product + first[t][j] * first[u][i]

    goal = tape.symbol(result)
    begun = time.thread_time()
    for symbol, step in list(tape.steps.items()):
        if time.thread_time() - begun > MAX_SECONDS:
            refuse("the formula takes too long to differentiate.", hint="Shorten it.")
        inner = sorted((t for t in step.free_symbols if t in first), key=str)  # parameters are constants
        if not inner:
            continue
        if isinstance(step, Where):
            first[symbol] = _chosen(tape, step, first, zero, 2)
            second[symbol] = _chosen(tape, step, second, zero, 3)
            continue
        partial_1, partial_2 = _partials(step, inner)
        slopes = {t: tape.name(slope) for t, slope in partial_1.items()}
        bends = {pair: tape.name(bend) for pair, bend in partial_2.items() if bend != 0}
        first[symbol] = tuple(chain(slope * first[t][i] for t, slope in slopes.items()) for i in (0, 1))
        second[symbol] = tuple(
            chain(
                [slope * second[t][k] for t, slope in slopes.items()]
                + [bend * tape.name(crossed(*pair, i, j)) for pair, bend in bends.items()]
            )
            for k, (i, j) in enumerate(((0, 0), (0, 1), (1, 1)))
        )
    return first.get(goal, (zero, zero)), second.get(goal, (zero, zero, zero))


def _chosen(tape: Tape, step: Any, found: Mapping[Any, Sequence[Atom]], zero: Any, count: int) -> Any:
    """The derivatives of the branch that holds."""
    condition, *branches = step.args
    a, b = (found.get(branch, (zero,) * count) for branch in branches)
    return tuple(
        p if p == q else tape.symbol(Where(condition, *map(tape.symbol, (p, q))))
        for p, q in zip(a, b, strict=True)
    )


def _partials(step: Any, inner: Sequence[Any]) -> tuple[dict[Any, Any], dict[tuple[Any, Any], Any]]:
    """First and second derivatives of one step by the symbols ``inner`` (each pair once).

    Steps have few forms, such as t·u: each is differentiated once, since sympy takes long for it.
    """
    slots = dict(zip(inner, _SLOTS, strict=False))
    back = {slot: symbol for symbol, slot in slots.items()}
    slopes, bends = _form_partials(step.xreplace(slots), len(inner))
    return (
        {back[t]: slope.xreplace(back) for t, slope in slopes.items()},
        {(back[t], back[u]): bend.xreplace(back) for (t, u), bend in bends.items()},
    )


@lru_cache(maxsize=4096)
def _form_partials(form: Any, count: int) -> tuple[dict[Any, Any], dict[tuple[Any, Any], Any]]:
    slopes = {t: form.diff(t) for t in _SLOTS[:count]}
    pairs = combinations_with_replacement(slopes, 2)
    return slopes, {(t, u): slopes[t].diff(u) for t, u in pairs}


def _compile(tape: Tape, arguments: Sequence[Any], results: Any) -> FunctionType:
    """A function of ``arguments`` that computes the steps which ``results`` need, and no others."""

    def needed(_: Any) -> tuple[list[tuple[Any, Any]], Any]:
        wanted = set(sympy.Tuple(results).free_symbols)
        steps = []
        for symbol, step in reversed(tape.steps.items()):
            if symbol in wanted:
                wanted |= step.free_symbols
                steps.append((symbol, step))
        return steps[::-1], results

    compiled = sympy.lambdify(
        arguments, results, modules=[{}], printer=_source, cse=needed, docstring_limit=0
    )
    assert isinstance(compiled, FunctionType)
    return compiled


def _source(expression: Any) -> str:
    """Python for one step, in the names of `dialects`: sums in brackets, products without."""
    if expression.is_Symbol:
        return str(expression.name)
    if expression.is_Number:
        return _digits(float(expression))
    if expression.is_Add:
        terms = sorted(
            map(_source, expression.args), key=lambda term: term.startswith("-")
        )  # a - b, not -b + a
        return "(" + terms[0] + "".join(t if t.startswith("-") else "+" + t for t in terms[1:]) + ")"
    if expression.is_Mul:
        inverse = [f for f in expression.args if f.is_Pow and f.exp.is_Number and f.exp < 0]
        direct = [_source(f) for f in expression.args if f not in inverse]
        sign = "-" if direct and direct[0] == "-1.0" else ""
        below = "".join(f"/{_power(f.base, -f.exp)}" for f in inverse)
        return sign + ("*".join(direct[1:] if sign else direct) or "1.0") + below
    if expression.is_Pow:
        base, exponent = expression.args
        inverted = exponent.is_Number and exponent < 0
        return f"(1.0/{_power(base, -exponent)})" if inverted else _power(base, exponent)
    return f"{type(expression).__name__.lower()}({', '.join(map(_source, expression.args))})"


def _power(base: Any, exponent: Any) -> str:
    """Small whole powers as products: 3 times as fast as ** on floats."""
    if exponent == sympy.S.Half:
        return f"sqrt({_source(base)})"
    if exponent.is_Integer and exponent <= 4:
        return "(" + "*".join([f"({_source(base)})"] * int(exponent)) + ")"
    return f"power({_source(base)}, {_source(exponent)})"


def _digits(value: float) -> str:
    """The shortest digits that give the same double; derivatives may hold larger numbers than that."""
    return repr(value) if math.isfinite(value) else f"{math.copysign(1, value):.0f}e999"
