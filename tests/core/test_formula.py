"""Formulas: what is refused and how, and that value, derivatives and LaTeX say what was typed."""

from __future__ import annotations

import itertools
import math
import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from math_core import LatexToMathML

from optim_core.declare.errors import InvalidInput
from optim_core.formula.parse import FUNCTIONS, MAX_DEPTH, MAX_NODES, Formula, parse
from optim_core.formula.text import MAX_BRACKETS, MAX_CHARACTERS

FORMULAS = (
    "(1 - x)^2 + 100*(y - x^2)^2",
    "sin(x)*cos(y) + tan(x/4) + x/(y^2 + 1)",
    "asin(x/3) - acos(y/3) + atan(x*y)",
    "sinh(x) + cosh(y)*tanh(x - y)",
    "exp(-x^2 - y^2) + log(1 + x^2*y^2) + sqrt(x^2 + 2)",
    "abs(x - 0.3)^3 + max(x, y)*min(x, 2*y, 0.5) + sign(y)",
    "sigmoid(3*x)*softplus(y - x) + e^x + pi*y",
    "(x^2 + 1)^y + 2^x - x^-3 + (y^2 + 0.1)^-0.7 + (x^2 + 1)^1.5",
    "x^7*y - x^5/5 + y^12/100",
    "x",
    "3*y + 1",
    "2.5",
)
POINTS = ((0.7, -0.4), (-1.3, 0.9), (1.1, 1.7))
COORDINATE = st.integers(-2000, 2000).map(lambda thousandths: thousandths / 1000)
each_formula = pytest.mark.parametrize("text", FORMULAS)


def differences(f: Callable[[float, float], Any], x: float, y: float, h: float = 1e-3) -> tuple[Any, Any]:
    """∂x and ∂y by central differences, extrapolated to fourth order."""

    def slope(along: Callable[[float], Any]) -> Any:
        near, far = (np.subtract(along(k * h), along(-k * h)) / (2 * k * h) for k in (1, 2))
        return (4 * near - far) / 3

    return slope(lambda d: f(x + d, y)), slope(lambda d: f(x, y + d))


# Values and derivatives


@each_formula
@given(point=st.tuples(*[st.floats(-1.9, 1.9)] * 2))
@settings(deadline=None, derandomize=True, max_examples=15)
def test_gradient_and_hessian_are_what_finite_differences_give(text: str, point: tuple[float, float]):
    x, y = point
    assume(min(abs(v) for v in (x, y, x - 0.3, x - y, x - 2 * y, x - 0.5, y - 0.25)) > 0.1)  # poles and kinks
    functions = parse(text).functions("float")
    value, *gradient = functions.value_and_gradient(x, y)
    fxx, fxy, fyy = functions.hessian(x, y)
    assert value == functions.value(x, y)
    scale = 1 + abs(value) + max(map(abs, gradient)) + max(abs(fxx), abs(fxy), abs(fyy))
    assert gradient == pytest.approx(differences(functions.value, x, y), abs=1e-6 * scale)
    dx, dy = differences(lambda x, y: functions.value_and_gradient(x, y)[1:], x, y)
    assert [fxx, fxy, fxy, fyy] == pytest.approx([*dx, *dy], abs=1e-6 * scale)


Rule = Callable[[Any, Any], Any]


def number(value: float) -> Rule:
    return lambda x, y: torch.tensor(value, dtype=torch.float64)


