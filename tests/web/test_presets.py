"""Every preset is an experiment that the server would take as it stands."""

from __future__ import annotations

import math
import re

import pytest

import optim_core as oc
from app.chart import charts
from app.preset import Preset, presets
from optim_core.catalogue import rules
from optim_core.declare.kinds import complete
from optim_core.derive import derived
from optim_core.experiment import as_surface
from optim_core.outcomes import Outcome
from optim_core.schedules import schedules
from optim_core.wording import KINDS

ALL = pytest.mark.parametrize("preset", presets().values(), ids=presets())
SURFACE = {"surface", "formula", "params", "starts", "steps", "noise", "seed", "runners", "charts", "glyphs"}
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
    elif view["surface"] == "own":
        assert as_surface({"formula": view["formula"]}).minima_in()
    else:
        surface = oc.surfaces()[view["surface"]]
        complete(surface.parameters, view.get("params", {}))
        assert all(len(start) == 2 for start in view.get("starts", ()))


def test_every_page_has_one_to_open_on_and_no_two_share_a_place() -> None:
    assert {preset.page for preset in presets().values()} == {"explore", "compare", "train"}
    orders = [preset.order for preset in presets().values()]
    assert orders == sorted(set(orders))


def test_addresses_that_name_no_preset_leave_out_what_they_always_did() -> None:
    """A change here changes what every kept address shows."""
    assert [preset.id for preset in presets().values() if preset.kept] == ["four_conventions"]
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


GUIDED = [preset for preset in presets().values() if preset.sentences]


def ends(preset: Preset) -> list[dict[str, float]]:
    """Where every column of the preset's runs ends."""
    view = preset.view
    surface = (
        view["formula"]
        if view["surface"] == "own"
        else {"id": view["surface"], "params": view.get("params", {})}
    )
    demo = {} if view["surface"] == "own" else oc.surfaces()[view["surface"]].demo
    found = []
    for told in view["runners"]:
        walk = oc.simulate(
            surface,
            told["optimizer"],
            view.get("starts", [None])[0],
            view.get("steps") or demo["steps"],
            noise=view.get("noise", demo.get("noise", 0.0)),
            schedule=told.get("schedule"),
            **told["hyper"],
        )
        recording = derived(walk.recording, lambda name: True)
        columns = {name: float(recording[name][-1]) for name in recording.series}
        found.append({**columns, "diverged": float(walk.outcome is Outcome.DIVERGED)})
    return found


# What makes each scene's answer the right one, of where its runs end.
TRUE = {
    "adam_l2_or_adamw": lambda a, b: (
        a["decay_taken_y"] < a["decay_taken_x"] / 4 and b["decay_taken_y"] == b["decay_taken_x"]
    ),
    "momentum_in_a_ravine": lambda a, b: b["distance"] < a["distance"] / 2,
    "warm_up": lambda a, b: a["diverged"] and not b["diverged"] and b["distance"] < 0.2,
    "cosine_and_decay": lambda a, b: b["decay_taken_x"] < 0.8 * a["decay_taken_x"],
    "scale_free_weights": lambda a, b: b["update_ratio"] > 2 * a["update_ratio"],
    "your_own_formula": lambda a, b: abs(a["x"] - b["x"]) > 1 and b["loss"] < a["loss"],
}


@pytest.mark.parametrize("preset", GUIDED, ids=[preset.id for preset in GUIDED])
def test_a_guided_scene_is_whole_and_its_answer_true(preset: Preset) -> None:
    assert len(preset.sentences) == 3
    assert 0 <= preset.answer < len(preset.choices)
    assert preset.question.endswith("?")
    reached = ends(preset)
    named = re.findall(r"\{(\d)\.(\w+):(\w+)\}", preset.because)
    assert named
    for place, column, kind in named:
        assert math.isfinite(reached[int(place)][column])
        assert kind in KINDS
    shown = {column for name in preset.view["charts"] for column in charts()[name].columns}
    always = {"x", "y", "loss", "decay_taken_x", "decay_taken_y"}  # static/data/wanted-columns.mjs
    assert {column for _, column, _ in named} <= shown | always
    assert TRUE[preset.id](*reached)


def test_six_scenes_guide_and_the_page_opens_on_the_first() -> None:
    assert [preset.id for preset in GUIDED] == list(TRUE)
    assert next(preset for preset in presets().values() if preset.page == "explore") is GUIDED[0]
