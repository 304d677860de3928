"""How much decay keeps a model from learning wrong labels by heart."""

from app.preset import Preset, runner

PRESET = Preset(
    title="λ against overfitting, on noisy labels",
    page="train",
    order=60,
    view={
        "task": "noisy_labels",
        "run": {"steps": 1500, "batch_size": 64},
        "runners": [runner("adamw", lr=1e-3, weight_decay=decay) for decay in (0, 0.1, 1)],
    },
    question="How much decay keeps a model from learning wrong labels by heart?",
    sketch=[
        [0.5, 0.4, 0.6, 0.8, 0.9, 1],
        [0.5, 0.35, 0.4, 0.5, 0.55, 0.6],
        [0.5, 0.36, 0.3, 0.28, 0.27, 0.27],
    ],
    seconds=70,
)