@st.composite
def trees(draw: st.DrawFn, depth: int = 5) -> tuple[str, Rule]:
    """A formula's text, and the same written with torch by the rules of school."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        leaves = {
            "x": lambda x, y: x,
            "y": lambda x, y: y,
            "pi": number(math.pi),
            "2": number(2),
            "0.3": number(0.3),
        }
        leaf = draw(st.sampled_from(["x", "y", *leaves]))
        return leaf, leaves[leaf]
    text, a = draw(trees(depth - 1))
    kind = draw(st.sampled_from([*"+-*/^", "negative", "square", *FUNCTIONS]))
    if kind in (*"+-*/^", "min", "max"):
        text_b, b = draw(trees(depth - 1))
        written = f"{kind}({text}, {text_b})" if kind in FUNCTIONS else f"(({text}){kind}({text_b}))"
        if kind == "^":
            written = f"(({text})^2 + 1)^({text_b})"
        return written, lambda x, y: moderate(PAIRS[kind](a(x, y), b(x, y)))
    written = {"negative": f"-({text})", "square": f"({text})^2"}.get(kind, f"{kind}({text})")
    return written, lambda x, y: moderate(SINGLES[kind](a(x, y)))


PAIRS = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": torch.div,
    "min": torch.minimum,
    "max": torch.maximum,
    # Torch's own power has a wrong second derivative where the exponent is 0.
    "^": lambda a, b: torch.exp(torch.log(a**2 + 1) * b),
}
SINGLES = {name: getattr(torch, name, None) for name in ("negative", "square", *FUNCTIONS)} | {
    "softplus": lambda u: torch.logaddexp(u, torch.zeros_like(u)),
}


def moderate(value: Any) -> Any:
    """The sine of a huge number, and the like, is nothing to compare."""
    assume(value.abs() < 1e4)
    return value


def value_of(tree: tuple[str, Rule]) -> Formula:
    """The parsed formula; skips what is refused for its numbers or its size."""
    try:
        return parse(tree[0])
    except InvalidInput as error:
        refused = error.message
    assert re.search("not a real number|too large|division by zero|characters|parts|out of bounds", refused)
    return assume(False)


@given(tree=trees(), x=COORDINATE, y=COORDINATE)
@settings(deadline=None, derandomize=True, max_examples=120)
def test_derivatives_of_random_formulas_are_those_of_torch(tree: tuple[str, Rule], x: float, y: float):
    formula = value_of(tree)
    place = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
    expected = tree[1](place[0], place[1]) + 0 * place.sum()
    gradient = torch.autograd.grad(expected, place, create_graph=True)[0] + 0 * place
    rows = [torch.autograd.grad(part, place, retain_graph=True)[0].tolist() for part in gradient]
    numbers = [expected.item(), *gradient.tolist(), *rows[0], rows[1][1]]
    assume(all(math.isfinite(v) and abs(v) < 1e6 for v in numbers))
    functions = formula.functions("float")
    try:
        found = [*functions.value_and_gradient(x, y), *functions.hessian(x, y)]
    except ArithmeticError:  # torch gives 0 for 1/inf, where floats overflow
        assume(False)
    except ValueError:  # a step of the derivative is undefined here, although torch multiplies it by zero
        assume(False)
    assume(all(map(math.isfinite, found)))
    assert found == pytest.approx(numbers, rel=1e-6, abs=1e-6 * max(1, *map(abs, numbers)))


@each_formula
def test_the_three_dialects_agree(text: str):
    formula = parse(text)
    x, y = (np.array(axis) for axis in zip(*POINTS, strict=True))
    arrays, tensors, floats = (formula.functions(d) for d in ("numpy", "torch", "float"))
    for name in ("value", "value_and_gradient", "hessian"):
        by_float = np.array([getattr(floats, name)(*point) for point in POINTS]).T
        by_array = np.array(getattr(arrays, name)(x, y))
        found = getattr(tensors, name)(torch.from_numpy(x), torch.from_numpy(y))
        by_tensor = torch.stack(found).numpy() if isinstance(found, tuple) else found.numpy()
        assert by_tensor.dtype == np.float64
        np.testing.assert_allclose(by_array, by_float, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(by_tensor, by_float, rtol=1e-12, atol=1e-12)


@each_formula
def test_arrays_and_tensors_broadcast_even_where_the_formula_is_constant(text: str):
    formula = parse(text)
    x, y = np.linspace(0.1, 1, 4)[None, :], np.linspace(0.2, 1, 3)[:, None]
    for dialect, make in (("numpy", np.asarray), ("torch", torch.tensor)):
        functions = formula.functions(dialect)
        outputs = [
            functions.value(make(x), make(y)),
            *functions.value_and_gradient(make(x), make(y)),
            *functions.hessian(make(x), make(y)),
        ]
        assert all(tuple(output.shape) == (3, 4) for output in outputs)
        assert float(outputs[0][2, 1]) == pytest.approx(formula.functions("float").value(x[0, 1], y[2, 0]))


@each_formula
def test_torch_functions_can_be_mapped(text: str):
    value_and_gradient = parse(text).functions("torch").value_and_gradient
    x, y = (torch.tensor(axis, dtype=torch.float64) for axis in zip(*POINTS, strict=True))
    mapped = torch.stack(torch.func.vmap(value_and_gradient)(x, y))
    torch.testing.assert_close(mapped, torch.stack(value_and_gradient(x, y)))


def test_parameters_are_arguments_or_bound_as_defaults():
    formula = parse("(a - x)^2 + b*(y - x^2)^2 + exp(a)", ["a", "b"])
    for dialect in ("float", "numpy", "torch"):
        point = (
            (1.2, 0.3)
            if dialect == "float"
            else tuple(map({"numpy": np.array, "torch": torch.tensor}[dialect], (1.2, 0.3)))
        )
        given_ = formula.functions(dialect).value_and_gradient(*point, 1.0, 100.0)
        bound = formula.functions(dialect, (1.0, 100.0)).value_and_gradient(*point)
        assert [float(v) for v in given_] == [float(v) for v in bound]
        assert [float(v) for v in bound] == pytest.approx([130 + math.e, 547.6, -228], rel=1e-5)


def test_undefined_points_raise_on_floats_and_are_not_finite_on_arrays():
    root, inverse = parse("sqrt(x) + (x)^0.3"), parse("1/y")
    with pytest.raises(ValueError, match="math domain error"):
        root.functions("float").value(-1.0, 0.0)
    with pytest.raises(ZeroDivisionError):
        inverse.functions("float").value(1.0, 0.0)
    with np.errstate(all="ignore"):
        assert np.isnan(root.functions("numpy").value(np.array([-1.0]), np.array([0.0])))
        assert np.isnan(inverse.functions("numpy").value(np.array([1.0]), np.array([0.0])))
        assert np.isinf(parse("exp(x)").functions("numpy").value(np.array([1e4]), np.array([0.0])))


def test_sigmoid_and_softplus_neither_overflow_nor_lose_their_tails():
    far = np.array([-800.0, -40.0, 0.0, 40.0, 800.0])
    for text, expected in (
        ("sigmoid(x)", [0, 4.248354255291589e-18, 0.5, 1, 1]),
        ("softplus(x)", [0, 4.248354255291589e-18, math.log(2), 40, 800]),
    ):
        formula = parse(text)
        found = [
            [formula.functions("float").value(float(u), 0.0) for u in far],
            formula.functions("numpy").value(far, far),
            formula.functions("torch").value(torch.tensor(far), torch.tensor(far)),
        ]
        for values in found:
            np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-300)
    assert parse("softplus(x)").functions("float").hessian(0.0, 0.0)[0] == 0.25


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x^2", -9.0),
        ("2^-x", 0.125),
        ("2^x^2", 512.0),
        ("2*x**2/9", 2.0),
        ("x - y - 1", 0.0),
        ("x/y/2", 0.75),
        ("+x", 3.0),
        (" x\n+\ty ", 5.0),
        ("1e3*x", 3000.0),
        (".5*x + 1.", 2.5),
        ("min(x, y, 1) + max(4, x)", 5.0),
        ("0.1 + 0.2", 0.1 + 0.2),
        ("x^64 - x^64", 0.0),
        ("(x*1e9/3e9)^64", 1.0),
        ("e", math.e),
    ],
)
def test_signs_bind_as_on_paper(text: str, expected: float):
    assert parse(text).functions("float").value(3.0, 2.0) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2x", lambda x, y: 2 * x),
        ("-2x", lambda x, y: -2 * x),
        ("2x^2", lambda x, y: 2 * x**2),
        ("3(x+1)", lambda x, y: 3 * (x + 1)),
        ("2sin(x)cos(y)", lambda x, y: 2 * math.sin(x) * math.cos(y)),
        ("(x)(y)", lambda x, y: x * y),
        ("x(y + 1)", lambda x, y: x * (y + 1)),
        ("x y", lambda x, y: x * y),
        ("3xy^2", lambda x, y: 3 * x * y**2),
        ("x/y*2x", lambda x, y: x / y * 2 * x),
        ("e^(2)x", lambda x, y: math.e**2 * x),
        ("e^(2)x y", lambda x, y: math.e**2 * x * y),
        ("2e1x", lambda x, y: 20 * x),
        ("2e", lambda x, y: 2 * math.e),
        ("x² + y³", lambda x, y: x**2 + y**3),
        ("x¹⁰y⁻¹", lambda x, y: x**10 / y),
        ("|x - 4|", lambda x, y: abs(x - 4)),
        ("||x| - 4y|", lambda x, y: abs(abs(x) - 4 * y)),
        ("|x||y|", lambda x, y: abs(x) * abs(y)),
        ("2|x|y", lambda x, y: 2 * abs(x) * y),
        ("|x|^2 - |-y|", lambda x, y: x**2 - abs(y)),
        ("np.sin(x)*np.pi", lambda x, y: math.sin(x) * math.pi),
        ("numpy.exp(x) + math.sqrt(y)", lambda x, y: math.exp(x) + math.sqrt(y)),
        ("torch.sin(x) + torch.abs(-y)", lambda x, y: math.sin(x) + y),
        ("np.maximum(x, y) - np.power(x, 3)", lambda x, y: max(x, y) - x**3),
        ("np.arctan(x) + arcsin(y/4)", lambda x, y: math.atan(x) + math.asin(y / 4)),
        ("torch.nn.functional.softplus(x)", lambda x, y: math.log1p(math.exp(x))),
        ("log10(x) + np.log2(y) + ln(x)", lambda x, y: math.log10(x) + math.log2(y) + math.log(x)),
        ("floor(x/2) + ceil(y/3)", lambda x, y: 2.0),
        ("where(x > y, x^2, y)", lambda x, y: x**2),
        ("np.where(x <= y, x^2, y)", lambda x, y: y),
        ("where(1 < y < 3, 5, 7)", lambda x, y: 5),
        ("where(1 < y < x < 3, 5, 7)", lambda x, y: 7),
        ("where(1 > 2, x, y)", lambda x, y: y),
        ("(x > y)*x + (x == y) + (x != y)*10 + (x ≥ 3) + (y ≤ 1)", lambda x, y: x + 10 + 1),
        ("2π", lambda x, y: 2 * math.pi),
        ("2·x×y − 1 ÷ y", lambda x, y: 2 * x * y - 1 / y),
        ("sin²(x) + cos^2(y)", lambda x, y: math.sin(x) ** 2 + math.cos(y) ** 2),
        ("sin³(x)^2", lambda x, y: math.sin(x) ** 6),
        ("√(x)", lambda x, y: math.sqrt(x)),
        ("x\u00a0+\u202fy", lambda x, y: x + y),
        ("pow(x, y) + square(y)", lambda x, y: x**y + y**2),
    ],
)
def test_what_people_type_is_taken_where_it_has_one_meaning(text: str, means: Callable[..., float]):
    formula = parse(text)
    x, y = 3.0, 2.0
    assert formula.functions("float").value(x, y) == pytest.approx(means(x, y), rel=1e-13)
    assert formula.functions("numpy").value(np.array(x), np.array(y)) == pytest.approx(means(x, y), rel=1e-13)
    tensors = torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    assert formula.functions("torch").value(*tensors).item() == pytest.approx(means(x, y), rel=1e-13)
    LatexToMathML().convert_with_local_state(formula.latex, displaystyle=True)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x2", "Write x^2 or 2*x (or y, if it is the second coordinate)."),
        ("y3", "Write y^3 or 3*y."),
        ("x1", "Write x (or y, if it is the second coordinate)."),
        ("xx", "Write x*x."),
        ("sinx", "Write sin(x)."),
        ("pix", "Write pi*x."),
        ("log1p(x)", "Write log(1 + x)."),
        ("sech(x)", "Write 1/cosh(x)."),
        ("logistic(x)", "Write sigmoid(x)."),
        ("asinh(x)", "Write log(x + sqrt(x^2 + 1))."),
        ("sqr(x)", "Write x^2 or sqrt(x)."),
        ("tahn(x)", "Did you mean tanh?"),
        ("PI", "Did you mean pi?"),
        ("atan2(x, y)", ""),
        ("logsumexp(x)", ""),
        ("sinq(x)", ""),
        ("expint(x)", ""),
    ],
)
def test_hints_never_change_the_function(text: str, hint: str):
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    assert caught.value.hint.partition("Allowed are")[0].strip() == hint


@pytest.mark.parametrize("text", ["(x > y)*x^2", "floor(x) + ceil(y)", "where(x < 1, x^2, 3*x + y)"])
def test_what_jumps_has_the_slope_of_its_pieces(text: str):
    functions = parse(text).functions("float")
    for x, y in ((0.3, 0.2), (0.2, 0.7), (1.6, 0.4)):
        assert functions.value_and_gradient(x, y)[1:] == pytest.approx(
            differences(functions.value, x, y), abs=1e-6
        )


def test_the_branch_that_does_not_hold_cannot_spoil_the_gradient():
    functions = parse("where(x > 0, log(x), x^2)").functions("numpy")
    for x, expected in ((4.0, (math.log(4), 0.25, 0)), (0.0, (0, 0, 0)), (-2.0, (4, -4, 0))):
        with np.errstate(all="ignore"):
            found = functions.value_and_gradient(np.array(x), np.array(0.0))
        assert [float(v) for v in found] == pytest.approx(expected)


def test_powers_of_large_multiples_do_not_overflow_before_their_time():
    assert parse("(1e9*x)^64").functions("float").value_and_gradient(1e-9, 0.0)[:2] == pytest.approx(
        (1.0, 64e9)
    )


def test_code_grows_in_proportion_to_the_formula():
    """A product's Hessian, written out, has a term for each pair of factors."""

    def steps(factors: int) -> int:
        product = "*".join(f"sin(x + {k})" for k in range(factors))
        return len(parse(product).functions("float").hessian.__code__.co_code)

    assert steps(24) < 2.2 * steps(12)


