"""Frames out of the database: as they came, or single columns over many of them."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np
import orjson

from app.store.interface import FAR, Wanted, Window
from app.store.runs import Run
from app.store.sqlite import blocks
from app.store.sqlite.blocks import Layout
from app.store.sqlite.layouts import load_layouts, went_back
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
    """These columns over the window, thinned to its points; call it within one transaction.

    Where the producer went back, the later rows hold, and what they passed again is left out.
    """
    layouts, asked = load_layouts(db, run.key), set(names)
    wanted = {
        column: name
        for each in layouts.values()
        for column, name in zip(each.columns, each.names, strict=True)
        if name in asked
    }
    found: dict[str, list[_Piece]] = {name: [] for name in wanted.values()}
    # Where the producer went back, rows from before the window take the place of some in it, and what a
    # summary has kept may have given way.
    back = went_back(db, run.key)
    segments = db.execute(
        "SELECT * FROM segments WHERE run = ? AND last_seq >= ? AND last_step >= ? AND first_step <= ?"
        " ORDER BY first_seq",
        (run.key, window.after, -FAR if back else window.first_step, window.last_step),
    ).fetchall()
    coarse = not back and window.points and _most_rows(segments, layouts) >= window.points * blocks.BUCKET
    for segment in segments:
        inside = [column for column in layouts[segment["layout"]].columns if column in wanted]
        for column, piece in _read_segment(db, segment, inside, window, coarse=bool(coarse)):
            found[wanted[column]].append(piece)
    for column, piece in _read_tail(db, run.key, layouts, wanted, window):
        found[wanted[column]].append(piece)
    chosen: _Chosen = {}
    return {
        name: thinned(_joined(pieces, window, chosen), window.points)
        for name, pieces in found.items()
        if pieces
    }


@dataclass(frozen=True)
class _Piece:
    """Rows of a column; ``seqs`` gives the frame that each came in."""

    steps: Steps
    values: Values
    seqs: Callable[[], Steps]


# The rows that are chosen of pieces with these steps (by the arrays' identity), and their steps: columns of
# one layout share them.
_Chosen: TypeAlias = dict[tuple[int, ...], tuple[Steps, Steps | slice]]


def _most_rows(segments: Sequence[sqlite3.Row], layouts: dict[int, Layout]) -> int:
    totals: dict[int, int] = {}
    for segment in segments:
        totals[segment["layout"]] = totals.get(segment["layout"], 0) + segment["rows"]
    return max(totals.values(), default=0)


def _read_segment(
    db: sqlite3.Connection, segment: sqlite3.Row, columns: Sequence[int], window: Window, *, coarse: bool
) -> Iterator[tuple[int, _Piece]]:
    skipped = _rows_before(segment, window.after)
    whole = blocks.segment_steps(segment)
    steps, seqs = whole[skipped:], cache(lambda: _seqs(segment)[skipped:])
    summarised = set()
    if coarse:
        for column, content in _contents(db, "summaries", segment["id"], columns):
            places, values = blocks.read_summary(content, len(whole))
            from_row = int(np.searchsorted(places, skipped))
            rows = places[from_row:] - skipped
            summarised.add(column)
            yield column, _Piece(steps[rows], values[from_row:], partial(_taken, seqs, rows))
    rest = [column for column in columns if column not in summarised]
    for column, content in _contents(db, "chunks", segment["id"], rest):
        values = np.frombuffer(content, blocks.F4)
        if len(values) != len(whole):
            values = values.reshape(len(whole), -1)
        yield column, _Piece(steps, values[skipped:], seqs)


def _taken(seqs: Callable[[], Steps], rows: Steps) -> Steps:
    return seqs()[rows]


def _rows_before(segment: sqlite3.Row, after: int) -> int:
    """How many rows belong to frames before ``after``."""
    if segment["first_seq"] >= after:
        return 0
    index = _index(segment)
    return int(index[index[:, 0] < after, 2].sum())


def _seqs(segment: sqlite3.Row) -> Steps:
    """The frame of each row."""
    index = _index(segment)
    return np.repeat(index[:, 0], index[:, 2])


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
) -> Iterator[tuple[int, _Piece]]:
    """The frames that are in no segment yet."""
    groups: dict[int, tuple[list[Steps], list[Values], list[int]]] = {}
    for row in db.execute(
        "SELECT * FROM frames WHERE run = ? AND seq >= ? ORDER BY seq", (run, window.after)
    ):
        if row["rows"]:
            matrix = layouts[row["layout"]].matrix(row["content"], row["rows"])
            steps, matrices, numbers = groups.setdefault(row["layout"], ([], [], []))
            steps.append(blocks.steps_of(matrix, row["first_step"]))
            matrices.append(matrix)
            numbers.append(row["seq"])
    for key, (steps, matrices, numbers) in groups.items():
        layout, joined = layouts[key], np.concatenate(steps)
        seqs = cache(partial(np.repeat, numbers, [len(each) for each in steps]))
        inside = [index for index, column in enumerate(layout.columns) if column in wanted]
        for index in inside:
            values = np.concatenate([layout.cut(matrix, index) for matrix in matrices])
            yield layout.columns[index], _Piece(joined, values, seqs)


def _joined(pieces: Sequence[_Piece], window: Window, chosen: _Chosen) -> Series:
    """One series in the order of its steps, within the window."""
    key = tuple(id(piece.steps) for piece in pieces)
    if key not in chosen:
        chosen[key] = _rows(pieces, window)
    steps, rows = chosen[key]
    return Series(steps, np.concatenate([piece.values for piece in pieces])[rows])


def _rows(pieces: Sequence[_Piece], window: Window) -> tuple[Steps, Steps | slice]:
    """The rows of these pieces that hold, within the window and in the order of their steps; with these."""
    steps = np.concatenate([piece.steps for piece in pieces])
    order: Steps | None = None
    if (np.diff(steps) <= 0).any():  # several layouts have the column, or its producer went back
        order = np.argsort(np.concatenate([piece.seqs() for piece in pieces]), kind="stable")
        steps = steps[order]
        least = np.minimum.accumulate(steps[::-1])[::-1]  # of each row and those that came after it
        holds = np.append(steps[:-1] < least[1:], True)
        order, steps = order[holds], steps[holds]
    inside = slice(
        int(np.searchsorted(steps, window.first_step, "left")),
        int(np.searchsorted(steps, window.last_step, "right")),
    )
    return steps[inside], inside if order is None else order[inside]


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
        blocks.segment_steps(segment),
    )
