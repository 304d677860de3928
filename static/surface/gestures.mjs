// What a pointer does on the picture: it moves starts, pans, zooms, and tells of the point and the step below it.

import { number } from "../ui/format.mjs";
import { lastPlaced } from "./marks.mjs";
import { shift, zoom } from "./viewport.mjs";

/**
 * @typedef {import("../chart/series.mjs").Series} Series
 * @typedef {import("../data/address.mjs").Point} Point
 * @typedef {{
 *   onStart: (index: number, point: Point, committed: boolean) => void,
 *   onAddStart: (point: Point) => void,
 *   onRemoveStart: (index: number) => void,
 *   onBox: (box: number[] | null, committed: boolean) => void,
 *   onHover: (step: number | null) => void,
 * }} Events
 */

const CLICK = 4; // px a pointer may move and still click
const NEAR = 16; // px from a path at which it is hovered

/**
 * @param {SVGSVGElement} marks  what lies above the picture
 * @param {Events} events
 * @param {{ viewport: () => import("./viewport.mjs").Viewport, wanted: () => number[], runs: () => Series[],
 *   say: (text: string) => void }} scene  what is shown now, and a place for a few words
 */
export function followGestures(marks, events, { viewport, wanted, runs, say }) {
  /** @param {PointerEvent | WheelEvent} event @returns {[number, number]} */
  function local(event) {
    const corner = marks.getBoundingClientRect();
    return [event.clientX - corner.left, event.clientY - corner.top];
  }

  /** The run and step nearest to a pixel, if near enough. @param {number} px @param {number} py */
  function nearest(px, py) {
    const here = viewport();
    let best = { distance: NEAR, step: -1, run: /** @type {Series | null} */ (null) };
    for (const run of runs()) {
      const last = lastPlaced(run);
      const { x, y } = run.recording.columns;
      for (let i = 0; i <= last; i++) {
        const distance = Math.hypot(here.x(x?.[i] ?? 0) - px, here.y(y?.[i] ?? 0) - py);
        if (distance < best.distance) best = { distance, step: i, run };
      }
    }
    return best.run ? best : null;
  }

  marks.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const handle = /** @type {Element} */ (event.target).closest(".start");
    const [downX, downY] = local(event);
    const from = viewport();
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
      else if (moved) events.onBox(wanted(), true);
      else if (!handle) clicked(px, py, up);
    };
    marks.addEventListener("pointermove", onMove);
    marks.addEventListener("pointerup", onUp);
    marks.addEventListener("pointercancel", onUp);
  });

  /** @param {number} px @param {number} py @param {PointerEvent} event */
  function clicked(px, py, event) {
    const { margin, height } = viewport();
    if (px < margin.l || py > height - margin.b) return;
    const point = viewport().rounded(viewport().point(px, py));
    if (event.shiftKey) events.onAddStart(point);
    else events.onStart(0, point, true);
  }

  marks.addEventListener("pointermove", (event) => {
    if (event.buttons) return;
    const [px, py] = local(event);
    const near = nearest(px, py);
    const [x, y] = viewport().point(px, py);
    events.onHover(near ? near.step : null);
    say(
      near?.run
        ? `${near.run.label}, step ${near.step}: loss ${number(near.run.recording.columns.loss?.[near.step])}`
        : `(${number(x, 3)}, ${number(y, 3)})`,
    );
  });
  marks.addEventListener("pointerleave", () => {
    events.onHover(null);
    say("");
  });
  marks.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return; // the plain wheel is the page's
      event.preventDefault();
      const [x, y] = viewport().point(...local(event));
      events.onBox(zoom(viewport().box, Math.exp(Math.min(Math.max(event.deltaY, -200), 200) / 500), x, y), true);
    },
    { passive: false },
  );
}
