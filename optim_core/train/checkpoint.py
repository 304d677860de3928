"""Checkpoints: a run between two steps as a file, from which it goes on as if it had never stopped.

A checkpoint holds tensors and plain data alone, and is read as such (``weights_only``). It is there whole or
not at all: written beside its place, forced to the disk, renamed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from optim_core.declare.errors import InvalidInput

FORMAT, VERSION = "optimscope checkpoint", 1
MODE = 0o600  # what somebody trains is for nobody else to read


class CheckpointError(Exception):
    """A checkpoint cannot be written: says why."""


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Writes the state of a `Loop`; raises CheckpointError, and leaves what was there before."""
    beside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "wb") as file:
            torch.save({"format": FORMAT, "version": VERSION, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk by a RuntimeError
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise CheckpointError(f"its checkpoint cannot be written: {reason}") from error


def load(path: Path) -> dict[str, Any]:
    """What `save` wrote, on the CPU; raises InvalidInput for anything else."""
    hint = "Start the run anew: it cannot go on from here."
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes can be wrong in more ways than torch has errors for
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise InvalidInput(
            f"the checkpoint {path.name} cannot be read ({reason}).", code="bad_file", hint=hint
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InvalidInput(f"{path.name} is no checkpoint of Optimscope.", code="bad_file", hint=hint)
    if state["version"] != VERSION:
        raise InvalidInput(
            f"the format of {path.name} is {state['version']}, this version reads {VERSION}.",
            code="bad_file",
            hint=hint,
        )
    return state


def check_same(saved: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raises InvalidInput if a checkpoint's experiment is another one than this; the device may be."""
    other = [name for name in config if name != "device" and saved.get(name) != config[name]]
    if other:
        raise InvalidInput(
            f"the checkpoint is one of another experiment: it differs in {', '.join(other)}.",
            hint="Go on with the settings that it was written with.",
        )


def generators(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of torch's own random numbers, from which dropout draws."""
    found = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        found["mps"] = torch.mps.get_rng_state()
    return found


def set_generators(device: torch.device, states: Mapping[str, torch.Tensor]) -> None:
    """Puts them back, those that this device has."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def _sync_folder(folder: Path) -> None:
    """Forces the new name to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
