// What stands above the map: what is to be seen, with this run's numbers, and why; of a guided scene its question too.

import { shownRuns } from "../chart/series.mjs";
import { sentenceOf, sentencesOf, written } from "../data/findings.mjs";
import { makeRunner } from "../data/runner.mjs";
import { closing, make } from "../ui/dom.mjs";
import { number, percent, stepCount } from "../ui/format.mjs";
import { cursor } from "../ui/player.mjs";

/**
 * @typedef {import("../chart/series.mjs").Series} Series
 * @typedef {import("../data/presets.mjs").Preset} Preset
 * @typedef {import("../data/findings.mjs").Finding} Finding
 */

const CLAIM = "same_decay.";
const SHARES = "decay_taken."; // stand in a table beside
const MOST_TOLD = 4; // runs; of more the outer ones
const START = "All start at one point. Press Play, or move the slider below, to see them part.";

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {{ scene: Preset | undefined, scenes: Preset[], settingsFor: (optimizer: string) => Record<string, any>,
 *   name: (optimizer: string) => string, play: () => void }} page
 *   the scene that is shown and all that there are, the settings of an optimizer that joins, what it is called, and
 *   what shows the run once a guided scene's question has its answer
 */
export function mountHeadline(root, store, { scene, scenes, settingsFor, name, play }) {
  const claim = make("p", { class: "claim" });
  const cause = make("p", { class: "cause" });
  const shares = make("table", { class: "shares" });
  const why = make("button", { type: "button", class: "strong", "aria-expanded": "false", onclick: toggle }, "Why?");
  const add = make("button", { type: "button", onclick: addOne }, scene?.adds ? `Add ${name(scene.adds)}` : "");
  const own = make("button", { type: "button", onclick: tryIt }, "Try it yourself");
  const guided = Boolean(store.get().guide && scene?.sentences.length);
  const told = scene ? lesson(scene, store, reveal) : null;
  root.append(
    make("div", { class: "told", tabindex: 0 }, claim, shares, cause),
    make("div", { class: "headline-actions" }, told && why, add, own, sceneMenu(scenes, scene, store)),
    told ?? "",
  );
  if (told) told.hidden = !guided;
  ask(guided);
  label();

  /** While a guided scene asks, what would tell the answer is not shown. @param {boolean} asking */
  function ask(asking) {
    document.body.classList.toggle("asking", asking);
  }

  function reveal() {
    if (!document.body.classList.contains("asking")) return;
    ask(false);
    render();
    play();
  }

  function toggle() {
    if (told) told.hidden = !told.hidden;
    label();
  }

  function label() {
    why.setAttribute("aria-expanded", String(!told?.hidden));
  }

  function addOne() {
    const optimizer = scene?.adds ?? "";
    store.set({ runners: [...store.get().runners, makeRunner(optimizer, { hyper: settingsFor(optimizer) })] });
  }

  /** To the setting that makes the difference. */
  function tryIt() {
    const fields = [...document.querySelectorAll("#runners input.number")];
    const field = fields.find((one) => one.getAttribute("aria-label")?.includes("λ")) ?? fields[0];
    if (field instanceof HTMLElement) field.focus();
  }

  function render() {
    const { result, runners } = store.get();
    const visible = shownRuns(store.get());
    const asking = document.body.classList.contains("asking");
    const step = asking ? 0 : cursor(store.get());
    const shown = headlineOf(result, visible, step);
    const first = visible.length ? (!guided && shown.claim) || scene?.title || "" : "";
    if (claim.textContent !== first) claim.textContent = first;
    const second = asking ? "Answer the question, and the run is shown." : shown.cause;
    if (cause.textContent !== second) cause.textContent = second;
    add.hidden = !scene?.adds || runners.some((/** @type {any} */ runner) => runner.optimizer === scene.adds);
    renderShares(shares, sharesOf(visible, shown.axes, step));
  }
  store.on(["visible", "shownStart", "step", "hover", "steps", "runners"], render);
  render();
}

/**
 * What is said of these runs at a step: the claim where one holds, why, and which coordinate is the steep one.
 * @param {{ recordings: any[], findings?: Finding[] } | null} result @param {Series[]} visible @param {number} step
 */
export function headlineOf(result, visible, step) {
  const found = { claim: "", cause: "", axes: { x: "x", y: "y" } };
  if (!result || !visible.length) return found;
  const told = new Map(visible.map((run) => [result.recordings.indexOf(run.recording), run]));
  const findings = result.findings ?? [];
  const [claim, cause] = findings.filter(({ code }) => code.startsWith(CLAIM));
  const others = findings.filter(({ code }) => !code.startsWith(CLAIM) && !code.startsWith(SHARES));
  const steep = claim?.words.steep;
  if (steep) found.axes = steep === "x" ? { x: "steep x", y: "flat y" } : { x: "flat x", y: "steep y" };
  // A claim holds to the end: from the first step on it says what is to be seen.
  const holds = claim && sentenceOf(claim, told, claim.steps?.[1]);
  found.claim = holds || "";
  const said = sentencesOf(others, told, step);
  const why = holds && cause && sentenceOf(cause, told, step);
  found.cause = step === 0 ? START : why || said || lossesAt(visible, step);
  return found;
}

