"""What a preset is: an experiment that is set up already, to open a page on or to start with one click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from optim_core.declare.registry import Catalogue

EXTRA = "OPTIMSCOPE_EXPERIMENTS"  # folders of presets of one's own, separated as in PATH


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The declaration that ends a preset's file.

    title  what is shown
    page   where it is offered; each page opens on the first of its own
    order  place among them
    view   what the page shows, by the names of its address (static/data/address.mjs): for Explore and
           Compare surface, params, starts, steps, noise, runners, charts (ids); for Train task, settings,
           run, runners. What is left out is as the surface or the task suggests.
    """

    title: str
    page: Literal["explore", "compare", "train"]
    order: int
    view: Mapping[str, Any]

    id: str = ""  # the file's name, given by the registry

    def named(self, name: str, module: object) -> Preset:
        return replace(self, id=name)


def runner(optimizer: str, schedule: Mapping[str, Any] | None = None, **hyper: Any) -> dict[str, Any]:
    """An optimizer with its settings, and a schedule of the learning rate (``{"id": …}``)."""
    chosen = {"optimizer": optimizer, "hyper": hyper}
    return chosen | ({"schedule": dict(schedule)} if schedule else {})


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by id, in the order in which pages offer them."""
    found = Catalogue("app.experiments", "PRESET", Preset, noun="preset", extra=EXTRA).all()
    return dict(sorted(found.items(), key=lambda item: item[1].order))
