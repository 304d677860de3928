"""The two conventions on a small task that takes a minute."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Adam+L2 | AdamW on digits",
    page="train",
    order=30,
    view={
        "task": "digits_mlp",
        "run": {"steps": 600, "batch_size": 64},
        "runners": [runner(name, lr=1e-3, weight_decay=0.1) for name in ("adam_l2", "adamw")],
    },
    question="Do the two conventions of decay differ on a real task?",
    sketch=[[1, 0.55, 0.36, 0.26, 0.2, 0.16], [1, 0.5, 0.3, 0.2, 0.14, 0.1]],
    seconds=25,
)
