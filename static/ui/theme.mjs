// Light, dark or as the system prefers, large for a projector; and the tokens' colours and sizes as scripts need them.

const KEY = "optimscope-theme";
const PROJECTOR = "optimscope-projector";
const SMALL_REM = 0.75; // tokens.css: --small
const listeners = new Set();
/** @type {Map<string, string>} */
const resolved = new Map();
let size = 0; // of small text, once it is known: asking lays out the page

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

/** The size of small text in pixels, as ticks and labels have it: 12, or 18 on a projector. */
export function textSize() {
  size ||= SMALL_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return size;
}

/** Calls `listener` whenever the colours or sizes change. @param {() => void} listener */
export function onThemeChange(listener) {
  listeners.add(listener);
}

/**
 * Wires the switches of how the page looks: a select with light, dark, auto, and a button for projectors beside it.
 * @param {HTMLSelectElement} select
 */
export function mountThemeSwitch(select) {
  mountProjectorSwitch();
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

/** Everything half as large again, for a room that looks at a wall. */
function mountProjectorSwitch() {
  const button = document.getElementById("projector");
  const apply = (/** @type {boolean} */ large) => {
    document.documentElement.toggleAttribute("data-projector", large);
    button?.setAttribute("aria-pressed", String(large));
    size = 0;
    for (const listener of listeners) listener();
  };
  button?.addEventListener("click", () => {
    const large = !document.documentElement.hasAttribute("data-projector");
    if (large) localStorage.setItem(PROJECTOR, "on");
    else localStorage.removeItem(PROJECTOR);
    apply(large);
  });
  if (localStorage.getItem(PROJECTOR)) apply(true);
}