@pytest.mark.parametrize(
    "text",
    [
        "*".join(f"sin(x+{k}y)" for k in range(55)),
        "+".join(f"(x/y)^(xy+{k})" for k in range(38)),
        "exp(" * 38 + "xy" + ")" * 38,
        "+".join(f"max(min(x,y^{k}),sin({k}x))" for k in range(2, 30)),
        "+".join(f"where(x<{k},xy^{k},sin({k}x))" for k in range(2, 28)),
    ],
)
def test_the_largest_formulas_take_a_second_at_most(text: str):
    begun = time.thread_time()
    parse(text).functions("float")
    assert time.thread_time() - begun < 2  # of the processor; 0.5 on a machine that does nothing else


def test_a_formula_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("optim_core.formula.code.MAX_SECONDS", 0.0)
    with pytest.raises(InvalidInput, match="takes too long"):
        parse("sin(x)*cos(y)*12.5").functions("float")


def test_formulas_are_parsed_and_compiled_once_and_by_many_threads_at_once():
    assert parse("x^2 + y^2") is parse("x^2 + y^2")
    formula = parse("sin(x)*cos(y)*exp(x*y)/(1 + x^2)")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: formula.functions("float").hessian(0.3, 0.4), range(16)))
    assert len(set(found)) == 1


