"""What a preset is: an experiment that is set up already, to open a page on or to start with one click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    kept   what addresses of its page leave out is as here, unless they name a preset; else as in the first
    view   what the page shows, by the names of its address (static/data/address.mjs): for Explore and
           Compare surface, params, starts, steps, noise, runners, charts (ids); for Train task, settings,
           run, runners. What is left out is as the surface or the task suggests.

    A guided scene tells something besides, in a minute; the card of an experiment its question alone:

    sentences  three, above the picture
    question   asked before the answer is shown, with its choices; ``answer`` is the place of the right one
    because    the answer, with numbers of the run: ``{0.decay_taken_y:percent}`` is where that column of the
               first runner ends, in a form of `optim_core.wording`
    sketch     what will be seen, as a few heights from 0 to 1 for each line of the card's thumbnail
    seconds    that the runs of an experiment for Train take together on two cores without a GPU, as measured;
               told until this machine has measured its own
    adds       an optimizer that may join the others with one click
    """

    title: str
    page: Literal["explore", "compare", "train"]
    order: int
    view: Mapping[str, Any]
    kept: bool = False
    sentences: Sequence[str] = ()
    question: str = ""
    choices: Sequence[str] = ()
    answer: int = 0
    because: str = ""
    adds: str = ""
    sketch: Sequence[Sequence[float]] = ()
    seconds: float = 0.0

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
