// A row of the list of runs, and what can be done with the run that it shows.

import { make, set, svg, visitor } from "../ui/dom.mjs";
import { count, measured } from "../ui/format.mjs";
import { plainName, runName } from "../ui/names.mjs";
import { makeStatusLabel, mayChange, ownerName } from "./label.mjs";
import { placeInLine } from "./queue.mjs";
import { sparkline } from "./tensors.mjs";

/**
 * @param {string} id
 * @param {{ select: (on: boolean) => void, rename: () => void, remove: () => void, tag: (tags: string[]) => void }} actions
 */
export function makeRow(id, { select, rename, remove, tag }) {
  const box = make("input", { type: "checkbox", "aria-label": "Select", onchange: () => select(box.checked) });
  const link = make("a", { href: `/runs/${id}` });
  const tags = make("input", {
    type: "text",
    class: "tags",
    "aria-label": "Tags, separated by commas",
    placeholder: "add tags",
  });
  tags.addEventListener("change", () => {
    const words = tags.value.split(",").map((word) => word.trim());
    tag(words.filter(Boolean));
  });
  const cell = () => make("td", { class: "name" });
  const [owner, optimizer, task, started] = [cell(), cell(), cell(), make("td")];
  const [step, loss] = [make("td", { class: "number-cell" }), make("td", { class: "number-cell" })];
  const status = makeStatusLabel();
  const place = make("small", { class: "hint", hidden: true });
  const line = svg("path", { fill: "none", stroke: "currentColor", "stroke-width": 1.25, "stroke-linecap": "round" });
  const small = svg("svg", { width: 96, height: 20, viewBox: "0 0 96 20", "aria-hidden": "true" }, line);
  const actions = [
    make("button", { type: "button", class: "plain", onclick: rename }, "Rename"),
    make("button", { type: "button", class: "plain", onclick: remove }, "Delete"),
  ];
  const element = make(
    "tr",
    { tabindex: -1, "data-id": id },
    make("td", {}, box),
    make("th", { scope: "row" }, link),
    visitor().shared ? owner : null,
    optimizer,
    task,
    make("td", {}, status.element, " ", place),
    step,
    loss,
    make("td", {}, small),
    make("td", {}, tags),
    started,
    make("td", {}, ...actions.flatMap((action) => [action, " "])),
  );
  return {
    element,
    /** @param {any} run @param {boolean} selected */
    update(run, selected) {
      link.textContent = link.title = runName(run);
      owner.textContent = owner.title = ownerName(run);
      optimizer.textContent = optimizer.title = plainName(run.optimizer);
      task.textContent = task.title = plainName(run.task);
      status.update(run);
      place.textContent = placeInLine(run);
      place.hidden = !place.textContent;
      step.textContent = run.steps ? `${count(run.step)} / ${count(run.steps)}` : count(run.step);
      loss.textContent = measured(run.latest?.loss);
      line.setAttribute("d", sparkline(run.sparkline));
      started.textContent = run.started ? timeOf(run.started) : "";
      for (const action of actions) action.hidden = !mayChange(run);
      tags.disabled = !mayChange(run);
      if (document.activeElement !== tags) tags.value = (run.tags ?? []).join(", ");
      box.checked = selected;
      set(element, { "aria-selected": selected ? "true" : undefined });
    },
  };
}

/** The time of day; the date too if that is another one. @param {number} seconds */
function timeOf(seconds) {
  const date = new Date(1000 * seconds);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}