# What is refused


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("x" * (MAX_CHARACTERS + 1), f"{MAX_CHARACTERS + 1} characters"),
        ("x+" * 50_000 + "x", "100001 characters"),
        ("(" * 399, "brackets one inside the other"),
        ("(" * (MAX_BRACKETS + 1) + "x" + ")" * (MAX_BRACKETS + 1), "brackets one inside the other"),
        ("-" * 399 + "x", f"400 parts in one another, allowed are at most {MAX_DEPTH}"),
        ("+".join(["x"] * (MAX_DEPTH + 1)), f"at most {MAX_DEPTH}"),
        (
            "+".join(f"({'+'.join(['x'] * 20)})" for _ in range(12)),
            f"479 parts, allowed are at most {MAX_NODES}",
        ),
        ("x +", "unfinished: it ends with '+'"),
        ("x + * y", "cannot be read near column 5"),
        ("x^^2", "cannot be read near column 3"),
        ("(x", "'(' at column 1 is never closed"),
        ("x)*2", "')' at column 2 closes nothing"),
        ("9^9^9^9", "too large"),
        ("9**9**9**9", "too large"),
        ("x^9^9^9", "too large"),
        ("x^9^9", "from -64 to 64"),
        ("x^65", "exponent 65 at column 1"),
        ("y + x^-65", "exponent -65 at column 5"),
        ("9" * 390, "too large"),
        ("1e999*x", "too large"),
        ("exp(1000)", "too large"),
        ("1e308*10*x", "too large"),
        ("(-8)^(1/3)", "not a real number"),
        ("log(0)", "not a real number"),
        ("sqrt(0*x - 1)", "not a real number"),
        ("(-2)^x", "positive base"),
        ("0^x", "positive base"),
        ("x/0", "division by zero at column 1"),
        ("x/(y - y)", "division by zero"),
        ("1/2x", "1/(2*x)"),
        ("x/y(x + 1)", "between 'y' and '(' at column 4"),
        ("1/xy", "what / divides by"),
        ("e^2x", "x^(2*y)"),
        ("x^2y", "between '2' and 'y' at column 4"),
        ("x 2", "for a power ^"),
        ("(x)2", "between ')' and '2'"),
        ("2 3", "sign is missing"),
        ("|x|y|z|", "at column 5 which | opens"),
        ("|2|x|+1|", "write abs( )"),
        ("|x", "'|' at column 1 is never closed"),
        ("(|x)", "'|' at column 2 is never closed"),
        ("sin x", "write sin(x)"),
        ("sin^2 x", "write sin(x)"),
        ("sin⁻¹(x)", "write asin(x) for the inverse function"),
        ("²", "nothing stands before"),
        ("0,5*x^2", "a comma at column 2 separates nothing here. For a decimal write a point: 0.5."),
        ("y + 2*(1,25 + x)", "column 9 separates nothing here. For a decimal write a point: 1.25."),
        ("sin(0,5)", "for a decimal write a point"),
        ("x = 2", "write what stands right of it"),
        ("where(x, 1, 2)", "needs a comparison first"),
        ("where(x < y, 1)", "three arguments, got 2"),
        ("pow(x)", "two arguments, got 1"),
        ("foo(x)", "no function 'foo'"),
        ("cosine(x)", "did you mean cos?"),
        ("np.foo(x)", "no function 'foo' (at column 4)"),
        ("X^2", "did you mean x?"),
        ("x + zeta", "no 'zeta' (at column 5). Allowed are numbers, x, y, pi, e,".lower()),
        ("x^2 + foo", "column 7"),
        ("sin + 1", "write sin(x)"),
        ("sin()", "one argument, got 0"),
        ("sin(x, y)", "one argument, got 2"),
        ("min(x)", "two arguments or more, got 1"),
        ("sin(*x)", "not allowed"),
        ("max(*x, *y)", "not allowed"),
        ("sin(x=1)", "a formula is one value"),
        ("x, y", "a comma at column 2"),
        ("()", "empty bracket"),
        ("x.__class__", "no attributes"),
        ("x.real", "no attributes"),
        ("(1).real", "no attributes"),
        ("().__class__.__bases__[0]", "no attributes"),
        ("__import__('os').system('true')", "'__import__' at column 1"),
        ("_x", "'_x' at column 1"),
        ("'x'", "no texts"),
        ('"x"*9', "no texts"),
        ("f'{x}'", "no texts"),
        ("x < y", "write where(x < y"),
        ("(x == y)", "a comparison is no loss"),
        ("x := 2", "not allowed"),
        ("lambda: x", "'lambda' at column 1"),
        ("x if y else 1", "'if' at column 3"),
        ("x and y", "'and'"),
        ("not x", "'not'"),
        ("True", "'true'"),
        ("None", "'none'"),
        ("1j", "no 'j'"),
        ("2 + 3J*x", "no 'J'"),
        ("[x for x in y]", "no lists"),
        ("{x}", "no lists"),
        ("x; y", "no lists"),
        ("x # y", "not allowed"),
        ("x // y", "// at column 1 is not allowed"),
        ("x % y", "not allowed"),
        ("x @ y", "not allowed"),
        ("~x", "not allowed"),
        ("x & y", "not allowed"),
        ("x!", "not allowed"),
        ("1_000", "'_000'"),
        ("007", "cannot be read"),
        ("1.2.3", "sign is missing"),
        ("...", "no attributes"),
        ("x\0", "'\\x00' at column 2"),
        ("\\x", "not allowed"),
        ("\ufeffx", "column 1"),
        ("x\u200b", "'\\u200b' at column 2"),
        ("ｘ", "not allowed"),
        ("٣*x", "not allowed"),
        ("np.__class__", "no attributes"),
        ("np.random.rand(x)", "no attributes"),
        ("\ud800", "not allowed"),
    ],
)
def test_hostile_or_mistaken_text_is_refused_with_what_to_do(text: str, says: str):
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    error = caught.value
    assert error.code == error.field == "formula"
    assert says.lower() in str(error).lower()
    assert error.message.endswith(".")
    assert error.hint.endswith((".", "?"))
    assert len(str(error)) < 300


