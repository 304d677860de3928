// The settings of what a picture shows, in a line: they go into every file that is saved.

import { number, pointText } from "../ui/format.mjs";

const LETTERS = /** @type {Record<string, string>} */ ({ lr: "η", weight_decay: "λ" });

/**
 * @param {any} state  of the page's store
 * @param {import("./series.mjs").Series[]} runs
 */
export function settingsText({ surface, params = {}, formula, starts, steps, noise, seed }, runs) {
  const names = runs.map(({ label, recording: { about } }) => {
    const hyper = about.hyper ?? about.config?.hyper ?? {};
    const told = Object.entries(LETTERS).flatMap(([name, letter]) =>
      name in hyper ? [`${letter} ${number(hyper[name])}`] : [],
    );
    return [label, ...told].join(" ");
  });
  const task = [...new Set(runs.map(({ recording }) => recording.about.task).filter(Boolean))].join(", ");
  const place = surface
    ? [
        surface === "own" ? formula : surface.replaceAll("_", " "),
        ...Object.entries(params).map(([name, value]) => `${name} ${value}`),
      ]
    : [task];
  const walk = surface
    ? [`start ${starts.map(pointText).join(", ")}`, `${steps} steps`, noise && `noise ${noise}, seed ${seed}`]
    : [];
  return [place.filter(Boolean).join(" "), ...walk, ...names].filter(Boolean).join(" · ");
}
