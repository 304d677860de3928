"""A run's recent frames, which all who watch it share, encoded once for each choice of columns."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.http.columns import Columns
from app.http.encoding import to_json
from optim_core.transport.frames import Frame

BUFFER_FRAMES = 256
BUFFER_BYTES = 4_000_000
COLUMN_BYTES = 200  # that a column takes besides its numbers
ENCODED = 8  # frames whose texts are kept: whoever is further behind encodes anew


@dataclass
class BufferedFrame:
    """A frame, with its text for each choice of columns."""

    frame: Frame
    size: int
    texts: dict[Columns, bytes] = field(default_factory=dict)

    def text(self, columns: Columns) -> bytes:
        if columns not in self.texts:
            self.texts[columns] = frame_text(self.frame, columns)
        return self.texts[columns]


class FrameBuffer:
    """A run's recent frames, without gaps."""

    def __init__(self) -> None:
        self.frames: deque[BufferedFrame] = deque()
        self.size = 0

    def add(self, frame: Frame) -> None:
        size = sum(COLUMN_BYTES + values.nbytes for values in frame.columns.values())
        self.frames.append(BufferedFrame(frame, size))
        self.size += size
        if len(self.frames) > ENCODED:
            self.frames[-1 - ENCODED].texts.clear()
        while len(self.frames) > BUFFER_FRAMES or (self.size > BUFFER_BYTES and len(self.frames) > 1):
            self.size -= self.frames.popleft().size

    def at(self, seq: int) -> BufferedFrame | None:
        index = seq - self.frames[0].frame.seq if self.frames else -1
        return self.frames[index] if 0 <= index < len(self.frames) else None

    @property
    def first(self) -> int | None:
        return self.frames[0].frame.seq if self.frames else None


def frame_text(frame: Frame, columns: Columns) -> bytes:
    """A frame's event without its id."""
    chosen = {name: values for name, values in frame.columns.items() if name != "step" and columns(name)}
    steps = {"step": frame.columns["step"]} if chosen else {}
    thin = Frame(frame.run, frame.seq, frame.first_step, steps | chosen, frame.events)
    return b"event: frame\ndata: " + to_json(thin.to_json()) + b"\n\n"


def state_text(state: Mapping[str, Any]) -> bytes:
    """A state's event."""
    return b"event: state\ndata: " + to_json(state) + b"\n\n"
