// Light, dark or as the system prefers; and the tokens' colours as scripts need them.

const KEY = "optimscope-theme";
const listeners = new Set();
/** @type {Map<string, string>} */
const resolved = new Map();

/** The colour of a token (`"--ink"`), as the page shows it now. @param {string} token */
export function colour(token) {
  let value = resolved.get(token);
  if (value === undefined) {
    // light-dark() resolves only where a colour is used, so it is put on an element and read back.
    const probe = document.createElement("span");
    probe.style.color = `var(${token})`;
    document.body.append(probe);
    value = getComputedStyle(probe).color;
    probe.remove();
    resolved.set(token, value);
  }
  return value;
}

/** Calls `listener` whenever the colours change. @param {() => void} listener */
export function onThemeChange(listener) {
  listeners.add(listener);
}

/** Wires the theme switch (a select with light, dark, auto). @param {HTMLSelectElement} select */
export function mountThemeSwitch(select) {
  select.value = localStorage.getItem(KEY) ?? "auto";
  const apply = () => {
    if (select.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = select.value;
    resolved.clear();
    for (const listener of listeners) listener();
  };
  select.addEventListener("change", () => {
    localStorage.setItem(KEY, select.value);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  apply();
}
