"""What Explore opens on: the two conventions of decay on a bowl that is steep along one coordinate."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Adam+L2 against AdamW",
    page="explore",
    order=10,
    view={
        "surface": "bowl",
        "formula": "x**2 + 3*y**2 + sin(3*x)*cos(2*y)",
        "params": {"condition": 30, "offset_x": 2, "offset_y": 1.2},
        "starts": [[-2, 3.5]],
        "steps": 400,
        "noise": 0.0,
        "runners": [runner(name, lr=0.05, weight_decay=0.05) for name in ("adam_l2", "adamw")],
        "charts": ["decay_rate", "effective_lr", "loss", "parts"],
    },
    sentences=(
        "Both start at one point, with the same learning rate η and the same decay strength λ.",
        "Adam+L2 adds λθ to the gradient, and Adam divides gradients by their size √v: large where the bowl"
        " is steep.",
        "AdamW takes ηλθ from each weight beside that, and no √v divides it.",
    ),
    question="Which weight does decay shrink less under Adam+L2?",
    choices=("the steep one, y", "the flat one, x", "both alike"),
    answer=0,
    because="Adam+L2 took {0.decay_taken_y:percent} of y and {0.decay_taken_x:percent} of x; AdamW took"
    " {1.decay_taken_y:percent} of y and {1.decay_taken_x:percent} of x. Large gradients in y make √v large"
    " there, and it divides the decay too.",
    adds="sgd_l2",
)
