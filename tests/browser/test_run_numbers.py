"""The numbers of runs that a user reads, holds and takes away are those of the steps they stand at."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect


def finished(page: Page, *optimizers: str, **settings: Any) -> list[str]:
    """Ids of short runs, one for each optimizer, once they have ended."""
    runs = [{"task": "digits_mlp", "optimizer": o, "steps": 60, **settings} for o in optimizers]
    answer = page.request.post("/api/runs", data=runs)
    assert answer.status == 201, answer.text()
    ids: list[str] = answer.json()["ids"]
    for run in ids:
        page.goto(f"/runs/{run}")
        expect(page.locator(".run-status")).to_contain_text("finished")
    return ids


def test_a_saved_chart_has_the_real_steps_and_a_click_is_undone_by_escape(page: Page, tmp_path: Path) -> None:
    (run,) = finished(page, "adamw")
    chart = page.locator("[data-chart=run_weight_norm]")
    chart.locator(".js-line").first.wait_for(state="attached")
    chart.locator("summary").click()
    with page.expect_download() as downloading:
        chart.get_by_role("button", name="Save as CSV").click()
    downloading.value.save_as(tmp_path / "norm.csv")
    head, *rows = list(csv.reader((tmp_path / "norm.csv").read_text().splitlines()))
    assert [int(row[0]) for row in rows] == [1, 10, 20, 30, 40, 50, 60]
    frames = page.request.get(f"/api/runs/{run}/frames?columns=*/weight_norm&arrays=json").json()
    for place, title in enumerate(head[1:], 1):
        name = next(name for name in frames["columns"] if title.endswith(name))
        told = [float(row[place]) for row in rows]
        assert told == pytest.approx(frames["columns"][name]["value"])

    held = page.locator("#held-step button")
    expect(held).to_be_hidden()
    box = chart.locator(".nsewdrag").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(held).to_contain_text("Numbers at step 3")
    page.keyboard.press("Escape")
    expect(held).to_be_hidden()


def test_a_comparison_lists_how_runs_ended_and_compares_no_losses_of_different_tasks(page: Page) -> None:
    same = finished(page, "adamw", "adam_l2")
    page.goto(f"/compare?runs={','.join(same)}")
    expect(page.locator("#verdict")).to_contain_text("After 60 steps")
    expect(page.locator("#events li")).to_have_count(2)
    other = finished(page, "adamw", task="moons_mlp")
    page.goto(f"/compare?runs={','.join([same[0], *other])}")
    expect(page.locator("#verdict")).to_contain_text("different tasks")


def test_lines_and_the_sentence_do_not_wait_for_the_numbers_of_every_tensor(page: Page) -> None:
    runs = finished(page, "adamw", "adam_l2")
    held: list[Route] = []
    page.route(lambda url: "columns=*%2F" in url, lambda route: held.append(route))
    with page.expect_request(lambda request: "columns=*%2F" in request.url):
        page.goto(f"/compare?runs={','.join(runs)}")
    page.locator("[data-chart=run_loss] .js-line").first.wait_for(state="attached")
    expect(page.locator("#verdict")).to_contain_text("shrinks its tensors at rates that differ")
    for route in held:
        route.continue_()
    page.unroute_all()


def test_the_pictures_of_the_weights_follow_the_held_step_and_the_window(page: Page) -> None:
    (run,) = finished(page, "adamw", task="moons_mlp", steps=200)
    page.goto(f"/runs/{run}")
    path = page.locator("#weight-views .chart-plot").first
    path.locator(".js-line").first.wait_for(state="attached")
    points = "plot => plot.data[0].x.length"
    whole = path.evaluate(points)
    box = page.locator("[data-chart=run_loss] .nsewdrag").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "whole => document.querySelector('#weight-views .chart-plot').data[0].x.length < whole", arg=whole
    )
    page.keyboard.press("Escape")
    page.wait_for_function(
        "whole => document.querySelector('#weight-views .chart-plot').data[0].x.length === whole", arg=whole
    )
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(
        "() => [...document.querySelectorAll('#weight-views .chart-plot')].every("
        "plot => !plot.clientWidth || plot.querySelector('.main-svg').clientWidth === plot.clientWidth)"
    )


def test_the_cursor_tells_the_values_that_are_drawn_when_lines_are_smoothed(page: Page) -> None:
    (run,) = finished(page, "adamw")
    told = []
    for smoothing in ("0", "0.99"):
        page.goto(f"/runs/{run}?smoothing={smoothing}")
        chart = page.locator("[data-chart=run_loss]")
        chart.locator(".js-line").first.wait_for(state="attached")
        box = chart.locator(".chart-plot").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
        value = chart.locator(".chart-readout .value").first
        expect(value).not_to_be_empty()
        told.append(float(value.inner_text()))
    plain, smoothed = told
    assert smoothed > 2 * plain, "the loss falls, and its smoothed line lags behind"


def test_runs_that_broke_are_told_apart_in_the_list_and_in_the_sentence(page: Page) -> None:
    (good,) = finished(page, "adamw")
    answer = page.request.post(
        "/api/runs", data={"task": "digits_mlp", "optimizer": "sgd", "steps": 60, "hyper": {"lr": 1e5}}
    )
    (broken,) = answer.json()["ids"]
    page.goto(f"/runs/{broken}")
    expect(page.locator(".run-status")).to_contain_text(re.compile("diverged|NaN"))
    word = page.locator(".run-status").inner_text()
    page.goto(f"/compare?runs={good},{broken}")
    expect(page.locator("#legend")).to_contain_text(f"({word})")
    expect(page.locator("#verdict")).to_contain_text("After 60 steps AdamW")
    expect(page.locator("#verdict")).to_contain_text(re.compile("SGD (diverged|came to a number)"))
    page.goto("/runs")
    for choice, shown, hidden in ((word, broken, good), ("finished", good, broken)):
        page.get_by_label("Status").select_option(label=choice)
        expect(page.locator(f"tr[data-id='{shown}']")).to_be_visible()
        expect(page.locator(f"tr[data-id='{hidden}']")).to_have_count(0)


def test_what_cannot_be_cloned_or_is_deleted_says_so(server: str, browser: Browser) -> None:
    page = browser.new_page(base_url=server)
    page.request.post("/api/ingest/runs", data={"run": {"id": "foreign", "optimizer": "mine"}})
    with page.expect_response(lambda response: "/api/stream" in response.url):
        page.goto("/runs/foreign")
    clone = page.get_by_role("link", name="Clone with changes")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(clone).to_be_hidden()
    page.request.delete("/api/runs/foreign")
    expect(page.locator("#header")).to_contain_text("This run was deleted.")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    page.goto("/train?clone=foreign")
    expect(page.locator("#status")).to_contain_text("The run foreign is not here any more.")
    expect(page.get_by_role("button", name="Start 2 runs")).to_be_enabled()
    page.context.close()
