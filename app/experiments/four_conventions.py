"""Four conventions of decay part on a rotated bowl; addresses of Explore are told against it."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Four conventions of decay on a rotated bowl",
    page="explore",
    order=29,
    kept=True,
    view={
        "surface": "rotated_bowl",
        "formula": "x**2 + 3*y**2 + sin(3*x)*cos(2*y)",
        "runners": [
            runner("sgd_l2", lr=0.5, weight_decay=0.1),
            runner("adam_l2", lr=0.05, weight_decay=0.1),
            runner("adamw", lr=0.05, weight_decay=0.1),
            # AdamW-LH does not multiply λ by η, so its λ is smaller; this one pulls four times as hard.
            runner("adamw_lh", lr=0.05, weight_decay=0.02),
        ],
    },
)
