// The list of all runs, live; keys move, select, open and compare.

import { ApiError, get, send } from "../data/api.mjs";
import { openStream } from "../data/stream.mjs";
import { mayChange, shared, visitor, whose } from "../data/visitor.mjs";
import { makeBadge } from "../run/badge.mjs";
import { sparkline } from "../run/tensors.mjs";
import { askText, askWhether } from "../ui/dialog.mjs";
import { byId, isTyping, make, set, svg } from "../ui/dom.mjs";
import { count, number } from "../ui/format.mjs";
import { runName } from "../ui/names.mjs";
import { mountThemeSwitch } from "../ui/theme.mjs";

const PAGE = 50;
// What can be asked for, in the words of the badges.
const STANDINGS = {
  queued: "status=queued",
  running: "status=running&status=starting",
  paused: "status=paused",
  finished: "outcome=finished&outcome=converged",
  diverged: "outcome=diverged",
  NaN: "outcome=undefined",
  cancelled: "status=cancelled",
  failed: "status=failed",
  interrupted: "status=interrupted",
};

mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
const body = byId("runs");
const status = byId("status");
/** @type {Map<string, any>} */
const known = new Map();
/** @type {Map<string, ReturnType<typeof makeRow>>} */
const rows = new Map();
/** @type {string[]} */
let order = [];
const selected = new Set();
let offset = 0;
let asked = 0; // lists, so far
let total = 0;

const search = make("input", {
  type: "text",
  placeholder: "Search name, task, optimizer, tag",
  "aria-label": "Search runs",
});
const which = make(
  "select",
  { "aria-label": "Status" },
  make("option", { value: "" }, "any status"),
  ...Object.entries(STANDINGS).map(([word, asked]) => make("option", { value: asked }, word)),
);
const sort = make(
  "select",
  { "aria-label": "Sort by" },
  ...[
    ["-created", "newest first"],
    ["created", "oldest first"],
    ["name", "by name"],
    ["task", "by task"],
    ["optimizer", "by optimizer"],
    ["status", "by status"],
  ].map(([value, label]) => make("option", { value }, label)),
);
const mine = make("input", { type: "checkbox" });
const compare = make("button", { type: "button", onclick: openComparison }, "Compare selected");
byId("filters").append(search, which, sort);
if (shared) byId("filters").append(make("label", {}, mine, "mine"));
const removeAll = make("button", { type: "button", onclick: () => askDelete(deletable()) }, "Delete selected");
byId("filters").append(compare, removeAll, make("a", { class: "button", href: "/train" }, "New run"));
const earlier = make("button", { type: "button", onclick: () => page(-PAGE) }, "Previous");
const later = make("button", { type: "button", onclick: () => page(PAGE) }, "Next");
const where = make("span", { class: "hint" });
byId("paging").append(earlier, later, where);

let waiting = 0;
search.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = window.setTimeout(restart, 200);
});
which.addEventListener("change", restart);
mine.addEventListener("change", restart);
sort.addEventListener("change", restart);

function restart() {
  offset = 0;
  load();
}

/** @param {number} by */
function page(by) {
  offset = Math.max(0, Math.min(offset + by, total - 1));
  load();
}

async function load() {
  asked += 1;
  const serial = asked;
  const query = new URLSearchParams({ sort: sort.value, offset: String(offset), limit: String(PAGE) });
  if (search.value.trim()) query.set("text", search.value.trim());
  for (const [name, value] of new URLSearchParams(which.value)) query.append(name, value);
  if (mine.checked) query.set("owner", visitor);
  try {
    const answer = await get(`/api/runs?${query}`);
    if (serial !== asked) return; // somebody asked for others meanwhile
    total = answer.total;
    order = answer.runs.map((/** @type {any} */ run) => run.id);
    for (const run of answer.runs) known.set(run.id, run);
    tell("");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    tell([error.message, error.hint].filter(Boolean).join(" "));
  }
  render();
}

function render() {
  const elements = order.map((id) => {
    const row = rows.get(id) ?? makeRow(id);
    rows.set(id, row);
    row.update(known.get(id));
    return row.element;
  });
  if (elements.length !== body.children.length || elements.some((e, i) => e !== body.children[i]))
    body.replaceChildren(...elements);
  byId("empty").hidden = total > 0 || Boolean(search.value || which.value || mine.checked);
  where.textContent = total ? `${offset + 1}–${Math.min(offset + PAGE, total)} of ${count(total)}` : "none found";
  earlier.disabled = offset === 0;
  later.disabled = offset + PAGE >= total;
  byId("paging").hidden = total <= PAGE && total > 0;
  compare.disabled = selected.size < 2;
  removeAll.disabled = deletable().length === 0;
}