/** Where the losses stand. @param {Series[]} runs @param {number} step */
function lossesAt(runs, step) {
  const known = runs.map(({ label, recording }) => ({ label, loss: recording.columns.loss?.[step] ?? Number.NaN }));
  const told = ({ label, loss } = { label: "", loss: Number.NaN }) => `${label} ${number(loss, 3)}`;
  if (known.length <= MOST_TOLD) return `After ${stepCount(step)} the loss is: ${known.map(told).join(", ")}.`;
  const sorted = known.filter(({ loss }) => Number.isFinite(loss)).sort((a, b) => a.loss - b.loss);
  return `After ${stepCount(step)} the lowest loss is ${told(sorted[0])}, the highest ${told(sorted.at(-1))}.`;
}

/**
 * How much decay alone has taken of each coordinate, run by run; nothing where none decays.
 * @param {Series[]} visible @param {{ x: string, y: string }} axes  what they are called @param {number} step
 */
export function sharesOf(visible, axes, step) {
  const runs = visible.filter((run) => run.recording.columns.decay_taken_x);
  const at = (/** @type {Series} */ run, /** @type {string} */ axis) => {
    const values = run.recording.columns[`decay_taken_${axis}`] ?? [];
    return values[Math.min(step, values.length - 1)] ?? Number.NaN;
  };
  const rows = Object.entries(axes).map(([axis, label]) => ({ label, cells: runs.map((run) => at(run, axis)) }));
  rows.sort((a, b) => Number(b.label.startsWith("steep")) - Number(a.label.startsWith("steep")));
  const decays = runs.some((run) => (run.recording.columns.decay_taken_x ?? []).some((value) => value !== 0));
  return decays && runs.length <= 4 ? { runs, rows } : { runs: [], rows: [] };
}

/** @param {HTMLTableElement} table @param {ReturnType<typeof sharesOf>} shares */
function renderShares(table, { runs, rows }) {
  table.hidden = !runs.length;
  table.replaceChildren(
    make("caption", {}, "taken by decay so far"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("td"),
        ...runs.map((run) => make("th", { scope: "col", style: `color: ${run.colour}` }, run.label)),
      ),
    ),
    make(
      "tbody",
      {},
      ...rows.map(({ label, cells }) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, label),
          ...cells.map((value, i) => make("td", { style: `color: ${runs[i]?.colour}` }, percent(value))),
        ),
      ),
    ),
  );
}

/**
 * Sentences, then the question, then what is right and why.
 * @param {Preset} scene @param {import("../data/store.mjs").Store<any>} store @param {() => void} answered
 */
function lesson({ sentences, question, choices, answer, because }, store, answered) {
  if (!sentences.length) return null;
  const verdict = make("p", { class: "answer", role: "status" });
  const buttons = choices.map((text, i) => make("button", { type: "button", onclick: () => choose(i) }, text));
  /** @param {number} chosen */
  function choose(chosen) {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-pressed", String(i === chosen));
      button.classList.toggle("right", i === answer);
    });
    const recordings = store.get().result?.recordings ?? [];
    const start = chosen === answer ? "Right." : `No: ${choices[answer]}.`;
    verdict.textContent = `${start} ${answerOf(because, recordings)}`;
    answered();
  }
  return make(
    "div",
    { class: "lesson" },
    make("ol", {}, ...sentences.map((text) => make("li", {}, text))),
    make("div", { class: "question", role: "group", "aria-label": question }, make("p", {}, question), ...buttons),
    verdict,
  );
}

/**
 * An answer with the numbers of these runs: {0.loss:number} is where the loss of the first ends.
 * @param {string} template @param {any[]} recordings
 */
export function answerOf(template, recordings) {
  return template.replace(/\{(\d+)\.(\w+):(\w+)\}/g, (_, run, column, kind) => {
    const values = recordings[Number(run)]?.columns[column];
    return written(kind, values?.[values.length - 1] ?? Number.NaN);
  });
}

/** @param {Preset[]} scenes @param {Preset | undefined} now @param {import("../data/store.mjs").Store<any>} store */
function sceneMenu(scenes, now, store) {
  const guided = scenes.filter(({ sentences }) => sentences.length);
  const next = now && guided[guided.indexOf(now) + 1];
  const menu = make(
    "details",
    { class: "menu scenes" },
    make("summary", { class: "button" }, `Guided scenes (${guided.length}) ▾`),
    make(
      "ol",
      { class: "menu-items" },
      ...guided.map((scene) =>
        make(
          "li",
          {},
          make(
            "a",
            {
              href: `/?scene=${scene.id}&guide=1`,
              "aria-current": scene === now && store.get().guide ? "page" : undefined,
            },
            scene.title,
          ),
        ),
      ),
    ),
  );
  closing(menu);
  const onward = next && make("a", { href: `/?scene=${next.id}&guide=1`, class: "button" }, `Next: ${next.title}`);
  const reset = make("a", { href: now ? `/?scene=${now.id}&guide=1` : "/", class: "button" }, "Reset");
  return make(
    "span",
    { class: "scene-links" },
    store.get().guide ? reset : null,
    store.get().guide ? onward : null,
    menu,
  );
}
