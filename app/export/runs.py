"""A run as a table to take away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.runs.derived import Traces
from app.store import Run, Window

NUMBERS = 500_000  # read at once
FEWEST_STEPS = 1_000


def csv_of(traces: Traces, run: Run, names: Sequence[str]) -> Iterator[str]:
    """Header and a row for every step at which one of the columns was measured; the other cells are empty."""
    yield ",".join(("step", *map(_quoted, names))) + "\n"
    stride, wanted = max(NUMBERS // (len(names) + 1), FEWEST_STEPS), frozenset(names).__contains__
    for first in range(0, run.step + 1, stride):
        _, series, _ = traces.series(run.id, wanted, Window(0, first, first + stride - 1))
        rows: dict[int, list[str]] = {}
        for place, name in enumerate(names):
            if name in series:
                texts = series[name].values.astype(str).tolist()  # the shortest that names a 4-byte float
                for step, text in zip(series[name].steps.tolist(), texts, strict=True):
                    rows.setdefault(step, [""] * len(names))[place] = _cell(text)
        yield "".join(f"{step},{','.join(rows[step])}\n" for step in sorted(rows))


def _cell(text: str) -> str:
    return "" if text == "nan" else text.removesuffix(".0")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if '"' in name else name
