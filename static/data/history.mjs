// The URL is the store: what the user commits is written there, and going back is undoing.

import { isTyping } from "../ui/dom.mjs";
import { merged, writeQuery } from "./address.mjs";

/**
 * @param {import("./store.mjs").Store<any>} store
 * @param {any} defaults  the view of the bare address
 */
export function keepInUrl(store, defaults) {
  // What the player and the eye do is kept in the address, but not worth an undo.
  const passing = new Set(["step", "range", "box"]);
  let written = writeQuery(store.get(), defaults);
  let lasting = without(store.get());

  /** @param {any} view */
  function without(view) {
    return writeQuery({ ...view, ...Object.fromEntries([...passing].map((name) => [name, defaults[name]])) }, defaults);
  }

  store.onCommit((view) => {
    const query = writeQuery(view, defaults);
    if (query === written) return;
    const now = without(view);
    const address = query ? `?${query}` : location.pathname;
    if (now === lasting) history.replaceState(history.state, "", address);
    else history.pushState({ depth: depth() + 1 }, "", address);
    [written, lasting] = [query, now];
  });

  addEventListener("popstate", () => {
    const view = merged(defaults, location.search);
    written = writeQuery(view, defaults);
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
