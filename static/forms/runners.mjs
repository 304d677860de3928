// The list of runners: one line each with what is moved most, and the rest of it behind the line.

import { colourOf, DASHES, stylesOf } from "../chart/series.mjs";
import { carriedOver, makeRunner } from "../data/runner.mjs";
import { make, set, svg } from "../ui/dom.mjs";
import { count } from "../ui/format.mjs";
import { runnerName } from "../ui/names.mjs";
import { onThemeChange } from "../ui/theme.mjs";
import { errorsAt, form } from "./form.mjs";
import { averagingTime, optimizerSelect, scheduleField, styleField } from "./runner-fields.mjs";

/**
 * @typedef {import("../data/address.mjs").View} View
 * @typedef {import("../data/runner.mjs").Runner} Runner
 * @typedef {import("../chart/series.mjs").Style} Style
 * @typedef {View & { result: import("../data/trajectories.mjs").Result | null, error: any }} State
 */

// The settings that stand in a runner's line.
const FIRST = ["lr", "weight_decay"];

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {(optimizer: string, key?: number) => Record<string, any>} defaultsFor  settings for a runner that is
 *   added here, or for the one with this key when it is reset
 * @param {(() => import("../data/runner.mjs").Schedule | null) | null} [scheduleFor]  its schedule, which is then shown
 *   without opening anything
 */
