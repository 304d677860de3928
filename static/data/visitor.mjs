// Who looks at this page, as the server knows them.

/** Whether whoever looks may change everything. */
export const instructs = "instructor" in document.body.dataset;

/** Whether this server is for many. */
export const shared = "shared" in document.body.dataset;

/** The name under which runs of whoever looks are kept. */
export const visitor = document.body.dataset.visitor ?? "";

/** Whether whoever looks may change this run. @param {{ owner?: string }} run */
export function mayChange(run) {
  return instructs || run.owner === visitor;
}

/** Whose run it is, as whoever looks would say. @param {{ owner?: string }} run */
export function whose(run) {
  return run.owner === visitor ? "you" : (run.owner ?? "");
}
