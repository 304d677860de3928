"""Frames into the database: each sequence number once, in order."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from app.store.check import width_of
from app.store.interface import Appended, RunEnded, Window
from app.store.runs import ENDED, Run, Status
from app.store.sqlite import blocks
from app.store.sqlite.layouts import RESTART, Layouts
from app.store.sqlite.read import read_series
from app.store.sqlite.rows import update
from optim_core.transport.frames import Frame

SPEED_WEIGHT = 0.2  # of the newest measurement in the running average
FRAME_BYTES = 100  # that a frame takes besides what it holds
SPARKLINE_COLUMN = "loss"
SPARKLINE_POINTS = 60


def append(db: sqlite3.Connection, layouts: Layouts, run: Run, frames: Sequence[Frame]) -> Appended:
    """Adds the frames that are new; those that came before are passed over.

    Hearing from its producer makes an interrupted run go on. Raises RunEnded if it has ended.
    """
    if run.status in ENDED and run.status != Status.CANCELLED and any(f.seq >= run.next_seq for f in frames):
        raise RunEnded(run)
    new: list[Frame] = []
    restarts: set[int] = set()
    size, gap = 0, False
    for frame in frames:
        expected = run.next_seq + len(new)
        if frame.seq > expected:
            gap = True
            break
        if frame.seq == expected:
            kept, content_bytes = _insert(db, layouts, run.key, frame)
            size += content_bytes
            if kept is not frame:
                restarts.add(kept.seq)
            new.append(kept)
    changes = _changes(run, new, size, restarts)
    if restarts:
        series = read_series(db, run, [SPARKLINE_COLUMN], Window())
        losses = {name: one.values for name, one in series.items()}
        changes["sparkline"] = _extended({}, losses) if losses else {}
    return Appended(update(db, run, **changes), new, gap)


def _insert(db: sqlite3.Connection, layouts: Layouts, run: int, frame: Frame) -> tuple[Frame, int]:
    """The frame, with an event if its producer has gone back, and the bytes that it takes."""
    shape = tuple((name, width_of(v)) for name, v in frame.columns.items() if name != "step")
    content = blocks.content_of(frame.columns)
    layout = layouts.of(db, run, shape)
    rows = len(frame.columns["step"])
    if rows:
        first, last = int(frame.steps[0]), int(frame.steps[-1])
        if layouts.goes_back(run, layout, frame.seq, first, last):
            text = f"Resumed at step {first}: what was measured from there on before has given way."
            event = {"step": first, "kind": RESTART, "text": text}
            frame = replace(frame, events=(event, *frame.events))
    db.execute(
        "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?)",
        (run, frame.seq, layout.id, frame.first_step, rows, content),
    )
    events = [orjson.dumps(event).decode() for event in frame.events]
    db.executemany("INSERT INTO events VALUES (?, ?, ?)", [(run, frame.seq, event) for event in events])
    return frame, FRAME_BYTES + len(content) + sum(map(len, events))


def _changes(run: Run, new: Sequence[Frame], size: int, restarts: Collection[int]) -> dict[str, Any]:
    """What the run's row says after these frames."""
    now = time.time()
    changes: dict[str, Any] = {"heard": now}
    if run.status in (Status.STARTING, Status.INTERRUPTED):
        status = Status.PAUSED if run.control.get("paused") else Status.RUNNING
        changes |= {"status": status.value, "reason": "", "outcome": None, "finished": None}
        changes |= {"started": run.started or now, "progressed": now}
    if not new:
        return changes
    # Steps are counted from the first one that was seen: a producer may begin, or begin anew, at any.
    before, step, first_step = run.step, run.step, run.first_step
    for frame in new:
        if not len(frame.columns["step"]):
            continue
        first, last = int(frame.steps[0]), int(frame.steps[-1])
        if first_step is None or frame.seq in restarts:
            before = step = max(first - 1, 0)
        first_step = first if first_step is None else min(first_step, first)
        step = max(step, last)
    changes["first_step"] = first_step
    if step > before:
        took = now - (run.progressed or now)
        changes["progressed"] = now
        if took > 0:  # clocks may jump
            speed = (step - before) / took
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
