"""LaTeX of a checked formula, in the order in which it was written."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

# How tightly the outermost operator of a piece binds; brackets go where a looser piece must not stand.
_CASES, _SIGNED_SUM, _SIGNED, _SUM, _PRODUCT, _POWER, _ATOM = range(7)  # signed: begins with a sign
_COMPARED = {ast.Lt: "<", ast.LtE: r"\le", ast.Gt: ">", ast.GtE: r"\ge", ast.Eq: "=", ast.NotEq: r"\ne"}
_GREEK = frozenset(
    [
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda"),
        *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
    ]
)
_TRIGONOMETRIC = {name: rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")} | {
    name: rf"\arc{name[1:]}" for name in ("asin", "acos", "atan")
}
_COMMANDS = _TRIGONOMETRIC | {"log": r"\log", "min": r"\min", "max": r"\max", "sigmoid": r"\sigma"}


def to_latex(tree: ast.expr, symbols: Mapping[str, str]) -> str:
    """LaTeX of ``tree``; ``symbols`` gives some names LaTeX of their own."""
    return _write(tree, symbols)[0]


def _write(node: ast.expr, symbols: Mapping[str, str]) -> tuple[str, int]:
    """LaTeX of ``node``, and how tightly it binds."""

    def inside(child: ast.expr, least: int) -> str:
        return _bracketed(*_write(child, symbols), least)

    match node:
        case ast.Constant(value=int() | float() as value):
            return _number(float(value))
        case ast.Name(id=name):
            return symbols.get(name) or _name(name), _ATOM
        case ast.UnaryOp(op=op, operand=operand):
            return ("-" if isinstance(op, ast.USub) else "+") + inside(operand, _PRODUCT), _SIGNED
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            a, binds = _write(left, symbols)
            a, binds = _bracketed(a, binds, _SIGNED_SUM), max(binds, _SIGNED_SUM)
            b = f"+ {inside(right, _SUM)}" if isinstance(sign, ast.Add) else f"- {inside(right, _PRODUCT)}"
            return f"{a} {b}", _SIGNED_SUM if binds <= _SIGNED else _SUM
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            a, binds = _write(left, symbols)
            if binds != _SIGNED:  # −x·y needs no brackets
                a, binds = _bracketed(a, binds, _PRODUCT), _PRODUCT
            b = inside(right, _PRODUCT)
            return a + _times(a, b) + b, binds
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return rf"\frac{{{inside(left, _SIGNED_SUM)}}}{{{inside(right, _SIGNED_SUM)}}}", _PRODUCT
        case ast.BinOp(left=ast.Call(func=ast.Name(id=name), args=[u]), right=ast.Constant(value=int(n))) if (
            name in _TRIGONOMETRIC
        ):
            return rf"{_TRIGONOMETRIC[name]}^{{{n}}}\left({inside(u, _SIGNED_SUM)}\right)", _POWER
        case ast.Call(func=ast.Name(id="where"), args=[condition, a, b]):
            rows = rf"{inside(a, _SIGNED_SUM)} & {_compared(condition, inside)} \\ {inside(b, _SIGNED_SUM)} &"
            return rf"\begin{{cases}}{rows} \text{{otherwise}}\end{{cases}}", _CASES
        case ast.Compare():
            return rf"\left[{_compared(node, inside)}\right]", _ATOM  # Iverson's bracket: 1 or 0
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, ", ".join(inside(argument, _SIGNED_SUM) for argument in arguments))
    assert isinstance(node, ast.BinOp), "passed the check of the formula, and so is a power"
    return f"{inside(node.left, _ATOM)}^{{{inside(node.right, _SIGNED_SUM)}}}", _POWER


def _compared(node: ast.expr, inside: Callable[[ast.expr, int], str]) -> str:
    """A comparison, chains such as a < b < c included."""
    assert isinstance(node, ast.Compare), "passed the check of the formula"
    pairs = zip(node.ops, node.comparators, strict=True)
    rest = "".join(f" {_COMPARED[type(op)]} {inside(value, _SIGNED_SUM)}" for op, value in pairs)
    return inside(node.left, _SIGNED_SUM) + rest


def _bracketed(text: str, binds: int, least: int) -> str:
    return text if binds >= least else rf"\left({text}\right)"


def _call(name: str, arguments: str) -> tuple[str, int]:
    match name:
        case "exp":
            return f"e^{{{arguments}}}", _POWER
        case "sqrt":
            return rf"\sqrt{{{arguments}}}", _POWER
        case "abs":
            return rf"\left|{arguments}\right|", _ATOM
        case "floor" | "ceil":
            return rf"\left\l{name} {arguments}\right\r{name}", _ATOM
        case "log2" | "log10":
            return rf"\log_{{{name[3:]}}}\left({arguments}\right)", _POWER
    command = _COMMANDS.get(name) or rf"\operatorname{{{name}}}"
    return rf"{command}\left({arguments}\right)", _POWER


def _number(value: float) -> tuple[str, int]:
    digits, _, exponent = f"{value:.15g}".partition("e")
    if not exponent:
        return digits, _ATOM
    power = f"10^{{{int(exponent)}}}"
    return (power, _POWER) if digits == "1" else (rf"{digits} \cdot {power}", _PRODUCT)


def _name(name: str) -> str:
    if name in _GREEK:
        return f"\\{name}"
    letters, digits = re.fullmatch(r"(.*?)(\d*)", name).groups()  # type: ignore[union-attr]
    words = letters.replace("_", r"\_")
    base = words if len(words) == 1 else rf"\mathrm{{{words}}}"
    return f"{base}_{{{digits}}}" if digits else base


def _times(a: str, b: str) -> str:
    """A product sign where two numbers, or a number and a fraction, would run together."""
    return r" \cdot " if b[0].isdigit() or (a[-1].isdigit() and b.startswith(r"\frac")) else r" \, "
