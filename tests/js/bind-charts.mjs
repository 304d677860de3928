// Binds charts as the browser does, for the test that holds it beside Python's (tests/web/test_traces.py): cases come
// on standard input, traces leave as JSON.

import { stylesOf } from "../../static/chart/series.mjs";
import { bind } from "../../static/chart/traces.mjs";
import { Recording } from "../../static/data/recording.mjs";
import { runLabels } from "../../static/ui/names.mjs";

/** @param {any} told */
function recordingOf({ about, columns }) {
  const recording = new Recording(about);
  const arrays = Object.entries(columns).map(([name, { step, value, shape }]) => {
    const values = Float32Array.from(value, (each) => each ?? Number.NaN);
    return [name, { step, value: Object.assign(values, shape ? { shape } : {}) }];
  });
  recording.load([{ next_seq: 1, columns: Object.fromEntries(arrays) }]);
  return recording;
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { cases, catalogue, palette, ground } = JSON.parse(Buffer.concat(chunks).toString());
const ids = catalogue.optimizers.map((each) => each.id);
const bound = cases.map(({ figure, recordings: told, choices }) => {
  const recordings = told.map(recordingOf);
  const abouts = recordings.map((recording) => recording.about);
  const apart = abouts.every((about) => about.kind !== "trajectory");
  const labels = runLabels(abouts, catalogue);
  const series = stylesOf(abouts, ids, apart).map(({ slot, dash }, i) => ({
    recording: recordings[i],
    label: labels[i],
    colour: palette[slot],
    dash,
    start: 0,
    runner: { key: i },
  }));
  return bind(figure, series, { ground, ...choices }).data;
});
process.stdout.write(JSON.stringify(bound));
