"""Formulas that people type: hostile text in; value, gradient, Hessian and LaTeX out.

Text is checked in stages, each cheap and each with errors that say what to do: length, characters and
brackets, then an allow-list over Python's own syntax tree. Nothing is ever run as code: numbers fold as
Python floats, and everything else becomes a step of a `Tape`.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, reduce
from typing import Any

import sympy

from optim_core.formula.code import (
    Absolute,
    Ceil,
    Code,
    Equal,
    Floor,
    Less,
    LessEqual,
    Log2,
    Log10,
    Maximum,
    Minimum,
    Nought,
    Sigmoid,
    Sign,
    Softplus,
    Tape,
    Where,
    compile_tape,
)
from optim_core.formula.dialects import ELEMENTARY, ON_FLOATS, Dialect, Functions
from optim_core.formula.hints import nearest
from optim_core.formula.latex import to_latex
from optim_core.formula.text import MAX_CHARACTERS, Source, python_text, refuse

MAX_NODES = 460  # numbers, names, operators and calls: De Jong's foxholes have 433
MAX_DEPTH = 100  # of one in another, sums of many terms included
MAX_EXPONENT = 64
VARIABLES = ("x", "y")
CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[..., Any]] = {
    ast.Lt: lambda a, b: Less(a, b),
    ast.LtE: lambda a, b: LessEqual(a, b),
    ast.Gt: lambda a, b: Less(b, a),
    ast.GtE: lambda a, b: LessEqual(b, a),
    ast.Eq: lambda a, b: Equal(a, b),
    ast.NotEq: lambda a, b: 1 - Equal(a, b),
}


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
    "log2": _Function(Log2, ON_FLOATS["log2"]),
    "log10": _Function(Log10, ON_FLOATS["log10"]),
    "floor": _Function(Floor, ON_FLOATS["floor"]),
    "ceil": _Function(Ceil, ON_FLOATS["ceil"]),
}
_CALLED = (*FUNCTIONS, "where", "pow", "square")  # whatever wants an argument in brackets


@dataclass(frozen=True)
class Formula:
    """A checked formula in x, y and ``parameters``."""

    text: str
    parameters: tuple[str, ...]
    tree: ast.expr = field(repr=False, compare=False)  # in the one spelling that all of this module knows
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
        return to_latex(self.tree, symbols)

    @cached_property
    def _code(self) -> Code:
        return compile_tape(
            self._tape, self._result, [_symbol(name) for name in (*VARIABLES, *self.parameters)]
        )


def parse(text: str, parameters: Sequence[str] = ()) -> Formula:
    """The formula that ``text`` writes, in x, y and ``parameters``; ^ and ** are powers.

    Raises InvalidInput (code and field ``formula``) that says what is wrong, where, and what to write.
    """
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        python_text(text)  # refuses it, before the cache looks at what may be long
    return _parse(text, tuple(parameters))


@lru_cache(maxsize=128)
def _parse(text: str, parameters: tuple[str, ...]) -> Formula:
    source = python_text(text, _CALLED, (*VARIABLES, *CONSTANTS, *parameters))
    taken = {*FUNCTIONS, *CONSTANTS, *VARIABLES}
    assert not taken & set(parameters), "a parameter has the name of something else"
    try:
        tree = ast.parse(source.python, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None)
        where = f" near column {source.column(offset - 1)}" if offset else ""
        refuse(f"the formula cannot be read{where}.", hint="Something is missing or in the wrong place.")
    _check_size(tree)
    if isinstance(tree, ast.Compare):
        refuse(
            "a comparison is no loss, it only holds or does not.", hint="Write where(x < y, x^2, y^2), say."
        )
    reader = _Reader(source, parameters)
    result = reader.read(tree)
    return Formula(text, parameters, _Plain().visit(tree), reader.tape, result)


def _check_size(tree: ast.expr) -> None:
    """Refuses too many parts, and too many in one another, without a recursion."""
    level, depth, nodes = [tree], 0, 0
    while level:
        depth, nodes = depth + 1, nodes + len(level)
        inner = (child for node in level for child in ast.iter_child_nodes(node))
        level = [child for child in inner if isinstance(child, ast.expr)]
    if nodes > MAX_NODES:
        refuse(f"the formula has {nodes} parts, allowed are at most {MAX_NODES}.", hint="Shorten it.")
    if depth > MAX_DEPTH:
        refuse(
            f"the formula has {depth} parts in one another, allowed are at most {MAX_DEPTH}.",
            hint="Put brackets around groups of terms, or shorten it.",
        )


class _Plain(ast.NodeTransformer):
    """Powers that were written as calls, as powers."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="pow"), args=[base, exponent]):
                return ast.BinOp(base, ast.Pow(), exponent)
            case ast.Call(func=ast.Name(id="square"), args=[base]):
                return ast.BinOp(base, ast.Pow(), ast.Constant(2))
        return node


