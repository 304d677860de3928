"""How fast the page follows a slider in a real browser, beside a canvas that draws the same by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from app.bench.server_process import serving
from app.bench.targets import Figure

if TYPE_CHECKING:
    from playwright.sync_api import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MOVES = 40
GOAL_PATHS_MS, GOAL_CHARTS_MS = 50.0, 120.0
PATIENCE_MS = 60_000

# Moves λ of the first runner, and tells how long it took until its path was another one on the page, and
# until all charts in sight were: each in the frame after it was drawn.
_MOVE = """async ([value, patience]) => {
  const number = document.querySelector('#runners input.number[aria-label*="λ"]');
  const field = number.closest('.control').querySelector('input[type=range]');
  const path = () => document.querySelector('.scene-marks [data-run] path:last-child')?.getAttribute('d');
  const box = (e) => e.getBoundingClientRect();
  const seen = (e) => box(e).bottom > 0 && box(e).top < innerHeight;
  const charts = [...document.querySelectorAll('#charts .chart-plot')].filter(seen);
  const drawn = (chart) => [...chart.querySelectorAll('.js-line')].map(l => l.getAttribute('d')).join('|');
  const lines = () => charts.map(drawn);
  const before = { path: path(), lines: lines() };
  const begin = performance.now();
  field.value = value;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  const since = () => performance.now() - begin;
  const until = (done) => new Promise((resolve, reject) => {
    const look = () => done() ? requestAnimationFrame(() => resolve(since()))
      : since() > patience ? reject(new Error('the page did not follow')) : requestAnimationFrame(look);
    look();
  });
  const paths = until(() => path() !== before.path);
  const all = until(() => lines().every((line, i) => line !== before.lines[i]));
  return [await paths, await all];
}"""

# The same two runs without a server and without charts: what a page could do at best.
_TOY = """<!doctype html><input type=range min=0 max=1000 value=500>
<canvas width=700 height=500></canvas><script>
const field = document.querySelector('input'), context = document.querySelector('canvas').getContext('2d');
function walk(decoupled, decay) {
  const [eta, b1, b2, eps] = [0.05, 0.9, 0.999, 1e-8];
  const at = [-2, 3.5], m = [0, 0], v = [0, 0], bend = [1, 30], goal = [2, 1.2], path = [[...at]];
  for (let t = 1; t <= 400; t++) {
    for (let i = 0; i < 2; i++) {
      let g = bend[i] * (at[i] - goal[i]);
      if (decoupled) at[i] -= eta * decay * at[i]; else g += decay * at[i];
      m[i] = b1 * m[i] + (1 - b1) * g; v[i] = b2 * v[i] + (1 - b2) * g * g;
      at[i] -= eta * (m[i] / (1 - b1 ** t)) / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps);
    }
    path.push([...at]);
  }
  return path;
}
let drawn = 0;
field.oninput = () => requestAnimationFrame(() => {
  context.clearRect(0, 0, 700, 500);
  for (const decoupled of [false, true]) {
    context.beginPath();
    for (const [x, y] of walk(decoupled, field.value / 1000)) context.lineTo(60 * (x + 4), 60 * (5 - y));
    context.stroke();
  }
  drawn += 1;
});
async function move(value) {
  const before = drawn, begin = performance.now();
  field.value = value;
  field.dispatchEvent(new Event('input'));
  while (drawn === before) await new Promise(requestAnimationFrame);
  return new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now() - begin)));
}
</script>"""


class NotHere(Exception):
    """What is needed to drive a browser is missing; the text says what to install."""


def measure(say: Callable[[str], None]) -> list[Figure]:
    """All figures; takes about half a minute. Raises `NotHere` without a browser or playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NotHere("This needs playwright: pip install playwright.") from None
    path = os.environ.get("OPTIMSCOPE_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise NotHere("This needs a Chromium or Chrome on the path, or its path in OPTIMSCOPE_BROWSER.")
    with TemporaryDirectory() as folder, serving(Path(folder)) as (port, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(PATIENCE_MS)
        say("A canvas that draws two paths …")
        page.set_content(_TOY)
        toy = [float(page.evaluate("value => move(value)", value)) for value in _places()]
        say("The page: how soon after a slider moves …")
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("#charts[data-drawn]")
        moves = [_move(page, value) for value in _places()]
        say("The page: how soon after it is opened …")
        cold = median(_cold(browser.new_context, port) for _ in range(5))
        browser.close()
    paths, charts = (median(times) for times in zip(*moves[3:], strict=True))  # the first ones warm up
    limit = median(toy[3:])
    return [
        Figure("canvas toy, from input to its paths, median", limit, "ms"),
        Figure("page, from input to its paths, median", paths, "ms", GOAL_PATHS_MS),
        Figure("… beside the toy", paths / limit, "times"),
        Figure("page, from input to all charts in sight, median", charts, "ms", GOAL_CHARTS_MS),
        Figure("page, from its address to all charts, median", cold, "ms"),
    ]


def _places() -> list[int]:
    """Where the slider goes: there and back, nowhere twice in a row."""
    return [300 + 11 * (k if k < MOVES // 2 else MOVES - k) + k % 3 for k in range(MOVES)]


def _move(page: Page, value: int) -> tuple[float, float]:
    paths, charts = page.evaluate(_MOVE, [str(value), PATIENCE_MS])
    return float(paths), float(charts)


def _cold(new_context: Callable[..., Any], port: int) -> float:
    """Milliseconds from the start of the navigation to all charts, with nothing kept from before."""
    context = new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("#charts[data-drawn]")
    page.wait_for_selector("#charts .js-line")
    took = float(page.evaluate("performance.now()"))
    context.close()
    return took
