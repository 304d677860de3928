"""The two conventions on a small language model."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Adam+L2 | AdamW on the nano GPT",
    page="train",
    order=40,
    view={
        "task": "char_gpt",
        "settings": {"size": "nano"},
        "run": {"steps": 600, "batch_size": 16},
        # τ = 1/(ηλ) = 667 steps: decay has its say within the run.
        "runners": [
            runner(name, {"id": "cosine", "warmup_steps": 50}, lr=5e-3, weight_decay=0.3)
            for name in ("adam_l2", "adamw")
        ],
    },
    question="Which tensors does each convention shrink, in a small language model?",
    sketch=[[1, 0.7, 0.55, 0.47, 0.42, 0.4], [1, 0.68, 0.52, 0.43, 0.38, 0.36]],
    seconds=50,
)
