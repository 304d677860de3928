// What can be taken away: a link, a picture, the numbers, a script.

import { post, postForText } from "../data/api.mjs";
import { trajectoriesRequest } from "../data/trajectories.mjs";
import { scenePicture } from "../surface/picture.mjs";
import { closing, download, make } from "./dom.mjs";
import { pointText } from "./format.mjs";

/**
 * @param {HTMLElement} root  the menu's list of items
 * @param {import("../data/store.mjs").Store<any>} store
 * @param {(view: any) => string} write  a view as its address says it
 * @param {() => { viewport: import("../surface/viewport.mjs").Viewport, marks: SVGSVGElement } | null} scene  the picture to save
 */
export function mountShare(root, store, write, scene) {
  const menu = root.closest("details");
  if (menu) closing(menu);
  const status = make("p", { role: "status", class: "menu-status" });
  const script = make("dialog", { class: "script", "aria-labelledby": "script-title" });
  document.body.append(script);

  /** @param {boolean} controls */
  const link = (controls) => {
    const query = write({ ...store.get(), controls });
    return `${location.origin}${location.pathname}${query ? `?${query}` : ""}`;
  };
  /** @param {string} label @param {() => unknown} act */
  const item = (label, act) =>
    make(
      "button",
      {
        type: "button",
        onclick: async () => {
          status.textContent = "";
          try {
            await act();
          } catch (error) {
            status.textContent = error instanceof Error ? error.message : String(error);
          }
        },
      },
      label,
    );

  /** @param {string} text @param {string} done */
  async function copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = done;
    } catch {
      // Without permission for the clipboard the text is shown, ready to be copied by hand.
      showText("Copy this", text);
    }
  }

  /** @param {string} title @param {string} text */
  function showText(title, text) {
    const area = make("textarea", {
      readonly: true,
      rows: Math.min(text.split("\n").length + 1, 28),
      spellcheck: "false",
      "aria-label": title,
    });
    area.value = text;
    script.replaceChildren(
      make("h2", { id: "script-title" }, title),
      area,
      make(
        "div",
        { class: "dialog-actions" },
        make(
          "button",
          {
            type: "button",
            onclick: () => {
              area.select();
              navigator.clipboard?.writeText(text).catch(() => document.execCommand("copy"));
            },
          },
          "Copy",
        ),
        text.includes("\n") &&
          make(
            "button",
            {
              type: "button",
              onclick: () => download("optimscope_run.py", new Blob([text], { type: "text/x-python" })),
            },
            "Save as file",
          ),
        make("button", { type: "button", onclick: () => script.close() }, "Close"),
      ),
    );
    if (!script.open) script.showModal();
    area.setSelectionRange(0, 0);
    area.scrollTop = 0;
  }

  /** @param {number} run  its place in the request */
  async function showScript(run) {
    const { code } = await post("/api/trajectories/script", { ...trajectoriesRequest(store.get()), run });
    try {
      await navigator.clipboard.writeText(code);
      status.replaceChildren(
        "The script is in the clipboard. ",
        make("button", { type: "button", onclick: () => showText("This run as a PyTorch script", code) }, "Show it"),
      );
    } catch {
      showText("This run as a PyTorch script", code);
    }
  }

  /** @param {"png" | "svg"} format */
  async function savePicture(format) {
    const drawn = scene();
    if (drawn) download(`optimscope.${format}`, await scenePicture(store.get(), drawn, format));
  }

  const scripts = make("div", { class: "menu-group", role: "group", "aria-label": "Copy as PyTorch" });
  function renderScripts() {
    const { runners, result, starts } = store.get();
    const labels = new Map((store.get().visible ?? []).map((/** @type {any} */ run) => [run.runner.key, run.label]));
    scripts.replaceChildren(
      make("p", { class: "menu-title" }, "Copy as PyTorch"),
      ...runners.flatMap((/** @type {any} */ runner, /** @type {number} */ i) => {
        const name = labels.get(runner.key) ?? result?.byRunner.get(runner.key)?.about.optimizer ?? runner.optimizer;
        return starts.map((/** @type {number[]} */ start, /** @type {number} */ k) =>
          item(starts.length > 1 ? `${name} from ${pointText(start)}` : String(name), () =>
            showScript(i * starts.length + k),
          ),
        );
      }),
    );
  }

  root.append(
    item("Copy link to this view", () => copy(link(true), "The link is in the clipboard.")),
    item("Copy link without controls", () =>
      copy(link(false), "The link is in the clipboard; it opens with the controls hidden."),
    ),
    item("Copy as <iframe>", () =>
      copy(
        `<iframe src="${link(false).replaceAll("&", "&amp;")}" title="Optimscope" width="960" height="640" style="border: 0" loading="lazy"></iframe>`,
        "The text is in the clipboard; put it into a page. Other sites may show it where OPTIMSCOPE_FRAME_ANCESTORS names them.",
      ),
    ),
    item("Picture as PNG", () => savePicture("png")),
    item("Picture as SVG", () => savePicture("svg")),
    item("All numbers as CSV", async () =>
      download(
        "optimscope.csv",
        new Blob([await postForText("/api/trajectories/csv", trajectoriesRequest(store.get()))], { type: "text/csv" }),
      ),
    ),
    scripts,
    make("div", { class: "menu-group" }, make("a", { href: "/docs" }, "HTTP API")),
    status,
  );
  store.on(["runners", "visible", "starts"], renderScripts);
  renderScripts();
}