/** @param {string} id */
function makeRow(id) {
  const box = make("input", { type: "checkbox", "aria-label": "Select", onchange: () => select(id, box.checked) });
  const link = make("a", { href: `/runs/${id}` });
  const tags = make("input", {
    type: "text",
    class: "tags",
    "aria-label": "Tags, separated by commas",
    placeholder: "add tags",
  });
  tags.addEventListener("change", () =>
    patch(id, {
      tags: tags.value
        .split(",")
        .map((t) => t.trim())
        .filter(Boolean),
    }),
  );
  const owner = make("td", {});
  const cells = Array.from({ length: 7 }, () => make("td", {}));
  const [optimizer, task, state, step, loss, spark, started] = /** @type {HTMLTableCellElement[]} */ (cells);
  for (const cell of [step, loss]) cell?.classList.add("number-cell");
  const line = svg("path", { fill: "none", stroke: "currentColor", "stroke-width": 1.25 });
  spark?.append(svg("svg", { width: 96, height: 20, viewBox: "0 0 96 20", "aria-hidden": "true" }, line));
  const badge = makeBadge();
  state?.append(badge.element);
  const rename = make("button", { type: "button", class: "plain", onclick: () => askName(id) }, "Rename");
  const remove = make("button", { type: "button", class: "plain", onclick: () => askDelete([id]) }, "Delete");
  const element = make(
    "tr",
    { tabindex: -1, "data-id": id },
    make("td", {}, box),
    make("th", { scope: "row" }, link),
    shared ? owner : null,
    ...cells.slice(0, 6),
    make("td", {}, tags),
    started ?? null,
    make("td", {}, rename, " ", remove),
  );
  return {
    element,
    /** @param {any} run */
    update(run) {
      link.textContent = runName(run);
      owner.textContent = whose(run);
      if (optimizer) optimizer.textContent = run.optimizer;
      if (task) task.textContent = run.task;
      badge.update(run);
      if (step) step.textContent = run.steps ? `${count(run.step)} / ${count(run.steps)}` : count(run.step);
      if (loss) loss.textContent = number(run.latest?.loss, 4);
      line.setAttribute("d", sparkline(run.sparkline));
      if (started) started.textContent = run.started ? when(run.started) : "";
      rename.hidden = remove.hidden = !mayChange(run);
      tags.disabled = !mayChange(run);
      if (document.activeElement !== tags) tags.value = (run.tags ?? []).join(", ");
      box.checked = selected.has(id);
      set(element, { "aria-selected": selected.has(id) ? "true" : undefined });
    },
  };
}

/** The time of day; the date too if that is another one. @param {number} seconds */
function when(seconds) {
  const date = new Date(1000 * seconds);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}

/** @param {string} id @param {boolean} on */
function select(id, on) {
  if (on) selected.add(id);
  else selected.delete(id);
  render();
}

/** Those selected that the visitor may delete. @returns {string[]} */
function deletable() {
  return [...selected].filter((id) => mayChange(known.get(id)));
}

function openComparison() {
  if (selected.size > 1) location.href = `/compare?runs=${[...selected].join(",")}`;
}

/** @param {string} id @param {object} change */
async function patch(id, change) {
  await attempt(`/api/runs/${id}`, "PATCH", change);
}

/** @param {string} id */
async function askName(id) {
  const name = await askText("Name of this run", known.get(id)?.name ?? "");
  if (name !== null) patch(id, { name });
}

/** @param {string[]} ids */
async function askDelete(ids) {
  const [first = ""] = ids;
  const what = ids.length > 1 ? `${count(ids.length)} runs` : runName(known.get(first));
  if (!(await askWhether(`Delete ${what}?`, "All that was measured goes with it, for good.", "Delete"))) return;
  for (const id of ids) {
    if (await attempt(`/api/runs/${id}`, "DELETE")) selected.delete(id);
  }
  load();
}

/** Whether it was done; if not, it tells why. @param {string} path @param {string} method @param {object} [content] */
async function attempt(path, method, content) {
  try {
    await send(path, method, content);
    tell("");
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    tell([error.message, error.hint].filter(Boolean).join(" "));
    return false;
  }
}

/** @param {string} text */
function tell(text) {
  status.textContent = text;
  status.hidden = !text;
}

document.addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = order.indexOf(document.activeElement?.closest("tr")?.dataset.id ?? "");
  /** @param {number} to */
  const focus = (to) => rows.get(order[Math.min(Math.max(to, 0), order.length - 1)] ?? "")?.element.focus();
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => focus(at + 1),
    ArrowUp: () => focus(at < 0 ? 0 : at - 1),
    x: () => at >= 0 && select(order[at] ?? "", !selected.has(order[at])),
    c: openComparison,
  };
  if (at >= 0 && document.activeElement instanceof HTMLTableRowElement)
    keys.Enter = () => location.assign(`/runs/${order[at]}`);
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

await load();
let reload = 0;
openStream(
  "*",
  {},
  {
    onState(run) {
      if (run.status === "deleted") selected.delete(run.id);
      if (run.status === "deleted" || !known.has(run.id)) {
        // A new or a deleted run changes the page's order: one reload for many of them.
        clearTimeout(reload);
        reload = window.setTimeout(load, 300);
      }
      known.set(run.id, { ...known.get(run.id), ...run });
      const row = rows.get(run.id);
      if (row) row.update(known.get(run.id));
    },
    onConnection: (connected) => tell(connected ? "" : "The connection is lost. It is tried again by itself."),
  },
);
