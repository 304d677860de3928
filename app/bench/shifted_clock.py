"""The program with another time of day: stands in for a system clock that is set while it runs.

``OPTIMSCOPE_BENCH_CLOCK`` names a file with the seconds to add. Only what Python asks for is shifted;
clocks that nobody can set (`time.monotonic`) are right, as they are when a system's clock is set.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from app.bench.harness import CLOCK


def main() -> None:
    """``python -m app.bench.shifted_clock serve …``."""
    true_time, file = time.time, Path(os.environ[CLOCK])

    def shifted() -> float:
        return true_time() + float(file.read_text() or 0)

    time.time = shifted
    from app.commands.main import main as run

    run(prog_name="optimscope")


if __name__ == "__main__":
    main()
