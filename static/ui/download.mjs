// Hands a file to the user.

import { make } from "./dom.mjs";

/** @param {string} name @param {Blob | string} content  a blob or a data URL */
export function download(name, content) {
  const url = typeof content === "string" ? content : URL.createObjectURL(content);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  if (typeof content !== "string") setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
