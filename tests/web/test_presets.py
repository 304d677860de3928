"""Every preset is an experiment that the server would take as it stands."""

from __future__ import annotations

import pytest

import optim_core as oc
from app.chart import charts
from app.preset import Preset, presets
from optim_core.catalogue import rules
from optim_core.declare.kinds import complete
from optim_core.schedules import schedules

ALL = pytest.mark.parametrize("preset", presets().values(), ids=presets())
SURFACE = {"surface", "formula", "params", "starts", "steps", "noise", "seed", "runners", "charts"}
FIELDS = {"explore": SURFACE, "compare": SURFACE, "train": {"task", "settings", "run", "runners", "vary"}}


@ALL
def test_it_says_what_its_page_shows(preset: Preset) -> None:
    assert preset.title
    assert preset.view["runners"]
    assert set(preset.view) <= FIELDS[preset.page]
    assert set(preset.view.get("charts", ())) <= set(charts())


@ALL
def test_its_optimizers_take_their_settings(preset: Preset) -> None:
    for runner in preset.view["runners"]:
        assert set(runner) <= {"optimizer", "hyper", "schedule", "decay_schedule"}
        rules()[runner["optimizer"]].complete(runner["hyper"])
        for schedule in (runner.get("schedule"), runner.get("decay_schedule")):
            if schedule:
                settings = {name: value for name, value in schedule.items() if name != "id"}
                complete(schedules()[schedule["id"]].settings, settings)


@ALL
def test_its_surface_or_its_task_takes_its_settings(preset: Preset) -> None:
    view = preset.view
    if preset.page == "train":
        complete(oc.tasks()[view["task"]].settings, view.get("settings", {}))
        assert set(view.get("run", {})) <= {"steps", "batch_size"}
    else:
        surface = oc.surfaces()[view["surface"]]
        complete(surface.parameters, view.get("params", {}))
        assert all(len(start) == 2 for start in view.get("starts", ()))


def test_every_page_has_one_to_open_on_and_no_two_share_a_place() -> None:
    assert {preset.page for preset in presets().values()} == {"explore", "compare", "train"}
    orders = [preset.order for preset in presets().values()]
    assert orders == sorted(set(orders))


def test_pages_open_on_what_addresses_leave_out() -> None:
    """A change here changes what every kept address shows: what equals the opening is not written there."""
    explore, compare = presets()["four_conventions"].view, presets()["three_conventions"].view
    told = [(each["optimizer"], *each["hyper"].values()) for each in explore["runners"]]
    assert (explore["surface"], told) == (
        "rotated_bowl",
        [("sgd_l2", 0.5, 0.1), ("adam_l2", 0.05, 0.1), ("adamw", 0.05, 0.1), ("adamw_lh", 0.05, 0.02)],
    )
    told = [(each["optimizer"], *each["hyper"].values()) for each in compare["runners"]]
    assert (compare["surface"], compare["steps"], told) == (
        "bowl",
        400,
        [("adam_l2", 0.05, 0.05), ("adamw", 0.05, 0.05), ("adamw_lh", 0.05, 0.05)],
    )
