"""Where frames go: memory, a file, or a server (`HttpSink`, in `optim_core.transport.http_sink`).

A sink is opened with what is known of the run, takes frames in order, and is closed with the outcome.
Whoever trains asks it for `Control`: what somebody at the other end wants the run to do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from optim_core.declare.errors import InvalidInput
from optim_core.derive import derived
from optim_core.recording import Recording
from optim_core.transport.control import Control
from optim_core.transport.frames import Frame
from optim_core.transport.http_sink import HttpSink

__all__ = ["Control", "FileSink", "HttpSink", "MemorySink", "Sink", "read_file"]


class Sink(Protocol):
    """Takes a run's frames."""

    def open(self, run: Mapping[str, Any]) -> None:
        """GetParts before the first frame: ``task``, ``optimizer``, ``config``, ``steps``, ``tensors``…"""

    def write(self, frame: Frame) -> Control | None:
        """Takes the next frame, and answers as `control` does."""

    def control(self) -> Control | None:
        """The latest control, or None if nobody has any wish; asked at every step, so never waits."""

    def settle(self) -> bool:
        """Waits a while until all that was written has arrived; whether it has."""

    def leave(self) -> None:
        """Instead of `close`: the run goes on later, with another sink."""

    def close(self, outcome: str, reason: str) -> None:
        """GetParts after the last frame."""


class MemorySink:
    """Keeps everything; ``wanted`` may be set, from another thread too, to steer the run."""

    wanted: Control | None = None

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        self.frames: list[Frame] = []
        self.outcome, self.reason = "", ""

    @property
    def recording(self) -> Recording:
        """What was written so far."""
        return Recording.of_frames(self.about, self.frames, self.outcome, self.reason)

    def open(self, run: Mapping[str, Any]) -> None:
        self.about = dict(run)

    def write(self, frame: Frame) -> Control | None:
        self.frames.append(frame)
        return self.wanted

    def control(self) -> Control | None:
        return self.wanted

    def settle(self) -> bool:
        return True

    def leave(self) -> None:
        pass

    def close(self, outcome: str, reason: str) -> None:
        self.outcome, self.reason = outcome, reason


FORMAT, VERSION = "optimscope", 1


class FileSink:
    """A text file of JSON lines, complete in itself and readable while it grows (see `read_file`).

    The first line is ``{"format": "optimscope", "version": 1, "created": seconds since 1970, "run":
    {…}}``, every further line a frame as `Frame.to_json` gives it, the last one ``{"outcome",
    "reason"}``. An existing file is not overwritten: raises FileExistsError.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._file: TextIO = self.path.open("x", encoding="utf-8")

    def open(self, run: Mapping[str, Any]) -> None:
        self._line({"format": FORMAT, "version": VERSION, "created": time.time(), "run": dict(run)})

    def write(self, frame: Frame) -> Control | None:
        self._line(frame.to_json())
        return None

    def control(self) -> Control | None:
        return None

    def settle(self) -> bool:
        return True

    def leave(self) -> None:
        self._file.close()

    def close(self, outcome: str, reason: str) -> None:
        self._line({"outcome": outcome, "reason": reason})
        self._file.close()

    def give_up(self) -> None:
        """Closes the file; removes it if nothing was written."""
        self._file.close()
        if not self.path.stat().st_size:
            self.path.unlink()

    def _line(self, content: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(content, separators=(",", ":")) + "\n")
        self._file.flush()


def read_file(path: str | Path) -> Recording:
    """What a `FileSink` wrote, and what follows from it; a last line that was cut off is left out.

    Raises InvalidInput.
    """
    about: dict[str, Any] = {}
    frames: list[Frame] = []
    outcome = reason = ""
    with Path(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            try:
                content = json.loads(line)
            except json.JSONDecodeError:
                if line.endswith("\n") or not number:
                    raise InvalidInput(f"line {number + 1} is not JSON.", code="bad_file") from None
                break
            if not number:
                if not isinstance(content, dict) or content.get("format") != FORMAT:
                    raise InvalidInput("this is no recording of Optimscope.", code="bad_file")
                if content["version"] > VERSION:
                    raise InvalidInput(
                        f"the file's format is {content['version']}, this version reads {VERSION}.",
                        code="bad_file",
                        hint="Update Optimscope.",
                    )
                about = content["run"]
            elif "outcome" in content:
                outcome, reason = content["outcome"], content["reason"]
            else:
                frames.append(Frame.from_json(content))
    return derived(Recording.of_frames(about, frames, outcome, reason))
