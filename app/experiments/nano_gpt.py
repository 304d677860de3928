"""The two conventions on a small language model."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Adam+L2 | AdamW on the nano GPT",
    page="train",
    order=40,
    view={
        "task": "char_gpt",
        "settings": {"size": "nano"},
        "run": {"steps": 300, "batch_size": 16},
        "runners": [runner(name, lr=1e-3, weight_decay=0.1) for name in ("adam_l2", "adamw")],
    },
)
