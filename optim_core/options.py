"""What an experiment may be told beside its problem and its optimizer: declared once, like hyperparameters.

Forms, flags, schemas, checks and the words of errors are made from these; see `optim_core.experiment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from optim_core.declare.kinds import Choice, Integer, Real, Setting, Text
from optim_core.param_groups import POLICIES

Precision = Literal["fp32", "bf16", "fp16", "fp16_unscaled"]

PRECISIONS: Mapping[str, str] = {
    "fp32": "Everything in 32-bit floats.",
    "bf16": "Layers in bfloat16 (autocast), weights in 32 bits.",
    "fp16": "Layers in float16 (autocast), the loss scaled so that small gradients survive.",
    "fp16_unscaled": "Layers in float16 without scaling, to see what scaling is for.",
}
MAX_STEPS, MAX_SEED = 10_000_000, 2**63 - 1


def _named(*settings: Setting) -> Mapping[str, Setting]:
    return {setting.name: setting for setting in settings}


def _steps(help: str, default: int | None) -> Setting:
    kind = Integer(label="steps", help=help, low=1, high=MAX_STEPS, slider=(10, 20_000), scale="log")
    return Setting("steps", kind, default)


def _seed(help: str) -> Setting:
    return Setting("seed", Integer(label="seed", help=help, low=0, high=MAX_SEED, slider=(0, 100)), 0)


_CLIP = Setting(
    "clip",
    Real(
        label="clip gradient norm at",
        help="Gradients longer than this are shortened to it; 0 means never.",
        low=0.0,
        high=1e12,
        slider=(0.01, 100.0),
        scale="log",
    ),
    None,
)


SURFACE_OPTIONS: Mapping[str, Setting] = _named(
    _steps("How many updates each runner takes.", 500),
    Setting(
        "noise",
        Real(
            label="gradient noise",
            help="Standard deviation of Gaussian noise on each coordinate of the gradient.",
            low=0.0,
            high=1e6,
            slider=(0.01, 100.0),
            scale="log",
        ),
        0.0,
    ),
    _seed("Of the noise, which is the same for every runner."),
    _CLIP,
)

# A default of None: the task's own, or one that follows from the others. By their paths in a request.
TASK_OPTIONS: Mapping[str, Setting] = _named(
    _steps("How many updates each run takes; the task's own number if left out.", None),
    Setting(
        "batch_size",
        Integer(
            label="batch size",
            help="Examples in an update; the task's own if left out.",
            low=1,
            high=1_000_000,
            slider=(1, 1024),
            scale="log",
        ),
        None,
    ),
    _seed("Decides the first weights and the order of the data."),
    _CLIP,
    Setting(
        "groups",
        Choice(label="decay groups", help="Which tensors decay.", options=POLICIES),
        "no_bias_no_norm",
    ),
    Setting(
        "precision",
        Choice(label="precision", help="In which numbers the model computes.", options=PRECISIONS),
        "fp32",
    ),
    Setting(
        "l2_in_loss",
        Real(
            label="L2 in the loss",
            help="c adds cΣp² over the decaying tensors to the loss itself, so 2cp to their gradients; to the"
            " optimizer this is data, so it belongs to the traced gradient part.",
            low=0.0,
            high=1e6,
            slider=(1e-5, 1.0),
            scale="log",
        ),
        0.0,
    ),
    Setting(
        "trace.every",
        Integer(
            label="measure every",
            help="Steps from one measurement of all tensors to the next.",
            low=1,
            high=MAX_STEPS,
            slider=(1, 100),
            scale="log",
        ),
        10,
    ),
    Setting(
        "validate_every",
        Integer(
            label="validate every",
            help="Steps from one validation to the next; 20 validations in a run if left out.",
            low=1,
            high=MAX_STEPS,
            slider=(1, 1000),
            scale="log",
        ),
        None,
    ),
    Setting("device", Text(label="device", help="auto (the best there is), cpu, cuda, cuda:1, mps."), "auto"),
)
