"""What a warm-up is for, at a learning rate that is too large for the first steps."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Warm-up or not, on the nano GPT",
    page="train",
    order=50,
    view={
        "task": "char_gpt",
        "settings": {"size": "nano"},
        "run": {"steps": 300, "batch_size": 16},
        "runners": [
            runner("adamw", {"id": "cosine"}, lr=5e-3, weight_decay=0.1),
            runner("adamw", {"id": "cosine", "warmup_steps": 50}, lr=5e-3, weight_decay=0.1),
        ],
    },
)
