"""Where a formula overflows inside, or is not defined: mpmath, which has neither bound, is the witness."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optim_core as oc
from optim_core.formula.parse import parse
from optim_core.formula.wide import ON_WIDE, Wide
from optim_core.outcomes import Outcome
from optim_core.simulate.trajectory import _careful
from optim_core.surfaces.landscape import formula_landscape

FAR = st.one_of(st.floats(-1e300, 1e300), st.floats(-800, 800), st.sampled_from([0.0, 1.0, -1.0, 0.5]))


def thrice(text: str, x: float, y: float) -> list[list[float]]:
    """Loss and gradient on floats, arrays and tensors."""
    formula = parse(text)
    tensors = (torch.tensor([v], dtype=torch.float64) for v in (x, y))
    with np.errstate(all="ignore"):
        return [
            list(_careful(formula_landscape(text))(x, y)),
            [
                float(v[0])
                for v in formula.functions("numpy").value_and_gradient(np.array([x]), np.array([y]))
            ],
            [v.item() for v in formula.functions("torch").value_and_gradient(*tensors)],
        ]


def exact(text: str, x: float) -> list[float]:
    """Value and slope along x in 60 digits, the slope by a difference."""
    names = {name: getattr(mpmath, name) for name in ("exp", "log", "sqrt", "sinh", "cosh", "tanh")}
    with mpmath.workdps(700):
        f = lambda u: eval(text.replace("^", "**"), {"__builtins__": {}}, {**names, "x": u})  # noqa: E731
        h = mpmath.mpf(10) ** -320
        at = mpmath.mpf(x)
        return [float(f(at)), float((f(at + h) - f(at - h)) / (2 * h))]


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("1/(1 + exp(-x))", -710.0),
        ("1/(1 + exp(-x))", -20000.0),
        ("exp(x)/(1 + exp(x))", 800.0),
        ("log(1 + exp(x))", 800.0),
        ("log(exp(x) + exp(-x))", -1500.0),
        ("exp(x)/exp(x - 1)", -800.0),
        ("exp(x)/exp(x - 1)", 800.0),
        ("sinh(x)/cosh(x)", 1000.0),
        ("log(cosh(x))", 900.0),
        ("sqrt(1 + exp(2*x))/exp(x)", 400.0),
        ("x^40/x^39", 1e9),
        ("(1 + exp(-x))^-0.5", -1400.0),
        ("log(2^x + 1)", 3000.0),
        ("x/sqrt(x^2 + 1e-300)", 1e-160),
        ("exp(-exp(-x))", -700.0),
    ],
)
def test_what_overflows_inside_is_found_again_in_all_three_dialects(text: str, x: float):
    expected = exact(text, x)
    tiny = 1e-15 if abs(expected[0]) > 1e-290 else 1e-290
    for found in thrice(text, x, 0.0):
        assert found == pytest.approx([*expected, 0.0], rel=1e-10, abs=tiny)


@pytest.mark.parametrize(
    ("text", "x", "y"),
    [
        ("0*log(x)", -1.0, 0.0),
        ("0*log(x)", 0.0, 0.0),
        ("x/x", 0.0, 0.0),
        ("2*x/x + y", 0.0, 0.0),
        ("x^2/x^2", 0.0, 0.0),
        ("0/x", 0.0, 0.0),
        ("log(x) - log(x)", -1.0, 0.0),
        ("3*sqrt(x) - sqrt(x)*3", -1.0, 0.0),
        ("1^log(x)", -1.0, 0.0),
        ("log(x)^0", -1.0, 0.0),
        ("0*(1 + sqrt(y))", 0.0, -1.0),
        ("1/x - 1/x", 0.0, 0.0),
        ("1/x", 0.0, 0.0),
        ("log(x)", 0.0, 0.0),
        ("0*log10(x) + asin(y)*0", 1.0, 2.0),
    ],
)
def test_what_folds_away_keeps_its_undefined_points(text: str, x: float, y: float):
    assert [math.isnan(found[0]) for found in thrice(text, x, y)] == [True] * 3


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [("x/x", 1e-300, 1), ("0*log(x)", 2.0, 0), ("exp(x)/exp(x)", 5e3, 1), ("x - x", 0.0, 0)],
)
def test_what_folds_away_is_defined_everywhere_else(text: str, x: float, expected: float):
    assert thrice(text, x, 0.0) == [[expected, 0, 0]] * 3


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("sqrt(x^2 + y^2)", 0.0),
        ("5 + sqrt(abs(x))", 5.0),
        ("(x^2 + y^2)^0.3", 0.0),
        ("acos(1 - x^2 - y^2)", 0.0),
        ("exp(-1/x^2)", 0.0),
    ],
)
def test_a_loss_is_told_where_only_its_gradient_is_not_defined(text: str, loss: float):
    for found in thrice(text, 0.0, 0.0):
        assert found[0] == loss
        assert math.isnan(found[1])


@pytest.mark.parametrize(
    ("text", "loss"), [("exp(x)", math.inf), ("-exp(x)", -math.inf), ("y - x^40", -math.inf)]
)
def test_what_is_too_large_is_infinite_with_its_sign(text: str, loss: float):
    assert [found[0] for found in thrice(text, 1e9, 0.0)] == [loss] * 3


def test_a_walk_that_arrives_at_a_kink_keeps_its_loss_and_says_what_is_not_defined():
    run = oc.simulate("sqrt(x^2+y^2)", "sgd", (0.3, 0.4), 10, lr=0.1)
    assert (run["x"][-1], run["y"][-1], run["loss"][-1]) == pytest.approx((0, 0, 0), abs=1e-15)
    run = oc.simulate("sqrt(x^2+y^2)", "sgd", (0.6, 0.8), 10, lr=1.0)
    assert (run["x"][-1], run["loss"][-1], run.outcome) == (0, 0, Outcome.UNDEFINED)
    assert run.reason == "Stopped at step 1: the gradient is not defined at (0, 0)."
    start = oc.simulate("sqrt(x^2+y^2)", "sgd", (0.0, 0.0), 10, lr=1.0)
    assert (len(start), start["loss"][0], start.outcome) == (1, 0, Outcome.UNDEFINED)


def test_a_rule_that_looks_elsewhere_stops_where_it_looks():
    run = oc.simulate("sqrt(x^2+y^2)", "schedule_free_adamw", (0.0, 0.0), 10)
    assert "the gradient is not defined at (0, 0)" in run.reason
    assert list(run["loss"]) == [0]


def test_the_tail_of_a_sigmoid_is_flat_and_not_the_end():
    run = oc.simulate("1/(1+exp(-x)) + y^2", "sgd", (-710.0, 1.0), 50, lr=0.01)
    assert run.outcome is Outcome.FINISHED
    assert len(run) == 51
    assert run["loss"][-1] == run["y"][-1] ** 2
    assert run["grad_x"][1] == pytest.approx(math.exp(-709) / math.e, rel=1e-6)


def test_a_pole_is_no_divergence_but_an_overflow_is():
    assert (
        oc.simulate("1/x", "sgd", (0.0, 0.0), 5).reason
        == "Stopped at step 0: the loss is not defined at (0, 0)."
    )
    run = oc.simulate("exp(x) + y", "sgd", (1000.0, 0.0), 5)
    assert (run.outcome, run["loss"][0]) == (Outcome.DIVERGED, math.inf)


def test_many_walks_at_once_see_the_same():
    batch = oc.simulate_many("1/(1+exp(-x)) + y^2", "sgd", [[-710.0, 1.0], [0.5, 1.0]], 20, lr=0.1)
    one = oc.simulate("1/(1+exp(-x)) + y^2", "sgd", (-710.0, 1.0), 20, lr=0.1)
    for name in ("x", "y", "loss"):
        np.testing.assert_allclose(batch[name][0].numpy(), one[name], rtol=1e-12)


@given(a=FAR, b=FAR)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_sums_and_products_of_moderate_numbers_are_those_of_doubles(a: float, b: float):
    with np.errstate(all="ignore"):
        pairs = [
            (Wide(a) + Wide(b), a + b),
            (Wide(a) - b, a - b),
            (Wide(a) * b, a * b),
            (a / Wide(b), np.divide(a, b)),
        ]
    for found, expected in pairs:
        if math.isfinite(expected) and (expected == 0 or abs(expected) > 1e-300):
            assert float(found.plain()) == expected


EXPONENTS = st.one_of(st.floats(-300, 300), st.integers(-64, 64))
WITNESSES: dict[str, Any] = {
    **{name: getattr(mpmath, name) for name in ("exp", "log", "sqrt", "sinh", "cosh", "tanh", "atan")},
    "log2": lambda u: mpmath.log(u, 2),
    "log10": lambda u: mpmath.log(u, 10),
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log(1 + mpmath.exp(u)),
}


@pytest.mark.parametrize("name", WITNESSES)
@given(m=st.floats(0.5, 0.999), e=st.integers(-40, 3000), negative=st.booleans())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_functions_of_numbers_that_no_double_holds_are_mpmath_s(name: str, m: float, e: int, negative: bool):
    assume(not (negative and name in ("log", "log2", "log10", "sqrt")))
    assume(e < 40 or name in ("log", "log2", "log10", "sqrt"))  # e^(2^40) is where mpmath gives up
    m = -m if negative else m
    with mpmath.workdps(60):
        expected = WITNESSES[name](mpmath.mpf(m) * mpmath.mpf(2) ** e)
        with np.errstate(all="ignore"):
            found = ON_WIDE[name](Wide(m, float(e)))
        size = mpmath.log(abs(expected), 2) if expected else 0
        value = mpmath.mpf(float(found.m)) * mpmath.mpf(2) ** int(found.e)
        # a double argument of exp says so much of the result, and no more
        assert abs(value - expected) <= abs(expected) * 4e-16 * (8 + abs(size)) or abs(expected) < 1e-300


@given(
    m=st.floats(0.5, 0.999),
    e=st.integers(-3000, 3000),
    p=EXPONENTS,
)
@settings(deadline=None, derandomize=True, max_examples=100)
def test_powers_of_numbers_that_no_double_holds_are_mpmath_s(m: float, e: int, p: float):
    with mpmath.workdps(60), np.errstate(all="ignore"):
        expected = (mpmath.mpf(m) * mpmath.mpf(2) ** e) ** mpmath.mpf(p)
        found = ON_WIDE["power"](Wide(m, float(e)), float(p))
        value = mpmath.mpf(float(found.m)) * mpmath.mpf(2) ** int(found.e)
        assert abs(value - expected) <= abs(expected) * 4e-16 * (8 + abs(e * p))
        odd = ON_WIDE["power"](Wide(-m, float(e)), 3.0)
        assert float(odd.m) < 0
        assert np.isnan(ON_WIDE["power"](Wide(-m, float(e)), 0.5).m)
