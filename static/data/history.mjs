// The URL is the store: what the user commits is written there, and going back is undoing.

import { isTyping } from "../ui/dom.mjs";
import { writeQuery } from "./address.mjs";

/**
 * Writes what the user commits into the address, in the place of what was there.
 * @param {import("./store.mjs").Store<any>} store
 * @param {import("./address.mjs").Page} page
 * @param {any} defaults  the view of the bare address
 */
export function keepInUrl(store, page, defaults) {
  store.onCommit((view) => history.replaceState(history.state, "", addressOf(writeQuery(page, view, defaults))));
}

/**
 * The same on a page whose changes can be undone: each is an entry of the history.
 * @param {import("./store.mjs").Store<any>} store
 * @param {{ read: (search: string) => any, write: (view: any) => string }} address
 * @param {any} defaults
 */
export function keepWithUndo(store, { read, write }, defaults) {
  // What the player and the eye do is kept in the address, but not worth an undo.
  const passing = new Set(["step", "range", "box", "shownStart"]);
  let written = write(store.get());
  let lasting = without(store.get());

  /** @param {any} view */
  function without(view) {
    const still = Object.fromEntries([...passing].map((name) => [name, defaults[name]]));
    return write({ ...view, ...still });
  }

  store.onCommit((view) => {
    if (view.settling) return; // the rest of this change is on its way
    const query = write(view);
    if (query === written) return;
    const now = without(view);
    if (now === lasting) history.replaceState(history.state, "", addressOf(query));
    else history.pushState({ depth: depth() + 1 }, "", addressOf(query));
    [written, lasting] = [query, now];
  });

  addEventListener("popstate", () => {
    const view = read(location.search);
    written = write(view);
    lasting = without(view);
    store.set({ ...view, runners: sameKeys(view.runners, store.get().runners), hover: null }, false);
  });

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTextField(event)) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) {
      if (depth() > 0) history.back(); // never off the page
    } else if (key === "y" || (key === "z" && event.shiftKey)) history.forward();
    else return;
    event.preventDefault();
  });
}

/** @param {string} query */
function addressOf(query) {
  return query ? `?${query}` : location.pathname;
}

/** How many changes of this page can be undone. */
function depth() {
  return Number(history.state?.depth ?? 0);
}

/** Runners keep their cards where the list is the same as before. @param {any[]} next @param {any[]} before */
function sameKeys(next, before) {
  if (next.length !== before.length) return next;
  return next.map((runner, i) =>
    runner.optimizer === before[i].optimizer ? { ...runner, key: before[i].key } : runner,
  );
}

/** Whether undoing is the field's own: of the letters that were typed and are not committed. @param {Event} event */
function isTextField(event) {
  return (
    isTyping(event) &&
    !(event.target instanceof HTMLInputElement && event.target.type === "range") &&
    !(event.target instanceof HTMLElement && event.target.dataset.edited === "false") &&
    !(event.target instanceof HTMLSelectElement)
  );
}
