"""The angle that weights turn by where their length does not matter."""

from app.preset import Preset, runner

PRESET = Preset(
    title="How fast weights turn, without scale",
    page="train",
    order=70,
    view={
        "task": "scale_invariant",
        "run": {"steps": 3000, "batch_size": 32},
        "runners": [runner(name, lr=1e-3, weight_decay=0.1) for name in ("adam_l2", "adamw")],
    },
)
