"""Built-in surfaces that each show one thing, the first of them the default scene: a declaration each."""

from __future__ import annotations

import math

from optim_core.declare.kinds import Setting
from optim_core.surfaces.kind import declare, demo, fixed, number
from optim_core.surfaces.landscape import Points


def _condition(default: float) -> Setting:
    help = "How many times steeper one direction is than the other."
    return number("condition", default, 1, 1000, "Condition number", help, scale="log", symbol=r"\kappa")


def _well_bottoms(tilt: float) -> Points:
    """Minima of (x² − 1)² + tilt·x: roots of 4x³ − 4x + tilt, by the cosine formula for three real roots."""
    third = math.acos(-tilt * math.sqrt(27) / 8) / 3
    left, right = (2 / math.sqrt(3) * math.cos(third - 2 * math.pi * k / 3) for k in (2, 0))
    return (left, 0.0), (right, 0.0)


LESSONS = (
    declare(
        "rotated_bowl",
        "Rotated bowl",
        "A slanted valley away from the origin: decay pulls each rule off the minimum in its own way.",
        "(x^2/condition + y^2)/2",
        _condition(30),
        box=(-4, 2.5, -3, 3),
        starts=((2.76, 1.18), (-3, 2), (1.5, -1.8)),
        minima=fixed((0, 0)),
        demo=demo(steps=400, lr_gradient=0.5, lr_adaptive=0.05),
        placed=(2.0, 1.2, 30.0),
    ),
    declare(
        "bowl",
        "Quadratic bowl",
        "The steepest direction limits the step, the flattest sets the time; their ratio is the condition.",
        "(x^2 + condition*y^2)/2",
        _condition(10),
        box=(-4, 4, -4, 4),
        starts=((-3, 2), (3, 3), (0.5, -3)),
        minima=fixed((0, 0)),
        demo=demo(steps=200, lr_gradient=0.15, lr_adaptive=0.1),
    ),
    declare(
        "ravine",
        "Ravine",
        "Steep walls and a floor that descends evenly: plain descent zigzags across, momentum rolls along.",
        "slope*sqrt(1 + x^2) + steepness*y^2/2",
        number("slope", 0.5, 0.01, 5, "Slope", "How fast the floor descends.", scale="log", symbol="s"),
        number("steepness", 20, 1, 200, "Steepness", "Curvature of the walls.", scale="log", symbol="k"),
        box=(-5, 5, -2, 2),
        starts=((-4, 1), (4, -1.5), (-4.5, 0)),
        minima=fixed((0, 0)),
        demo=demo(steps=400, lr_gradient=0.09, lr_adaptive=0.05),
    ),
    declare(
        "noisy_valley",
        "Noisy valley",
        "A rippled valley under gradient noise: small steps stick in a ripple, larger ones are shaken out.",
        "(x^2/10 + y^2)/2 + ripple*(2 - cos(5*x) - cos(5*y))",
        number("ripple", 0.05, 0, 1, "Ripple", "Height of the small waves.", symbol="r"),
        box=(-4, 4, -4, 4),
        starts=((-3.3, 2.5), (3, -3)),
        minima=fixed((0, 0)),
        demo=demo(steps=500, noise=0.5, lr_gradient=0.2, lr_adaptive=0.03),
    ),
    declare(
        "plateau",
        "Plateau",
        "Far from the hole there is hardly a gradient: rules that divide by its size walk on, others wait.",
        "1 - exp(-(x^2 + y^2)/width^2)",
        number("width", 1.5, 0.5, 5, "Width", "Distance over which the hole flattens out.", symbol="w"),
        box=(-4, 4, -4, 4),
        starts=((-2.5, 1.5), (3, 2.5), (0.5, -1)),
        minima=fixed((0, 0)),
        demo=demo(steps=400, lr_gradient=0.5, lr_adaptive=0.05),
    ),
    declare(
        "cliff",
        "Cliff",
        "At the edge the gradient explodes: plain descent is thrown across, normalised steps walk down.",
        "(x^2 + y^2)/10 + height*sigmoid(sharpness*(x^2 - 4))",
        number("height", 3, 0.1, 10, "Height", "How far the ground drops at the edge.", symbol="h"),
        number("sharpness", 4, 1, 20, "Sharpness", "How sudden the edge is.", scale="log", symbol="k"),
        box=(-5, 5, -4, 4),
        starts=((-3.5, 2), (3, -3), (-1.5, -2)),
        minima=fixed((0, 0)),
        demo=demo(steps=200, lr_gradient=0.3, lr_adaptive=0.05),
        source="after Pascanu, Mikolov & Bengio 2013",
    ),
    declare(
        "saddle",
        "Saddle",
        "Flat at the centre, yet no minimum: a rule lingers as long as tiny gradients mean little to it.",
        "(x^2 - y^2)/2",
        box=(-2, 2, -2, 2),
        starts=((-1.5, 0.001), (1.5, 0.1), (-1, -0.5)),
        demo=demo(steps=150, lr_gradient=0.05, lr_adaptive=0.02),
    ),
    declare(
        "monkey_saddle",
        "Monkey saddle",
        "Three ways down, the third for the tail, and a centre where even the curvature vanishes.",
        "x^3 - 3*x*y^2",
        box=(-1.5, 1.5, -1.5, 1.5),
        starts=((1.2, 0.1), (-0.55, 1.05), (-0.5, -1)),
        demo=demo(steps=150, lr_gradient=0.005, lr_adaptive=0.01),
    ),
    declare(
        "double_well",
        "Double well",
        "Two minima behind a ridge, one deeper if tilted: start, momentum and noise decide where a run ends.",
        "(x^2 - 1)^2 + tilt*x + y^2",
        number("tilt", 0.3, -1, 1, "Tilt", "How much lower one of the two minima lies.", symbol="t"),
        box=(-2, 2, -2, 2),
        starts=((1.8, 1), (0.1, -1.5), (-1.8, 1.5)),
        minima=_well_bottoms,
        demo=demo(steps=200, noise=0.3, lr_gradient=0.05, lr_adaptive=0.03),
    ),
    declare(
        "flat_and_sharp",
        "Flat and sharp minimum",
        "Two minima equally deep: large or noisy steps cannot stay in the sharp one, small ones can.",
        "min(sharpness*((x - 1.5)^2 + y^2), (x + 1.5)^2 + y^2)/2",
        number(
            "sharpness",
            20,
            1,
            200,
            "Sharpness",
            "Curvature on the right; left it is 1.",
            scale="log",
            symbol="k",
        ),
        box=(-4, 3, -3, 3),
        starts=((1.8, 0.4), (2.5, 2), (0.5, -2)),
        minima=fixed((1.5, 0), (-1.5, 0)),
        demo=demo(steps=300, noise=0.5, lr_gradient=0.05, lr_adaptive=0.05),
        source="after Hochreiter & Schmidhuber 1997",
    ),
    declare(
        "quartic",
        "Quartic bowl",
        "A minimum without curvature: gradients fade long before it, and the last stretch never ends.",
        "(x^4 + y^4)/4",
        box=(-2, 2, -2, 2),
        starts=((-1.7, 1.2), (1.5, 0.5)),
        minima=fixed((0, 0)),
        demo=demo(steps=400, lr_gradient=0.1, lr_adaptive=0.02),
    ),
    declare(
        "two_layer",
        "Two-layer product",
        "The smallest deep net, a product of weights: of its curve of minima decay picks the balanced ones.",
        "(x*y - 1)^2/2",
        box=(-3, 3, -3, 3),
        starts=((2.5, 0.05), (-0.1, -2), (-2, 1)),
        demo=demo(steps=500, lr_gradient=0.1, lr_adaptive=0.03),
    ),
    declare(
        "separable_classes",
        "Separable classes",
        "Logistic loss of three examples that a line separates: without decay the weights grow for ever.",
        "softplus(-2*x - y) + softplus(-x - 2*y) + softplus(y/2 - x)",
        box=(-3, 7, -3, 7),
        starts=((-1, 3), (0, 0), (2, -2)),
        demo=demo(steps=500, lr_gradient=0.3, lr_adaptive=0.03),
    ),
    declare(
        "scale_invariant",
        "Scale-invariant weights",
        "Only the direction counts, as before normalisation: steps lengthen weights, decay shortens them.",
        "1 - x/sqrt(x^2 + y^2 + 1e-4)",
        box=(-3, 3, -3, 3),
        starts=((-1, 0.5), (0, -2), (-0.3, 0.1)),
        demo=demo(steps=500, noise=0.3, lr_gradient=0.1, lr_adaptive=0.02),
        source="after van Laarhoven 2017",
    ),
)
