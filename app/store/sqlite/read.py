"""Frames out of the database: as they came, or single columns over many of them."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from app.store.interface import Wanted, Window
from app.store.runs import Run
from app.store.sqlite import blocks
from app.store.sqlite.append import load_layouts
from app.store.sqlite.blocks import Layout
from optim_core.recording import Series, Steps, Values, thinned
from optim_core.transport.frames import Frame

VARIABLES = 500  # in one SQL statement
FRAME_BYTES = 200  # that a frame takes besides its numbers


def columns_of(db: sqlite3.Connection, run: int) -> dict[str, int]:
    """The names of a run's columns, with the numbers in a row of each."""
    rows = db.execute("SELECT name, width FROM columns WHERE run = ? ORDER BY id", (run,))
    return {row["name"]: row["width"] for row in rows}


def events_of(db: sqlite3.Connection, run: int, after: int = 0) -> list[dict[str, Any]]:
    """What people did meanwhile, from frame ``after`` on."""
    rows = db.execute("SELECT content FROM events WHERE run = ? AND seq >= ? ORDER BY seq", (run, after))
    return [orjson.loads(row["content"]) for row in rows]


def read_series(db: sqlite3.Connection, run: Run, names: Sequence[str], window: Window) -> dict[str, Series]:
    """These columns over the window, thinned to its points; call it within one transaction."""
    layouts, asked = load_layouts(db, run.key), set(names)
    wanted = {
        column: name
        for each in layouts.values()
        for column, name in zip(each.columns, each.names, strict=True)
        if name in asked
    }
    found: dict[str, list[Series]] = {name: [] for name in wanted.values()}
    segments = db.execute(
        "SELECT * FROM segments WHERE run = ? AND last_seq >= ? AND last_step >= ? AND first_step <= ?"
        " ORDER BY first_seq",
        (run.key, window.after, window.first_step, window.last_step),
    ).fetchall()
    coarse = window.points and _most_rows(segments, layouts) >= window.points * blocks.BUCKET
    for segment in segments:
        inside = [column for column in layouts[segment["layout"]].columns if column in wanted]
        for column, series in _read_segment(db, segment, inside, window, coarse=bool(coarse)):
            found[wanted[column]].append(series)
    for column, series in _read_tail(db, run.key, layouts, wanted, window):
        found[wanted[column]].append(series)
    return {name: thinned(_joined(pieces, window), window.points) for name, pieces in found.items() if pieces}


def _most_rows(segments: Sequence[sqlite3.Row], layouts: dict[int, Layout]) -> int:
    totals: dict[int, int] = {}
    for segment in segments:
        totals[segment["layout"]] = totals.get(segment["layout"], 0) + segment["rows"]
    return max(totals.values(), default=0)


def _read_segment(
    db: sqlite3.Connection, segment: sqlite3.Row, columns: Sequence[int], window: Window, *, coarse: bool
) -> Iterator[tuple[int, Series]]:
    steps = _steps(segment)
    skipped = _rows_before(segment, window.after)
    summarised = set()
    if coarse:
        for column, content in _contents(db, "summaries", segment["id"], columns):
            places, values = blocks.read_summary(content, len(steps))
            from_row = int(np.searchsorted(places, skipped))
            summarised.add(column)
            yield column, Series(steps[places[from_row:]], values[from_row:])
    rest = [column for column in columns if column not in summarised]
    for column, content in _contents(db, "chunks", segment["id"], rest):
        values = np.frombuffer(content, blocks.F4)
        if len(values) != len(steps):
            values = values.reshape(len(steps), -1)
        yield column, Series(steps[skipped:], values[skipped:])


def _steps(segment: sqlite3.Row) -> Steps:
    if segment["stride"]:
        first, stride = int(segment["first_step"]), int(segment["stride"])
        return first + stride * np.arange(segment["rows"], dtype=np.int64)
    return np.frombuffer(segment["steps"], blocks.I8)


def _rows_before(segment: sqlite3.Row, after: int) -> int:
    """How many rows belong to frames before ``after``."""
    if segment["first_seq"] >= after:
        return 0
    index = _index(segment)
    return int(index[index[:, 0] < after, 2].sum())


def _index(segment: sqlite3.Row) -> Steps:
    """(frames, 3): seq, first step and rows of each frame in the segment."""
    return np.frombuffer(zlib.decompress(segment["frames"]), blocks.I8).reshape(-1, 3)


def _contents(
    db: sqlite3.Connection, table: str, segment: int, columns: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(columns), VARIABLES):
        part = columns[start : start + VARIABLES]
        marks = ", ".join("?" * len(part))
        yield from db.execute(
            f"SELECT column, content FROM {table} WHERE segment = ? AND column IN ({marks})",  # noqa: S608
            (segment, *part),
        )