class _Reader:
    """Turns an allowed syntax tree into steps of a tape; anything else is refused."""

    def __init__(self, source: Source, parameters: tuple[str, ...]):
        self.tape = Tape()
        self._source = source
        self._symbols = {name: _symbol(name) for name in (*VARIABLES, *parameters)}
        self._defined: dict[Any, bool] = dict.fromkeys(self._symbols.values(), True)

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
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(ops, [self.read(value) for value in (left, *others)])
            case ast.BinOp():
                what = "//"
            case ast.Tuple():
                what = "an empty bracket"
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
        parts = [a, b]
        if isinstance(sign, ast.Div):
            if b == 0:
                refuse(f"a division by zero {self._at(node)}.", hint="Change the denominator.")
            b = 1 / b if b.is_Number else self.tape.symbol(b) ** -1
            parts = [a, b]
        if isinstance(sign, ast.Mult | ast.Div):
            result = a * b
        else:
            result = a + b if isinstance(sign, ast.Add) else a - b
        return self._whole(node, result, parts)

    def _whole(self, node: ast.expr, result: Any, parts: Sequence[Any]) -> Any:
        """``result`` on the tape; what folding has taken out of it, as in x/x, keeps its undefined points."""
        kept = result.free_symbols
        gone = [part for part in parts if part.free_symbols - kept and not self._always_defined(part)]
        if gone:
            result = sympy.Add(result, *(Nought(self.tape.symbol(part)) for part in gone))
        return self._number(node, lambda: float(result)) if result.is_Number else self.tape.name(result)

    def _always_defined(self, expression: Any) -> bool:
        """Whether an expression of the tape is a real number wherever x and y are."""
        if expression.is_Symbol:
            if expression not in self._defined:  # steps only use earlier ones, all of them asked for before
                self._defined[expression] = self._always_defined(self.tape.steps[expression])
            return self._defined[expression]
        if expression.is_Pow and not (expression.exp.is_Integer and expression.exp >= 0):
            return False
        own = isinstance(expression, sympy.log | sympy.asin | sympy.acos | Log2 | Log10)
        return not own and all(map(self._always_defined, expression.args))

    def _compare(self, ops: Sequence[ast.cmpop], values: Sequence[Any]) -> Any:
        """1 where all of a < b <= c hold, else 0."""
        result: Any = sympy.Integer(1)
        for op, a, b in zip(ops, values, values[1:], strict=False):
            both = _COMPARISONS[type(op)](self.tape.symbol(a), self.tape.symbol(b))
            result = self.tape.name(result * self.tape.name(both))
        return result

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
        result = sympy.Integer(1) if base.is_Number and float(base) == 1 else base**exponent
        return self._whole(node, result, [base, exponent])

    def _call(self, node: ast.expr, name: str, arguments: Sequence[ast.expr]) -> Any:
        if name in self._symbols or name in CONSTANTS:
            refuse(f"{name!r} {self._at(node)} is not a function.", hint=f"For a product write {name}*( ).")
        if name == "where":
            return self._where(node, arguments)
        if name in ("pow", "square"):
            self._count(node, name, arguments, 2 if name == "pow" else 1)
            base, *exponent = map(self.read, arguments)
            return self._power(node, base, exponent[0] if exponent else sympy.Integer(2))
        function = FUNCTIONS.get(name)
        if function is None:
            refuse(f"there is no function {name[:40]!r} ({self._at(node)}).", hint=self._nearest(name))
        self._count(node, name, arguments, 2 if function.variadic else 1, or_more=function.variadic)
        values = [self.read(argument) for argument in arguments]
        if all(value.is_Number for value in values):
            return self._number(node, lambda: function.fold(*map(float, values)))
        symbols = map(self.tape.symbol, values)
        if function.variadic:
            return reduce(lambda a, b: self.tape.symbol(function.build(a, b)), symbols)
        return self.tape.symbol(function.build(*symbols))

    def _where(self, node: ast.expr, arguments: Sequence[ast.expr]) -> Any:
        self._count(node, "where", arguments, 3)
        if not isinstance(arguments[0], ast.Compare):
            refuse(f"where {self._at(node)} needs a comparison first.", hint="Write where(x < y, x^2, y^2).")
        condition, a, b = map(self.read, arguments)
        if condition.is_Number:
            return a if condition else b
        return self.tape.symbol(Where(self.tape.symbol(condition), self.tape.symbol(a), self.tape.symbol(b)))

    def _count(
        self, node: ast.expr, name: str, given: Sequence[ast.expr], wanted: int, or_more: bool = False
    ) -> None:
        if len(given) == wanted or (or_more and len(given) > wanted):
            return
        words = ("one argument", "two arguments", "three arguments")[wanted - 1]
        example = {"where": "x < y, x^2, y^2", "pow": "x, 2"}.get(name, "x" if wanted == 1 else "x, y")
        refuse(
            f"{name} {self._at(node)} takes {words}{' or more' if or_more else ''}, got {len(given)}.",
            hint=f"Write {name}({example})."
            + (" For a decimal write a point, not a comma." if 1 < len(given) > wanted else ""),
        )

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
        return f"at column {self._source.column(node.col_offset)}"

    def _allowed(self) -> str:
        names = ", ".join((*self._symbols, *CONSTANTS))
        functions = ", ".join(FUNCTIONS)
        return f"Allowed are numbers, {names}, + - * / ^, where(x < y, a, b) and the functions {functions}."

    def _nearest(self, name: str) -> str:
        return (nearest(name, (*self._symbols, *CONSTANTS, *FUNCTIONS)) + " " + self._allowed()).strip()


def _symbol(name: str) -> Any:
    return sympy.Symbol(name, real=True)
