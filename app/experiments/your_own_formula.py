"""A surface of one's own, on which two rules end in different minima."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Your own formula",
    page="explore",
    order=15,
    view={
        "surface": "own",
        "formula": "x**2 + 3*y**2 + sin(3*x)*cos(2*y)",
        "starts": [[2.5, 1.5]],
        "steps": 300,
        "noise": 0.0,
        "runners": [runner("sgd", lr=0.05), runner("momentum", lr=0.05)],
        "glyphs": ["gradient_part"],
        "charts": ["loss", "gradient_part", "weight_norm"],
    },
    sentences=(
        "Any formula in x and y is a surface: type one at the left, as you would write it.",
        "This one has two minima, marked +; the left one is the lower.",
        "Both runners start at one point with the same η.",
    ),
    question="Do they end in the same minimum?",
    choices=("yes", "no"),
    answer=1,
    because="SGD ends at x = {0.x:number} with a loss of {0.loss:number}; momentum rolls through that"
    " dent and ends at x = {1.x:number} with {1.loss:number}.",
)
