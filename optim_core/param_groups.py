"""Parameter groups for any torch optimizer: which tensors decay, and why.

Decay pulls a weight towards zero. For the matrices of a network that limits what it can express; a
bias, or the gain of a normalisation layer, it only moves away from where the data wants it. So most
recipes leave those out. Here it is asked what a tensor does in the module that owns it: whether it maps
its input linearly, or is a vector that multiplies or adds. Torch's layers are known by their type, those
of others by the tensor's shape; names decide only what is left. Patterns of one's own go before all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from torch import nn

from optim_core.declare.errors import InvalidInput
from optim_core.declare.registry import lookup

Policy = Literal["all", "no_bias_no_norm", "matrices"]
POLICIES: dict[str, str] = {
    "all": "Every tensor decays.",
    "no_bias_no_norm": "Biases, gains and shifts (vectors that add or multiply, as in norms) do not decay.",
    "matrices": "Only tensors of two and more dimensions decay.",
}

_NORMS: tuple[type[nn.Module], ...] = (
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.batchnorm._NormBase,  # batch and instance norms of every dimension, SyncBatchNorm
)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
# Layers that map their input linearly: what of theirs is no bias is a matrix, even one of a single row.
_MAPS: tuple[type[nn.Module], ...] = (
    *_EMBEDDINGS,
    nn.Linear,
    nn.Bilinear,
    nn.modules.conv._ConvNd,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
)


@dataclass(frozen=True)
class Placement:
    """Where one tensor goes; ``reason`` is a sentence."""

    name: str
    shape: tuple[int, ...]
    decayed: bool
    reason: str
    parameter: nn.Parameter


def optimizer_groups(placements: Sequence[Placement], *, decay: bool) -> list[dict[str, Any]]:
    """Parameter groups as the policy has placed the tensors; one for a rule without ``decay``."""
    if not decay:
        return [{"params": [p.parameter for p in placements]}]
    groups: list[dict[str, Any]] = [
        {"params": [p.parameter for p in placements if p.decayed], "decays": True},
        {"params": [p.parameter for p in placements if not p.decayed], "decays": False, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def split_decay(
    model: nn.Module,
    policy: Policy = "no_bias_no_norm",
    weight_decay: float | None = None,
    *,
    decay_embeddings: bool = True,
    decay: str | Sequence[str] = (),
    no_decay: str | Sequence[str] = (),
) -> list[dict[str, Any]]:
    """At most two parameter groups: the tensors that decay, and those that do not (weight_decay 0).

    Each has its tensors' ``names`` beside ``params``. Without ``weight_decay`` the first group takes
    the optimizer's. ``decay`` and ``no_decay`` are patterns of names (``"*.scale"``) that decide before
    the policy. Raises InvalidInput for an unknown policy, and for a pattern that matches nothing or
    contradicts another. `explain` gives the reasons.
    """
    groups: list[dict[str, Any]] = []
    placements = explain(model, policy, decay_embeddings=decay_embeddings, decay=decay, no_decay=no_decay)
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
    model: nn.Module,
    policy: Policy = "no_bias_no_norm",
    *,
    decay_embeddings: bool = True,
    decay: str | Sequence[str] = (),
    no_decay: str | Sequence[str] = (),
) -> list[Placement]:
    """Every trainable tensor's placement, in the model's order; a shared one under its first name.

    A tensor that several modules share decays only if it would in each of them.
    """
    lookup(POLICIES, policy, "policy")
    wanted = {True: _patterns(decay), False: _patterns(no_decay)}
    owners = _owners(model)
    for decays, patterns in wanted.items():
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for owned in owners.values() for name, _, _ in owned):
                field = "decay" if decays else "no_decay"
                raise InvalidInput(f"no trainable tensor is named {pattern[:80]!r}.", field=field)
    found = []
    for owned in owners.values():
        name, _, parameter = owned[0]
        chosen = _chosen([name for name, _, _ in owned], wanted)
        answers = [chosen] if chosen else [_place(*one, policy, decay_embeddings) for one in owned]
        decayed, reason = min(answers, key=lambda answer: answer[0])  # one that says no decides
        found.append(Placement(name, tuple(parameter.shape), decayed, reason, parameter))
    if not found:
        raise InvalidInput("the model has no trainable parameters.", field="model")
    return found


def _owners(model: nn.Module) -> dict[int, list[tuple[str, nn.Module, nn.Parameter]]]:
    """By trainable parameter, under which names which modules hold it; in the model's order."""
    found: dict[int, list[tuple[str, nn.Module, nn.Parameter]]] = {}
    for name, module, parameter in _owned(model):
        found.setdefault(id(parameter), []).append((name, module, parameter))
    return found


