// Where the panels of Explore stand: side by side where there is room. Where there is not, runners stay at hand
// below the picture (on a phone in a sheet at the bottom), and what is set once opens as a drawer.

import { byId } from "./dom.mjs";

const NARROW = "(max-width: 1119px)"; // as in explore.css

export function mountPanels() {
  const [controls, runners, sheet] = [byId("controls"), byId("runners-panel"), byId("sheet")];
  const [open, close] = [byId("open-controls"), byId("close-controls")];
  const home = /** @type {Element} */ (runners.nextElementSibling);
  const narrow = matchMedia(NARROW);

  function place() {
    if (narrow.matches) sheet.append(runners);
    else home.before(runners);
    show(false);
  }
  /** @param {boolean} opened */
  function show(opened) {
    controls.toggleAttribute("data-open", opened);
    open.setAttribute("aria-expanded", String(opened));
  }
  function shut() {
    show(false);
    open.focus();
  }
  open.addEventListener("click", () => {
    show(!controls.hasAttribute("data-open"));
    if (!controls.hasAttribute("data-open")) return;
    byId("scene").scrollIntoView({ block: "start" }); // on a phone it stays above the drawer
    close.focus({ preventScroll: true });
  });
  close.addEventListener("click", shut);
  controls.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && narrow.matches && !event.defaultPrevented) shut();
  });
  narrow.addEventListener("change", place);
  place();
}
