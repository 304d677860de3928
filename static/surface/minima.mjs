// Which minima the picture marks: those that matter to what is drawn.

/**
 * @typedef {import("../chart/series.mjs").Series} Series
 * @typedef {{ x: number, y: number, edge: boolean, global: boolean }} Minimum
 * @typedef {{ x: number, y: number, kind: "global" | "local" | "penalised", runs: Series[] }} Sign
 */

const NEAR = 20; // px: so near a path has come to a minimum that it might have ended there
const ONE = 4; // px: two signs no further apart are one

/**
 * The minima that are marked: global ones, local ones that some path comes near, and of the penalised loss those
 * that lie elsewhere, of equal ones one. What only the edge of the view makes is no goal.
 * @param {Minimum[]} minima  of the loss
 * @param {Series[]} runs  all that are drawn
 * @param {import("./viewport.mjs").Viewport} viewport
 * @returns {Sign[]}
 */
export function signsOf(minima, runs, viewport) {
  const far = farFrom(runs, viewport);
  const matters = (/** @type {Minimum} */ m) => !m.edge && inSight(m, viewport) && (m.global || !far(m));
  const plain = minima.filter(matters).map(({ x, y, global }) => sign(x, y, global ? "global" : "local"));
  /** @type {Sign[]} */
  const penalised = [];
  for (const run of runs) {
    for (const minimum of run.recording.about.minima ?? []) {
      if (!matters(minimum) || plain.some((other) => apart(other, minimum, viewport) <= ONE)) continue;
      const same = penalised.find((other) => apart(other, minimum, viewport) <= ONE);
      if (!same) penalised.push({ ...sign(minimum.x, minimum.y, "penalised"), runs: [run] });
      else if (!same.runs.some((other) => other.runner.key === run.runner.key)) same.runs.push(run);
    }
  }
  return [...plain, ...penalised];
}

/** @param {number} x @param {number} y @param {Sign["kind"]} kind @returns {Sign} */
function sign(x, y, kind) {
  return { x, y, kind, runs: [] };
}

/** @param {{ x: number, y: number }} point @param {import("./viewport.mjs").Viewport} viewport */
function inSight({ x, y }, { box: [x0 = 0, x1 = 0, y0 = 0, y1 = 0] }) {
  return x >= x0 && x <= x1 && y >= y0 && y <= y1;
}

/** In px. @param {{ x: number, y: number }} a @param {{ x: number, y: number }} b @param {import("./viewport.mjs").Viewport} viewport */
function apart(a, b, viewport) {
  return Math.hypot(viewport.x(a.x) - viewport.x(b.x), viewport.y(a.y) - viewport.y(b.y));
}

/**
 * Whether no path comes near a point.
 * @param {Series[]} runs
 * @param {import("./viewport.mjs").Viewport} viewport
 */
function farFrom(runs, viewport) {
  return (/** @type {{ x: number, y: number }} */ minimum) =>
    !runs.some(({ recording: { columns } }) => {
      const { x, y } = columns;
      for (let i = 0; i < (x?.length ?? 0); i++) {
        const at = { x: /** @type {number} */ (x?.[i]), y: /** @type {number} */ (y?.[i]) };
        if (apart(at, minimum, viewport) < NEAR) return true;
      }
      return false;
    });
}
