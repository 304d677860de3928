// The player: one cursor through all steps, moved by hand, by keys or by the clock.

import { isTyping, make, set } from "./dom.mjs";
import { count } from "./format.mjs";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const STEPS_PER_SECOND = 40; // at speed 1

/**
 * `store` needs the fields `step` (−1: the last one), `steps` and `hover`; it is told whether it is `playing`.
 * @param {HTMLElement} root
 * @param {import("../data/store.mjs").Store<any>} store
 */
export function mountPlayer(root, store) {
  const play = make("button", { type: "button", class: "play", onclick: toggle }, "Play");
  const scrub = make("input", { type: "range", min: 0, step: 1, class: "scrub", "aria-label": "Step" });
  const where = make("output", { class: "where" });
  const speed = make(
    "select",
    { "aria-label": "Speed" },
    ...SPEEDS.map((s) => make("option", { value: s, selected: s === 1 }, `×${s}`)),
  );
  /** @param {string} label @param {string} title @param {() => void} onclick */
  const button = (label, title, onclick) =>
    make("button", { type: "button", title, "aria-label": title, onclick }, label);
  root.append(
    button("|◂", "To the start (Home)", () => go(0)),
    button("◂", "One step back (←)", () => go(current() - 1)),
    play,
    button("▸", "One step on (→)", () => go(current() + 1)),
    button("▸|", "To the end (End)", () => go(store.get().steps)),
    scrub,
    where,
    speed,
  );

  let playing = false;
  let hurry = 0; // steps a second, where it is shown in a given time
  let clock = 0;
  let exact = 0; // the position between steps while playing

  const current = () => cursor(store.get());

  /** @param {number} step */
  function go(step) {
    pause();
    move(step, true);
  }

  /** @param {number} step @param {boolean} committed */
  function move(step, committed) {
    const { steps } = store.get();
    const to = Math.min(Math.max(Math.round(step), 0), steps);
    store.set({ step: to === steps ? -1 : to, hover: null }, committed);
  }

  function toggle() {
    if (playing) {
      pause();
      store.set({}, true);
      return;
    }
    hurry = 0;
    start(current() >= store.get().steps ? 0 : current());
  }

  /** @param {number} step */
  function start(step) {
    playing = true;
    exact = step;
    clock = performance.now();
    label();
    requestAnimationFrame(tick);
  }

  function pause() {
    playing = false;
    label();
  }

  function label() {
    if ((store.get().playing ?? false) !== playing) store.set({ playing }, false);
    play.textContent = playing ? "Pause" : "Play";
    set(play, { "aria-pressed": playing, title: playing ? "Pause (Space)" : "Play (Space)" });
  }

  /** @param {number} now */
  function tick(now) {
    if (!playing) return;
    // Whoever asked for reduced motion gets the same steps in a few still pictures a second.
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still || now - clock > 500) {
      exact += ((now - clock) / 1000) * (hurry || STEPS_PER_SECOND * Number(speed.value));
      clock = now;
      const done = exact >= store.get().steps;
      move(Math.floor(exact), done);
      if (done) pause();
    }
    if (playing) requestAnimationFrame(tick);
  }

  scrub.addEventListener("input", () => {
    pause();
    move(Number(scrub.value), false);
  });
  scrub.addEventListener("change", () => move(Number(scrub.value), true));

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const inScrub = event.target === scrub;
    const field = event.target instanceof HTMLInputElement ? event.target.type : "";
    if (field === "radio" && event.key.startsWith("Arrow")) return;
    const playing = event.key === " " && field === "range";
    if (isTyping(event) && !inScrub && !playing) return;
    const onButton =
      event.target instanceof HTMLElement && event.target.closest("button, summary, a, input, [role=button]");
    const far = event.shiftKey ? 10 : 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => go(current() - far),
      ArrowRight: () => go(current() + far),
      Home: () => go(0),
      End: () => go(store.get().steps),
    };
    if (!onButton || field === "range") keys[" "] = toggle;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  function render() {
    const { steps } = store.get();
    const step = current();
    set(scrub, { max: steps, "aria-valuetext": `step ${step} of ${steps}` });
    scrub.value = String(step);
    where.textContent = `step ${count(step)} / ${count(steps)}`;
  }
  store.on(["step", "steps", "hover"], render);
  label();
  render();
  return {
    /** Plays all steps from the start. @param {number} seconds  that it takes */
    show(seconds) {
      hurry = store.get().steps / seconds;
      start(0);
    },
  };
}

/** The step that everything on the page shows: the hovered one, else the chosen, else the last. @param {any} state */
export function cursor(state) {
  if (state.hover !== null && state.hover !== undefined) return Math.min(state.hover, state.steps);
  return state.step < 0 ? state.steps : Math.min(state.step, state.steps);
}
