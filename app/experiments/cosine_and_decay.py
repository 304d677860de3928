"""What a schedule of the learning rate does to decoupled decay."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Cosine and λ",
    page="explore",
    order=13,
    view={
        "surface": "bowl",
        "params": {"condition": 30, "offset_x": 2, "offset_y": 1.2},
        "starts": [[-2, 3.5]],
        "steps": 400,
        "noise": 0.0,
        "runners": [
            runner("adamw", lr=0.05, weight_decay=0.05),
            runner("adamw", {"id": "cosine"}, lr=0.05, weight_decay=0.05),
        ],
        "charts": ["decay_rate", "schedule", "loss", "weight_norm"],
    },
    sentences=(
        "Both are AdamW with the same η and λ; the second lets η fall to 0 along half a cosine.",
        "In AdamW a step takes ηλ of each weight: λ is multiplied by the learning rate.",
        "Nothing else changes; λ itself has no schedule.",
    ),
    question="How much of a weight has decay taken under the cosine?",
    choices=("as much as without", "less", "more"),
    answer=1,
    because="Without a schedule decay has taken {0.decay_taken_x:percent} of each weight, with it"
    " {1.decay_taken_x:percent}: as η fades, so does ηλ. In the last steps there is hardly any decay left.",
)
