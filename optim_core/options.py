"""What every training run may be told beside its task and its optimizer: declared once.

Forms, checks and the words of errors are made from these; see `plans` for how the options are used.
"""

from __future__ import annotations

from collections.abc import Mapping

from optim_core.declare.kinds import Choice, Integer, Real, Setting
from optim_core.param_groups import POLICIES

PRECISIONS: Mapping[str, str] = {
    "fp32": "Everything in 32-bit floats.",
    "bf16": "Layers in bfloat16 (autocast), weights in 32 bits.",
    "fp16": "Layers in float16 (autocast), the loss scaled so that small gradients survive.",
    "fp16_unscaled": "Layers in float16 without scaling, to see what scaling is for.",
}
MAX_STEPS, MAX_BATCH, MAX_SEED = 10_000_000, 1_000_000, 2**63 - 1

_DECLARED = (
    Setting(
        "steps",
        Integer(
            label="steps",
            help="How many updates each run takes.",
            low=1,
            high=MAX_STEPS,
            slider=(10, 20_000),
            scale="log",
        ),
        500,
    ),
    Setting(
        "batch_size",
        Integer(
            label="batch size",
            help="Examples in an update.",
            low=1,
            high=MAX_BATCH,
            slider=(1, 1024),
            scale="log",
        ),
        64,
    ),
    Setting(
        "seed",
        Integer(
            label="seed",
            help="Decides the first weights and the order of the data.",
            low=0,
            high=MAX_SEED,
            slider=(0, 100),
        ),
        0,
    ),
    Setting(
        "clip",
        Real(
            label="clip gradient norm at",
            help="Gradients longer than this are shortened to it; 0 means never.",
            low=0.0,
            high=1e12,
            slider=(0.01, 100.0),
            scale="log",
        ),
        0.0,
    ),
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
            help="c adds cΣp² over the decaying tensors to the loss itself, so 2cp to their gradients.",
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
)

# By their paths in a request.
OPTIONS: Mapping[str, Setting] = {setting.name: setting for setting in _DECLARED}
