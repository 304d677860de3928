// The list of all runs, live; keys move, select, open and compare.

import { viewOf } from "../data/address.mjs";
import { ApiError, get, openStream, send } from "../data/api.mjs";
import { keepInUrl } from "../data/history.mjs";
import { under } from "../data/root.mjs";
import { createStore } from "../data/store.mjs";
import { DEFAULTS, isFiltered, listQuery, mountFilters, mountPaging } from "../run/filters.mjs";
import { mayChange } from "../run/label.mjs";
import { makeRow } from "../run/row.mjs";
import { confirmAction, promptText } from "../ui/dialog.mjs";
import { byId, isTyping, make, visitor } from "../ui/dom.mjs";
import { count } from "../ui/format.mjs";
import { runName } from "../ui/names.mjs";
import { mountThemeSwitch } from "../ui/theme.mjs";

const QUEUE_MS = 5000; // between two lists while runs wait: no event tells that the queue moves
const RELOAD_MS = 300; // a new or a deleted run changes the page's order: one reload for many of them

mountThemeSwitch(/** @type {HTMLSelectElement} */ (byId("theme")));
const store = createStore({
  ...viewOf("runs", DEFAULTS, location.search),
  total: 0,
  order: /** @type {string[]} */ ([]),
  selected: /** @type {ReadonlySet<string>} */ (new Set()),
});
keepInUrl(store, "runs", DEFAULTS);
/** @type {Map<string, any>} */
const known = new Map();
/** @type {Map<string, ReturnType<typeof makeRow>>} */
const rows = new Map();

mountFilters(byId("filters"), store, visitor().shared);
const compare = make("button", { type: "button", onclick: openComparison }, "Compare selected");
const removeAll = make("button", { type: "button", onclick: () => remove(deletable()) }, "Delete selected");
byId("filters").append(compare, removeAll, make("a", { class: "button", href: "/train" }, "New run"));
mountPaging(byId("paging"), store);

let asked = 0; // lists, so far
async function load() {
  asked += 1;
  const serial = asked;
  try {
    const answer = await get(`/api/runs?${listQuery(store.get(), visitor().id)}`);
    if (serial !== asked) return; // somebody asked for others meanwhile
    for (const run of answer.runs) known.set(run.id, run);
    store.set({ total: answer.total, order: answer.runs.map((/** @type {any} */ run) => run.id) }, false);
    showMessage("");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showMessage([error.message, error.hint].filter(Boolean).join(" "));
  }
}

window.setInterval(() => {
  const waits = store.get().order.some((id) => known.get(id)?.status === "queued");
  if (waits && !document.hidden) load();
}, QUEUE_MS);

function render() {
  const { order, selected, total } = store.get();
  const elements = order.map((id) => {
    const row = rows.get(id) ?? makeRow(id, actionsOf(id));
    rows.set(id, row);
    row.update(known.get(id), selected.has(id));
    return row.element;
  });
  const body = byId("runs");
  if (elements.length !== body.children.length || elements.some((e, i) => e !== body.children[i]))
    body.replaceChildren(...elements);
  byId("empty").hidden = total > 0 || isFiltered(store.get());
  compare.disabled = selected.size < 2;
  removeAll.disabled = deletable().length === 0;
}

/** @param {string} id */
function actionsOf(id) {
  return {
    select: (/** @type {boolean} */ on) => select(id, on),
    rename: () => rename(id),
    remove: () => remove([id]),
    tag: (/** @type {string[]} */ tags) => attempt(`/api/runs/${id}`, "PATCH", { tags }),
  };
}

/** @param {string} id @param {boolean} on */
function select(id, on) {
  const selected = new Set(store.get().selected);
  if (on) selected.add(id);
  else selected.delete(id);
  store.set({ selected }, false);
}

/** Those selected that the visitor may delete. @returns {string[]} */
function deletable() {
  return [...store.get().selected].filter((id) => mayChange(known.get(id)));
}

function openComparison() {
  const { selected } = store.get();
  if (selected.size > 1) location.href = under(`/runs?compare=${[...selected].join(",")}`);
}

/** @param {string} id */
async function rename(id) {
  const name = await promptText("Name of this run", known.get(id)?.name ?? "");
  if (name !== null) attempt(`/api/runs/${id}`, "PATCH", { name });
}

/** @param {string[]} ids */
async function remove(ids) {
  const [first = ""] = ids;
  const what = ids.length > 1 ? `${count(ids.length)} runs` : runName(known.get(first));
  if (!(await confirmAction(`Delete ${what}?`, "All that was measured goes with it, for good.", "Delete"))) return;
  for (const id of ids) {
    if (await attempt(`/api/runs/${id}`, "DELETE")) select(id, false);
  }
  load();
}

/** Whether it was done; if not, it tells why. @param {string} path @param {string} method @param {object} [content] */
async function attempt(path, method, content) {
  try {
    await send(path, method, content);
    showMessage("");
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    showMessage([error.message, error.hint].filter(Boolean).join(" "));
    return false;
  }
}

/** @param {string} text */
function showMessage(text) {
  byId("status").textContent = text;
  byId("status").hidden = !text;
}

document.addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  const { order, selected } = store.get();
  const at = order.indexOf(document.activeElement?.closest("tr")?.dataset.id ?? "");
  const here = order[at] ?? "";
  /** @param {number} to */
  const focus = (to) => rows.get(order[Math.min(Math.max(to, 0), order.length - 1)] ?? "")?.element.focus();
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => focus(at + 1),
    ArrowUp: () => focus(at < 0 ? 0 : at - 1),
    x: () => at >= 0 && select(here, !selected.has(here)),
    c: openComparison,
  };
  if (at >= 0 && document.activeElement instanceof HTMLTableRowElement)
    keys.Enter = () => location.assign(under(`/runs/${here}`));
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

store.on(["order", "selected", "total"], render);
store.on(["text", "status", "sort", "mine", "offset"], load);
await load();
render();
let reload = 0;
openStream(
  "*",
  {},
  {
    onState(run) {
      if (run.status === "deleted") select(run.id, false);
      if (run.status === "deleted" || !known.has(run.id)) {
        clearTimeout(reload);
        reload = window.setTimeout(load, RELOAD_MS);
      }
      known.set(run.id, { ...known.get(run.id), ...run });
      rows.get(run.id)?.update(known.get(run.id), store.get().selected.has(run.id));
    },
    onConnection: (connected) => showMessage(connected ? "" : "The connection is lost. It is tried again by itself."),
    onRefused: (error) => showMessage([error.message, error.hint].filter(Boolean).join(" ")),
  },
);
