// The picture: a contour (or a height in 3-D) with the runs walking over it.

import * as plot from "../chart/plot.mjs";
import { startShown } from "../chart/series.mjs";
import { make, set, svg } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { onThemeChange, textSize } from "../ui/theme.mjs";
import { contour } from "./contour.mjs";
import { flags } from "./flags.mjs";
import { followGestures } from "./gestures.mjs";
import { glyphs, head, minimumMark, path } from "./marks.mjs";
import { signsOf } from "./minima.mjs";
import { relief } from "./relief.mjs";
import { makeViewport, viewportOf } from "./viewport.mjs";

/**
 * @typedef {import("../chart/series.mjs").Series} Series
 * @typedef {import("../data/address.mjs").View} View
 * @typedef {import("../data/address.mjs").Point} Point
 */

/**
 * Builds the picture in `root` and returns how to feed it.
 * `box` is what the view asks for; the picture widens it to its own shape and says so by `onBox`.
 * @param {HTMLElement} root
 * @param {import("./gestures.mjs").Events & { onResize: () => void }} events
 */
export function mountScene(root, events) {
  const base = make("div", { class: "scene-base" });
  const marks = svg("svg", { class: "scene-marks", role: "group", "aria-label": "Runs over the surface" });
  const layers = {
    minima: svg("g", {}),
    paths: svg("g", {}),
    glyphs: svg("g", {}),
    heads: svg("g", {}),
    flags: svg("g", {}),
    starts: svg("g", {}),
  };
  const clip = svg("clipPath", { id: `clip-${Math.random().toString(36).slice(2)}` }, svg("rect", {}));
  const clipped = svg(
    "g",
    { "clip-path": `url(#${clip.id})` },
    layers.minima,
    layers.paths,
    layers.glyphs,
    layers.heads,
  );
  marks.append(svg("defs", {}, clip), clipped, layers.starts, layers.flags);
  const solid = make("div", { class: "scene-3d", hidden: true });
  // The plain wheel is the page's; only with Ctrl it reaches the relief, which zooms by it.
  solid.addEventListener("wheel", (event) => !event.ctrlKey && event.stopImmediatePropagation(), { capture: true });
  const note = make("output", { class: "scene-note" });
  root.append(base, marks, solid, note);

  /** @type {{ grid: any, surface: any, runs: Series[], starts: Point[], shownStart: number, step: number, dimensions: string, levels: string, glyphs: string[], wanted: number[] }} */
  let shown = {
    grid: null,
    surface: null,
    runs: [],
    starts: [],
    shownStart: 0,
    step: 0,
    dimensions: "2d",
    levels: "log",
    glyphs: [],
    wanted: [-5, 5, -5, 5],
  };
  let viewport = makeViewport([-5, 5, -5, 5], 1, 1);
  let told = {
    minima: /** @type {Set<string>} */ (new Set()),
    arrows: /** @type {string[]} */ ([]),
    magnified: /** @type {number | null} */ (null),
  };
  /** @type {Element | null} */
  let focused = null;

  function measure() {
    const { width, height } = root.getBoundingClientRect();
    viewport = viewportOf(shown.wanted, width, height, textSize());
    const { l, r, t, b } = viewport.margin;
    set(marks, { viewBox: `0 0 ${width} ${height}`, width, height });
    set(/** @type {Element} */ (clip.firstElementChild), {
      x: l,
      y: t,
      width: Math.max(width - l - r, 0),
      height: Math.max(height - t - b, 0),
    });
  }

  function drawBase() {
    if (shown.dimensions === "3d") {
      solid.hidden = false;
      if (shown.grid) plot.draw(solid, relief(shown.grid, shown.runs, shown.starts, shown.levels, shown.step));
      return;
    }
    solid.hidden = true;
    if (shown.grid) plot.draw(base, contour(shown.grid, viewport, shown.levels));
  }

  function drawMinima() {
    const signs = signsOf(shown.grid?.minima ?? [], shown.runs, viewport);
    layers.minima.replaceChildren(...signs.map((sign) => minimumMark(sign, viewport)));
    const seen = shown.dimensions === "3d" ? signs.filter(({ kind }) => kind === "global") : signs; // of those in 3-D
    tell({ minima: new Set(seen.map(({ kind }) => (kind === "penalised" ? kind : "loss"))) });
  }

  function drawRuns() {
    layers.paths.replaceChildren(...shown.runs.map((run) => path(run, viewport, shown.step)));
    layers.heads.replaceChildren(...shown.runs.map((run) => head(run, viewport, shown.step)));
    layers.flags.replaceChildren(...flags(shown.runs, viewport, shown.step));
    const first = shown.runs.filter((run) => run.start === startShown(shown));
    const { marks, drawn, magnified } = glyphs(first, shown.glyphs, shown.step, viewport);
    layers.glyphs.replaceChildren(...marks);
    tell({ arrows: shown.dimensions === "3d" ? [] : drawn, magnified });
  }

  /** Tells a key which signs are there. @param {Partial<typeof told>} change */
  function tell(change) {
    told = { ...told, ...change };
    root.dispatchEvent(new CustomEvent("signs", { detail: told, bubbles: true }));
  }

  function drawStarts() {
    const existing = [...layers.starts.children];
    shown.starts.forEach((start, index) => {
      const [cx, cy] = [viewport.x(start[0]), viewport.y(start[1])];
      const handle = existing[index] ?? layers.starts.appendChild(startHandle(index));
      set(handle, {
        transform: `translate(${cx} ${cy})`,
        "aria-label": `Start ${index + 1} at (${number(start[0], 3)}, ${number(start[1], 3)}); arrow keys move it`,
      });
      const place = /** @type {Element} */ (handle.querySelector("text"));
      place.textContent = shown.starts.length > 1 ? String(index + 1) : "";
    });
    for (const extra of existing.slice(shown.starts.length)) extra.remove();
  }

  /** @param {number} index */
  function startHandle(index) {
    const handle = svg(
      "g",
      { class: "start", tabindex: 0, role: "button", "data-start": index },
      svg("circle", { r: 16, class: "grab" }),
      svg("circle", { r: 7, class: "halo" }),
      svg("circle", { r: 7, class: "handle" }),
      svg("circle", { r: 1.75, class: "dot" }),
      svg("text", { x: 10, y: -8, class: "start-number" }),
    );
    handle.addEventListener("keydown", (event) => {
      const moves = /** @type {Record<string, Point>} */ ({
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, 1],
        ArrowDown: [0, -1],
      });
      const move = moves[event.key];
      const start = shown.starts[index];
      if (event.key === "Delete" || event.key === "Backspace") {
        events.onRemoveStart(index);
      } else if (move && start) {
        const unit = (((viewport.box[1] ?? 0) - (viewport.box[0] ?? 0)) / 200) * (event.shiftKey ? 10 : 1);
        events.onStart(index, viewport.rounded([start[0] + move[0] * unit, start[1] + move[1] * unit]), true);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return handle;
  }

  followGestures(marks, events, {
    viewport: () => viewport,
    wanted: () => shown.wanted,
    runs: () => shown.runs,
    say(text) {
      note.textContent = text;
    },
  });

  new ResizeObserver(() => {
    measure();
    redraw();
    events.onResize();
  }).observe(root);
  onThemeChange(redraw);

  function redraw() {
    if (root.clientWidth === 0) return;
    focused = document.activeElement;
    drawBase();
    drawMinima();
    drawRuns();
    drawStarts();
    if (focused instanceof SVGElement && document.activeElement !== focused) focused.focus?.();
  }

  return {
    /** The box that is really shown, wider than the one asked for. */
    box: () => viewport.box,
    /** The picture's size in pixels. */
    size: () => [viewport.width, viewport.height],
    viewport: () => viewport,
    marks,
    /** @param {Partial<typeof shown>} change */
    show(change) {
      const before = shown;
      // A box of the same numbers is the same box: the contour is the costly part.
      if (change.wanted?.join() === shown.wanted.join()) change.wanted = shown.wanted;
      shown = { ...shown, ...change };
      const changed = (/** @type {(keyof typeof shown)[]} */ ...keys) => keys.some((key) => shown[key] !== before[key]);
      if (changed("wanted")) measure();
      if (
        changed("wanted", "grid", "levels", "dimensions") ||
        (shown.dimensions === "3d" && changed("runs", "step", "starts"))
      )
        drawBase();
      if (changed("wanted", "grid", "runs", "dimensions")) drawMinima();
      if (changed("wanted", "runs", "step", "glyphs", "shownStart", "dimensions")) drawRuns();
      if (changed("wanted", "starts")) drawStarts();
    },
  };
}
