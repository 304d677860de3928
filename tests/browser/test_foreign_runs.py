"""What pages make of runs that somebody else's program sent, whatever is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

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
