"""Which columns come together in frames, and how far each such layout has come."""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from app.store.sqlite import blocks
from app.store.sqlite.blocks import Layout
from optim_core.declare.errors import InvalidInput

RUNS_REMEMBERED = 256
RESTART = "restart"  # the kind of the event of a producer that went back, to a checkpoint as a rule

Shape: TypeAlias = tuple[tuple[str, int], ...]  # name and width of each column


@dataclass(frozen=True)
class _Place:
    """A step, and the frame that brought it."""

    step: int
    seq: int


@dataclass
class _Known:
    """A run that is being written.

    reached  the last row of each layout, by its id; ``kin``: the layouts that share a column with one
    restart  where the producer went back to last
    """

    reached: dict[int, _Place]
    restart: _Place | None
    layouts: dict[Shape, Layout] = field(default_factory=dict)
    kin: dict[int, list[int]] = field(default_factory=dict)


class Layouts:
    """The columns and layouts of the runs that were written to last; forget them after a rollback."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, _Known] = OrderedDict()

    def forget(self) -> None:
        self._runs.clear()

    def of(self, db: sqlite3.Connection, run: int, shape: Shape) -> Layout:
        """The layout of these columns, made if it is new."""
        if run not in self._runs:
            self._runs[run] = _Known(_reached(db, run), _last_restart(db, run))
        known = self._runs[run]
        self._runs.move_to_end(run)
        if len(self._runs) > RUNS_REMEMBERED:
            self._runs.popitem(last=False)
        if shape not in known.layouts:
            known.layouts[shape] = _make_layout(db, run, shape)
            if known.layouts[shape].id not in known.kin:
                _join(known.kin, load_layouts(db, run))
        return known.layouts[shape]

    def goes_back(self, run: int, layout: Layout, seq: int, first: int, last: int) -> bool:
        """Notes a frame's rows; whether with it the producer has gone back to a step that it had passed.

        Columns that are measured rarely come to that step later: for them it is the same return.
        """
        known = self._runs[run]
        passed = [
            place
            for each in known.kin[layout.id]
            if (place := known.reached.get(each)) and place.step >= first
        ]
        known.reached[layout.id] = _Place(last, seq)
        restart = known.restart
        if not passed or (restart and first >= restart.step and all(p.seq < restart.seq for p in passed)):
            return False
        known.restart = _Place(first, seq)
        return True


def went_back(db: sqlite3.Connection, run: int) -> bool:
    """Whether the run's producer ever went back."""
    return _last_restart(db, run) is not None


def _last_restart(db: sqlite3.Connection, run: int) -> _Place | None:
    row = db.execute(
        "SELECT seq, content FROM events WHERE run = ? AND json_extract(content, '$.kind') = ?"
        " ORDER BY rowid DESC LIMIT 1",
        (run, RESTART),
    ).fetchone()
    return _Place(orjson.loads(row["content"]).get("step", 0), row["seq"]) if row else None


def _reached(db: sqlite3.Connection, run: int) -> dict[int, _Place]:
    """The last row of each layout: SQLite's other columns are those of the row with the largest seq."""
    found = {}
    for row in db.execute(
        "SELECT layout, MAX(last_seq) AS seq, rows, first_step, stride, steps FROM segments"
        " WHERE run = ? AND rows > 0 GROUP BY layout",
        (run,),
    ):
        found[row["layout"]] = _Place(int(blocks.segment_steps(row)[-1]), row["seq"])
    for row in db.execute(
        "SELECT layout, MAX(seq) AS seq, first_step, substr(content, 4 * rows - 3, 4) AS offset FROM frames"
        " WHERE run = ? AND rows > 0 GROUP BY layout",
        (run,),
    ):
        last = blocks.steps_of(Layout(row["layout"], (), (), ()).matrix(row["offset"], 1), row["first_step"])
        found[row["layout"]] = _Place(int(last[0]), row["seq"])
    return found


def _join(kin: dict[int, list[int]], layouts: dict[int, Layout]) -> None:
    """Adds the new ones among the layouts; each is its own kin."""
    for new in layouts.keys() - kin.keys():
        columns = set(layouts[new].columns)
        kin[new] = [new]
        for other in kin.keys() - {new}:
            if not columns.isdisjoint(layouts[other].columns):
                kin[new].append(other)
                kin[other].append(new)


def _make_layout(db: sqlite3.Connection, run: int, shape: Shape) -> Layout:
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
