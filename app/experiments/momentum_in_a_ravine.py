"""What momentum is for: steep walls, and a floor that hardly descends."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Momentum in a ravine",
    page="explore",
    order=11,
    view={
        "surface": "ravine",
        "steps": 60,
        "runners": [runner("sgd", lr=0.09), runner("momentum", lr=0.09)],
        "glyphs": ["gradient_part"],
        "charts": ["distance", "loss", "gradient_part"],
    },
    sentences=(
        "The walls are steep, the floor hardly descends; both runners have the same η.",
        "Plain descent is thrown from wall to wall, and goes along the floor as slowly as that slopes.",
        "Momentum averages gradients: across the ravine they cancel, along it they add up.",
    ),
    question="After 60 steps, who is nearer to the minimum?",
    choices=("SGD", "SGD with momentum", "both are as near"),
    answer=1,
    because="SGD is {0.distance:number} away, momentum {1.distance:number}. With β = 0.9 what stays the"
    " same adds up to ten times one gradient.",
)
