"""Parameter groups for any torch optimizer: which tensors decay, and why.

Decay pulls a weight towards zero. For the matrices of a network that limits what it can express; a
bias, or the gain of a normalisation layer, it only moves away from where the data wants it. So most
recipes leave those out. Here the type of the module that owns a tensor decides, not its name alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from optim_core.declare.errors import InvalidInput
from optim_core.declare.registry import lookup

Policy = Literal["all", "no_bias_no_norm", "matrices"]
POLICIES: dict[str, str] = {
    "all": "Every tensor decays.",
    "no_bias_no_norm": "Biases, and the gains and shifts of normalisation layers, do not decay.",
    "matrices": "Only tensors of two and more dimensions decay.",
}

_NORMS: tuple[type[nn.Module], ...] = (
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.batchnorm._NormBase,  # batch and instance norms of every dimension, SyncBatchNorm
)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


@dataclass(frozen=True)
class Placement:
    """Where one tensor goes; ``reason`` is a sentence."""

    name: str
    shape: tuple[int, ...]
    decayed: bool
    reason: str
    parameter: nn.Parameter


def split_decay(
    model: nn.Module,
    policy: Policy = "no_bias_no_norm",
    weight_decay: float | None = None,
    *,
    decay_embeddings: bool = True,
) -> list[dict[str, Any]]:
    """At most two parameter groups: the tensors that decay, and those that do not (weight_decay 0).

    Each has its tensors' ``names`` beside ``params``. Without ``weight_decay`` the first group takes
    the optimizer's. Raises InvalidInput for an unknown policy. `explain` gives the reasons.
    """
    groups: list[dict[str, Any]] = []
    placements = explain(model, policy, decay_embeddings=decay_embeddings)
    for decayed in (True, False):
        members = [placement for placement in placements if placement.decayed == decayed]
        if not members:
            continue
        group: dict[str, Any] = {
            "params": [member.parameter for member in members],
            "names": [member.name for member in members],
        }
        if not decayed:
            group["weight_decay"] = 0.0
        elif weight_decay is not None:
            group["weight_decay"] = weight_decay
        groups.append(group)
    return groups


def explain(
    model: nn.Module, policy: Policy = "no_bias_no_norm", *, decay_embeddings: bool = True
) -> list[Placement]:
    """Every trainable tensor's placement, in the model's order; a shared one under its first name."""
    lookup(POLICIES, policy, "policy")
    found = []
    for name, module, parameter in _owned(model):
        decayed, reason = _place(name, module, parameter, policy, decay_embeddings)
        found.append(Placement(name, tuple(parameter.shape), decayed, reason, parameter))
    if not found:
        raise InvalidInput("the model has no trainable parameters.", field="model")
    return found


def _owned(model: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    """Each trainable parameter once, with its name and the module that holds it."""
    seen: set[int] = set()
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                yield f"{prefix}.{name}" if prefix else name, module, parameter


def _place(
    name: str, module: nn.Module, parameter: nn.Parameter, policy: Policy, decay_embeddings: bool
) -> tuple[bool, str]:
    """Whether the tensor decays, and why."""
    kind, size = type(module).__name__, parameter.dim()
    if policy == "all":
        return True, "Decays, as every tensor does under this policy."
    if policy == "matrices":
        dimensions = f"{size} dimension{'s' if size != 1 else ''}"
        return size >= 2, f"{'Decays' if size >= 2 else 'Does not decay'}: it has {dimensions}."
    if _is_norm(module):
        return False, f"Does not decay: it belongs to a normalisation layer ({kind})."
    if _is_bias(name.rpartition(".")[2]):
        return False, f"Does not decay: it is a bias (of {kind})."
    if isinstance(module, _EMBEDDINGS) and not decay_embeddings:
        return False, f"Does not decay: it is an embedding ({kind})."
    return True, f"Decays: it is a weight of {kind}, neither bias nor normalisation."


def _is_norm(module: nn.Module) -> bool:
    """A normalisation layer, by type; of other libraries' classes, by the end of the class's name."""
    return isinstance(module, _NORMS) or type(module).__name__.lower().endswith(("norm", "norm1d", "norm2d"))


def _is_bias(name: str) -> bool:
    """``bias``; ``in_proj_bias`` (attention); ``bias_ih_l0`` (recurrent layers). Not ``bias_table``."""
    return name == "bias" or name.endswith("_bias") or name.startswith(("bias_ih", "bias_hh"))
