"""Every built-in surface keeps its promises, whatever its settings; grids, minima, placements are exact."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from math_core import LatexToMathML

from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import Real, schema
from optim_core.formula.parse import parse
from optim_core.surfaces.catalogue import Surface, as_landscape, surface, surfaces, thumbnail
from optim_core.surfaces.landscape import Landscape, formula_landscape

PLACE = ("offset_x", "offset_y", "rotation")
each_surface = pytest.mark.parametrize("declared", surfaces().values(), ids=list(surfaces()))
seeds = given(seed=st.integers(0, 2**32 - 1))
few = settings(deadline=None, derandomize=True, max_examples=8)


def drawn(declared: Surface, random: np.random.Generator) -> Landscape:
    """The surface with settings from all over their sliders, one in two left alone."""
    params = {}
    for name, setting in declared.parameters.items():
        assert isinstance(setting.kind, Real)
        low, high = setting.kind.slider
        if random.random() < 0.5:
            at = random.random()
            params[name] = (
                low * (high / low) ** at if setting.kind.scale == "log" else low + (high - low) * at
            )
    return declared.at(**params)


def drawn_point(box: tuple[float, float, float, float], random: np.random.Generator) -> tuple[float, float]:
    return float(random.uniform(*box[:2])), float(random.uniform(*box[2:]))


def slopes(f: Callable[[float, float], Any], x: float, y: float, h: float) -> Any:
    """∂x and ∂y by central differences, extrapolated to fourth order."""

    def slope(along: Callable[[float], Any]) -> Any:
        near, far = (np.subtract(along(k * h), along(-k * h)) / (2 * k * h) for k in (1, 2))
        return (4 * near - far) / 3

    return np.array([slope(lambda d: f(x + d, y)), slope(lambda d: f(x, y + d))])


def matrix(landscape: Landscape, x: float, y: float) -> Any:
    fxx, fxy, fyy = landscape.hessian(x, y)
    return np.array([[fxx, fxy], [fxy, fyy]])


def close(point: tuple[float, float], other: tuple[float, float], within: float) -> bool:
    return math.dist(point, other) < within


# Declarations


def test_there_are_the_surfaces_that_people_expect_and_the_default_comes_first():
    assert len(surfaces()) >= 20
    assert next(iter(surfaces())) == "rotated_bowl"
    assert set(surfaces()) >= {
        *("rosenbrock", "rastrigin", "himmelblau", "beale", "styblinski_tang", "ackley", "saddle"),
        *("monkey_saddle", "plateau", "ravine", "bowl", "cliff", "noisy_valley", "booth", "matyas"),
    }


@each_surface
def test_declarations_are_complete(declared: Surface):
    assert re.fullmatch(r"[a-z][a-z_]*", declared.id)
    assert declared.title
    assert declared.summary.endswith(".")
    assert ". " not in declared.summary
    assert tuple(declared.parameters)[-3:] == PLACE
    assert set(declared.demo) == {"steps", "noise", "lr_gradient", "lr_adaptive"}
    assert len(declared.starts) >= 2
    assert schema(declared.parameters)["properties"]["rotation"]["title"] == "Rotation"
    for setting in declared.parameters.values():
        assert setting.kind.check(setting.default) == setting.default


@each_surface
def test_value_gradient_and_hessian_at_the_origin_of_the_formula_are_the_formulas(declared: Surface):
    landscape = declared.at(offset_x=0, offset_y=0, rotation=0)
    own = [name for name in declared.parameters if name not in PLACE]
    plain = parse(declared.formula, own).functions("float", [landscape.params[name] for name in own])
    point = (0.3, -0.2)
    assert landscape.value(*point) == plain.value(*point)
    assert landscape.value_and_gradient(*point) == plain.value_and_gradient(*point)
    assert landscape.hessian(*point) == plain.hessian(*point)


@each_surface
@seeds
@few
def test_declared_minima_are_minima_wherever_the_surface_is_put(declared: Surface, seed: int):
    landscape = drawn(declared, np.random.default_rng(seed))
    for x, y in landscape.minima:
        _, *gradient = landscape.value_and_gradient(x, y)
        low, high = np.linalg.eigvalsh(matrix(landscape, x, y))
        assert low >= -1e-9 * high
        assert math.hypot(*gradient) <= 1e-7 * high + 1e-20
        buffer = [landscape.value(x + 1e-3 * math.cos(k), y + 1e-3 * math.sin(k)) for k in range(6)]
        assert min(buffer) > landscape.value(x, y)


@each_surface
@seeds
@few
def test_gradient_and_hessian_are_what_finite_differences_give(declared: Surface, seed: int):
    random = np.random.default_rng(seed)
    landscape = drawn(declared, random)
    x, y = drawn_point(landscape.box, random)
    value, *gradient = landscape.value_and_gradient(x, y)
    assert value == landscape.value(x, y)
    scale = 1 + abs(value) + math.hypot(*gradient) + np.abs(matrix(landscape, x, y)).max()
    np.testing.assert_allclose(gradient, slopes(landscape.value, x, y, 1e-4), rtol=0, atol=1e-6 * scale)
    by_gradient = slopes(lambda x, y: landscape.value_and_gradient(x, y)[1:], x, y, 1e-4)
    np.testing.assert_allclose(matrix(landscape, x, y), by_gradient, rtol=0, atol=1e-5 * scale)


@each_surface
@seeds
@few
def test_starts_minima_and_a_left_origin_are_in_sight(declared: Surface, seed: int):
    landscape = drawn(declared, np.random.default_rng(seed))
    low_x, high_x, low_y, high_y = landscape.box
    moved = landscape.params["offset_x"] or landscape.params["offset_y"]
    for x, y in (*landscape.starts, *landscape.minima, *([(0.0, 0.0)] if moved else [])):
        assert low_x <= x <= high_x
        assert low_y <= y <= high_y
    assert 1 < high_x - low_x < 100
    assert 1 < high_y - low_y < 100


@each_surface
@seeds
@settings(deadline=None, derandomize=True, max_examples=3)
def test_the_search_finds_the_declared_minima(declared: Surface, seed: int):
    for landscape in (declared.at(), drawn(declared, np.random.default_rng(seed))):
        found = landscape.find_minima()
        for minimum in landscape.minima:
            assert any(close(minimum, point, 1e-5) for point in found), (landscape.params, found)
        for x, y in found:
            assert landscape.box[0] <= x <= landscape.box[1]
            assert landscape.box[2] <= y <= landscape.box[3]


@each_surface
@pytest.mark.parametrize("adaptive", [False, True], ids=["gradient", "adaptive"])
def test_demo_rates_lead_downhill(declared: Surface, adaptive: bool):
    """Plain descent, and Adam, written out."""
    landscape = declared.at()
    rate = declared.demo["lr_adaptive" if adaptive else "lr_gradient"]
    point, m, v = np.array(landscape.starts[0]), np.zeros(2), np.zeros(2)
    for t in range(1, int(declared.demo["steps"]) + 1):
        gradient = np.array(landscape.value_and_gradient(*point.tolist())[1:])
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8) if adaptive else gradient
        point = point - rate * step
    assert landscape.value(*point.tolist()) < landscape.value(*landscape.starts[0]) - 1e-3
    assert np.abs(point).max() < 20


@each_surface
def test_the_three_dialects_agree(declared: Surface):
    landscape = declared.at(offset_x=0.5, rotation=20)
    points = np.array([*landscape.starts, (0.1, 0.2)])
    by_array, by_tensor = landscape.functions("numpy"), landscape.functions("torch")
    for name in ("value", "value_and_gradient", "hessian"):
        expected = np.array([getattr(landscape, name)(*point) for point in points.tolist()]).T
        arrays = np.array(getattr(by_array, name)(*points.T))
        found = getattr(by_tensor, name)(*torch.tensor(points.T))
        tensors = torch.stack(found) if isinstance(found, tuple) else found
        np.testing.assert_allclose(arrays, expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(tensors.numpy(), expected, rtol=1e-9, atol=1e-9)


@each_surface
def test_latex_renders_at_home_and_elsewhere(declared: Surface):
    for landscape in (
        declared.at(offset_x=0, offset_y=0, rotation=0),
        declared.at(offset_x=-1.5, rotation=30),
    ):
        html = LatexToMathML().convert_with_local_state(landscape.latex, displaystyle=True)
        assert "<math" in html
        assert (r"\quad u =" in landscape.latex) == (landscape.params["rotation"] != 0)


@each_surface
def test_thumbnails_use_the_whole_range(declared: Surface):
    picture = thumbnail(declared)
    assert picture.shape == (32, 32)
    assert picture.dtype == np.uint8
    assert (picture.min(), picture.max()) == (0, 255)


def test_thumbnails_have_high_y_at_the_top():
    row, column = np.unravel_index(thumbnail(surfaces()["goldstein_price"]).argmin(), (32, 32))
    x, y = -2 + 4 * column / 31, 1.5 - 4 * row / 31
    assert close((x, y), (0, -1), 0.15)


# Frames


@pytest.mark.parametrize("id", ["rosenbrock", "himmelblau", "cliff"])
def test_a_moved_and_turned_surface_is_its_formula_with_u_and_v_put_in(id: str):
    landscape = surface(id, offset_x=1.25, offset_y=-0.75, rotation=35)
    c, s = math.cos(math.radians(35)), math.sin(math.radians(35))
    put_in = {"x": f"({c!r}*(x - 1.25) + {s!r}*(y + 0.75))", "y": f"({c!r}*(y + 0.75) - {s!r}*(x - 1.25))"}
    put_in |= {name: repr(value) for name, value in landscape.params.items() if name not in PLACE}
    text = surfaces()[id].formula
    for name, meaning in put_in.items():
        text = re.sub(rf"\b{name}\b", meaning.replace("x", "X").replace("y", "Y"), text)
    plain = formula_landscape(text.replace("X", "x").replace("Y", "y").replace("eXp", "exp"))
    for point in ((0.4, 0.3), (-1.0, 2.0), (1.25, -0.75)):
        assert landscape.value(*point) == pytest.approx(plain.value(*point), rel=1e-12)
        assert landscape.value_and_gradient(*point) == pytest.approx(
            plain.value_and_gradient(*point), rel=1e-9
        )
        assert landscape.hessian(*point) == pytest.approx(plain.hessian(*point), rel=1e-9)


def test_moving_by_the_offset_moves_minima_starts_and_box():
    home, away = surface("rosenbrock"), surface("rosenbrock", offset_x=0.5, offset_y=-1)
    assert away.minima == ((1.5, 0.0),)
    assert away.starts[0] == (-0.7, 0.0)
    assert away.box == (-1.5, 2.5, -2.0, 2.0)
    assert away.value(1.3, -0.6) == home.value(0.8, 0.4)
    far = surface("bowl", offset_x=50)
    assert far.box[0] == pytest.approx(-0.4)
    assert far.box[1] == 54


def test_a_surface_at_home_costs_no_transformation():
    landscape = surface("rosenbrock")
    assert landscape.value_and_gradient.__code__.co_argcount == 4  # the compiled function itself


# Decay, grids, minima


@pytest.mark.parametrize("weight_decay", [0.003, 0.1, 2.0])
def test_penalised_minimum_of_the_rotated_bowl_is_the_closed_form(weight_decay: float):
    landscape = surface("rotated_bowl", condition=12, offset_x=1.5, offset_y=0.5, rotation=-20)
    curvature = matrix(landscape, 0.0, 0.0)
    expected = np.linalg.solve(curvature + weight_decay * np.eye(2), curvature @ [1.5, 0.5])
    (found,) = landscape.find_minima(weight_decay=weight_decay)
    assert found == pytest.approx(expected, abs=1e-9)


def test_decay_gives_separable_classes_a_minimum_and_the_product_two_balanced_ones():
    assert surface("separable_classes").find_minima() == ()
    assert len(surface("separable_classes").find_minima(weight_decay=0.01)) == 1
    assert surface("two_layer").find_minima() == ()
    balanced = math.sqrt(0.9)  # of (xy − 1)²/2 + 0.05·(x² + y²): xy = 1 − 0.1
    found = surface("two_layer").find_minima(weight_decay=0.1)
    assert sorted(found) == [pytest.approx((s * balanced, s * balanced), abs=1e-8) for s in (-1, 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(x - 1)^4 + (y + 2)^4", [(1, -2)]),
        ("abs(x - 1) + 3*abs(y + 0.5)", [(1, -0.5)]),
        ("max(abs(x), abs(y - 1))", [(0, 1)]),
        ("(x^2 - 4)^2 + y^2", [(-2, 0), (2, 0)]),
        ("log(x) + 1/x + y^2", [(1, 0)]),
        ("sqrt((x - 3)^2 + y^2)", [(3, 0)]),
        ("1e-6*((x + 4.9)^2 + y^2) + 5", [(-4.9, 0)]),
        ("1e9*((x - 0.01)^2 + 1000*(y - x)^2)", [(0.01, 0.01)]),
        ("x^2", []),
        ("(x - y)^4", []),
        ("x + y", []),
        ("7", []),
        ("x^2 - y^2", []),
        ("(x^2 + y^2 - 4)^2", []),
        ("exp(x)", []),
        ("sqrt(x - 100)", []),
        ("(x - 6)^2 + y^2", []),
    ],
)
def test_minima_of_own_formulas_are_found_where_they_are_isolated(text: str, expected: list[Any]):
    found = sorted(formula_landscape(text).find_minima())
    assert len(found) == len(expected), found
    for point, minimum in zip(found, expected, strict=True):
        assert point == pytest.approx(minimum, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abs(y - 0.7*x) + 0.1*x^2", [(0, 0)]),
        ("abs(y - x^2) + (1 - x)^2", [(1, 1)]),
        ("abs(x - 0.3*y) + abs(y - sin(x)) + 0.01*(x - 1)^2", [(0, 0)]),
        ("sqrt(abs(y + 0.37*x)) + 0.1*abs(x - 2.3)", [(2.3, -0.851)]),
        ("abs(x) + abs(abs(y) - 0.02)", [(0, -0.02), (0, 0.02)]),  # in one cell
        ("abs(x - y)", []),
        ("sqrt(abs(x - y))", []),
        ("abs(sqrt(x^2 + y^2) - 2)", []),
        ("floor(x) + floor(y)", []),
        ("1/x + y^2", []),
        ("y^2 - 1/(x - 1)^2", []),
        ("log(x^2 + y^2)", []),
        ("where(x > 0, x, 5) + y^2", []),  # never attained
    ],
)
def test_minima_on_kinks_are_found_and_poles_are_none(text: str, expected: list[Any]):
    found = sorted(formula_landscape(text).find_minima())
    assert len(found) == len(expected), found
    for point, minimum in zip(found, expected, strict=True):
        assert point == pytest.approx(minimum, abs=1e-5)


@given(
    angle=st.floats(0, math.pi),
    other=st.floats(0.3, math.pi - 0.3),
    at=st.tuples(*[st.floats(-4, 4)] * 2),
    steeper=st.floats(1, 50),
)
@settings(deadline=None, derandomize=True, max_examples=25)
def test_where_two_kinks_cross_is_a_minimum_however_they_lie(
    angle: float, other: float, at: tuple[float, float], steeper: float
):
    x, y = at
    turns = (angle, angle + other)
    lines = [f"abs({math.cos(a)!r}*(x - ({x!r})) + {math.sin(a)!r}*(y - ({y!r})))" for a in turns]
    (found,) = formula_landscape(f"{lines[0]} + {steeper!r}*{lines[1]}").find_minima()
    assert found == pytest.approx(at, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + y", [(-5, -5, True)]),
        ("x^2 - y^2", [(0, -5, True), (0, 5, True)]),
        ("(x - 6)^2 + y^2", [(5, 0, True)]),
        ("(x - 5)^2 + y^2", [(5, 0, False)]),  # a minimum of the plane, by chance on the border
        ("abs(x - 5) + abs(y)", [(5, 0, False)]),
        ("sqrt(abs(x - 5)) + abs(y - 0.3)", [(5, 0.3, False)]),
        ("sqrt(abs(x - 5.5)) + abs(y - 0.3)", [(5, 0.3, True)]),
        ("x", []),  # all of a side
        ("exp(x) + (y - 1)^2", [(-5, 1, True)]),
        ("(x^2 + y^2 - 4)^2", []),
        ("abs(y - 0.7*x) + 0.1*x^2", [(0, 0, False)]),  # where the kink leaves the box it still falls inwards
        ("abs(y - 0.7*x) + 0.1*x", [(-5, -3.5, True)]),
    ],
)
def test_minima_that_the_border_makes_are_told_as_such(text: str, expected: list[Any]):
    found = sorted(formula_landscape(text).minima_in())
    assert [(m.edge) for m in found] == [edge for *_, edge in expected], found
    for minimum, (x, y, _) in zip(found, expected, strict=True):
        assert (minimum.x, minimum.y) == pytest.approx((x, y), abs=1e-5)
    inside = [(m.x, m.y) for m in found if not m.edge]
    assert list(formula_landscape(text).find_minima()) == inside


def test_global_is_what_no_known_minimum_is_below():
    well = surface("double_well")
    deep, shallow = sorted(well.minima_in(), key=lambda m: m.loss)
    assert (deep.is_global, shallow.is_global) == (True, False)
    (alone,) = well.minima_in((0.5, 1.5, -1, 1))
    assert (alone.x, alone.is_global) == (pytest.approx(shallow.x), False)
    own = formula_landscape("(x^2 - 1)^2 + 0.3*x + y^2")
    assert [m.is_global for m in own.minima_in((0.5, 1.5, -1, 1))] == [False]
    assert [m.is_global for m in own.minima_in((-1.5, -0.5, -1, 1))] == [True]
    assert [m.is_global for m in surface("himmelblau").minima_known] == [True] * 4
    lower_on_the_edge = formula_landscape("x^3 - 3*x + y^2").minima_in()
    assert [(m.edge, m.is_global) for m in lower_on_the_edge] == [(True, True), (False, False)]


@each_surface
def test_no_view_shows_a_value_below_the_declared_minimum(declared: Surface):
    landscape = declared.at()
    _, _, z = landscape.grid(n_x=701, n_y=701)
    if landscape.minima:
        declared_losses = [landscape.value(*point) for point in landscape.minima]
        assert np.nanmin(z) >= min(declared_losses) - 1e-9 * (1 + abs(min(declared_losses)))
        assert any(m.is_global for m in landscape.minima_known)
        assert not any(m.edge for m in landscape.minima_in() if m.loss < min(declared_losses))


@each_surface
@seeds
@settings(deadline=None, derandomize=True, max_examples=4)
def test_no_minimum_is_called_global_where_its_view_shows_a_lower_value(declared: Surface, seed: int):
    landscape = drawn(declared, np.random.default_rng(seed))
    lowest = np.nanmin(landscape.grid(n_x=301, n_y=301)[2])
    for minimum in landscape.minima_in():
        assert not minimum.is_global or minimum.loss <= lowest + 1e-6 * (1 + abs(lowest))


def test_mccormick_s_view_is_the_published_domain():
    assert surface("mccormick").box == (-1.5, 4, -3, 4)
    (x, y), value = surface("mccormick").minima[0], -1.913222954981037
    assert surface("mccormick").value(x, y) == pytest.approx(value, rel=1e-14)


def test_all_dents_of_the_egg_box_are_found_lowest_first():
    landscape = surface("rastrigin")
    found = landscape.find_minima()
    assert len(found) == 121
    assert found[0] == pytest.approx((0, 0), abs=1e-9)
    heights = [landscape.value(*point) for point in found]
    assert heights == pytest.approx(sorted(heights), abs=1e-6)
    assert len(landscape.find_minima((-0.4, 0.4, -0.4, 0.4))) == 1


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_grids_are_what_a_plain_loop_gives(weight_decay: float):
    landscape = surface("himmelblau", rotation=15, offset_x=1)
    x, y, z = landscape.grid((-1, 2, -3, 1), 5, 4, weight_decay)
    assert (x.shape, y.shape, z.shape, z.dtype) == ((5,), (4,), (4, 5), np.float64)
    assert (x[0], x[-1], y[0], y[-1]) == (-1, 2, -3, 1)
    for j in range(4):
        for i in range(5):
            penalty = weight_decay / 2 * (x[i] ** 2 + y[j] ** 2)
            assert z[j, i] == pytest.approx(landscape.value(float(x[i]), float(y[j])) + penalty, rel=1e-12)


def test_grids_hold_nan_where_the_formula_is_undefined():
    _, _, z = formula_landscape("log(x) + 1/y").grid((-1, 1, -1, 1), 3, 3)
    assert np.isnan(z).tolist() == [[True, True, False], [True, True, True], [True, True, False]]
    assert formula_landscape("3").grid(n_x=4, n_y=2)[2].tolist() == [[3.0] * 4] * 2


# What stands for a landscape


def test_ids_surfaces_landscapes_and_formulas_stand_for_landscapes():
    landscape = surface("bowl", condition=30)
    assert as_landscape(landscape) is landscape
    assert as_landscape("bowl").params["condition"] == 10
    assert as_landscape(surfaces()["bowl"]).surface_id == "bowl"
    own = as_landscape("x^2 + 3*y^2")
    assert (own.surface_id, own.box, own.value(1.0, 2.0)) == (None, (-5.0, 5.0, -5.0, 5.0), 13.0)
    assert as_landscape("x").value(2.0, 0.0) == 2


def test_own_formulas_start_where_they_are_defined():
    assert as_landscape("x^2 + y^2").starts[0] == (-3, 2)
    assert as_landscape("log(x) - log(-y)").starts == ((3, -2),)
    assert as_landscape("log(x - 100)").starts[0] == (-3, 2)


@pytest.mark.parametrize(
    "thing", ["bowll", "Rosenbrock", "no such surface", "two-layer", "sin", 3, None, ["bowl"]]
)
def test_what_is_neither_id_nor_formula_is_an_unknown_surface(thing: object):
    with pytest.raises(InvalidInput) as caught:
        as_landscape(thing)
    assert caught.value.code == "unknown_surface"
    assert "rotated_bowl, bowl" in caught.value.message
    if thing in ("bowll", "Rosenbrock"):
        assert caught.value.hint in ("Did you mean bowl?", "Did you mean rosenbrock?")


@pytest.mark.parametrize("text", ["x^2 +", "1/2x", "foo(x)", "x.y", "", "x" * 10_000, "x^2 + bowl"])
def test_what_is_meant_as_a_formula_gets_the_formulas_error(text: str):
    with pytest.raises(InvalidInput) as caught:
        as_landscape(text)
    assert caught.value.code == "formula"


def test_wrong_ids_and_settings_are_named():
    with pytest.raises(InvalidInput) as caught:
        surface("bowll")
    assert caught.value.code == "unknown_surface"
    for params, field in (
        ({"condition": 0}, "condition"),
        ({"tilt": 1}, "tilt"),
        ({"rotation": math.nan}, "rotation"),
    ):
        with pytest.raises(InvalidInput) as caught:
            surface("bowl", **params)
        assert caught.value.field == field