export function mountRunners(root, store, catalogue, defaultsFor, scheduleFor = null) {
  const optimizers = new Map(catalogue.optimizers.map((/** @type {any} */ o) => [o.id, o]));
  const ids = [...optimizers.keys()];
  const list = make("ol", { class: "runners" });
  const add = optimizerSelect(catalogue, "Add an optimizer…", "Add an optimizer…");
  add.addEventListener("change", () => {
    if (!add.value) return;
    change((runners) => [...runners, makeRunner(add.value, fresh(add.value))]);
    add.value = "";
  });
  root.classList.add("runner-list");
  const heads = FIRST.map((name) => make("span", {}, headOf(catalogue, name)));
  root.append(
    make("div", { class: "runner-heads", "aria-hidden": "true" }, ...heads),
    list,
    make("div", { class: "add-runner" }, add),
  );

  /** @type {Map<number, { signature: string, element: HTMLElement, duplicates: HTMLButtonElement, update: (state: State, index: number, style: Style) => void }>} */
  const cards = new Map();

  /** @param {(runners: Runner[]) => Runner[]} edit @param {boolean} [committed] */
  function change(edit, committed = true) {
    store.set({ runners: edit(store.get().runners) }, committed);
  }

  /** @param {number} key @param {Partial<Runner>} patch @param {boolean} [committed] */
  function patch(key, patch, committed = true) {
    change((runners) => runners.map((r) => (r.key === key ? { ...r, ...patch } : r)), committed);
  }

  function render() {
    const state = /** @type {State} */ (store.get());
    const styles = stylesOf(state.runners, ids);
    const elements = state.runners.map((runner, index) => {
      const signature = `${runner.optimizer} ${runner.schedule?.id} ${runner.decaySchedule?.id}`;
      let card = cards.get(runner.key);
      if (card?.signature !== signature) {
        const open = card?.element.querySelector("details")?.open ?? false;
        card = { signature, ...makeCard(runner, open) };
        cards.set(runner.key, card);
      }
      card.update(state, index, /** @type {Style} */ (styles[index]));
      return card.element;
    });
    for (const key of cards.keys()) if (!state.runners.some((r) => r.key === key)) cards.delete(key);
    if (elements.length !== list.children.length || elements.some((e, i) => e !== list.children[i]))
      list.replaceChildren(...elements);
    const most = catalogue.limits.runs;
    const starts = state.starts?.length ?? 0; // none where runs are trained
    add.disabled = (state.runners.length + 1) * starts > most;
    add.title = add.disabled
      ? `${count(most)} runs at most: ${state.runners.length} runners from ${starts} ${starts === 1 ? "start" : "starts"}.`
      : "";
    for (const { duplicates } of cards.values()) duplicates.disabled = add.disabled;
  }

  /** @param {Runner} runner @param {boolean} open */
  function makeCard(runner, open) {
    const { key } = runner;
    const optimizer = optimizers.get(runner.optimizer);
    const properties = optimizer?.hyper.properties ?? {};
    const swatch = make("span", { class: "swatch" });
    const select = optimizerSelect(catalogue, "Optimizer");
    select.value = runner.optimizer;
    select.addEventListener("change", () =>
      patch(key, { optimizer: select.value, hyper: changed(key, select.value), decaySchedule: null }),
    );

    const inputs = form(
      { properties },
      (name, value, committed) => {
        const current = find(key);
        if (current) patch(key, { hyper: { ...current.hyper, [name]: value } }, committed);
      },
      () => fresh(runner.optimizer, key).hyper,
    );
    const tau = make("p", { class: "tau" });
    const state = make("p", { class: "outcome" });
    const rest = Object.entries(inputs.elements).filter(([name]) => !FIRST.includes(name));
    /** @param {"schedule" | "decaySchedule"} which @param {string} title */
    const schedule = (which, title) =>
      scheduleField(catalogue, title, runner[which], (edit, committed) =>
        patch(key, { [which]: edit(find(key)?.[which] ?? null) }, committed),
      );
    const schedules = [schedule("schedule", "Learning-rate schedule")];
    if (properties.weight_decay) schedules.push(schedule("decaySchedule", "Decay schedule"));
    const style = styleField(key, (chosen) => patch(key, chosen));
    /** @param {string} label @param {() => void} onclick */
    const button = (label, onclick) => make("button", { type: "button", onclick }, label);
    const walks = !scheduleFor; // what is trained is drawn on another page: there is nothing to hide here
    const eye = eyeButton(() => patch(key, { hidden: !find(key)?.hidden }));
    const solo = button("Solo", () => store.set({ solo: store.get().solo === key ? 0 : key }));
    const duplicates = button("Duplicate", () => duplicate(key));
    const details = make(
      "details",
      { class: "runner-more", open },
      make(
        "summary",
        { title: "All settings, colour and line" },
        "⋯",
        make("span", { class: "visually-hidden" }, "All settings"),
      ),
      optimizer &&
        make("p", { class: "about" }, optimizer.summary, " ", make("span", { class: "source" }, optimizer.source)),
      tau,
      ...rest.map(([, element]) => element),
      ...schedules.slice(scheduleFor ? 1 : 0).map((s) => s.element),
      walks && style.element,
      make(
        "div",
        { class: "runner-actions" },
        walks && solo,
        duplicates,
        button("Reset", () => patch(key, fresh(find(key)?.optimizer ?? "", key))),
        button("Remove", () => remove(key)),
      ),
    );
    select.title = optimizer?.summary ?? "";
    const element = make(
      "li",
      { class: "runner", "data-key": key },
      make("div", { class: "runner-head" }, swatch, select, walks && eye),
      make("div", { class: "runner-line" }, ...FIRST.map((name) => inputs.elements[name])),
      scheduleFor && schedules[0]?.element,
      state,
      details,
    );
    return {
      element,
      duplicates,
      /** @param {State} now @param {number} index @param {Style} drawn */
      update(now, index, drawn) {
        const current = /** @type {Runner} */ (now.runners[index]);
        const recording = now.result?.byRunner.get(key);
        inputs.update(current.hyper, errorsAt(now.error, `runs.${index}.hyper`));
        schedules[0]?.update(current.schedule, errorsAt(now.error, `runs.${index}.schedule`));
        schedules[1]?.update(current.decaySchedule, errorsAt(now.error, `runs.${index}.decay_schedule`));
        swatch.style.setProperty("--colour", colourOf(drawn.slot));
        swatch.dataset.dash = DASHES[drawn.dash]?.name;
        style.update(drawn);
        element.classList.toggle("off", current.hidden || (now.solo !== 0 && now.solo !== key));
        const word = `${current.hidden ? "Show" : "Hide"} ${runnerName(index, now.runners, catalogue)}`;
        set(eye, { "aria-pressed": current.hidden, "aria-label": word, title: word });
        solo.setAttribute("aria-pressed", String(now.solo === key));
        tau.hidden = !recording?.about.averaging_time;
        if (recording?.about.averaging_time) tau.textContent = averagingTime(recording.about);
        const broke = recording?.broke ?? false;
        state.hidden = !broke;
        state.textContent = broke ? recording?.reason : "";
      },
    };
  }

  /** @param {number} key */
  function duplicate(key) {
    change((runners) =>
      runners.flatMap((r) =>
        r.key === key ? [r, makeRunner(r.optimizer, { ...r, hyper: { ...r.hyper }, dash: -1 })] : [r],
      ),
    );
  }

  /** @param {number} key */
  function remove(key) {
    if (store.get().solo === key) store.set({ solo: 0 }, false);
    change((runners) => runners.filter((r) => r.key !== key));
    list.querySelector("select")?.focus();
  }

  /** Everything of a runner that was not chosen by hand. @param {string} optimizer @param {number} [key] */
  function fresh(optimizer, key) {
    return { hyper: defaultsFor(optimizer, key), schedule: scheduleFor?.() ?? null, decaySchedule: null };
  }

  /** The settings of a runner that changes its optimizer. @param {number} key @param {string} optimizer */
  function changed(key, optimizer) {
    const before = /** @type {Runner} */ (find(key));
    const [from, to] = [before.optimizer, optimizer].map((id) => ({
      ...optimizers.get(id),
      suggested: defaultsFor(id),
    }));
    return carriedOver(before.hyper, from, to);
  }

  /** @param {number} key @returns {Runner | undefined} */
  function find(key) {
    return store.get().runners.find((/** @type {Runner} */ r) => r.key === key);
  }

  store.on(["runners", "solo", "result", "error", "starts"], render);
  onThemeChange(render);
  render();
}

/** What a setting is called over its column: as the first optimizer that has it calls it. @param {any} catalogue @param {string} name */
function headOf(catalogue, name) {
  return (
    catalogue.optimizers.find((/** @type {any} */ o) => o.hyper.properties[name])?.hyper.properties[name].title ?? ""
  );
}

/** An eye, struck through while its runner is hidden. @param {() => void} onclick */
function eyeButton(onclick) {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.4 };
  const image = svg(
    "svg",
    { viewBox: "0 0 18 14", width: 18, height: 14, "aria-hidden": "true" },
    svg("path", { ...line, d: "M1 7C4 2.5 6.5 1.5 9 1.5S14 2.5 17 7c-3 4.5-5.5 5.5-8 5.5S4 11.5 1 7z" }),
    svg("circle", { ...line, cx: 9, cy: 7, r: 2.4 }),
    svg("path", { ...line, class: "strike", d: "M3 13L15 1" }),
  );
  return make("button", { type: "button", class: "eye", onclick }, image);
}
