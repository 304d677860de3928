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
    question="How fast do weights turn where their length does not matter?",
    sketch=[[1, 0.5, 0.3, 0.24, 0.22, 0.21], [1, 0.6, 0.45, 0.4, 0.38, 0.37]],
    seconds=140,
)
