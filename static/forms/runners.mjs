// The list of runners: which optimizers walk, with which settings, and how they are drawn.

import { COLOURS, DASHES, looks } from "../chart/series.mjs";
import { makeRunner } from "../data/address.mjs";
import { make } from "../ui/dom.mjs";
import { count, number } from "../ui/format.mjs";
import { onThemeChange } from "../ui/theme.mjs";
import { errorsAt, form } from "./form.mjs";

/**
 * @typedef {import("../data/address.mjs").View} View
 * @typedef {import("../data/address.mjs").Runner} Runner
 * @typedef {View & { result: any, error: any }} State
 */

// The settings that a runner shows without being opened.
const FIRST = ["lr", "weight_decay"];

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {any} catalogue
 * @param {(optimizer: string, key?: number) => Record<string, any>} defaultsFor  settings for a runner that is
 *   added here, or for the one with this key when it is reset
 * @param {(() => import("../data/address.mjs").Plan | null) | null} [scheduleFor]  its schedule, which is then shown
 *   without opening anything
 */
export function mountRunners(root, store, catalogue, defaultsFor, scheduleFor = null) {
  const optimizers = new Map(catalogue.optimizers.map((/** @type {any} */ o) => [o.id, o]));
  const ids = [...optimizers.keys()];
  const list = make("ol", { class: "runners" });
  const add = optimizerSelect("Add an optimizer…");
  add.addEventListener("change", () => {
    if (!add.value) return;
    change((runners) => [...runners, makeRunner(add.value, fresh(add.value))]);
    add.value = "";
  });
  root.append(list, make("div", { class: "add-runner" }, add));

  /** @type {Map<number, { signature: string, element: HTMLElement, duplicates: HTMLButtonElement, update: (state: State, index: number, look: any) => void }>} */
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
    const drawn = looks(state.runners, ids);
    const elements = state.runners.map((runner, index) => {
      const signature = `${runner.optimizer} ${runner.schedule?.id} ${runner.decaySchedule?.id}`;
      let card = cards.get(runner.key);
      if (card?.signature !== signature) {
        const open = card?.element.querySelector("details")?.open ?? false;
        card = { signature, ...makeCard(runner, open) };
        cards.set(runner.key, card);
      }
      card.update(state, index, drawn[index]);
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
    const select = optimizerSelect();
    select.setAttribute("aria-label", "Optimizer");
    select.value = runner.optimizer;
    select.addEventListener("change", () =>
      patch(key, { optimizer: select.value, hyper: kept(key, select.value), decaySchedule: null }),
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
    const schedules = [planField("schedule", "Learning-rate schedule", runner)];
    if (properties.weight_decay) schedules.push(planField("decaySchedule", "Decay schedule", runner));
    const colourRow = make("div", { class: "looks" }, ...appearance(key));
    const details = make(
      "details",
      { open },
      make("summary", {}, "All settings"),
      ...rest.map(([, element]) => element),
      ...schedules.slice(scheduleFor ? 1 : 0).map((s) => s.element),
      colourRow,
      optimizer &&
        make("p", { class: "about" }, optimizer.summary, " ", make("span", { class: "source" }, optimizer.source)),
    );
    const hide = make("button", { type: "button", onclick: () => patch(key, { hidden: !find(key)?.hidden }) }, "Hide");
    const solo = make(
      "button",
      { type: "button", onclick: () => store.set({ solo: store.get().solo === key ? 0 : key }) },
      "Solo",
    );
    const duplicates = make("button", { type: "button", onclick: () => duplicate(key) }, "Duplicate");
    const menu = make(
      "div",
      { class: "runner-actions" },
      hide,
      solo,
      duplicates,
      make(
        "button",
        {
          type: "button",
          onclick: () => patch(key, fresh(find(key)?.optimizer ?? "", key)),
        },
        "Reset",
      ),
      make("button", { type: "button", onclick: () => remove(key) }, "Remove"),
    );
    const element = make(
      "li",
      { class: "runner", "data-key": key },
      make("div", { class: "runner-head" }, swatch, select),
      ...FIRST.filter((name) => inputs.elements[name]).map(
        (name) => /** @type {HTMLElement} */ (inputs.elements[name]),
      ),
      scheduleFor && schedules[0]?.element,
      tau,
      state,
      details,
      menu,
    );
    return {
      element,
      duplicates,
      /** @param {State} now @param {number} index @param {{ colour: string, slot: number, dash: number }} look */
      update(now, index, look) {
        const current = /** @type {Runner} */ (now.runners[index]);
        const answer = now.result?.byRunner?.get(key);
        inputs.update(current.hyper, errorsAt(now.error, `runs.${index}.hyper`));
        schedules[0]?.update(current.schedule, errorsAt(now.error, `runs.${index}.schedule`));
        schedules[1]?.update(current.decaySchedule, errorsAt(now.error, `runs.${index}.decay_schedule`));
        swatch.style.setProperty("--colour", look.colour);
        swatch.dataset.dash = DASHES[look.dash]?.name;
        for (const radio of colourRow.querySelectorAll("input")) {
          const [kind, value] = radio.value.split("-");
          radio.checked = Number(value) === (kind === "colour" ? look.slot : look.dash);
        }
        element.classList.toggle("off", current.hidden || (now.solo !== 0 && now.solo !== key));
        hide.setAttribute("aria-pressed", String(current.hidden));
        hide.textContent = current.hidden ? "Show" : "Hide";
        solo.setAttribute("aria-pressed", String(now.solo === key));
        tau.hidden = !answer?.averaging_time;
        if (answer?.averaging_time) tau.textContent = averagingTime(answer);
        const broke = answer && ["diverged", "undefined"].includes(answer.outcome);
        state.hidden = !broke;
        state.textContent = broke ? answer.reason : "";
      },
    };
  }

  /**
   * A schedule's choice and, below it, that schedule's own settings.
   * @param {"schedule" | "decaySchedule"} which
   * @param {string} title
   * @param {Runner} runner
   */
  function planField(which, title, runner) {
    const chosen = runner[which];
    const declared = catalogue.schedules.find((/** @type {any} */ s) => s.id === chosen?.id);
    const select = make(
      "select",
      { "aria-label": title },
      make("option", { value: "" }, "none (constant)"),
      ...catalogue.schedules
        .filter((/** @type {any} */ s) => s.id !== "constant" || Object.keys(s.params.properties).length)
        .map((/** @type {any} */ s) => make("option", { value: s.id, title: s.summary }, s.title)),
    );
    select.value = chosen?.id ?? "";
    select.addEventListener("change", () => patch(runner.key, { [which]: select.value ? { id: select.value } : null }));
    const inputs = form(declared?.params ?? { properties: {} }, (name, value, committed) => {
      const current = find(runner.key)?.[which];
      if (current) patch(runner.key, { [which]: { ...current, [name]: value } }, committed);
    });
    const element = make(
      "div",
      { class: "plan" },
      make("div", { class: "control choice" }, make("label", {}, title, select)),
      ...Object.values(inputs.elements),
    );
    return {
      element,
      /** @param {import("../data/address.mjs").Plan | null} plan @param {Record<string, any>} errors */
      update: (plan, errors) => inputs.update(plan ?? {}, errors),
    };
  }

  /** @param {number} key */
  function appearance(key) {
    const colours = Array.from({ length: COLOURS }, (_, slot) =>
      radio(key, `colour-${slot}`, `Colour ${slot + 1}`, () => patch(key, { colour: slot }), {
        style: `--colour: var(--series-${slot})`,
        class: "colour",
      }),
    );
    const dashes = DASHES.map((dash, i) =>
      radio(key, `dash-${i}`, dash.name, () => patch(key, { dash: i }), { class: "dash", "data-dash": dash.name }),
    );
    return [
      make("fieldset", {}, make("legend", {}, "Colour"), ...colours),
      make("fieldset", {}, make("legend", {}, "Line"), ...dashes),
    ];
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

  /** The settings that a runner keeps when it changes its optimizer. @param {number} key @param {string} optimizer */
  function kept(key, optimizer) {
    const before = find(key);
    const known = optimizers.get(optimizer)?.hyper.properties ?? {};
    const same = optimizers.get(before?.optimizer ?? "")?.step_size === optimizers.get(optimizer)?.step_size;
    const untouched = before?.hyper.lr === defaultsFor(before?.optimizer ?? "").lr;
    const carried = Object.entries(before?.hyper ?? {}).filter(
      ([name]) => name in known && (name !== "lr" || (same && !untouched)),
    );
    return { ...defaultsFor(optimizer), ...Object.fromEntries(carried) };
  }

  /** @param {number} key @returns {Runner | undefined} */
  function find(key) {
    return store.get().runners.find((/** @type {Runner} */ r) => r.key === key);
  }

  /** @param {string} [placeholder] */
  function optimizerSelect(placeholder) {
    const families = Map.groupBy(catalogue.optimizers, (/** @type {any} */ o) => o.family);
    return make(
      "select",
      { class: "optimizer", "aria-label": placeholder ?? "Optimizer" },
      placeholder && make("option", { value: "" }, placeholder),
      ...[...families].map(([family, members]) =>
        make(
          "optgroup",
          { label: family },
          ...members.map((/** @type {any} */ o) => make("option", { value: o.id, title: o.summary }, o.title)),
        ),
      ),
    );
  }

  store.on(["runners", "solo", "result", "error", "starts"], render);
  onThemeChange(render);
  render();
}

/** Over how many steps the weights average. @param {any} answer */
export function averagingTime({ averaging_time: steps, hyper }) {
  const of = hyper.penalty === "full" ? "1/(2ηλ)" : "1/(ηλ)";
  const byRate = Math.abs(steps * hyper.lr * hyper.weight_decay * (hyper.penalty === "full" ? 2 : 1) - 1) < 1e-6;
  const shown = steps < 10 ? number(steps, 2) : count(Math.round(steps));
  return `τ = ${byRate ? of : "1/λ"} = ${shown} ${shown === "1" ? "step" : "steps"}`;
}

/**
 * @param {number} key
 * @param {string} value
 * @param {string} label
 * @param {() => void} onchange
 * @param {Record<string, string>} attributes
 */
function radio(key, value, label, onchange, attributes) {
  const group = value.split("-")[0];
  return make(
    "label",
    { ...attributes, title: label },
    make("input", { type: "radio", name: `${group}-${key}`, value, "aria-label": label, onchange }),
  );
}