@pytest.mark.parametrize("value", [None, 3, b"x", ["x"], True])
def test_what_is_no_text_is_refused(value: Any):
    with pytest.raises(InvalidInput, match="expected text"):
        parse(value)


@given(st.text(alphabet="xye0123456789.+-*/^(), \t_sincoexpabmlgwhrt=<>≤|²³⁻π√·−'[]{}:\\#\0é", max_size=60))
@settings(deadline=None, derandomize=True, max_examples=400)
def test_any_text_is_a_formula_or_invalid_input(text: str):
    try:
        formula = parse(text)
    except InvalidInput:
        return
    LatexToMathML().convert_with_local_state(formula.latex, displaystyle=True)


MORE = "OPTIMSCOPE_EXAMPLES"  # so many instead, and others every time
PIECES = (
    *"xyez-+*/^(),. |²π√·−<",
    "where(x<y,",
    "np.",
    "**",
    "pi",
    "2",
    "0.5",
    "1e308",
    "1e-320",
    "9" * 30,
    *(f"{f}(" for f in FUNCTIONS),
)


@st.composite
def scribbled(draw: st.DrawFn) -> str:
    """A formula in which somebody has struck things out and put others in."""
    text = draw(trees())[0]
    for _ in range(draw(st.integers(0, 3))):
        first, length = draw(st.integers(0, len(text))), draw(st.integers(0, 3))
        piece = "".join(draw(st.lists(st.sampled_from(PIECES), max_size=3)))
        text = text[:first] + piece + text[first + length :]
    return text


