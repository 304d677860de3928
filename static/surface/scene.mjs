// The picture: a contour (or a height in 3-D) with the runs walking over it.

import * as plot from "../chart/plot.mjs";
import { make, set, svg } from "../ui/dom.mjs";
import { number } from "../ui/format.mjs";
import { colour, onThemeChange } from "../ui/theme.mjs";
import { contour, relief } from "./contour.mjs";
import { glyphs, goals, head, lastPlaced, minimaMarks, path } from "./marks.mjs";
import { fit, MARGIN, plane as planeOf, shift, zoom } from "./viewport.mjs";

/**
 * @typedef {import("./marks.mjs").Run} Run
 * @typedef {import("../data/address.mjs").View} View
 * @typedef {import("../data/address.mjs").Point} Point
 */

const CLICK = 4; // px a pointer may move and still click
const NEAR = 16; // px from a path at which it is hovered

/**
 * Builds the picture in `root` and returns how to feed it.
 * `box` is what the view asks for; the picture widens it to its own shape and says so by `onBox`.
 * @param {HTMLElement} root
 * @param {{
 *   onStart: (index: number, point: Point, committed: boolean) => void,
 *   onAddStart: (point: Point) => void,
 *   onRemoveStart: (index: number) => void,
 *   onBox: (box: number[] | null, committed: boolean) => void,
 *   onHover: (step: number | null) => void,
 *   onResize: () => void,
 * }} events
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

  /** @type {{ grid: any, penalised: Map<number, any[]>, surface: any, runs: Run[], starts: Point[], step: number, dimensions: string, levels: string, glyphs: string[], wanted: number[] }} */
  let shown = {
    grid: null,
    penalised: new Map(),
    surface: null,
    runs: [],
    starts: [],
    step: 0,
    dimensions: "2d",
    levels: "log",
    glyphs: [],
    wanted: [-5, 5, -5, 5],
  };
  let plane = planeOf([-5, 5, -5, 5], 1, 1);
  /** @type {Element | null} */
  let focused = null;

  function measure() {
    const { width, height } = root.getBoundingClientRect();
    plane = planeOf(fit(shown.wanted, width, height), width, height);
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
    if (shown.grid) plot.draw(base, contour(shown.grid, plane, shown.levels));
  }

  function drawMinima() {
    layers.minima.replaceChildren();
    const { grid, runs, penalised } = shown;
    if (!grid) return;
    const { lowest, others } = goals(grid.minima);
    layers.minima.append(
      ...minimaMarks(others, "loss", colour("--ink"), "Local minimum of the loss", plane, 5),
      ...minimaMarks(lowest, "loss", colour("--ink"), "Global minimum of the loss", plane),
    );
    for (const [key, minima] of penalised) {
      const owner = runs.find((run) => run.runner.key === key);
      if (!owner) continue;
      const { lowest, others } = goals(minima);
      layers.minima.append(
        ...minimaMarks(
          [...lowest, ...others],
          "penalised",
          owner.colour,
          `Minimum of loss and penalty for ${owner.label}`,
          plane,
        ),
      );
    }
  }

  function drawRuns() {
    layers.paths.replaceChildren(...shown.runs.map((run) => path(run, plane, shown.step)));
    layers.heads.replaceChildren(...shown.runs.map((run) => head(run, plane, shown.step)));
    const first = shown.runs.filter((run) => run.start === 0);
    const made = glyphs(first, shown.glyphs, shown.step, plane);
    layers.glyphs.replaceChildren(...made.marks);
    root.dispatchEvent(new CustomEvent("magnified", { detail: made.magnified }));
  }

  function drawStarts() {
    const existing = [...layers.starts.children];
    shown.starts.forEach((start, index) => {
      const [cx, cy] = [plane.x(start[0]), plane.y(start[1])];
      const handle = existing[index] ?? layers.starts.appendChild(startHandle(index));
      set(handle, {
        transform: `translate(${cx} ${cy})`,
        "aria-label": `Start ${index + 1} at (${number(start[0], 3)}, ${number(start[1], 3)}); arrow keys move it`,
      });
      for (const ring of handle.querySelectorAll("circle")) ring.style.stroke = "";
    });
    for (const extra of existing.slice(shown.starts.length)) extra.remove();
  }

  /** @param {number} index */
  function startHandle(index) {
    const handle = svg(
      "g",
      { class: "start", tabindex: 0, role: "button", "data-start": index },
      svg("circle", { r: 16, class: "grab" }),
      svg("circle", { r: 7, class: "ring-ground" }),
      svg("circle", { r: 7, class: "ring" }),
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
        const unit = (((plane.box[1] ?? 0) - (plane.box[0] ?? 0)) / 200) * (event.shiftKey ? 10 : 1);
        events.onStart(index, plane.rounded([start[0] + move[0] * unit, start[1] + move[1] * unit]), true);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return handle;
  }

  /** @param {PointerEvent | WheelEvent} event @returns {[number, number]} */
  function local(event) {
    const corner = root.getBoundingClientRect();
    return [event.clientX - corner.left, event.clientY - corner.top];
  }

  /** The run and step nearest to a pixel, if near enough. @param {number} px @param {number} py */
  function nearest(px, py) {
    let best = { distance: NEAR, step: -1, run: /** @type {Run | null} */ (null) };
    for (const run of shown.runs) {
      const last = lastPlaced(run);
      for (let i = 0; i <= last; i++) {
        const distance = Math.hypot(plane.x(run.columns.x?.[i] ?? 0) - px, plane.y(run.columns.y?.[i] ?? 0) - py);
        if (distance < best.distance) best = { distance, step: i, run };
      }
    }
    return best.run ? best : null;
  }

  marks.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const handle = /** @type {Element} */ (event.target).closest(".start");
    const [downX, downY] = local(event);
    const from = plane;
    let moved = false;
    marks.setPointerCapture(event.pointerId);
    /** @param {PointerEvent} move */
    const onMove = (move) => {
      const [px, py] = local(move);
      if (!moved && Math.hypot(px - downX, py - downY) < CLICK) return;
      moved = true;
      if (handle) {
        events.onStart(Number(handle.getAttribute("data-start")), from.rounded(from.point(px, py)), false);
      } else {
        const [a, b] = [from.point(downX, downY), from.point(px, py)];
        events.onBox(shift(from.box, a[0] - b[0], a[1] - b[1]), false);
      }
    };
    /** @param {PointerEvent} up */
    const onUp = (up) => {
      marks.removeEventListener("pointermove", onMove);
      marks.removeEventListener("pointerup", onUp);
      marks.removeEventListener("pointercancel", onUp);
      const [px, py] = local(up);
      if (up.type === "pointercancel") return;
      if (moved && handle)
        events.onStart(Number(handle.getAttribute("data-start")), from.rounded(from.point(px, py)), true);
      else if (moved) events.onBox(shown.wanted, true);
      else if (!handle) clicked(px, py, up);
    };
    marks.addEventListener("pointermove", onMove);
    marks.addEventListener("pointerup", onUp);
    marks.addEventListener("pointercancel", onUp);
  });

  /** @param {number} px @param {number} py @param {PointerEvent} event */
  function clicked(px, py, event) {
    if (px < MARGIN.l || py > plane.height - MARGIN.b) return;
    const point = plane.rounded(plane.point(px, py));
    if (event.shiftKey) events.onAddStart(point);
    else events.onStart(0, point, true);
  }

  marks.addEventListener("pointermove", (event) => {
    if (event.buttons) return;
    const [px, py] = local(event);
    const near = nearest(px, py);
    const [x, y] = plane.point(px, py);
    events.onHover(near ? near.step : null);
    note.textContent = near?.run
      ? `${near.run.label}, step ${near.step}: loss ${number(near.run.columns.loss?.[near.step])}`
      : `(${number(x, 3)}, ${number(y, 3)})`;
  });
  marks.addEventListener("pointerleave", () => {
    events.onHover(null);
    note.textContent = "";
  });
  marks.addEventListener(
    "wheel",
    (event) => {
      // A page that scrolls keeps its wheel; the picture takes it with Ctrl, or when it has the focus.
      if (!event.ctrlKey && document.documentElement.scrollHeight > innerHeight + 1) return;
      event.preventDefault();
      const [x, y] = plane.point(...local(event));
      events.onBox(zoom(plane.box, Math.exp(Math.min(Math.max(event.deltaY, -200), 200) / 500), x, y), true);
    },
    { passive: false },
  );

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
    box: () => plane.box,
    /** The picture's size in pixels. */
    size: () => [plane.width, plane.height],
    plane: () => plane,
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
      if (changed("wanted", "grid", "penalised", "runs")) drawMinima();
      if (changed("wanted", "runs", "step", "glyphs")) drawRuns();
      if (changed("wanted", "starts")) drawStarts();
    },
  };
}
