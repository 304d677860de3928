// The line that says what a run is, how far it is and how long it will take.

import { make, visitor } from "../ui/dom.mjs";
import { count, duration, measured, number } from "../ui/format.mjs";
import { runName } from "../ui/names.mjs";
import { makeStatusLabel, mayChange } from "./label.mjs";
import { placeInLine } from "./queue.mjs";

/** @param {HTMLElement} root @param {import("../data/store.mjs").Store<any>} store */
export function mountRunHeader(root, store) {
  const title = make("h1", {});
  const status = makeStatusLabel();
  const progress = make("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const facts = make("span", { class: "facts" });
  const reason = make("p", { class: "outcome" });
  const owner = make("p", { class: "hint" });
  root.append(title, status.element, progress, facts, reason, owner);
  function render() {
    const info = store.get().runs[0];
    if (!info) return;
    title.textContent = runName(info);
    document.title = `${title.textContent} · Optimscope`;
    status.update(info);
    progress.value = info.progress ?? 0;
    const parts = [
      `step ${count(info.step)}${info.steps ? ` / ${count(info.steps)}` : ""}`,
      info.speed ? `${number(info.speed, 3)} steps/s` : "",
      info.eta && !info.finished ? `${duration(info.eta)} left` : "",
      info.latest?.loss !== undefined ? `loss ${measured(info.latest.loss)}` : "",
      placeInLine(info),
    ];
    facts.textContent = parts.filter(Boolean).join(" · ");
    reason.textContent =
      info.status === "deleted"
        ? "This run was deleted. What you see is what was read before."
        : ["failed", "interrupted"].includes(info.status) || ["diverged", "undefined"].includes(info.outcome)
          ? info.reason
          : "";
    owner.textContent =
      visitor().shared && !mayChange(info) ? `This run belongs to ${info.owner}: you can watch it, and clone it.` : "";
  }
  store.on(["runs"], render);
  render();
}