def _read_tail(
    db: sqlite3.Connection, run: int, layouts: dict[int, Layout], wanted: Collection[int], window: Window
) -> Iterator[tuple[int, Series]]:
    """The frames that are in no segment yet."""
    groups: dict[int, tuple[list[Steps], list[Values]]] = {}
    for row in db.execute(
        "SELECT * FROM frames WHERE run = ? AND seq >= ? ORDER BY seq", (run, window.after)
    ):
        if row["rows"]:
            matrix = layouts[row["layout"]].matrix(row["content"], row["rows"])
            steps, matrices = groups.setdefault(row["layout"], ([], []))
            steps.append(blocks.steps_of(matrix, row["first_step"]))
            matrices.append(matrix)
    for key, (steps, matrices) in groups.items():
        layout, joined = layouts[key], np.concatenate(steps)
        inside = [index for index, column in enumerate(layout.columns) if column in wanted]
        for index in inside:
            values = np.concatenate([layout.cut(matrix, index) for matrix in matrices])
            yield layout.columns[index], Series(joined, values)


def _joined(pieces: Sequence[Series], window: Window) -> Series:
    """One series in the order of its steps, within the window."""
    steps = np.concatenate([piece.steps for piece in pieces])
    values = np.concatenate([piece.values for piece in pieces])
    if (np.diff(steps) < 0).any():  # a column that lies in several layouts
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], values[order]
    begin = int(np.searchsorted(steps, window.first_step, "left"))
    end = int(np.searchsorted(steps, window.last_step, "right"))
    return Series(steps[begin:end], values[begin:end])


@dataclass(frozen=True)
class _Part:
    """A segment that is being taken apart into frames."""

    columns: dict[str, Values]
    steps: Steps


def read_frames(db: sqlite3.Connection, run: Run, after: int, wanted: Wanted, most_bytes: int) -> list[Frame]:
    """Frames from ``after`` on as they came, with the wanted columns; at least one, if there is one."""
    layouts = load_layouts(db, run.key)
    row = db.execute(
        "SELECT batch FROM segments WHERE run = ? AND last_seq >= ? ORDER BY batch LIMIT 1", (run.key, after)
    ).fetchone()
    frames = (
        _unpacked(db, run, row["batch"], layouts, wanted, after)
        if row
        else _waiting(db, run, layouts, wanted, after)
    )
    found, size = [], 0
    for frame in frames:
        found.append(frame)
        size += FRAME_BYTES + sum(values.nbytes for values in frame.columns.values())
        if size >= most_bytes:
            break
    if not found:
        return []
    events: dict[int, list[Any]] = {}
    for row in db.execute(
        "SELECT seq, content FROM events WHERE run = ? AND seq BETWEEN ? AND ? ORDER BY rowid",
        (run.key, found[0].seq, found[-1].seq),
    ):
        events.setdefault(row["seq"], []).append(orjson.loads(row["content"]))
    return [Frame(f.run, f.seq, f.first_step, f.columns, tuple(events.get(f.seq, ()))) for f in found]


def _waiting(
    db: sqlite3.Connection, run: Run, layouts: dict[int, Layout], wanted: Wanted, after: int
) -> Iterator[Frame]:
    """The frames that are in no segment yet."""
    for row in db.execute("SELECT * FROM frames WHERE run = ? AND seq >= ? ORDER BY seq", (run.key, after)):
        layout = layouts[row["layout"]]
        matrix = layout.matrix(row["content"], row["rows"])
        columns = {"step": matrix[0]} | {
            name: layout.cut(matrix, index) for index, name in enumerate(layout.names) if wanted(name)
        }
        yield Frame(run.id, row["seq"], row["first_step"], columns)


def _unpacked(
    db: sqlite3.Connection, run: Run, batch: int, layouts: dict[int, Layout], wanted: Wanted, after: int
) -> Iterator[Frame]:
    """The frames of one batch of segments."""
    places: dict[int, tuple[_Part, int, int, int]] = {}  # seq → part, first step, first row, rows
    for segment in db.execute(
        "SELECT * FROM segments WHERE run = ? AND batch = ?", (run.key, batch)
    ).fetchall():
        part, first_row = _part(db, segment, layouts[segment["layout"]], wanted), 0
        for seq, first_step, rows in _index(segment).tolist():
            places[seq] = (part, first_step, first_row, rows)
            first_row += rows
    for seq in sorted(seq for seq in places if seq >= after):
        part, first_step, row, rows = places[seq]
        cut = slice(row, row + rows)
        columns = {"step": (part.steps[cut] - first_step).astype(np.float32)}
        columns |= {name: values[cut] for name, values in part.columns.items()}
        yield Frame(run.id, seq, first_step, columns)


def _part(db: sqlite3.Connection, segment: sqlite3.Row, layout: Layout, wanted: Wanted) -> _Part:
    """A segment's wanted columns, in the order of its layout."""
    shapes = dict(zip(layout.names, layout.widths, strict=True))
    columns: dict[str, Values] = {name: np.empty(0, np.float32) for name in shapes if wanted(name)}
    chosen = [column for column, name in zip(layout.columns, layout.names, strict=True) if name in columns]
    for column, content in _contents(db, "chunks", segment["id"], chosen):  # none if there are no rows
        columns[layout.names[layout.place[column]]] = np.frombuffer(content, blocks.F4)
    return _Part(
        {
            name: values if shapes[name] == 1 else values.reshape(-1, shapes[name])
            for name, values in columns.items()
        },
        _steps(segment),
    )
