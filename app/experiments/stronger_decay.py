"""Whether stronger decay is worse early and better at the end, as published for language models."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Stronger decay under a cosine, on the nano GPT",
    page="train",
    order=55,
    view={
        "task": "char_gpt",
        "settings": {"size": "nano"},
        "run": {"steps": 800, "batch_size": 16},
        "runners": [
            runner("adamw", {"id": "cosine", "warmup_steps": 50}, lr=6e-3, weight_decay=decay)
            for decay in (0, 0.1, 0.3)
        ],
        "vary": {"path": "seed", "values": [0, 1, 2]},
    },
    question="Is stronger decay worse early and better at the end?",
    sketch=[
        [1, 0.76, 0.57, 0.42, 0.33, 0.3],
        [1, 0.78, 0.58, 0.42, 0.32, 0.28],
        [1, 0.82, 0.62, 0.44, 0.31, 0.26],
    ],
    seconds=290,
)
