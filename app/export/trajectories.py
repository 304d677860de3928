"""Runs as a long table of text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from optim_core.simulate.trajectory import Column

CHUNK = 500  # rows joined into one piece of the answer


def csv_rows(runs: Sequence[tuple[str, Mapping[str, Column]]]) -> Iterator[str]:
    """Header and rows ``run, optimizer, step, …``; an empty cell where a run has no such number."""
    names = list(dict.fromkeys(name for _, columns in runs for name in columns))
    yield ",".join(("run", "optimizer", *names)) + "\n"
    for number, (optimizer, columns) in enumerate(runs):
        rows = len(columns["step"])
        for first in range(0, rows, CHUNK):
            part = slice(first, min(first + CHUNK, rows))
            blank = [""] * (part.stop - part.start)
            cells = [[_cell(v) for v in columns[n][part].tolist()] if n in columns else blank for n in names]
            yield "".join(f"{number},{optimizer},{','.join(row)}\n" for row in zip(*cells, strict=True))


def _cell(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