@given(text=scribbled())
@settings(deadline=None, derandomize=MORE not in os.environ, max_examples=int(os.environ.get(MORE, "150")))
def test_what_is_typed_can_be_computed_and_written_or_is_refused(text: str):
    refused = None
    try:
        formula = parse(text)
    except InvalidInput as error:
        refused = error
    if refused:
        assert (bool(refused.message), refused.field) == (True, "formula")
        return
    assert "<math" in LatexToMathML().convert_with_local_state(formula.latex, displaystyle=True)
    floats, arrays = formula.functions("float"), formula.functions("numpy")
    for x, y in POINTS:
        with suppress(ArithmeticError, ValueError):  # what is undefined there
            assert all(isinstance(v, float | int) for v in floats.value_and_gradient(x, y))
        with np.errstate(all="ignore"):
            assert np.shape(arrays.value(np.array([x]), np.array([y]))) == (1,)


@given(tree=trees(depth=7))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_every_accepted_formula_compiles(tree: tuple[str, Rule]):
    functions = value_of(tree).functions("numpy")
    with np.errstate(all="ignore"):
        outputs = (
            *functions.value_and_gradient(np.ones(2), np.ones(2)),
            *functions.hessian(np.ones(2), np.ones(2)),
        )
    assert all(output.shape == (2,) for output in outputs)


