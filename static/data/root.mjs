// Where the server's paths begin: behind a proxy that may be a prefix.

const root = () => globalThis.document?.body?.dataset.root ?? "";

/** A path of the server as the browser has to ask for it. @param {string} path */
export function under(path) {
  return path.startsWith("/") && !path.startsWith("//") ? root() + path : path;
}

/** The other way round: an address of this page as the server knows it. @param {string} path */
export function bare(path) {
  return root() && path.startsWith(`${root()}/`) ? path.slice(root().length) : path;
}
