// What the list of runs shows: status, search, order and page, which its address keeps.

import { make } from "../ui/dom.mjs";
import { count } from "../ui/format.mjs";

/** @typedef {{ text: string, status: string, sort: string, mine: boolean, offset: number }} Filters */

/** @type {Filters} */
export const DEFAULTS = { text: "", status: "", sort: "-created", mine: false, offset: 0 };

const PAGE = 50; // runs
const SEARCH_MS = 200; // from the last letter to the search

// What can be asked for, in the words of the status that rows show.
const STATUSES = new Map([
  ["queued", "status=queued"],
  ["running", "status=running&status=starting"],
  ["paused", "status=paused"],
  ["finished", "outcome=finished&outcome=converged"],
  ["diverged", "outcome=diverged"],
  ["NaN", "outcome=undefined"],
  ["cancelled", "status=cancelled"],
  ["failed", "status=failed"],
  ["interrupted", "status=interrupted"],
]);
const SORTS = new Map([
  ["-created", "newest first"],
  ["created", "oldest first"],
  ["name", "by name"],
  ["task", "by task"],
  ["optimizer", "by optimizer"],
  ["status", "by status"],
]);

/**
 * The query of `GET /api/runs` for these filters; words that are none are left out.
 * @param {Filters} filters
 * @param {string} owner  of those that are mine
 */
export function listQuery({ text, status, sort, mine, offset }, owner) {
  const order = SORTS.has(sort) ? sort : DEFAULTS.sort;
  const query = new URLSearchParams({ sort: order, offset: String(offset), limit: String(PAGE) });
  if (text.trim()) query.set("text", text.trim());
  for (const [name, value] of new URLSearchParams(STATUSES.get(status))) query.append(name, value);
  if (mine) query.set("owner", owner);
  return query;
}

/** Whether fewer runs than all are asked for. @param {Filters} filters */
export function isFiltered({ text, status, mine }) {
  return Boolean(text.trim() || STATUSES.has(status) || mine);
}

/**
 * The controls; what is chosen begins on the first page.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store  with the fields of `Filters`
 * @param {boolean} shared  whether runs belong to several people
 */
export function mountFilters(root, store, shared) {
  const search = make("input", {
    type: "text",
    placeholder: "Search name, task, optimizer, tag",
    "aria-label": "Search runs",
  });
  const words = [...STATUSES.keys()].map((word) => /** @type {[string, string]} */ ([word, word]));
  const status = select("Status", [["", "any status"], ...words]);
  const sort = select("Sort by", [...SORTS]);
  const mine = make("input", { type: "checkbox" });
  root.append(search, status, sort);
  if (shared) root.append(make("label", {}, mine, "mine"));
  const { text, status: chosen, sort: order, mine: own } = store.get();
  search.value = text;
  status.value = STATUSES.has(chosen) ? chosen : "";
  sort.value = SORTS.has(order) ? order : DEFAULTS.sort;
  mine.checked = own;

  /** @param {Partial<Filters>} filters */
  const choose = (filters) => store.set({ ...filters, offset: 0 });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(() => choose({ text: search.value }), SEARCH_MS);
  });
  status.addEventListener("change", () => choose({ status: status.value }));
  sort.addEventListener("change", () => choose({ sort: sort.value }));
  mine.addEventListener("change", () => choose({ mine: mine.checked }));
}

/**
 * Previous and next page, and which one this is.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store  with `offset` and `total`
 */
export function mountPaging(root, store) {
  /** @param {number} by */
  function turn(by) {
    const { offset, total } = store.get();
    store.set({ offset: Math.max(0, Math.min(offset + by, total - 1)) });
  }
  const earlier = make("button", { type: "button", onclick: () => turn(-PAGE) }, "Previous");
  const later = make("button", { type: "button", onclick: () => turn(PAGE) }, "Next");
  const where = make("span", { class: "hint" });
  root.append(earlier, later, where);
  function render() {
    const { offset, total } = store.get();
    where.textContent = total ? `${offset + 1}–${Math.min(offset + PAGE, total)} of ${count(total)}` : "none found";
    earlier.disabled = offset === 0;
    later.disabled = offset + PAGE >= total;
    root.hidden = total <= PAGE && total > 0;
  }
  store.on(["offset", "total"], render);
  render();
}

/** @param {string} label @param {[string, string][]} words  with their values */
function select(label, words) {
  const options = words.map(([value, word]) => make("option", { value }, word));
  return make("select", { "aria-label": label }, ...options);
}
