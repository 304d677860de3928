"""Groups and checkpoints of a `RuleOptimizer` in torch's words.

A parameter group says what torch's groups say: ``betas`` for β₁ and β₂, so that schedulers find and
move them. A checkpoint is torch's own wherever a rule's `Twin` covers its settings: torch's optimizer
loads ours and goes on, and ours loads torch's. What would be another rule is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from optim_core.declare.errors import InvalidInput
from optim_core.declare.kinds import Integer, Real
from optim_core.rule import Rule, Twin, state_items

# How torch computes a step, not which: taken and kept for torch, without effect here.
HOW = frozenset({"foreach", "fused"})
# Promises about a step that this optimizer does not keep.
UNKEPT = frozenset({"capturable", "differentiable"})
MAXIMIZE = "maximize"

# Where a group says one thing in torch's words and another in ours (a penalty λ‖θ‖² is a λ of 2λ in
# torch), a checkpoint has our settings under this name beside torch's.
OURS = "rule_settings"

Group = Mapping[str, Any]


@cache
def words() -> frozenset[str]:
    """Every setting that some optimizer of torch has."""
    classes = [c for c in vars(torch.optim).values() if isinstance(c, type)]
    optimizers = [
        c for c in classes if issubclass(c, torch.optim.Optimizer) and c is not torch.optim.Optimizer
    ]
    return frozenset(name for c in optimizers for name in inspect.signature(c).parameters) - {"params"}


def settings(rule: Rule, group: Group) -> dict[str, Any]:
    """The rule's hyperparameters as the group has them; tensors on the CPU as numbers."""
    values = [group[name] for name in rule.singles]
    for word in rule.pairs:
        values += group[word]
    if any(isinstance(value, Tensor) for value in values):
        values = [plain(value) for value in values]
    return dict(zip(rule.singles_and_pairs, values, strict=True))


