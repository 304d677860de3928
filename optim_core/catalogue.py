"""The catalogue of optimizers."""

from __future__ import annotations

from collections.abc import Mapping

import optim_core.rules  # noqa: F401 -- first: importing a subpackage later would hide the function of its name
from optim_core.registry import Catalogue
from optim_core.rule import Rule

_RULES = Catalogue("optim_core.rules", "RULE", Rule, noun="optimizer", extra="OPTIMSCOPE_RULES")


def rules() -> Mapping[str, Rule]:
    """Every optimizer, by id; files in the folders of OPTIMSCOPE_RULES are among them."""
    return _RULES.all()


def as_rule(given: object) -> Rule:
    """The rule itself, or the one with this id; InvalidInput lists the known ids."""
    return given if isinstance(given, Rule) else _RULES.get(given)
