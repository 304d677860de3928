// The Explore page: reads the address, builds the panels, keeps them in step.

import { mountAddChart, mountCharts } from "../chart/charts.mjs";
import { presetsOf, settingsFor } from "../data/presets.mjs";
import { followTrajectories } from "../data/trajectories.mjs";
import { mountRunners } from "../forms/runners.mjs";
import { mountExplain } from "../surface/equations.mjs";
import { mountHeadline } from "../surface/headline.mjs";
import { mountKey } from "../surface/key.mjs";
import { mountScene } from "../surface/scene.mjs";
import { mountPictureBar } from "../surface/status.mjs";
import { mountTable } from "../surface/table.mjs";
import { byId } from "../ui/dom.mjs";
import { gridShape, openPage, sceneEvents, wantedBox } from "../ui/page.mjs";
import { mountPanels } from "../ui/panels.mjs";
import { cursor, mountPlayer } from "../ui/player.mjs";
import { mountShare } from "../ui/share.mjs";
import { onThemeChange } from "../ui/theme.mjs";

const SHOWN_SECONDS = 5; // that the opening scene takes to be played once

const { catalogue, store, write, scene: preset } = await openPage("explore");

const scene = mountScene(
  byId("scene"),
  sceneEvents(store, () => session.requestGrid()),
);
{
  const { starts, shownStart } = store.get();
  scene.show({ wanted: wantedBox(store.get(), catalogue), starts, shownStart });
}
const session = followTrajectories(store, catalogue, () => gridShape(scene));

store.on(["box", "result", "surface"], (state) => {
  const before = scene.box().join();
  scene.show({ wanted: wantedBox(state, catalogue) });
  if (before !== scene.box().join()) session.requestGrid();
});
const DRAWN = /** @type {const} */ (["grid", "starts", "shownStart", "dimensions", "levels", "glyphs"]);
store.on(["visible", "step", "hover", "steps", ...DRAWN], (state) => {
  const { grid, starts, shownStart, dimensions, levels, glyphs } = state;
  scene.show({ runs: state.visible, grid, starts, shownStart, dimensions, levels, glyphs, step: cursor(state) });
});
onThemeChange(session.redraw);

/** The settings of a runner that joins, or of the one with this key when it is reset. @param {string} optimizer @param {number} [key] */
function joining(optimizer, key) {
  const surface = catalogue.surfaces.find((/** @type {any} */ s) => s.id === store.get().surface);
  // It decays like the others that are here, or the comparison would be unfair.
  const others = store.get().runners.filter((runner) => runner.key !== key && "weight_decay" in runner.hyper);
  const decay = others[0]?.hyper.weight_decay;
  const declared = catalogue.optimizers.find((/** @type {any} */ o) => o.id === optimizer);
  const takes = decay !== undefined && declared?.decay !== "none";
  return { ...(takes ? { weight_decay: decay } : {}), ...settingsFor(catalogue, surface, optimizer) };
}
mountRunners(byId("runners"), store, catalogue, joining);
const player = mountPlayer(byId("player"), store);
mountKey(byId("key"), store, byId("scene"));
mountPictureBar(byId("picture-bar"), store);
mountPanels();
mountCharts(byId("charts"), store, catalogue);
mountAddChart(byId("add-chart"), store, catalogue);
mountExplain(byId("explain"), store, catalogue);
mountTable(byId("table"), store);
mountShare(byId("share-items"), store, write, () => ({ viewport: scene.viewport(), marks: scene.marks }));
// A scene is played once; whoever opened a view of their own, or asked for reduced motion, sees its end.
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const play = () => (still ? store.set({ step: -1 }, false) : player.show(SHOWN_SECONDS));
mountHeadline(byId("headline"), store, {
  scene: preset,
  scenes: presetsOf(catalogue, "explore"),
  settingsFor: joining,
  name: (id) => catalogue.optimizers.find((/** @type {any} */ optimizer) => optimizer.id === id)?.title ?? id,
  play,
});
if (document.body.classList.contains("asking")) store.set({ step: 0 }, false);
else if (!location.search && !still) {
  store.set({ step: 0 }, false);
  let begun = false;
  const begin = () => {
    if (begun || !store.get().result) return;
    begun = true;
    play();
  };
  store.on(["visible"], begin);
  begin();
}
