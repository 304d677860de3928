"""What decay does where only the direction of the weights counts."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Scale-free weights turn",
    page="explore",
    order=14,
    view={
        "surface": "scale_invariant",
        "steps": 600,
        "noise": 0.3,
        "runners": [runner("adamw", lr=0.02, weight_decay=0.0), runner("adamw", lr=0.02, weight_decay=0.2)],
        "charts": ["weight_norm", "update_ratio", "loss", "decay_rate"],
    },
    sentences=(
        "Before a normalisation only the direction of weights counts: the loss is the same at any length.",
        "Each step goes across the weights and so makes them longer; decay makes them shorter.",
        "The longer the weights, the less a step of the same length turns them.",
    ),
    question="What does decay do for such weights?",
    choices=(
        "nothing: length does not matter",
        "it keeps them turning",
        "it makes the loss smaller by itself",
    ),
    answer=1,
    because="Without decay the weights end {0.weight_norm:number} long and a step is"
    " {0.update_ratio:percent} of that; with it they end {1.weight_norm:number} long and a step"
    " is {1.update_ratio:percent}. For such weights λ sets how fast they turn.",
)
