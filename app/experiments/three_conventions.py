"""What Compare opens on: the same η and λ for three conventions of decay."""

from app.preset import Preset, runner

PRESET = Preset(
    title="Three conventions of decay on a bowl",
    page="compare",
    order=20,
    view={
        "surface": "bowl",
        "formula": "x**2 + 3*y**2 + sin(3*x)*cos(2*y)",
        "params": {"condition": 30, "offset_x": 2, "offset_y": 1.2},
        "starts": [[-2, 3.5]],
        "steps": 400,
        "noise": 0.0,
        "runners": [runner(name, lr=0.05, weight_decay=0.05) for name in ("adam_l2", "adamw", "adamw_lh")],
        "charts": ["apart", "effective_lr", "parts", "decay_rate", "loss"],
    },
)
