"""Answers about runs that are kept, computed where nobody else waits; each reads the store of one moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from app.export.tables import csv_head, csv_of, spans
from app.http.columns import Columns
from app.http.encoding import ArrayForm, to_json
from app.runs.derived import Traces
from app.settings import Limits
from app.store import Reader, Run, Window, open_reader
from optim_core.finding import Key, checks, find
from optim_core.recording import WIDE_NUMBERS, Recording

KIND = "train"  # of the checks that look at runs that are kept
POINTS = 1_000  # of each column that they look at, where that is not too much


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Reader, Traces]]:
    with closing(open_reader(folder)) as reader:
        yield reader, Traces(reader)


def frames(folder: Path, run: str, wanted: Columns, window: Window, form: ArrayForm, limits: Limits) -> bytes:
    """Columns of a run over a part of it; raises InvalidInput for more numbers than one answer may have."""
    with _opened(folder) as (store, traces):
        widths = [width for name, width in traces.columns(store.find(run)).items() if wanted(name)]
        points = window.points
        numbers = sum(points if width == 1 else min(points * width, WIDE_NUMBERS) for width in widths)
        limits.check("numbers", numbers, "columns", "numbers (columns × points)")
        found, series, events = traces.series(run, wanted, window)
    columns = {
        name: {"step": form.steps(s.steps), "value": form.array(s.values)} for name, s in series.items()
    }
    return to_json({"next_seq": found.next_seq, "columns": columns, "events": events})


def findings(folder: Path, ids: Sequence[str], limits: Limits) -> bytes:
    """What can be said of these runs as they stand."""
    with _opened(folder) as (store, traces):
        found = [store.find(run) for run in ids]
        recordings: dict[Key, Recording] = dict(zip(ids, _recordings(traces, found, limits), strict=True))
    return to_json({"findings": [one.to_json() for one in find(recordings, KIND)]})


def _recordings(traces: Traces, runs: Sequence[Run], limits: Limits) -> list[Recording]:
    """The runs with what the checks need, together no more numbers than one answer may have."""

    def wanted(name: str) -> bool:
        return any(check.needs(name) for check in checks().values() if check.about == KIND)

    columns = sum(wanted(name) for run in runs for name in traces.columns(run))
    points = max(min(POINTS, limits.numbers // max(columns, 1)), 2)
    return [traces.recording(run, wanted, points) for run in runs]


def table(folder: Path, run: str, wanted: Columns) -> tuple[str, list[str], list[tuple[int, int]]]:
    """The head of a run's table, its columns, and the spans of steps in which `rows` gives the rest."""
    with _opened(folder) as (store, traces):
        found = store.find(run)
        names = [name for name, width in traces.columns(found).items() if width == 1 and wanted(name)]
    return csv_head(names), names, spans(found, names)


def rows(folder: Path, run: str, names: Sequence[str], span: tuple[int, int]) -> str:
    """The rows of these steps."""
    with _opened(folder) as (_, traces):
        return csv_of(traces, run, names, span)
