"""Runs as tables of text (CSV)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.runs.derived import Traces
from app.store import Run, Window
from optim_core.simulate.trajectory import Column

CHUNK = 500  # rows of a trajectory in one piece of the answer
NUMBERS = 500_000  # of a run that are read at once
FEWEST_STEPS = 1_000
_FORMULA = frozenset("=+-@\t\r")  # what begins one


def csv_rows(runs: Sequence[tuple[str, Mapping[str, Column]]]) -> Iterator[str]:
    """Header and rows ``run, optimizer, start_x, start_y, step, …``; cells without a number are empty."""
    names = list(dict.fromkeys(name for _, columns in runs for name in columns))
    yield _text([["run", "optimizer", "start_x", "start_y", *map(_harmless, names)]])
    for number, (optimizer, columns) in enumerate(runs):
        rows = len(columns["step"])
        start = [_cell(float(columns[axis][0])) for axis in "xy"]
        for first in range(0, rows, CHUNK):
            part = slice(first, min(first + CHUNK, rows))
            blank = [""] * (part.stop - part.start)
            cells = [
                [_cell(v) for v in columns[name][part].tolist()] if name in columns else blank
                for name in names
            ]
            yield _text([str(number), optimizer, *start, *row] for row in zip(*cells, strict=True))


def csv_head(names: Sequence[str]) -> str:
    """The first line of the table that `csv_of` goes on with."""
    return _text([["step", *map(_harmless, names)]])


def spans(run: Run, names: Sequence[str]) -> list[tuple[int, int]]:
    """First and last steps of the pieces in which a run is read."""
    stride = max(NUMBERS // (len(names) + 1), FEWEST_STEPS)
    return [(first, first + stride - 1) for first in range(0, run.step + 1, stride)]


def csv_of(traces: Traces, run: str, names: Sequence[str], span: tuple[int, int]) -> str:
    """A row for every step of a span at which one of the columns was measured; the other cells are empty.

    What was measured and is not finite stands as nan, inf or -inf.
    """
    _, series, _ = traces.series(run, frozenset(names).__contains__, Window(0, *span))
    rows: dict[int, list[str]] = {}
    for place, name in enumerate(names):
        if name in series:
            texts = series[name].values.astype(str).tolist()  # the shortest that names a 4-byte float
            for step, text in zip(series[name].steps.tolist(), texts, strict=True):
                rows.setdefault(step, [""] * len(names))[place] = _shortened(text)
    return _text([str(step), *rows[step]] for step in sorted(rows))


def _text(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()


def _harmless(name: str) -> str:
    """A name that spreadsheets would take for a formula, marked as text."""
    return f"'{name}" if name[:1] in _FORMULA else name


def _cell(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _shortened(text: str) -> str:
    return text.removesuffix(".0")