# LaTeX


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("(1 - x)^2 + 100*(y - x^2)^2", r"\left(1 - x\right)^{2} + 100 \, \left(y - x^{2}\right)^{2}"),
        ("x/y*2", r"\frac{x}{y} \cdot 2"),
        ("2*(1/2)", r"2 \cdot \frac{1}{2}"),
        ("-x*y - (-x) + (-y)", r"-x \, y - \left(-x\right) + \left(-y\right)"),
        ("x - (y - 1) - (y + 1)", r"x - \left(y - 1\right) - \left(y + 1\right)"),
        ("sin(2*x)^2*exp(-y)", r"\sin^{2}\left(2 \, x\right) \, e^{-y}"),
        ("(-x + y)*2 + (-x)*y", r"\left(-x + y\right) \cdot 2 + \left(-x \, y\right)"),
        ("sqrt(x)^2", r"\left(\sqrt{x}\right)^{2}"),
        ("abs(x)^3", r"\left|x\right|^{3}"),
        ("(x^2)^y", r"\left(x^{2}\right)^{y}"),
        ("1.5e-7*x", r"1.5 \cdot 10^{-7} \, x"),
        ("sigmoid(x) + softplus(pi)", r"\sigma\left(x\right) + \operatorname{softplus}\left(\pi\right)"),
    ],
)
def test_latex_keeps_the_order_that_was_written(text: str, latex: str):
    assert parse(text).latex == latex


