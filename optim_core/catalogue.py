"""The catalogues of optimizers and of training tasks."""

from __future__ import annotations

from collections.abc import Mapping

import optim_core.rules  # first: importing a subpackage later would hide the function of its name
import optim_core.tasks  # noqa: F401 -- likewise
from optim_core.declare.registry import Catalogue
from optim_core.rule import Rule
from optim_core.task import Task

_RULES = Catalogue("optim_core.rules", "RULE", Rule, noun="optimizer", extra="OPTIMSCOPE_RULES")
_TASKS = Catalogue("optim_core.tasks", "TASK", Task, noun="task", extra="OPTIMSCOPE_TASKS")


def rules() -> Mapping[str, Rule]:
    """Every optimizer, by id; files in the folders of OPTIMSCOPE_RULES are among them."""
    return _RULES.all()


def tasks() -> Mapping[str, Task]:
    """Every training task, by id; files in the folders of OPTIMSCOPE_TASKS are among them."""
    return _TASKS.all()


def as_rule(given: object) -> Rule:
    """The rule itself, or the one with this id; InvalidInput lists the known ids."""
    return given if isinstance(given, Rule) else _RULES.get(given)


def as_task(given: object) -> Task:
    """The task itself, or the one with this id; InvalidInput lists the known ids."""
    return given if isinstance(given, Task) else _TASKS.get(given)