def _owned(model: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            if parameter.requires_grad:
                yield f"{prefix}.{name}" if prefix else name, module, parameter


def _patterns(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _chosen(names: list[str], wanted: dict[bool, tuple[str, ...]]) -> tuple[bool, str] | None:
    """What the user's patterns say of a tensor of these names, if anything."""
    found = {
        decays: pattern
        for decays, patterns in wanted.items()
        for pattern in patterns
        if any(fnmatchcase(name, pattern) for name in names)
    }
    if len(found) > 1:
        message = f"{names[0]} is named by {found[True]!r} and by no_decay {found[False]!r}."
        raise InvalidInput(message, field="decay", hint="Let one of the patterns name less.")
    for decays, pattern in found.items():
        return decays, f"{'Decays' if decays else 'Does not decay'}: your pattern {pattern!r} names it."
    return None


def _place(
    name: str, module: nn.Module, parameter: nn.Parameter, policy: Policy, decay_embeddings: bool
) -> tuple[bool, str]:
    """Whether the tensor decays, and why."""
    kind, size, own = type(module).__name__, parameter.dim(), name.rpartition(".")[2]
    if policy == "all":
        return True, "Decays, as every tensor does under this policy."
    if policy == "matrices":
        dimensions = f"{size} dimension{'s' if size != 1 else ''}"
        return size >= 2, f"{'Decays' if size >= 2 else 'Does not decay'}: it has {dimensions}."
    if isinstance(module, _NORMS):
        return False, f"Does not decay: it belongs to a normalisation layer ({kind})."
    if isinstance(module, _MAPS):
        if _is_bias(own):
            return False, f"Does not decay: it is a bias (of {kind})."
        if own.endswith("_g") and _is_vector(parameter):  # torch.nn.utils.weight_norm's
            return False, f"Does not decay: it is a gain (of {kind})."
        if isinstance(module, _EMBEDDINGS) and not decay_embeddings:
            return False, f"Does not decay: it is an embedding ({kind})."
        return True, f"Decays: it is a weight of {kind}, neither bias nor normalisation."
    if _is_vector(parameter):
        return False, f"Does not decay: it is a vector that multiplies or adds (in {kind})."
    if _is_bias(own):
        return False, f"Does not decay: it is a bias, by its name (of {kind})."
    if _is_norm(kind):
        return False, f"Does not decay: {kind} is a normalisation layer, by its name."
    return True, f"Decays: it is a weight of {kind}, neither bias nor normalisation."


def _is_vector(parameter: nn.Parameter) -> bool:
    """At most one dimension of more than one: what multiplies or adds along an axis of its input."""
    return sum(length > 1 for length in parameter.shape) <= 1


def _is_norm(kind: str) -> bool:
    """``FooNorm3d``, ``RMSNormGated``; not ``WeightNormLinear`` or ``NormalInit``, which are no norms."""
    return re.search(r"[Nn]orm(\d*d|Gated)?$", kind) is not None


def _is_bias(name: str) -> bool:
    """``bias``; ``in_proj_bias``, ``bias_k`` (attention); ``bias_ih_l0`` (recurrent). Not ``bias_table``."""
    return name == "bias" or name.endswith("_bias") or re.match(r"bias_(ih|hh|k$|v$)", name) is not None
