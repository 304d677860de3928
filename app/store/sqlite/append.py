"""Frames into the database: each sequence number once, in order."""

from __future__ import annotations

import math
import sqlite3
import time
from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.store.check import width_of
from app.store.interface import Appended, RunEnded
from app.store.runs import ENDED, Run, Status
from app.store.sqlite import blocks
from app.store.sqlite.blocks import Layout
from app.store.sqlite.rows import update
from optim_core.declare.errors import InvalidInput
from optim_core.transport.frames import Frame

RUNS_REMEMBERED = 256
SPEED_WEIGHT = 0.2  # of the newest measurement in the running average
SPARKLINE_COLUMN = "loss"
SPARKLINE_POINTS = 60


class Layouts:
    """The columns and layouts of the runs that were written to last; forget them after a rollback."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, dict[tuple[tuple[str, int], ...], Layout]] = OrderedDict()

    def forget(self) -> None:
        self._runs.clear()

    def of(self, db: sqlite3.Connection, run: int, shape: tuple[tuple[str, int], ...]) -> Layout:
        """The layout of these columns (name, width), made if it is new."""
        known = self._runs.setdefault(run, {})
        self._runs.move_to_end(run)
        if len(self._runs) > RUNS_REMEMBERED:
            self._runs.popitem(last=False)
        if shape not in known:
            known[shape] = _make_layout(db, run, shape)
        return known[shape]


def _make_layout(db: sqlite3.Connection, run: int, shape: tuple[tuple[str, int], ...]) -> Layout:
    db.executemany(
        "INSERT OR IGNORE INTO columns (run, name, width) VALUES (?, ?, ?)", [(run, *s) for s in shape]
    )
    found = {r["name"]: r for r in db.execute("SELECT id, name, width FROM columns WHERE run = ?", (run,))}
    for name, width in shape:
        if found[name]["width"] != width:
            raise InvalidInput(
                f"column {name[:80]!r} has {width} numbers a row, before it had {found[name]['width']}.",
                code="bad_frame",
            )
    ids = tuple(found[name]["id"] for name, _ in shape)
    content = array("q", ids).tobytes()
    db.execute("INSERT OR IGNORE INTO layouts (run, columns) VALUES (?, ?)", (run, content))
    (layout,) = db.execute("SELECT id FROM layouts WHERE run = ? AND columns = ?", (run, content)).fetchone()
    return Layout(layout, ids, tuple(name for name, _ in shape), tuple(width for _, width in shape))


def load_layouts(db: sqlite3.Connection, run: int) -> dict[int, Layout]:
    """Every layout of a run, by id."""
    names = {
        r["id"]: (r["name"], r["width"]) for r in db.execute("SELECT * FROM columns WHERE run = ?", (run,))
    }
    found = {}
    for row in db.execute("SELECT id, columns FROM layouts WHERE run = ?", (run,)):
        ids = array("q", row["columns"])
        found[row["id"]] = Layout(
            row["id"], tuple(ids), tuple(names[i][0] for i in ids), tuple(names[i][1] for i in ids)
        )
    return found


def append(db: sqlite3.Connection, layouts: Layouts, run: Run, frames: Sequence[Frame]) -> Appended:
    """Adds the frames that are new; those that came before are passed over.

    Hearing from its producer makes an interrupted run go on. Raises RunEnded if it has ended.
    """
    if run.status in ENDED and run.status != Status.CANCELLED and any(f.seq >= run.next_seq for f in frames):
        raise RunEnded(run)
    new: list[Frame] = []
    size, gap = 0, False
    for frame in frames:
        expected = run.next_seq + len(new)
        if frame.seq > expected:
            gap = True
            break
        if frame.seq == expected:
            size += _insert(db, layouts, run.key, frame)
            new.append(frame)
    return Appended(update(db, run, **_changes(run, new, size)), new, gap)


def _insert(db: sqlite3.Connection, layouts: Layouts, run: int, frame: Frame) -> int:
    shape = tuple((name, width_of(v)) for name, v in frame.columns.items() if name != "step")
    content = blocks.content_of(frame.columns)
    layout = layouts.of(db, run, shape)
    rows = len(frame.columns["step"])
    db.execute(
        "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?)",
        (run, frame.seq, layout.id, frame.first_step, rows, content),
    )
    db.executemany(
        "INSERT INTO events VALUES (?, ?, ?)",
        [(run, frame.seq, orjson.dumps(event).decode()) for event in frame.events],
    )
    return len(content)


def _changes(run: Run, new: Sequence[Frame], size: int) -> dict[str, Any]:
    """What the run's row says after these frames."""
    now = time.time()
    changes: dict[str, Any] = {"heard": now}
    if run.status in (Status.STARTING, Status.INTERRUPTED):
        status = Status.PAUSED if run.control.get("paused") else Status.RUNNING
        changes |= {"status": status.value, "reason": "", "outcome": None, "finished": None}
        changes |= {"started": run.started or now, "progressed": now}
    if not new:
        return changes
    step = max([run.step, *(int(frame.steps[-1]) for frame in new if len(frame.columns["step"]))])
    if step > run.step:
        took = now - (run.progressed or now)
        changes["progressed"] = now
        if took > 0:  # clocks may jump
            speed = (step - run.step) / took
            changes["speed"] = speed if run.speed is None else run.speed + SPEED_WEIGHT * (speed - run.speed)
    latest, sparkline = dict(run.latest), run.sparkline
    for frame in new:
        for name, values in frame.columns.items():
            if "/" not in name and name != "step" and values.ndim == 1 and len(values):
                latest[name] = _short(values[-1])
        if SPARKLINE_COLUMN in frame.columns:
            sparkline = _extended(sparkline, frame.columns)
    return changes | {
        "step": step,
        "latest": latest,
        "sparkline": sparkline,
        "next_seq": run.next_seq + len(new),
        "waiting_frames": run.waiting_frames + len(new),
        "waiting_bytes": run.waiting_bytes + size,
        "bytes": run.bytes + size,
    }


def _short(value: float) -> float | None:
    """A float32 with the digits that it has; None if it is not finite."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _extended(sparkline: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Every ``stride``-th loss; the stride doubles when there are too many."""
    losses, stride, seen = columns[SPARKLINE_COLUMN], sparkline.get("stride", 1), sparkline.get("seen", 0)
    values = [*sparkline.get("values", []), *map(_short, losses[-seen % stride :: stride])]
    while len(values) >= 2 * SPARKLINE_POINTS:
        values, stride = values[::2], stride * 2
    return {"stride": stride, "seen": seen + len(losses), "values": values}
