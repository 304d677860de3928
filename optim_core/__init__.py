"""Optimizers as plain arithmetic, and the instruments that show what they do to weights."""

from __future__ import annotations

from optim_core.catalogue import rules, tasks
from optim_core.declare.errors import InvalidInput
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.outcomes import Outcome
from optim_core.param_groups import split_decay
from optim_core.rule import Rule, Step, Twin
from optim_core.schedules import schedules
from optim_core.simulate.batch import Batch, simulate_many
from optim_core.simulate.trajectory import Trajectory, simulate
from optim_core.surfaces.catalogue import Surface, surface, surfaces
from optim_core.surfaces.landscape import Landscape
from optim_core.task import Task
from optim_core.train.train import train

__all__ = [
    "Batch",
    "InvalidInput",
    "Landscape",
    "Outcome",
    "Rule",
    "Step",
    "Surface",
    "Task",
    "Trajectory",
    "Twin",
    "make_optimizer",
    "rules",
    "schedules",
    "simulate",
    "simulate_many",
    "split_decay",
    "surface",
    "surfaces",
    "tasks",
    "train",
]
