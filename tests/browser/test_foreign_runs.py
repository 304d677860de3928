"""What pages make of runs that somebody else's program sent, whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from serving import serving

from optim_core.transport.frames import Frame


def ingested(
    page: Page, run: str, *pieces: tuple[Sequence[int], dict[str, Sequence[float]]], **about: Any
) -> str:
    """A finished run of these pieces, each of steps and columns."""
    address = "/api/ingest/runs"
    made = page.request.post(address, data={"run": {"id": run, "optimizer": "mine", **about}})
    assert made.ok, made.text()
    for seq, (steps, columns) in enumerate(pieces):
        arrays = {name: np.array(values, np.float32) for name, values in columns.items()}
        frame = replace(Frame.at(steps, arrays), run=run, seq=seq)
        answer = page.request.post(f"{address}/{run}/frames", data={"frames": [frame.to_json()]})
        assert answer.ok, answer.text()
    assert page.request.post(f"{address}/{run}/finish", data={"outcome": "finished"}).ok
    return run


def unfinished(page: Page, run: str) -> str:
    """A run that goes on."""
    assert page.request.post("/api/ingest/runs", data={"run": {"id": run, "optimizer": "mine"}}).ok
    return run


def test_a_line_has_gaps_and_marks_where_its_values_are_not_finite(page: Page) -> None:
    losses = [1, np.nan, 0.3, np.inf, 0.1]
    page.goto(f"/runs/{ingested(page, 'gappy', (range(1, 6), {'loss': losses}))}")
    chart = page.locator("[data-chart=run_loss]")
    chart.locator(".js-line").first.wait_for(state="attached")
    assert (chart.locator(".js-line").first.get_attribute("d") or "").count("L") == 0, (
        "no two values are joined"
    )
    expect(chart.locator(".scatter .point")).to_have_count(3)
    expect(chart.locator(".event-words")).to_have_text(["NaN", "inf"])
    expect(chart.locator("[role=note]")).to_contain_text("Step 2: loss is NaN.")


def test_a_chart_of_nothing_but_nan_says_so(page: Page) -> None:
    page.goto(f"/runs/{ingested(page, 'lost', (range(1, 6), {'loss': [np.nan] * 5}))}")
    expect(page.locator("[data-chart=run_loss] .chart-empty")).to_have_text("All 5 values are NaN.")
    expect(page.locator("#header")).to_contain_text("loss not finite")


def test_twenty_five_runs_are_compared_live(page: Page) -> None:
    runs = [ingested(page, f"one-of-{i}", ([1, 2], {"loss": [i, i + 1]})) for i in range(24)]
    runs.append(unfinished(page, "one-of-24"))
    with page.expect_response(lambda response: "/api/stream" in response.url) as streaming:
        page.goto(f"/compare?runs={','.join(runs)}")
    assert streaming.value.status == 200
    expect(page.locator("#events li")).to_have_count(24)
    assert page.request.post("/api/ingest/runs/one-of-24/finish", data={"outcome": "finished"}).ok
    expect(page.locator("#events li")).to_have_count(25)
    expect(page.locator("#status")).to_be_hidden()
    expect(page.locator("#verdict")).to_contain_text("stands lowest")


def test_a_stream_that_is_refused_says_why_and_is_not_tried_again(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIMSCOPE_MAX_COMPARED", "1")
    with serving(tmp_path) as address:
        page = browser.new_page(base_url=address)
        page.clock.install()
        streams: list[str] = []
        page.on("request", lambda r: streams.append(r.url) if "/api/stream" in r.url else None)
        runs = [unfinished(page, "a"), unfinished(page, "b")]
        page.goto(f"/compare?runs={','.join(runs)}")
        expect(page.locator("#status")).to_contain_text("got 2 runs, allowed are at most 1.")
        asked = len(streams)
        page.clock.run_for(120_000)
        page.goto("/runs")
        expect(page.locator("tr[data-id=a]")).to_be_visible()
        assert asked == 2, "the stream, and why it was refused"
        assert len([url for url in streams if "runs=a" in url]) == asked
        page.context.close()


def test_a_run_that_was_resumed_is_one_rising_line_live_and_read_anew(page: Page) -> None:
    run = unfinished(page, "resumed")
    send = f"/api/ingest/runs/{run}/frames"

    def deliver(seq: int, first: int) -> None:
        steps = range(first, first + 20)
        told = replace(Frame.at(steps, {"loss": np.array(steps, np.float32) + seq}), run=run, seq=seq)
        assert page.request.post(send, data={"frames": [told.to_json()]}).ok

    deliver(0, 1)
    with page.expect_response(lambda response: "/api/stream" in response.url):
        page.goto(f"/runs/{run}")
    chart = page.locator("[data-chart=run_loss]")
    chart.locator(".js-line").first.wait_for(state="attached")
    deliver(1, 11)
    drawn = "() => document.querySelector('[data-chart=run_loss] .chart-plot').data?.[0]?.x.join()"
    for _ in range(2):
        page.wait_for_function(f"wanted => ({drawn})() === wanted", arg=",".join(map(str, range(1, 31))))
        expect(chart.locator(".event-words")).to_have_text(["resumed"])
        expect(page.locator("#events li")).to_have_text(re.compile("Resumed at step 11"))
        page.reload()
    table = page.request.get(f"/api/runs/{run}/export").text().split()
    assert table[10:12] == ["10,10", "11,12"]


def test_a_run_that_begins_late_counts_from_its_first_step(page: Page) -> None:
    run = unfinished(page, "late")
    assert page.request.patch(f"/api/runs/{run}", data={"name": "late"}).ok
    steps = range(300_000, 300_101)
    told = replace(Frame.at(steps, {"loss": np.ones(101, np.float32)}), run=run, seq=0)
    assert page.request.post(f"/api/ingest/runs/{run}/frames", data={"frames": [told.to_json()]}).ok
    page.goto(f"/runs/{run}")
    chart = page.locator("[data-chart=run_loss] .chart-plot")
    chart.locator(".js-line").first.wait_for(state="attached")
    assert chart.evaluate("plot => plot.layout.xaxis.range") == [300_000, 300_100]


def test_own_metrics_have_charts_and_may_stand_across_as_the_address_says(page: Page) -> None:
    own = {"loss": [3, 2, 1], "reward": [1, 5, 9], "eval/bleu.4": [0.1, 0.2, 0.4], "tokens": [100, 200, 400]}
    runs = [ingested(page, f"own-{i}", ([1, 2, 3], own)) for i in range(2)]
    for address in (f"/runs/{runs[0]}", f"/compare?runs={','.join(runs)}"):
        page.goto(address)
        page.get_by_label("Add a chart").select_option(label="eval/bleu.4")
        chart = page.locator("[data-chart='own:eval/bleu.4'] .chart-plot")
        chart.locator(".js-line").first.wait_for(state="attached")
        page.get_by_label("Horizontal axis").select_option("tokens")
        drawn = "plot => JSON.stringify([plot.data[0].x, plot.data[0].y.map(v => Number(v.toFixed(3)))])"
        for _ in range(2):
            page.wait_for_function(
                f"wanted => [...document.querySelectorAll(`[data-chart='own:eval/bleu.4'] .chart-plot`)]"
                f".some(plot => plot.data && ({drawn})(plot) === wanted)",
                arg="[[100,200,400],[0.1,0.2,0.4]]",
            )
            expect(chart.locator("xpath=..").locator(".chart-cursor")).to_be_hidden()
            page.reload()
        assert "x=tokens" in page.url


def test_a_logarithmic_axis_leaves_out_what_is_not_above_0_and_says_so(page: Page) -> None:
    run = ingested(page, "below", ([1, 2, 3, 4], {"loss": [-3, -2, 1, 2]}))
    page.goto(f"/runs/{run}")
    chart = page.locator("[data-chart=run_loss]")
    chart.locator(".js-line").first.wait_for(state="attached")
    assert chart.locator(".chart-plot").evaluate("plot => plot.data[0].y") == [None, None, 1, 2]
    note = chart.locator(".chart-note")
    expect(note).to_have_text("2 of 4 values are 0 or less: a logarithmic axis leaves them out.")
    chart.get_by_label("log").uncheck()
    expect(note).to_be_hidden()
    page.wait_for_function(
        "() => document.querySelector('[data-chart=run_loss] .chart-plot').data[0].y.join() === '-3,-2,1,2'"
    )


def test_a_long_name_stays_in_its_place_and_a_turning_one_turns_nothing(page: Page) -> None:
    ingested(page, "short", ([1, 2], {"loss": [2, 1]}), name="short")
    width = "() => document.querySelector('.runs-table').getBoundingClientRect().width"
    page.goto("/runs?text=short")
    expect(page.locator("tr[data-id=short]")).to_be_visible()
    before = page.evaluate(width)
    long = ingested(page, "long", ([1, 2], {"loss": [2, 1]}), name="W" * 120, task="T" * 60)
    page.goto("/runs?text=WWW")
    link = page.locator("tr[data-id=long] th a")
    expect(link).to_have_attribute("title", "W" * 120)
    assert page.evaluate(width) <= max(before, 1440)
    name = "\u202e" + "evil"
    turned = ingested(page, "turned", ([1, 2], {"loss": [2, 1]}), name=name)
    page.goto(f"/runs/{turned}")
    expect(page.locator("#header h1")).to_have_text("evil")
    page.goto(f"/compare?runs={long},{turned}")
    expect(page.locator("#legend a").nth(1)).to_contain_text("evil (finished)")
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
