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
)