def test_parameters_are_written_as_asked():
    formula = parse("condition*x + lam_1*y + b2 + alpha", ["condition", "lam_1", "b2", "alpha"])
    assert formula.latex == r"\mathrm{condition} \, x + \mathrm{lam\_}_{1} \, y + b_{2} + \alpha"
    assert formula.latex_with({"condition": r"\kappa", "x": "u"}).startswith(r"\kappa \, u +")


def read_latex(latex: str) -> str:
    """LaTeX as `Formula` writes it, as Python: a second opinion on every bracket."""
    for old, new in (
        (r"\left\lfloor ", "floor("),
        (r"\left\lceil ", "ceil("),
        (r"\right\rfloor", ")"),
        (r"\right\rceil", ")"),
        (r"\log_{2}", r"\logtwo"),
        (r"\log_{10}", r"\logten"),
        (r"\left|", "abs("),
        (r"\right|", ")"),
        (r"\left", ""),
        (r"\right", ""),
        (r"\operatorname", ""),
    ):
        latex = latex.replace(old, new)
    latex = latex.replace(r"\,", "*").replace(r"\cdot", "*").replace(r"\sigma", "sigmoid")
    out, position = "", 0

    def enclosed(start: int) -> tuple[str, int]:
        """What the bracket at ``start`` encloses, read, and where it ends."""
        pair = "{}" if latex[start] == "{" else "()"
        depth = list(itertools.accumulate((c == pair[0]) - (c == pair[1]) for c in latex[start:]))
        end = start + depth.index(0)
        return read_latex(latex[start + 1 : end]), end + 1

    while position < len(latex):
        rest = latex[position:]
        if rest.startswith(r"\frac"):
            above, position = enclosed(position + 5)
            below, position = enclosed(position)
            out += f"(({above})/({below}))"
        elif rest.startswith(r"\sqrt"):
            inside, position = enclosed(position + 5)
            out += f"sqrt({inside})"
        elif rest.startswith("^"):
            exponent, position = enclosed(position + 1)
            out += f"**({exponent})"
        elif rest.startswith("{"):
            inside, position = enclosed(position)
            out += inside
        elif rest.startswith("\\"):
            name = rest[1 : 1 + next(k for k, c in enumerate(rest[1:] + " ") if not c.isalpha())]
            position += 1 + len(name)
            exponent = ""
            if name != "pi" and latex[position : position + 1] == "^":  # sin²(u)
                exponent, position = enclosed(position + 1)
            out += name.replace("arc", "a")
            if exponent:
                inside, position = enclosed(position)
                out += f"({inside})**({exponent})"
        else:
            out += latex[position]
            position += 1
    return out


@given(tree=trees(), x=st.floats(0.5, 2), y=st.floats(0.5, 2))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_latex_renders_and_says_the_same_as_the_formula(tree: tuple[str, Rule], x: float, y: float):
    formula = value_of(tree)
    assert "<math" in LatexToMathML().convert_with_local_state(formula.latex, displaystyle=True)
    tree[1](*(torch.tensor(v, dtype=torch.float64) for v in (x, y)))  # only moderate numbers
    names: dict[str, Any] = {name: function.fold for name, function in FUNCTIONS.items()}
    names |= {"logtwo": math.log2, "logten": math.log10, "x": x, "y": y, "pi": math.pi, "e": math.e}
    try:
        expected = eval(read_latex(formula.latex), {"__builtins__": {}}, names)
    except (ArithmeticError, ValueError):
        assume(False)
    assume(isinstance(expected, float | int) and abs(expected) < 1e9)
    assert formula.functions("float").value(x, y) == pytest.approx(expected, rel=1e-6, abs=1e-9)
