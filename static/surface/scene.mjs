// The picture: a contour (or a height in 3-D) with the runs walking over it.

import * as plot from "../chart/plot.mjs";
import { make, set, svg } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { colour, onThemeChange } from "../ui/theme.mjs";
import { contour, relief } from "./contour.mjs";
import { followGestures } from "./gestures.mjs";
import { glyphs, goals, head, minimaMarks, path } from "./marks.mjs";
import { fit, MARGIN, makeViewport } from "./viewport.mjs";

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
    starts: svg("g", {}),
  };
  const clip = svg(
    "clipPath",
    { id: `clip-${Math.random().toString(36).slice(2)}` },
    svg("rect", { x: MARGIN.l, y: MARGIN.t }),
  );
  const clipped = svg(
    "g",
    { "clip-path": `url(#${clip.id})` },
    layers.minima,
    layers.paths,
    layers.glyphs,
    layers.heads,
  );
  marks.append(svg("defs", {}, clip), clipped, layers.starts);
  const solid = make("div", { class: "scene-3d", hidden: true });
  const note = make("output", { class: "scene-note" });
  root.append(base, marks, solid, note);

  /** @type {{ grid: any, surface: any, runs: Series[], starts: Point[], step: number, dimensions: string, levels: string, glyphs: string[], wanted: number[] }} */
  let shown = {
    grid: null,
    surface: null,
    runs: [],
    starts: [],
    step: 0,
    dimensions: "2d",
    levels: "log",
    glyphs: [],
    wanted: [-5, 5, -5, 5],
  };
  let viewport = makeViewport([-5, 5, -5, 5], 1, 1);
  /** @type {Element | null} */
  let focused = null;

  function measure() {
    const { width, height } = root.getBoundingClientRect();
    viewport = makeViewport(fit(shown.wanted, width, height), width, height);
    set(marks, { viewBox: `0 0 ${width} ${height}`, width, height });
    set(/** @type {Element} */ (clip.firstElementChild), {
      width: Math.max(width - MARGIN.l - MARGIN.r, 0),
      height: Math.max(height - MARGIN.t - MARGIN.b, 0),
    });
  }

  function drawBase() {
    if (shown.dimensions === "3d") {
      solid.hidden = false;
      if (shown.grid) plot.draw(solid, relief(shown.grid, shown.runs, shown.levels, shown.step));
      return;
    }
    solid.hidden = true;
    if (shown.grid) plot.draw(base, contour(shown.grid, viewport, shown.levels));
  }

  function drawMinima() {
    layers.minima.replaceChildren();
    const { grid, runs } = shown;
    if (!grid) return;
    /** @type {{ x: number, y: number, loss: number, edge: boolean, global: boolean }[]} */
    const minima = grid.minima;
    const { lowest, others } = goals(minima);
    layers.minima.append(
      ...minimaMarks(others, "loss", colour("--ink"), "Local minimum of the loss", viewport, 5),
      ...minimaMarks(lowest, "loss", colour("--ink"), "Global minimum of the loss", viewport),
    );
    for (const { recording, start, colour: own, label } of runs) {
      if (start > 0) continue;
      const title = `Minimum of loss and penalty for ${label}`;
      const kept = goals(recording.about.minima ?? []);
      layers.minima.append(...minimaMarks([...kept.lowest, ...kept.others], "penalised", own, title, viewport));
    }
  }

  function drawRuns() {
    layers.paths.replaceChildren(...shown.runs.map((run) => path(run, viewport, shown.step)));
    layers.heads.replaceChildren(...shown.runs.map((run) => head(run, viewport, shown.step)));
    const first = shown.runs.filter((run) => run.start === 0);
    const made = glyphs(first, shown.glyphs, shown.step, viewport);
    layers.glyphs.replaceChildren(...made.marks);
    root.dispatchEvent(new CustomEvent("magnified", { detail: made.magnified }));
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
      for (const circle of handle.querySelectorAll("circle")) circle.style.stroke = "";
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
      if (changed("wanted", "grid", "levels", "dimensions") || (shown.dimensions === "3d" && changed("runs", "step")))
        drawBase();
      if (changed("wanted", "grid", "runs")) drawMinima();
      if (changed("wanted", "runs", "step", "glyphs")) drawRuns();
      if (changed("wanted", "starts")) drawStarts();
    },
  };
}
