"""Every page at every width, in both themes: no text too small, no label over another or cut; axe-core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from optim_core.transport.frames import Frame

WIDTHS = ((1440, 900), (1024, 768), (768, 1024), (390, 844))
EIGHT = ("sgd_l2", "adam_l2", "adamw", "adamw_lh", "momentum", "rmsprop", "lion", "adagrad")
AXE = Path(__file__).parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"

# What is wrong with the boxes of what can be read on the page.
FAULTS = """() => {
  const found = [];
  const seen = (e) => !e.closest('.visually-hidden, .theme span')
    && e.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true });
  const name = (e) => `${e.closest('[data-chart]')?.dataset.chart ?? ''} ${e.tagName}`
    + `.${e.getAttribute('class') ?? ''} “${e.textContent.trim().slice(0, 40)}”`;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('math, script, style, sub, sup') || !seen(element))
      continue;
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (size < 11.99) found.push(`${size} px: ${name(element)}`);
  }
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const inside = (a, b) => a.left >= b.left - 1.5 && a.right <= b.right + 1.5
    && a.top >= b.top - 2 && a.bottom <= b.bottom + 2;
  const LABELS = '.xtick text, .ytick text, .chart-labels .name, .event-words, .chart-key li, h3,'
    + '.chart-caption';
  for (const place of document.querySelectorAll('.chart, .scene')) {
    const [plot, drawn] = [place.querySelector('.chart-plot'), place.querySelector('.main-svg')];
    // What is out of sight is drawn anew when it comes in sight.
    if (!seen(place) || (plot && drawn && Math.abs(plot.clientWidth - drawn.clientWidth) > 2)) continue;
    const own = place.getBoundingClientRect();
    const labels = [...place.querySelectorAll(LABELS)]
      .filter((e) => seen(e) && e.textContent.trim())
      .map((e) => ({ e, box: e.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0);
    for (const { e, box } of labels) if (!inside(box, own)) found.push(`outside of its chart: ${name(e)}`);
    labels.forEach(({ e, box }, i) => {
      for (const other of labels.slice(i + 1))
        if (overlap(box, other.box)) found.push(`${name(e)} over ${name(other.e)}`);
    });
    for (const { e } of labels)
      if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).direction === 'rtl')
        found.push(`cut at its front: ${name(e)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) {
    const far = (e) => seen(e) && e.getBoundingClientRect().right > innerWidth + 1;
    const wide = [...document.querySelectorAll('body *')].filter(far);
    found.push(`the page is too wide: ${wide.slice(0, 3).map(name).join('; ')}`);
  }
  return found;
}"""
SETTLED = """() => [...document.querySelectorAll('.chart-plot')].every((plot) => {
  const box = plot.getBoundingClientRect();
  const svg = plot.querySelector('.main-svg');
  const away = !plot.clientWidth || box.top > innerHeight || box.bottom < 0;
  return away || (svg && Math.abs(svg.clientWidth - plot.clientWidth) < 2);
})"""


def runs(page: Page, count: int) -> list[str]:
    """So many runs that came in, with names that differ in a setting."""
    steps = range(1, 61)
    told = []
    for i in range(count):
        run = f"looks-{count}-{i}"
        about = {"id": run, "name": f"AdamW, λ {i / 10}", "optimizer": "adamw", "task": "digits_mlp"}
        page.request.post("/api/ingest/runs", data={"run": about})
        columns = {
            "loss": np.exp(-np.arange(60) / (20 + i)).astype(np.float32) + np.float32(0.01 * i),
            "val_loss": np.exp(-np.arange(60) / (25 + i)).astype(np.float32) + np.float32(0.02 * i),
            **{
                f"{layer}.weight/weight_norm": np.full(60, 1.0 + layer + i, np.float32) for layer in range(12)
            },
        }
        frame = replace(Frame.at(steps, columns), run=run, seq=0)
        page.request.post(f"/api/ingest/runs/{run}/frames", data={"frames": [frame.to_json()]})
        told.append(run)
    return told


def address(page: Page, what: str) -> str:
    kind, _, number = what.partition(" ")
    if kind == "explore":
        chosen = EIGHT[: int(number)]
        return "/?" + "&".join(f"run={name},lr:0.03" for name in chosen) if int(number) != 2 else "/"
    if kind == "scene":
        return f"/?scene={number}&guide=1"
    if kind == "run":
        return f"/runs/{runs(page, 1)[0]}"
    if kind == "comparing":
        return f"/runs?compare={','.join(runs(page, int(number)))}"
    return f"/{kind}"


PAGES = (
    *("explore 1", "explore 2", "explore 4", "explore 8", "scene warm_up", "compare", "train"),
    *("run 1", "comparing 6", "comparing 24", "runs", "instructor", "docs"),
)


def opened(page: Page, what: str) -> None:
    page.goto(address(page, what))
    if what.startswith(("explore", "compare")):
        page.wait_for_selector("[data-drawn]")
    elif what.startswith(("run ", "comparing")):
        page.wait_for_selector(".chart .js-line", state="attached")


@pytest.mark.parametrize("what", PAGES)
def test_no_text_is_too_small_and_no_label_in_the_way_of_another(page: Page, what: str) -> None:
    opened(page, what)
    wrong: dict[str, Any] = {}
    for width, height in WIDTHS:
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_function(SETTLED)
            if faults := page.evaluate(FAULTS):
                wrong[f"{width} px, {scheme}"] = faults[:6]
    assert not wrong, "\n".join(f"{where}: {'; '.join(what)}" for where, what in wrong.items())


@pytest.mark.parametrize("what", PAGES)
def test_axe_finds_nothing_serious(page: Page, what: str, node_tools: str) -> None:
    assert node_tools
    opened(page, what)
    page.evaluate(AXE.read_text())
    for width, height in (WIDTHS[0], WIDTHS[-1]):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(SETTLED)
        run = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        serious = [
            f"{each['id']} ({each['impact']}), {len(each['nodes'])} times: {each['nodes'][0]['html'][:160]}"
            for each in page.evaluate(run)
            if each["impact"] in ("serious", "critical")
        ]
        assert not serious, f"{width} px:\n" + "\n".join(serious)
