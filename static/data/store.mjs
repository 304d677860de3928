// One store for the page: controls write to it, views subscribe to the fields that they show.

/**
 * @template {object} S
 * @typedef {{
 *   get: () => S,
 *   set: (patch: Partial<S>, commit?: boolean) => void,
 *   on: (fields: (keyof S)[], view: (state: S) => void) => void,
 *   onCommit: (listener: (state: S) => void) => void,
 * }} Store
 */

/**
 * `set(patch, commit)` changes fields and calls the views of those that changed; `commit` (default)
 * says that the user has let go, so that the change is worth a place in the history.
 * @template {object} S
 * @param {S} initial
 * @returns {Store<S>}
 */
export function createStore(initial) {
  let state = initial;
  /** @type {{ fields: Set<keyof S>, view: (state: S) => void }[]} */
  const views = [];
  /** @type {((state: S) => void)[]} */
  const commits = [];
  return {
    get: () => state,
    set(patch, commit = true) {
      const changed = /** @type {(keyof S)[]} */ (Object.keys(patch)).filter((k) => patch[k] !== state[k]);
      if (changed.length) {
        state = { ...state, ...patch };
        for (const { fields, view } of views) if (changed.some((k) => fields.has(k))) view(state);
      }
      if (commit) for (const listener of commits) listener(state);
    },
    on(fields, view) {
      views.push({ fields: new Set(fields), view });
    },
    onCommit(listener) {
      commits.push(listener);
    },
  };
}
