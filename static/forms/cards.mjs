// The experiments that Train offers: a card each, with its question, a thumbnail, how long it takes, and Start.

import { make, svg } from "../ui/dom.mjs";

const [WIDTH, HEIGHT, PAD] = [120, 56, 4];

/**
 * @param {HTMLElement} root
 * @param {import("../data/presets.mjs").Preset[]} presets
 * @param {{ start: (preset: any) => void, change: (preset: any) => void }} act
 */
export function mountCards(root, presets, { start, change }) {
  const cards = presets.map((preset) => {
    const time = make("p", { class: "time" });
    const button = (/** @type {string} */ word, /** @type {(preset: any) => void} */ onclick, primary = false) =>
      make(
        "button",
        {
          type: "button",
          class: primary ? "primary" : "",
          "aria-label": `${preset.title}: ${word}`,
          onclick: () => onclick(preset),
        },
        word,
      );
    const element = make(
      "article",
      { class: "card", role: "listitem", "data-preset": preset.id },
      make("h2", {}, preset.title),
      make("p", { class: "question" }, preset.question),
      thumbnail(preset.sketch ?? []),
      time,
      make("div", { class: "card-actions" }, button("Start", start, true), button("Change", change)),
    );
    return { preset, element, time };
  });
  root.append(...cards.map(({ element }) => element));
  return {
    /** @param {(preset: any) => string} timeOf @param {(preset: any) => boolean} isChosen */
    update(timeOf, isChosen) {
      for (const { preset, element, time } of cards) {
        const text = timeOf(preset);
        if (time.textContent !== text) time.textContent = text;
        element.toggleAttribute("data-chosen", isChosen(preset));
      }
    },
  };
}

/** A sketch of what will be seen. @param {number[][]} lines */
function thumbnail(lines) {
  const place = (/** @type {number[]} */ heights) =>
    heights
      .map((height, i) => {
        const x = PAD + (i * (WIDTH - 2 * PAD)) / Math.max(heights.length - 1, 1);
        const y = HEIGHT - PAD - height * (HEIGHT - 2 * PAD);
        return `${x.toFixed(1)},${y.toFixed(1)}`;
      })
      .join(" ");
  const drawn = lines.map((heights, i) =>
    svg("polyline", { points: place(heights), fill: "none", stroke: `var(--series-${i % 8})`, "stroke-width": 2 }),
  );
  const frame = svg("path", { d: `M${PAD},0V${HEIGHT - PAD}H${WIDTH}`, fill: "none", stroke: "var(--line-strong)" });
  return svg("svg", { class: "thumbnail", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, frame, ...drawn);
}
