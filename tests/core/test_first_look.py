"""What is suggested for somebody's own formula suits it, and what has no lowest value is known as such."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from optim_core.surfaces.catalogue import as_landscape, surfaces
from optim_core.surfaces.first_look import FirstLook

FORMULAS = [
    "x^2 + 3*y^2",
    "x^2 + 100*y^2",
    "1000*(x - 1)^2 + y^2",
    "1e-4*(x^2 + 2*y^2)",
    "x^4 + y^4",
    "(1 - x)^2 + 100*(y - x^2)^2",
    "x**2 + 3*y**2 + sin(3*x)*cos(2*y)",
    "(x^2 - 1)^2 + y^2",
    "(x - 20)^2 + 5*(y + 30)^2",
    "exp(x) + exp(-x) + y^2",
    "log(1 + x^2 + y^2)",
    "-exp(-x^2 - y^2)",
]


def look(formula: str) -> FirstLook:
    found = as_landscape(formula).suggested
    assert found
    return found


@pytest.mark.parametrize(
    ("formula", "curvature"),
    [
        ("x^2 + 3*y^2", 6),
        ("(x - 20)^2 + 5*(y + 30)^2", 10),
        ("2*x*y + 2*x^2 + 2*y^2", 6),  # eigenvalues 2 and 6
        ("-x^2 - 4*y^2", 8),
    ],
)
def test_the_curvature_of_a_quadratic_is_the_closed_form(formula: str, curvature: float) -> None:
    assert look(formula).curvature == pytest.approx(curvature, rel=1e-12)
    assert look(formula).lr_gradient == pytest.approx(1 / curvature, rel=0.1)
    assert look(formula).lr_gradient <= 1 / curvature


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_curvature_is_no_less_than_finite_differences_find_below_the_start(formula: str) -> None:
    landscape, found = as_landscape(formula), look(formula)
    random, h, largest = np.random.default_rng(0), 1e-4, 0.0
    height = landscape.value(*found.start)
    for x, y in random.uniform(found.box[::2], found.box[1::2], (400, 2)).tolist():
        if landscape.value(x, y) > height:
            continue
        right, left, above, below = (
            np.array(landscape.value_and_gradient(x + a, y + b)[1:])
            for a, b in ((h, 0), (-h, 0), (0, h), (0, -h))
        )
        hessian = np.array([right - left, above - below]) / (2 * h)
        largest = max(largest, float(np.abs(np.linalg.eigvalsh((hessian + hessian.T) / 2)).max()))
    assert largest > 0
    assert largest * (1 - 1e-6) <= found.curvature <= 1.6 * largest


@pytest.mark.parametrize("formula", FORMULAS)
def test_plain_descent_falls_in_every_step_and_ends_far_below_its_start(formula: str) -> None:
    landscape, found = as_landscape(formula), look(formula)
    point = np.array(found.start)
    heights = [landscape.value(*point.tolist())]
    for _ in range(found.steps):
        point = point - found.lr_gradient * np.array(landscape.value_and_gradient(*point.tolist())[1:])
        heights.append(landscape.value(*point.tolist()))
    for before, after in pairwise(heights):
        assert after <= before + 1e-9 * (1 + abs(before))
    lowest = min(m.loss for m in landscape.minima_known if not m.edge)
    assert heights[-1] - lowest < 0.2 * (heights[0] - lowest)


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_adaptive_rate_leads_adam_to_the_minimum(formula: str) -> None:
    landscape, found = as_landscape(formula), look(formula)
    point, m, v = np.array(found.start), np.zeros(2), np.zeros(2)
    first = landscape.value(*point.tolist())
    for t in range(1, found.steps + 1):
        gradient = np.array(landscape.value_and_gradient(*point.tolist())[1:])
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        point = point - found.lr_adaptive * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    lowest = min(m.loss for m in landscape.minima_known if not m.edge)
    assert landscape.value(*point.tolist()) - lowest < 0.1 * (first - lowest)


@pytest.mark.parametrize("formula", FORMULAS)
def test_start_and_minima_lie_in_the_box_and_the_origin_where_it_is_near(formula: str) -> None:
    landscape, found = as_landscape(formula), look(formula)
    inner = [(m.x, m.y) for m in landscape.minima_known if not m.edge]
    assert inner
    for x, y in (found.start, *inner):
        assert found.box[0] < x < found.box[1]
        assert found.box[2] < y < found.box[3]
    if max(math.hypot(*point) for point in inner) < 5:
        assert found.box[0] < 0 < found.box[1]
        assert found.box[2] < 0 < found.box[3]


def test_minima_far_from_the_origin_are_found_and_shown() -> None:
    (minimum,) = (m for m in as_landscape("(x - 20)^2 + 5*(y + 30)^2").minima_known if not m.edge)
    assert (minimum.x, minimum.y, minimum.is_global) == (pytest.approx(20), pytest.approx(-30), True)


@pytest.mark.parametrize("formula", ["3", "x", "abs(x) + abs(y)", "log(x - 100)", "log(-1 - x^2)", "1/(x*y)"])
def test_whatever_the_formula_all_that_is_suggested_is_finite(formula: str) -> None:
    found = look(formula)
    numbers = [*found.box, *found.start, found.lr_gradient, found.lr_adaptive, found.steps, found.curvature]
    assert np.isfinite(numbers).all()
    assert found.lr_gradient > 0
    assert found.lr_adaptive > 0


def test_a_built_in_surface_declares_what_suits_it() -> None:
    assert as_landscape("bowl").suggested is None


FALLING = """-x^4; x; -log(1 + x^2); x^2 - y^2; -exp(x); log(abs(x)) + y^2; -1/(x^2 + y^2); x*y; log(x);
x^3 - 3*x + y^2; -abs(x)^0.5; 1/x; y^2 - (x - 0.3)^3"""
RESTING = """sin(x) + cos(y); 3; 1/(1 + x^2); exp(-x); abs(x) + abs(y); tanh(x); log(1 + exp(-x)); sqrt(x);
1/x^2; -x/sqrt(1e8 + x^2); -log(1 + exp(-x^2)); (x*y - 1)^2; sin(1/x); 20 + x^2 - 10*cos(6*x) + y^2"""


@pytest.mark.parametrize("formula", FALLING.split(";"))
def test_what_falls_without_end_has_no_lowest_value(formula: str) -> None:
    assert not as_landscape(formula).bounded


@pytest.mark.parametrize("formula", [*FORMULAS, *RESTING.split(";")])
def test_what_has_a_lowest_value_or_nears_one_is_bounded(formula: str) -> None:
    assert as_landscape(formula).bounded


def test_of_the_built_in_surfaces_those_that_fall_without_end_are_known() -> None:
    # McCormick's on x = y is sin(2x) + x + 1, which falls for x → −∞.
    falling = {id for id, declared in surfaces().items() if not declared.at().bounded}
    assert falling == {"saddle", "monkey_saddle", "mccormick"}
