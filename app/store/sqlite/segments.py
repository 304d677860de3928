"""Frames that have gathered into segments, where a column lies in one piece."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.store.runs import Run
from app.store.sqlite import blocks
from app.store.sqlite.blocks import Layout
from app.store.sqlite.layouts import load_layouts
from app.store.sqlite.rows import update

FRAMES = 512  # a run's frames are gathered into segments when there are so many
BYTES = 4_000_000  # or when they take so much


def is_due(run: Run) -> bool:
    """Whether enough frames have gathered."""
    return run.waiting_frames >= FRAMES or run.waiting_bytes >= BYTES


def gather(db: sqlite3.Connection, run: Run) -> Run:
    """Moves all frames of the run into segments: one for each layout."""
    rows = db.execute("SELECT * FROM frames WHERE run = ? ORDER BY seq", (run.key,)).fetchall()
    if not rows:
        return run
    layouts = load_layouts(db, run.key)
    groups: dict[int, list[sqlite3.Row]] = {}
    for row in rows:
        groups.setdefault(row["layout"], []).append(row)
    for layout, group in groups.items():
        _write_segment(db, run.key, rows[0]["seq"], layouts[layout], group)
    db.execute("DELETE FROM frames WHERE run = ? AND seq <= ?", (run.key, rows[-1]["seq"]))
    return update(db, run, waiting_frames=0, waiting_bytes=0)


def _write_segment(
    db: sqlite3.Connection, run: int, batch: int, layout: Layout, group: Sequence[sqlite3.Row]
) -> None:
    matrices = [layout.matrix(row["content"], row["rows"]) for row in group]
    steps = np.concatenate(
        [blocks.steps_of(matrix, row["first_step"]) for matrix, row in zip(matrices, group, strict=True)]
    )
    stride = blocks.stride_of(steps)
    index = np.array([(row["seq"], row["first_step"], row["rows"]) for row in group], blocks.I8)
    segment = db.execute(
        "INSERT INTO segments (run, batch, layout, first_seq, last_seq, rows, first_step, last_step, stride,"
        " steps, frames) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run, batch, layout.id, group[0]["seq"], group[-1]["seq"], len(steps)),
            *((int(steps.min()), int(steps.max())) if len(steps) else (group[0]["first_step"],) * 2),
            *(
                stride,
                None if stride else steps.astype(blocks.I8).tobytes(),
                zlib.compress(index.tobytes(), 1),
            ),
        ),
    ).lastrowid
    if not len(steps):
        return
    chunks: list[tuple[Any, ...]] = []
    summaries: list[tuple[Any, ...]] = []
    for column, values in zip(layout.columns, layout.join(matrices), strict=True):
        chunks.append((segment, column, values.tobytes()))
        if values.ndim == 1 and len(values) >= blocks.SUMMARY_FROM:
            summaries.append((segment, column, blocks.summarise(values)))
    db.executemany("INSERT INTO chunks VALUES (?, ?, ?)", chunks)
    db.executemany("INSERT INTO summaries VALUES (?, ?, ?)", summaries)
