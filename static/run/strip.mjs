// The runs that are compared, in a strip: name, how each stands, how far it is, how long it takes, pause and cancel.

import { DASHES } from "../chart/series.mjs";
import { ApiError, post } from "../data/api.mjs";
import { make, svg } from "../ui/dom.mjs";
import { count, duration } from "../ui/format.mjs";
import { isOver } from "./controls.mjs";
import { mayChange, statusWord } from "./label.mjs";

/**
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store  with the `visible` runs and what the server tells of them, `runs`
 */
export function mountStrip(root, store) {
  const message = make("p", { class: "field-error", role: "status" });
  const list = make("div", { class: "strip" });
  root.append(list, message);
  /** @type {Map<string, ReturnType<typeof entry>>} */
  const entries = new Map();

  /** @param {string} path @param {object} body */
  async function act(path, body) {
    message.textContent = "";
    try {
      await post(path, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      message.textContent = [error.message, error.hint].filter(Boolean).join(" ");
    }
  }

  function render() {
    const { visible, runs } = store.get();
    const elements = visible.map((/** @type {import("../chart/series.mjs").Series} */ run) => {
      const { id } = run.recording.about;
      const one = entries.get(id) ?? entry(id, act);
      entries.set(id, one);
      one.update(run, runs.find((/** @type {any} */ info) => info.id === id) ?? run.recording.about);
      return one.element;
    });
    const same =
      elements.length === list.children.length &&
      elements.every((/** @type {Element} */ e, /** @type {number} */ i) => e === list.children[i]);
    if (!same) list.replaceChildren(...elements);
  }
  store.on(["visible", "runs"], render);
  render();
}

/** @param {string} id @param {(path: string, body: object) => void} act */
function entry(id, act) {
  const link = make("a", { href: `/runs/${id}` });
  const progress = make("progress", { max: 1, value: 0 });
  const facts = make("span", { class: "facts" });
  let paused = false;
  const pause = make(
    "button",
    { type: "button", onclick: () => act(`/api/runs/${id}/control`, { paused: !paused }) },
    "Pause",
  );
  const cancel = make("button", { type: "button", onclick: () => act(`/api/runs/${id}/cancel`, {}) }, "Cancel");
  return {
    element: make("div", { class: "strip-run", "data-id": id }, link, progress, facts, pause, cancel),
    /** @param {import("../chart/series.mjs").Series} run @param {any} info */
    update(run, info) {
      const text = `${run.label} (${statusWord(info)})`;
      if (link.textContent !== text || link.dataset.look !== `${run.colour} ${run.dash}`) {
        link.dataset.look = `${run.colour} ${run.dash}`;
        link.replaceChildren(sample(run), text);
      }
      const over = isOver(info);
      progress.hidden = over;
      progress.value = info.progress ?? 0;
      progress.setAttribute("aria-label", `Progress of ${run.label}`);
      const step = info.steps ? `${count(info.step)} / ${count(info.steps)}` : count(info.step ?? 0);
      facts.textContent = over
        ? ""
        : [`step ${step}`, info.eta && `${duration(info.eta)} left`].filter(Boolean).join(" · ");
      paused = Boolean(info.paused);
      const mine = !over && mayChange(info);
      pause.hidden = !mine || info.status === "queued";
      pause.textContent = paused ? "Resume" : "Pause";
      pause.setAttribute("aria-label", `${pause.textContent} ${run.label}`);
      cancel.hidden = !mine;
      cancel.setAttribute("aria-label", `Cancel ${run.label}`);
    },
  };
}

/** A piece of a run's line, in its colour and with its dash. @param {import("../chart/series.mjs").Series} run */
function sample(run) {
  const stroke = { stroke: run.colour, "stroke-width": 2, "stroke-dasharray": DASHES[run.dash]?.pattern || undefined };
  const line = svg("line", { x1: 0, y1: 4, x2: 28, y2: 4, ...stroke });
  return svg("svg", { class: "sample", width: 28, height: 8, viewBox: "0 0 28 8", "aria-hidden": "true" }, line);
}
