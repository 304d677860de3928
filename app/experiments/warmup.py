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
    question="What does a warm-up save, where η is too large for the first steps?",
    sketch=[[1, 0.9, 0.75, 0.62, 0.55, 0.5], [1, 0.7, 0.5, 0.38, 0.32, 0.28]],
    seconds=25,
)
