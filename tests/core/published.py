"""Published test functions in two variables: formula, domain, global minima with their value, and source.

SB: Surjanovic & Bingham, Virtual Library of Simulation Experiments, sfu.ca/~ssurjano/optimization.html
JY: Jamil & Yang, A literature survey of benchmark functions for global optimization problems, 2013, by number
MS: Molga & Smutnicki, Test functions for optimization needs, 2005, by section
GA: Gavana, Global Optimization Benchmarks, infinity77.net/global_optimization (and scipy's benchmarks)

A domain is the published one unless "view" follows the source: then it is a part of it, because 129 points
along the whole see nothing of the function's waves.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

Point = tuple[float, float]


class Published(NamedTuple):
    name: str
    formula: str
    box: tuple[float, float, float, float]
    minima: tuple[Point, ...]
    value: float
    source: str
    edge: bool = False  # on the border, where the function goes on falling


def _square(side: float) -> tuple[float, float, float, float]:
    return -side, side, -side, side


def _signs(x: float, y: float) -> tuple[Point, ...]:
    return tuple((a * x, b * y) for a, b in itertools.product((-1, 1), repeat=2))


_HOLES = [(x, y) for y in (-32, -16, 0, 16, 32) for x in (-32, -16, 0, 16, 32)]
_FOXHOLES = (
    "1/(0.002 + "
    + " + ".join(
        f"1/({j} + (x{-a:+d})^6 + (y{-b:+d})^6)".replace("x+0", "x").replace("y+0", "y")
        for j, (a, b) in enumerate(_HOLES, 1)
    )
    + ")"
)
_LANGERMANN = (
    "-("
    + " + ".join(
        f"{c}exp(-((x - {a})^2 + (y - {b})^2)/pi)cos(pi*((x - {a})^2 + (y - {b})^2))"
        for c, a, b in [(1, 3, 5), (2, 5, 2), (5, 2, 1), (2, 1, 4), (3, 7, 9)]
    )
    + ")"
)
_SHUBERT = "({})*({})".format(*(" + ".join(f"{i}*cos({i + 1}*{v} + {i})" for i in range(1, 6)) for v in "xy"))
_JENNRICH = " + ".join(f"({2 + 2 * i} - exp({i}*x) - exp({i}*y))^2" for i in range(1, 11))
_SHUBERT_PLACES = tuple(
    place
    for a, b in itertools.product((-7.0835, -0.8003, 5.4829), (-7.7083, -1.4251, 4.8581))
    for place in ((a, b), (b, a))
)

PUBLISHED = (
    # Kinks and cusps
    Published(
        "bukin_6", "100*sqrt(|y - 0.01x²|) + 0.01|x + 10|", (-15, -5, -3, 3), ((-10, 1),), 0, "SB, JY 25"
    ),
    Published("bukin_4", "100y² + 0.01|x + 10|", (-15, -5, -3, 3), ((-10, 0),), 0, "JY 24"),
    Published("alpine_1", "|x sin(x) + 0.1x| + |y sin(y) + 0.1y|", _square(10), ((0, 0),), 0, "JY 6"),
    Published("bartels_conn", "|x² + y² + xy| + |sin(x)| + |cos(y)|", _square(500), ((0, 0),), 1, "JY 9"),
    Published("price_1", "(|x| - 5)^2 + (|y| - 5)^2", _square(500), _signs(5, 5), 0, "JY 94"),
    Published("schwefel_2_21", "max(|x|, |y|)", _square(100), ((0, 0),), 0, "JY 123"),
    Published("schwefel_2_22", "|x| + |y| + |x||y|", _square(100), ((0, 0),), 0, "JY 124"),
    Published("schwefel_2_6", "max(|x + 2y - 7|, |2x + y - 5|)", _square(100), ((1, 3),), 0, "JY 127"),
    Published("different_powers", "|x|^2 + |y|^3", _square(1), ((0, 0),), 0, "SB"),
    Published(
        "salomon",
        "1 - cos(2π*sqrt(x² + y²)) + 0.1*sqrt(x² + y²)",
        _square(10),
        ((0, 0),),
        0,
        "JY 110, view",
    ),
    Published(
        "xin_she_yang_2", "(|x| + |y|)*exp(-sin(x²) - sin(y²))", _square(2 * math.pi), ((0, 0),), 0, "JY 170"
    ),
    Published(
        "cross_in_tray",
        "-0.0001*(|sin(x)*sin(y)*exp(|100 - sqrt(x² + y²)/pi|)| + 1)^0.1",
        _square(10),
        _signs(1.34941, 1.34941),
        -2.06261,
        "SB",
    ),
    Published(
        "holder_table",
        "-|sin(x)*cos(y)*exp(|1 - sqrt(x² + y²)/pi|)|",
        _square(10),
        _signs(8.05502, 9.66459),
        -19.2085,
        "SB, JY 146",
    ),
    Published(
        "carrom_table",
        "-exp(2|1 - sqrt(x² + y²)/pi|)*cos(x)^2*cos(y)^2/30",
        _square(10),
        _signs(9.646157, 9.646157),
        -24.1568155,
        "JY 146",
    ),
    Published(
        "pen_holder",
        "-exp(-1/|exp(|1 - sqrt(x² + y²)/pi|)*cos(x)*cos(y)|)",
        _square(11),
        _signs(9.646168, 9.646168),
        -0.96354,
        "JY 88",
    ),
    # On the edge of the domain
    Published(
        "eggholder",
        "-(y + 47)*sin(sqrt(|x/2 + y + 47|)) - x*sin(sqrt(|x - (y + 47)|))",
        _square(512),
        ((512, 404.2319),),
        -959.6407,
        "SB",
        edge=True,
    ),
    Published(
        "adjiman", "cos(x)*sin(y) - x/(y² + 1)", (-1, 2, -1, 1), ((2, 0.10578),), -2.02181, "JY 5", edge=True
    ),
    Published(
        "keane",
        "-sin(x - y)^2*sin(x + y)^2/sqrt(x² + y²)",
        (0, 10, 0, 10),
        ((0, 1.39325), (1.39325, 0)),
        -0.673668,
        "JY 69",
    ),
    Published("brent", "(x + 10)^2 + (y + 10)^2 + exp(-x² - y²)", _square(10), ((-10, -10),), 0, "JY 20"),
    # Many minima
    Published(
        "ackley",
        "-20exp(-0.2*sqrt((x² + y²)/2)) - exp((cos(2π*x) + cos(2π*y))/2) + 20 + e",
        _square(32.768),
        ((0, 0),),
        0,
        "SB, MS 2.9",
    ),
    Published(
        "rastrigin", "20 + x² + y² - 10(cos(2π*x) + cos(2π*y))", _square(5.12), ((0, 0),), 0, "SB, MS 2.5"
    ),
    Published("griewank", "(x² + y²)/4000 - cos(x)cos(y/sqrt(2)) + 1", _square(50), ((0, 0),), 0, "SB, view"),
    Published(
        "schwefel",
        "837.965774544 - x*sin(sqrt(|x|)) - y*sin(sqrt(|y|))",
        _square(500),
        ((420.9687, 420.9687),),
        0,
        "SB, MS 2.6",
    ),
    Published("shubert", _SHUBERT, _square(10), _SHUBERT_PLACES, -186.7309, "SB, JY 133"),
    Published(
        "levy_13",
        "sin(3π*x)^2 + (x - 1)^2*(1 + sin(3π*y)^2) + (y - 1)^2*(1 + sin(2π*y)^2)",
        _square(10),
        ((1, 1),),
        0,
        "SB",
    ),
    Published("langermann", _LANGERMANN, (0, 10, 0, 10), ((2.002992, 1.006096),), -5.1621259, "GA, MS 2.10"),
    Published(
        "schaffer_2",
        "0.5 + (sin(x² - y²)^2 - 0.5)/(1 + 0.001(x² + y²))^2",
        _square(10),
        ((0, 0),),
        0,
        "SB, view",
    ),
    Published(
        "schaffer_4",
        "0.5 + (cos(sin(|x² - y²|))^2 - 0.5)/(1 + 0.001(x² + y²))^2",
        _square(3),
        ((0, 1.25313), (0, -1.25313), (1.25313, 0), (-1.25313, 0)),
        0.292579,
        "JY 113, view",
    ),
    Published("egg_crate", "x² + y² + 25(sin(x)^2 + sin(y)^2)", _square(5), ((0, 0),), 0, "JY 52"),
    Published(
        "alpine_2", "-sqrt(x)*sin(x)*sqrt(y)*sin(y)", (0, 10, 0, 10), ((7.917, 7.917),), -7.8856, "JY 7"
    ),
    Published(
        "bird",
        "(x - y)^2 + exp((1 - sin(x))^2)*cos(y) + exp((1 - cos(y))^2)*sin(x)",
        _square(2 * math.pi),
        ((4.70104, 3.15294), (-1.58214, -3.13024)),
        -106.764537,
        "JY 16",
    ),
    Published(
        "chichinadze",
        "x² - 12x + 11 + 10cos(π*x/2) + 8sin(5π*x/2) - sqrt(1/5)*exp(-(y - 0.5)^2/2)",
        _square(30),
        ((6.189867, 0.5),),
        -42.944387,
        "GA (JY 33 prints a wrong place)",
    ),
    Published(
        "venter",
        "x² - 100cos(x)^2 - 100cos(x²/30) + y² - 100cos(y)^2 - 100cos(y²/30)",
        _square(50),
        ((0, 0),),
        -400,
        "JY 160",
    ),
    # Bowls, plates and valleys
    Published("sphere", "x² + y²", _square(5.12), ((0, 0),), 0, "SB"),
    Published("hyper_ellipsoid", "2x² + y²", _square(65.536), ((0, 0),), 0, "SB, MS 2.3"),
    Published("sum_squares", "x² + 2y²", _square(10), ((0, 0),), 0, "SB"),
    Published("trid", "(x - 1)^2 + (y - 1)^2 - x*y", _square(4), ((2, 2),), -2, "SB"),
    Published("booth", "(x + 2y - 7)^2 + (2x + y - 5)^2", _square(10), ((1, 3),), 0, "SB"),
    Published("matyas", "0.26(x² + y²) - 0.48xy", _square(10), ((0, 0),), 0, "SB"),
    Published("zakharov", "x² + y² + (0.5x + y)^2 + (0.5x + y)^4", (-5, 10, -5, 10), ((0, 0),), 0, "SB"),
    Published(
        "mccormick",
        "sin(x + y) + (x - y)^2 - 1.5x + 2.5y + 1",
        (-1.5, 4, -3, 4),
        ((-0.54719, -1.54719),),
        -1.913223,
        "SB, GA",
    ),
    Published("rosenbrock", "100(y - x²)^2 + (x - 1)^2", (-5, 10, -5, 10), ((1, 1),), 0, "SB, MS 2.4"),
    Published(
        "dixon_price", "(x - 1)^2 + 2(2y² - x)^2", _square(10), ((1, 0.707107), (1, -0.707107)), 0, "SB"
    ),
    Published(
        "six_hump_camel",
        "(4 - 2.1x² + x^4/3)*x² + xy + (-4 + 4y²)*y²",
        (-3, 3, -2, 2),
        ((0.0898, -0.7126), (-0.0898, 0.7126)),
        -1.0316,
        "SB",
    ),
    Published("three_hump_camel", "2x² - 1.05x^4 + x^6/6 + xy + y²", _square(5), ((0, 0),), 0, "SB"),
    Published(
        "quadratic",
        "-3803.84 - 138.08x - 232.92y + 128.08x² + 203.64y² + 182.25xy",
        _square(10),
        ((0.19388, 0.48513),),
        -3873.7243,
        "JY 101",
    ),
    Published(
        "deckkers_aarts",
        "1e5x² + y² - (x² + y²)^2 + 1e-5(x² + y²)^4",
        _square(20),
        ((0, 14.9451), (0, -14.9451)),
        -24776.518,
        "GA, JY 45",
    ),
    Published(
        "zirilli", "0.25x^4 - 0.5x² + 0.1x + 0.5y²", _square(10), ((-1.0465, 0),), -0.352386, "GA, JY 175"
    ),
    Published("zettl", "(x² + y² - 2x)^2 + 0.25x", (-5, 10, -5, 10), ((-0.02990, 0),), -0.003791, "JY 174"),
    Published("chung_reynolds", "(x² + y²)^2", _square(100), ((0, 0),), 0, "JY 34"),
    # Steep drops and narrow holes
    Published(
        "easom",
        "-cos(x)*cos(y)*exp(-(x - π)^2 - (y - π)^2)",
        _square(100),
        ((math.pi, math.pi),),
        -1,
        "SB, MS 2.15",
    ),
    Published("de_jong_5", _FOXHOLES, _square(65.536), ((-31.97833, -31.97833),), 0.998004, "SB, MS 2.16"),
    Published(
        "michalewicz",
        "-sin(x)*sin(x²/π)^20 - sin(y)*sin(2y²/π)^20",
        (0, math.pi, 0, math.pi),
        ((2.2029, 1.5708),),
        -1.8013,
        "SB, MS 2.11",
    ),
    Published(
        "drop_wave",
        "-(1 + cos(12*sqrt(x² + y²)))/(0.5(x² + y²) + 2)",
        _square(5.12),
        ((0, 0),),
        -1,
        "SB, MS 2.14",
    ),
    # Several equal minima, and the rest
    Published(
        "branin",
        "(y - 5.1/(4*π²)*x² + 5/π*x - 6)^2 + 10(1 - 1/(8*π))cos(x) + 10",
        (-5, 10, 0, 15),
        ((-3.14159, 12.275), (3.14159, 2.275), (9.42478, 2.475)),
        0.397887,
        "SB, MS 2.12",
    ),
    Published(
        "himmelblau",
        "(x² + y - 11)^2 + (x + y² - 7)^2",
        _square(5),
        ((3, 2), (-2.805118, 3.131313), (-3.779310, -3.283186), (3.584428, -1.848127)),
        0,
        "JY 65",
    ),
    Published(
        "goldstein_price",
        "(1 + (x + y + 1)^2*(19 - 14x + 3x² - 14y + 6xy + 3y²))"
        "*(30 + (2x - 3y)^2*(18 - 32x + 12x² + 48y - 36xy + 27y²))",
        _square(2),
        ((0, -1),),
        3,
        "SB, MS 2.13",
    ),
    Published(
        "beale",
        "(1.5 - x + xy)^2 + (2.25 - x + x*y²)^2 + (2.625 - x + x*y³)^2",
        _square(4.5),
        ((3, 0.5),),
        0,
        "SB",
    ),
    Published(
        "styblinski_tang",
        "(x^4 - 16x² + 5x + y^4 - 16y² + 5y)/2",
        _square(5),
        ((-2.903534, -2.903534),),
        -78.33233,
        "SB",
    ),
    Published(
        "bohachevsky_1", "x² + 2y² - 0.3cos(3π*x) - 0.4cos(4π*y) + 0.7", _square(100), ((0, 0),), 0, "SB"
    ),
    Published("bohachevsky_3", "x² + 2y² - 0.3cos(3π*x + 4π*y) + 0.3", _square(100), ((0, 0),), 0, "SB"),
    Published(
        "perm_0",
        "(11(x - 1) + 12(y - 1/2))^2 + (11(x² - 1) + 12(y² - 1/4))^2",
        _square(2),
        ((1, 0.5),),
        0,
        "SB",
    ),
    Published(
        "freudenstein_roth",
        "(x - 13 + ((5 - y)*y - 2)*y)^2 + (x - 29 + ((y + 1)*y - 14)*y)^2",
        _square(10),
        ((5, 4),),
        0,
        "JY 56",
    ),
    Published(
        "el_attar",
        "(x² + y - 10)^2 + (x + y² - 7)^2 + (x² + y³ - 1)^2",
        _square(5),
        ((3.40918683, -2.17143304),),
        1.712780354,
        "JY 50, view",
    ),
    Published("jennrich_sampson", _JENNRICH, _square(1), ((0.257825, 0.257825),), 124.3621824, "JY 67"),
    Published(
        "hosaki", "(1 - 8x + 7x² - 7/3*x³ + x^4/4)*y²*exp(-y)", (0, 5, 0, 6), ((4, 2),), -2.3458, "JY 66"
    ),
    Published(
        "parsopoulos",
        "cos(x)^2 + sin(y)^2",
        _square(5),
        tuple((a * math.pi / 2, b * math.pi) for a in (-3, -1, 1, 3) for b in (-1, 0, 1)),
        0,
        "JY 87",
    ),
    Published(
        "ursem_1",
        "-sin(2x - 0.5*π) - 3cos(y) - 0.5x",
        (-2.5, 3, -2, 2),
        ((1.69714, 0),),
        -4.81681,
        "GA, JY 156",
    ),
    Published("exponential", "-exp(-0.5(x² + y²))", _square(1), ((0, 0),), -1, "JY 54"),
    Published("price_2", "1 + sin(x)^2 + sin(y)^2 - 0.1exp(-x² - y²)", _square(10), ((0, 0),), 0.9, "JY 95"),
    Published(
        "giunta",
        "0.6 + sin(16/15*x - 1) + sin(16/15*x - 1)^2 + sin(4(16/15*x - 1))/50"
        " + sin(16/15*y - 1) + sin(16/15*y - 1)^2 + sin(4(16/15*y - 1))/50",
        _square(1),
        ((0.46732, 0.46732),),
        0.0644704,
        "GA, JY 57",
    ),
)
