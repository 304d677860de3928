"""The devices that training runs may use, found without touching a GPU."""

from __future__ import annotations

import os
from functools import cache


@cache
def devices() -> tuple[str, ...]:
    """``cuda:0`` … and ``mps`` where there are such, then ``cpu``."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # asks the driver, starts nothing
    import torch

    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def candidates(device: str) -> tuple[str, ...]:
    """The devices on which a run that asked for ``device`` may run; none if there is none such."""
    match device:
        case "auto":
            return devices()[:-1] or devices()
        case "cuda":
            return tuple(name for name in devices() if name.startswith("cuda"))
    return tuple(name for name in devices() if name == device)
