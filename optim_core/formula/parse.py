"""Formulas that people type: hostile text in; value, gradient, Hessian and LaTeX out.

Text is checked in stages, each cheap and each with errors that say what to do: length, characters and
brackets, then an allow-list over Python's own syntax tree. Nothing is ever run as code: numbers fold as
Python floats, and everything else becomes a step of a `Tape`.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, reduce
from typing import Any

import sympy

from optim_core.formula.code import (
    Absolute,
    Code,
    Maximum,
    Minimum,
    Sigmoid,
    Sign,
    Softplus,
    Tape,
    compile_tape,
)
from optim_core.formula.dialects import ELEMENTARY, ON_FLOATS, Dialect, Functions
from optim_core.formula.latex import to_latex
from optim_core.formula.text import column, python_text, refuse

MAX_NODES = 160  # numbers, names, operators and calls: with these, compiling takes about 0.2 s at most
MAX_EXPONENT = 64
VARIABLES = ("x", "y")
CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}
_OTHER_NAMES = {"ln": "log", "pow": "x^n", "power": "x^n", "sgn": "sign", "signum": "sign"}


@dataclass(frozen=True)
class _Function:
    build: Callable[..., Any]  # a sympy expression of sympy arguments
    fold: Callable[..., float]  # the same on numbers
    variadic: bool = False  # two arguments or more; the others take one


FUNCTIONS: Mapping[str, _Function] = {
    **{name: _Function(getattr(sympy, name), ON_FLOATS[name]) for name in ELEMENTARY},
    "abs": _Function(Absolute, abs),
    "sign": _Function(Sign, ON_FLOATS["sign"]),
    "min": _Function(Minimum, min, variadic=True),
    "max": _Function(Maximum, max, variadic=True),
    "sigmoid": _Function(Sigmoid, ON_FLOATS["sigmoid"]),
    "softplus": _Function(Softplus, ON_FLOATS["softplus"]),
}


@dataclass(frozen=True)
class Formula:
    """A checked formula in x, y and ``parameters``."""

    text: str
    parameters: tuple[str, ...]
    _tree: ast.expr = field(repr=False, compare=False)
    _tape: Tape = field(repr=False, compare=False)
    _result: Any = field(repr=False, compare=False)  # what stands for the formula on the tape

    def functions(self, dialect: Dialect, values: Sequence[float] = ()) -> Functions:
        """Value, value with gradient, and Hessian; ``values``, if given, become the parameters' defaults.

        On Python floats they may raise ValueError, OverflowError or ZeroDivisionError where the formula is
        undefined; numpy warns there (use ``np.errstate``) and gives NaN or infinity, torch gives them
        silently. Arrays and tensors broadcast; results have the common shape of x and y also where the
        formula is constant, then as read-only views.
        """
        return self._code.functions(dialect, values)

    @property
    def latex(self) -> str:
        """The formula in the order in which it was written."""
        return self.latex_with({})

    def latex_with(self, symbols: Mapping[str, str]) -> str:
        """As `latex`, with LaTeX of their own for the names in ``symbols``."""
        return to_latex(self._tree, symbols)

    @cached_property
    def _code(self) -> Code:
        return compile_tape(
            self._tape, self._result, [_symbol(name) for name in (*VARIABLES, *self.parameters)]
        )


def parse(text: str, parameters: Sequence[str] = ()) -> Formula:
    """The formula that ``text`` writes, in x, y and ``parameters``; ^ and ** are powers.

    Raises InvalidInput (code and field ``formula``) that says what is wrong, where, and what to write.
    """
    return _parse(text, python_text(text), tuple(parameters))


@lru_cache(maxsize=128)
def _parse(text: str, python: str, parameters: tuple[str, ...]) -> Formula:
    taken = {*FUNCTIONS, *CONSTANTS, *VARIABLES}
    assert not taken & set(parameters), "a parameter has the name of something else"
    try:
        tree = ast.parse(python, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None)
        where = f" near column {column(text, offset - 1)}" if offset else ""
        refuse(f"the formula cannot be read{where}.", hint="Something is missing or in the wrong place.")
    nodes = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
    if nodes > MAX_NODES:  # this bounds the depth as well
        refuse(f"the formula has {nodes} parts, allowed are at most {MAX_NODES}.", hint="Shorten it.")
    reader = _Reader(text, parameters)
    result = reader.read(tree)
    return Formula(text, parameters, tree, reader.tape, result)


class _Reader:
    """Turns an allowed syntax tree into steps of a tape; anything else is refused."""

    def __init__(self, text: str, parameters: tuple[str, ...]):
        self.tape = Tape()
        self._text = text
        self._symbols = {name: _symbol(name) for name in (*VARIABLES, *parameters)}

    def read(self, node: ast.expr) -> Any:
        """The value of ``node``: a number or a name on the tape."""
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(node, lambda: float(value))
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.tape.name(-self.read(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(node, self.read(left), self.read(right))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as sign, right=right):
                return self._combine(node, sign, self.read(left), self.read(right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(node, name, arguments)
            case ast.BinOp():
                what = "//"
            case ast.Tuple():
                what = "a comma or an empty bracket"
            case _:
                what = type(node).__name__
        return refuse(f"{what} {self._at(node)} is not allowed.", hint=self._allowed())

    def _name(self, node: ast.expr, name: str) -> Any:
        if name in FUNCTIONS:
            refuse(f"the function {name!r} {self._at(node)} has no argument.", hint=f"Write {name}(x).")
        if name in CONSTANTS:
            return sympy.Float(CONSTANTS[name])
        if name not in self._symbols:
            refuse(f"there is no {name[:40]!r} ({self._at(node)}).", hint=self._nearest(name))
        return self._symbols[name]

    def _combine(self, node: ast.expr, sign: ast.operator, a: Any, b: Any) -> Any:
        if isinstance(sign, ast.Div):
            if b == 0:
                refuse(f"a division by zero {self._at(node)}.", hint="Change the denominator.")
            b = 1 / b if b.is_Number else self.tape.symbol(b) ** -1
        if isinstance(sign, ast.Mult | ast.Div):
            result = a * b
        else:
            result = a + b if isinstance(sign, ast.Add) else a - b
        return self._number(node, lambda: float(result)) if result.is_Number else self.tape.name(result)

    def _power(self, node: ast.expr, base: Any, exponent: Any) -> Any:
        if base.is_Number and exponent.is_Number:  # on floats: sympy would compute 9^9^9^9
            return self._number(node, lambda: math.pow(float(base), float(exponent)))
        if exponent.is_Number and abs(exponent) > MAX_EXPONENT:
            refuse(
                f"the exponent {float(exponent):g} {self._at(node)} is out of bounds.",
                hint=f"Use one from -{MAX_EXPONENT} to {MAX_EXPONENT}.",
            )
        if base.is_Number and base <= 0:
            refuse(
                f"{float(base):g} to a varying power, {self._at(node)}, is not always a real number.",
                hint="Use a positive base.",
            )
        # A Float's logarithm, in the derivative, is a number; and (1e9*x)^64 must not fold to 1e576*x^64.
        base = sympy.Float(base) if base.is_Number else self.tape.symbol(base)
        return self.tape.symbol(base**exponent)

    def _call(self, node: ast.expr, name: str, arguments: Sequence[ast.expr]) -> Any:
        if name in self._symbols or name in CONSTANTS:
            refuse(f"{name!r} {self._at(node)} is not a function.", hint=f"For a product write {name}*( ).")
        function = FUNCTIONS.get(name)
        if function is None:
            refuse(f"there is no function {name[:40]!r} ({self._at(node)}).", hint=self._nearest(name))
        if (len(arguments) < 2) if function.variadic else (len(arguments) != 1):
            needs, example = ("two arguments or more", "x, y") if function.variadic else ("one argument", "x")
            refuse(
                f"{name} {self._at(node)} takes {needs}, got {len(arguments)}.",
                hint=f"Write {name}({example}).",
            )
        values = [self.read(argument) for argument in arguments]
        if all(value.is_Number for value in values):
            return self._number(node, lambda: function.fold(*map(float, values)))
        symbols = map(self.tape.symbol, values)
        if function.variadic:
            return reduce(lambda a, b: self.tape.symbol(function.build(a, b)), symbols)
        return self.tape.symbol(function.build(*symbols))

    def _number(self, node: ast.expr, compute: Callable[[], float]) -> Any:
        """The number; whole ones as integers, so that x^2.0 is x·x."""
        try:
            value = compute()
        except OverflowError:
            value = math.inf
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            what = "is not a real number" if math.isnan(value) else "is too large"
            refuse(f"a number {self._at(node)} {what}.", hint="Change it.")
        whole = value.is_integer() and abs(value) <= 2**53
        return sympy.Integer(int(value)) if whole else sympy.Float(value)

    def _at(self, node: ast.expr) -> str:
        return f"at column {column(self._text, node.col_offset)}"

    def _allowed(self) -> str:
        names = ", ".join((*self._symbols, *CONSTANTS))
        return f"Allowed are numbers, {names}, + - * / ^ and the functions {', '.join(FUNCTIONS)}."

    def _nearest(self, name: str) -> str:
        name = name.lower()
        near = [_OTHER_NAMES[name]] if name in _OTHER_NAMES else [f for f in FUNCTIONS if name.startswith(f)]
        near = near or difflib.get_close_matches(name, [*self._symbols, *CONSTANTS, *FUNCTIONS], 1)
        return (f"Did you mean {near[0]}? " if near else "") + self._allowed()


def _symbol(name: str) -> Any:
    return sympy.Symbol(name, real=True)
