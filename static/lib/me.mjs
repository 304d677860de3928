// Who looks at this page, as the server knows them.

/** Whether whoever looks may change everything. */
export const instructs = "instructor" in document.body.dataset;

/** Whether whoever looks may change this run. @param {{ owner?: string }} run */
export function mayChange(run) {
  return instructs || run.owner === document.body.dataset.visitor;
}