def grouped(rule: Rule, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyperparameters as a group has them."""
    pairs = {word: tuple(hyper[name] for name in names) for word, names in rule.pairs.items()}
    return {name: hyper[name] for name in rule.singles} | pairs


def fold(rule: Rule, group: dict[str, Any], others: Group) -> None:
    """Moves ``beta1`` that somebody wrote into the group to where it belongs: the first of ``betas``.

    What is not given is as in ``others``.
    """
    for word, names in rule.pairs.items():
        if not group.keys().isdisjoint(names):
            pair = zip(names, others[word], strict=True)
            group[word] = tuple([group.pop(name, old) for name, old in pair])


def taken(rule: Rule, given: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``given`` are words of the rule or of torch, checked: hyperparameters by our names.

    Raises InvalidInput for a word of torch's that this optimizer can't follow. Other words are left out.
    """
    found = {name: given[name] for name in rule.settings if name in given}
    for word, names in rule.pairs.items():
        if word not in given:
            continue
        both = {word, *names} & given.keys()
        if len(both) > 1:
            raise InvalidInput(f"got {' and '.join(sorted(both))}; give one of them.", field=word)
        if not isinstance(given[word], tuple | list) or len(given[word]) != len(names):
            raise InvalidInput(f"expected {len(names)} numbers: {', '.join(names)}.", field=word)
        found |= dict(zip(names, given[word], strict=True))
    for name, value in found.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            raise InvalidInput(
                f"got a tensor of shape {tuple(value.shape)}, expected one number.", field=name
            )
    for word in (words() & given.keys()) - found.keys() - rule.pairs.keys() - HOW:
        if word == MAXIMIZE:
            if not isinstance(given[word], bool):
                raise InvalidInput(f"got {given[word]!r}, allowed is true or false.", field=word)
        elif given[word] and not _is_default(rule, word, given[word]):
            hint = "Leave it out." if word in UNKEPT else "Choose a rule that has it."
            raise InvalidInput(f"{rule.title} has no setting {word!r} here.", field=word, hint=hint)
    return found


def to_torch(rule: Rule, state_dict: dict[str, Any]) -> dict[str, Any]:
    """A state dict in torch's form, group by group, where torch has the rule; ours is kept beside it.

    Names with one name in torch are exchanged. Of a sum (the momentum of both parts) torch gets the
    sum, and both stay, so that loading it here loses nothing.
    """
    twin = rule.reference
    given = dict(state_dict)
    given["param_groups"], given["state"] = [], dict(state_dict["state"])
    for group in state_dict["param_groups"]:
        hyper = settings(rule, group)
        if isinstance(twin, Twin) and twin.covers(hyper):
            theirs = twin.settings(hyper)
            other = {n: theirs[n] for n in theirs.keys() & hyper.keys() if theirs[n] != hyper[n]}
            group = {**theirs, **group, **other} | ({OURS: hyper} if other else {})
            for place in group["params"]:
                if place in given["state"]:
                    given["state"][place] = _entry_to_torch(twin, given["state"][place])
        given["param_groups"].append(group)
    return given


def from_torch(rule: Rule, state_dict: Mapping[str, Any], groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The state dict of this rule from ours or torch's; raises InvalidInput where it is another rule's.

    ``groups`` are those of the optimizer that it is for.
    """
    found = {**state_dict, "param_groups": [], "state": dict(state_dict["state"])}
    for group, own in zip(state_dict["param_groups"], groups, strict=False):
        params = own["params"]
        try:
            read = _read_group(rule, group, {p.dtype for p in params})
            hyper = settings(rule, read)
            for place, p in zip(group["params"], params, strict=False):
                if place in found["state"]:
                    found["state"][place] = _read_entry(rule, hyper, found["state"][place], p.detach())
        except InvalidInput as error:
            message = f"this checkpoint is not one of {rule.title}: {error}"
            raise InvalidInput(message, code="other_optimizer", field="state_dict") from None
        found["param_groups"].append(read)
    found["param_groups"] += state_dict["param_groups"][len(groups) :]  # which torch then refuses
    return found


def _entry_to_torch(twin: Twin, entry: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(entry)
    for theirs, ours in twin.state.items():
        if any(name not in entry for name in ours):
            continue
        value = _sum(entry, ours)
        if theirs in twin.numbers:
            value = value.reshape(-1)[0].clone() if value.numel() else value.new_ones(())
        if len(ours) == 1:
            del made[ours[0]]
        made[theirs] = value
    made["step"] = torch.tensor(float(entry["step"]), dtype=torch.float32)
    return made


def _read_group(rule: Rule, group: Group, dtypes: set[torch.dtype]) -> dict[str, Any]:
    """A saved group as the rule's own; settings that torch does not know get their defaults."""
    twin = rule.reference if isinstance(rule.reference, Twin) else None
    group, own = dict(group), group.get(OURS)
    group.pop(OURS, None)
    if twin and own and all(group.get(name) == value for name, value in twin.arguments(own).items()):
        group |= grouped(rule, own)
    asked = twin.arguments(rule.complete({})).keys() if twin else set()
    if twin and asked <= group.keys() and len(dtypes) == 1:
        group = twin.read(group, *dtypes)
    found = taken(rule, group)
    missing = rule.settings.keys() - found.keys()
    if twin and missing:
        hyper = rule.complete({**{n: v for n, v in twin.only.items() if n in missing}, **found})
        theirs = twin.settings(hyper) if twin.covers(hyper) else {}
        for word in (theirs.keys() & group.keys()) - HOW - UNKEPT - {MAXIMIZE}:
            if theirs[word] != group[word]:
                raise InvalidInput(f"its {word} is {group[word]!r}, here it is {theirs[word]!r}.")
        needed = asked - group.keys()
    else:
        hyper = rule.complete(found)
        needed = {name for name in missing if isinstance(rule.settings[name].kind, Real | Integer)}
    if needed:
        raise InvalidInput(f"it does not say {', '.join(sorted(needed))}.")
    ours = rule.settings.keys() - {*rule.singles}
    return {n: v for n, v in group.items() if n not in UNKEPT | ours} | grouped(rule, hyper)


def _read_entry(rule: Rule, hyper: Mapping[str, Any], entry: Mapping[str, Any], p: Tensor) -> dict[str, Any]:
    """What a checkpoint remembers of the tensor, by our names."""
    found = {name: value for name, value in entry.items() if value is not None}
    of_torch = False
    for theirs, ours in rule.reference.state.items() if isinstance(rule.reference, Twin) else ():
        if theirs not in found:
            continue
        value = found.pop(theirs)
        # Where torch has gone on with it, what is ours beside its sum is out of date.
        if len(ours) > 1 and all(n in found for n in ours) and torch.equal(_sum(found, ours), value):
            continue
        of_torch |= theirs not in ours
        for name in ours:
            found.pop(name, None)
        found[ours[0]] = value
    if p.numel():
        wanted = state_items(rule.start(torch.zeros_like(p), hyper)).keys()
        missing = set() if of_torch else wanted - found.keys()
        if found.keys() - wanted - {"step", "theta"} or (missing and found.keys() - {"step"}):
            raise InvalidInput(f"it remembers {', '.join(sorted(map(str, entry)))} of a tensor.")
    # torch's SGD counts no steps: what it remembers, it has from one at least.
    found["step"] = int(found.get("step", 1 if found else 0))
    return found


def _sum(entry: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return sum((entry[name] for name in names[1:]), entry[names[0]])


def _is_default(rule: Rule, word: str, value: Any) -> bool:
    twin = rule.reference
    return isinstance(twin, Twin) and bool(twin.settings(rule.complete({})).get(word) == value)


def plain(value: Any) -> Any:
    """A tensor of one number as that number, where asking for it waits for no device."""
    if not isinstance(value, Tensor):
        return value
    return value.item() if value.device.type == "cpu" else value.detach().reshape(())
