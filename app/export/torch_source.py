"""Surfaces and schedules as the source of plain Python functions, for scripts that people take away."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable
from functools import reduce
from types import FunctionType
from typing import Any

from optim_core.schedules import WARM_UP, WARM_UP_START, Plan
from optim_core.surfaces.landscape import Landscape

_AS_TENSOR = "torch.as_tensor({}, dtype=torch.float64)"
# What torch calls otherwise, or with other arguments, than formulas do.
_IN_TORCH = {"softplus": "torch.nn.functional.softplus({}, threshold=50)"}
_PAIRWISE = {"min": "torch.minimum", "max": "torch.maximum"}


def loss_source(landscape: Landscape) -> str:
    """``def loss(theta)``: the landscape's formula in torch, so that autograd can differentiate it."""
    text = landscape.formula.text.strip()
    lines = ["x, y = theta"]
    placed = landscape.placement
    if placed.offset_x or placed.offset_y:
        lines.append(f"x, y = x - {placed.offset_x!r}, y - {placed.offset_y!r}  # moved")
    if placed.rotation:
        lines.append(f"turn = math.radians({placed.rotation!r})")
        lines.append(
            "x, y = math.cos(turn) * x + math.sin(turn) * y, math.cos(turn) * y - math.sin(turn) * x"
        )
    lines += [f"{name} = {landscape.params[name]!r}" for name in landscape.formula.parameters]
    tree = ast.parse(text.replace("^", "**"), mode="eval").body  # checked when the formula was read
    varies = _varies(tree)
    value = ast.unparse(_InTorch().visit(tree))
    lines.append(f"return {value}" if varies else f"return {value} + 0.0 * x  # the same everywhere")
    return f'def loss(theta):\n    """{text}"""\n{textwrap.indent(chr(10).join(lines), "    ")}\n'


def _varies(*nodes: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id in ("x", "y") for node in nodes for part in ast.walk(node)
    )


class _InTorch(ast.NodeTransformer):
    """Torch's functions where the argument varies, Python's where it does not."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _expression(f"math.{node.id}") if node.id in ("pi", "e") else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        name, varying = node.func.id, [_varies(argument) for argument in node.args]
        given = [ast.unparse(self.visit(argument)) for argument in node.args]
        if not any(varying) and (hasattr(math, name) or name in ("abs", *_PAIRWISE)):
            return _expression(f"{'math.' if hasattr(math, name) else ''}{name}({', '.join(given)})")
        given = [
            text if varies else _AS_TENSOR.format(text) for text, varies in zip(given, varying, strict=True)
        ]
        if name in _PAIRWISE:
            return _expression(reduce(lambda a, b: f"{_PAIRWISE[name]}({a}, {b})", given))
        return _expression(_IN_TORCH.get(name, f"torch.{name}({{}})").format(given[0]))


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def factor_source(plan: Plan, steps: int, name: str) -> str:
    """``def name(step)``: the plan's factor, written out, for a run of ``steps``."""
    settings = dict(plan.settings)
    warm_up, start = settings.pop(WARM_UP.name), settings.pop(WARM_UP_START.name)
    risen = "step" if start else "(step - 1)"
    function = plan.schedule.factor
    given = "".join(f", {key}={value!r}" for key, value in settings.items())
    rest = max(steps - warm_up, 1)
    lines = [f'"""{plan.schedule.title}: the factor at ``step``, from 1."""']
    if warm_up:
        lines += [
            f"if step <= {warm_up}:",
            f"    return {risen} / {warm_up} * {function.__name__}(1, {rest}{given})",
        ]
    shifted = f"step - {warm_up}" if warm_up else "step"
    lines.append(f"return {function.__name__}({shifted}, {rest}{given})")
    return f"def {name}(step):\n{textwrap.indent(chr(10).join(lines), '    ')}\n"


def functions_source(plans: list[Plan]) -> list[str]:
    """The functions that `factor_source` calls, each once, without annotations."""
    found: dict[str, str] = {}
    for plan in plans:
        _collect(plan.schedule.factor, found)
    return list(found.values())


def _collect(function: Callable[..., Any], found: dict[str, str]) -> None:
    """Adds the source of ``function``, after that of the functions of its module that it calls."""
    assert isinstance(function, FunctionType)
    for name in function.__code__.co_names:
        helper = function.__globals__.get(name)
        if isinstance(helper, FunctionType) and name not in found:
            _collect(helper, found)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.returns = None
    for argument in (*tree.args.args, *tree.args.kwonlyargs):
        argument.annotation = None
    tree.args.kw_defaults = [None] * len(tree.args.kwonlyargs)  # every call gives them
    found[function.__name__] = ast.unparse(tree) + "\n"
