// Small helpers to build the page; text always goes in as text.

import { under } from "../data/root.mjs";

/**
 * An element with attributes and children: `make("button", { type: "button", onclick: f }, "Play")`.
 * A property that starts with "on" is a listener; false and undefined leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = /** @type {SVGElementTagNameMap[K]} */ (document.createElementNS(SVG, tag));
  set(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Of what is on or off an aria attribute says so in words; others are there or not.
 * @param {Element} element
 * @param {Record<string, any>} attributes
 */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") && typeof value === "boolean") element.setAttribute(name, String(value));
    else if (value === undefined || value === false || value === null) element.removeAttribute(name);
    else if (name === "href") element.setAttribute(name, under(String(value)));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * The element with this id, which the page's template promises.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element #${id}`);
  return element;
}

/**
 * MathML that the server made from LaTeX, as a node. Only the server's own text comes here.
 * @param {string} markup
 */
export function math(markup) {
  const holder = document.createElement("span");
  holder.className = "math";
  const parsed = new DOMParser().parseFromString(markup, "text/html").querySelector("math");
  if (parsed) holder.append(document.importNode(parsed, true));
  return holder;
}

/**
 * `render`, put off while `element` is out of sight: what nobody sees need not keep up with a slider.
 * @param {Element} element
 * @param {() => void} render
 * @param {(visible: boolean) => void} [sighted]  told whenever it comes in sight or goes
 */
export function inSight(element, render, sighted = () => {}) {
  let visible = false;
  let stale = false;
  new IntersectionObserver(
    ([entry]) => {
      visible = entry?.isIntersecting ?? false;
      sighted(visible);
      if (visible && stale) run();
    },
    { rootMargin: "100px" },
  ).observe(element);
  function run() {
    stale = !visible;
    if (visible) render();
  }
  return run;
}

/** Closes an open `details` on Escape and on a press or a focus elsewhere. @param {HTMLDetailsElement} details */
export function closing(details) {
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary")?.focus();
  });
  details.addEventListener("focusout", (event) => {
    if (event.relatedTarget instanceof Node && !details.contains(event.relatedTarget)) details.open = false;
  });
  document.addEventListener(
    "pointerdown",
    (event) => {
      if (!details.open || !(event.target instanceof Node) || details.contains(event.target)) return;
      details.open = false;
    },
    true,
  );
}

/**
 * Keeps on a text field whether it holds an edit that is not committed: without one, undoing is the
 * page's, and the field follows.
 * @param {HTMLInputElement} field
 */
export function watchEdits(field) {
  markEdited(field, false);
  field.addEventListener("input", () => markEdited(field, true));
  for (const end of ["change", "blur"]) field.addEventListener(end, () => markEdited(field, false));
}

/** @param {HTMLElement} field @param {boolean} edited */
export function markEdited(field, edited) {
  field.dataset.edited = String(edited);
}

/** @param {HTMLElement} field  one that `watchEdits` knows */
export function isEdited(field) {
  return field.dataset.edited === "true";
}

/** Whether the key press belongs to a field that takes text or arrows of its own. @param {Event} event */
export function isTyping(event) {
  const target = event.target;
  return (
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type)) ||
    (target instanceof HTMLElement && target.isContentEditable)
  );
}

/**
 * Who looks at this page, as the server knows them: the name under which their runs are kept, whether they may
 * change everything, and whether this server is for many.
 */
export function visitor() {
  const { dataset } = document.body;
  return { id: dataset.visitor ?? "", instructs: "instructor" in dataset, shared: "shared" in dataset };
}

/** Hands a file to the user. @param {string} name @param {Blob | string} content  a blob or a data URL */
export function download(name, content) {
  const url = typeof content === "string" ? content : URL.createObjectURL(content);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  if (typeof content !== "string") setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
