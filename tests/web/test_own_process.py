"""A server that has its process for itself, as in a container: it stops soon, tells, and does not hang."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from processes import ROOT, ask, free_port
from running import PATIENCE_S, Stream, alone

from app.observe import watchdog
from app.observe.watchdog import Watchdog
from app.store import StoreError
from app.store.sqlite import database

TOKEN = "the-token-of-the-room"
ROOM = {"Authorization": f"Bearer {TOKEN}"}
STOP_S = 3.0 if not os.environ.get("PYTEST_XDIST_WORKER") else 8.0  # which shares the cores with others


@contextmanager
def container(folder: Path, port: int, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """The command that the image runs, with the files that a container may open if nobody says more."""
    given = {"TOKEN": TOKEN, "HOST": "0.0.0.0", "PORT": str(port), "DATA_DIR": str(folder)} | settings
    environment = os.environ | {f"OPTIMSCOPE_{name}": value for name, value in given.items()}
    served = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)),
    )
    try:
        ask(port, "/healthz")
        yield served
    finally:
        served.kill()
        served.wait(PATIENCE_S)
        assert served.stderr
        served.stderr.close()


@pytest.mark.parametrize("after", [0.0, 0.3, 1.0, 2.0, 4.0])
def test_it_stops_soon_whenever_it_is_asked_with_streams_open(tmp_path: Path, after: float) -> None:
    port = free_port()
    with container(tmp_path, port) as served, ExitStack() as opened:
        for _ in range(3):
            stream = Stream(port, "runs=*", headers=ROOM)
            opened.callback(stream.close)
            stream.response.readline()
        threading.Event().wait(after)  # which is what is tried: what loads meanwhile is at different points
        begun = time.monotonic()
        served.send_signal(signal.SIGTERM)
        said = served.communicate(timeout=PATIENCE_S)[1]
        assert time.monotonic() - begun < STOP_S
        assert "Traceback" not in said


def test_where_files_are_few_the_refusal_comes_first(tmp_path: Path) -> None:
    port = free_port()
    with container(tmp_path, port, MAX_CLIENT_STREAMS="5000") as served, ExitStack() as opened:
        statuses = []
        for _ in range(600):
            stream = Stream(port, "runs=*", headers=ROOM)
            statuses.append(stream.response.status)
            if stream.response.status != 200:
                stream.close()
                break
            opened.callback(stream.close)
        assert statuses[-1] == 429
        assert statuses.count(200) > 300
        assert ask(port, "/healthz")["status"] == "ok"
        served.send_signal(signal.SIGTERM)
        assert len(served.communicate(timeout=PATIENCE_S)[1]) < 10_000


def test_a_folder_of_another_user_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 10001)

    def refuse(*given: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match=rf"user {os.getuid()}, the server is user 10001: .*chown -R 10001"):
        database.lock(tmp_path)


# --- Hanging ----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "EVERY_SECONDS", 0.02)


def test_a_loop_that_hangs_ends_its_process() -> None:
    ended = threading.Event()

    async def hang() -> None:
        Watchdog(asyncio.get_running_loop(), ended.set)
        assert ended.wait(PATIENCE_S)  # nothing else runs on this loop meanwhile

    alone(hang())


def test_a_loop_that_answers_now_and_then_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MISSED", 20)
    ended = threading.Event()

    async def work() -> None:
        watch = Watchdog(asyncio.get_running_loop(), ended.set)
        for _ in range(5):
            threading.Event().wait(0.1)  # five times it misses some
            await asyncio.sleep(0.05)
        watch.stop()

    alone(work())
    assert not ended.is_set()


def test_the_end_of_a_hung_process_says_where_it_hangs() -> None:
    code = "from app.observe.watchdog import end_process\nend_process()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == watchdog.EXIT_CODE
    assert "has not answered" in done.stderr
    assert "most recent call first" in done.stderr
