"""Worker, server and browser are killed at random moments while a run trains; nothing is lost or hangs."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect
from processes import ask, descendants, free_port, gone, process, until_status

from app.jobs.local import TARGET

ROUNDS = int(os.environ.get("OPTIMSCOPE_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("OPTIMSCOPE_KILL_SEED", "3"))
STEPS = 2500
RUN = {
    "task": "digits_mlp",
    "optimizer": "adam_l2",
    "settings": {"hidden": 16, "depth": 1},
    "steps": STEPS,
    "batch_size": 16,
    "device": "cpu",
}
OVER = {"finished", "failed", "interrupted", "cancelled"}
# The steps of the loss as the page draws them.
DRAWN = "document.querySelector('[data-chart=run_loss] .chart-plot')?.data?.[0]?.x ?? []"


def victims() -> list[str]:
    """Each of the three about equally often, in random order."""
    order = ["worker", "server", "browser"] * (ROUNDS // 3 + 1)
    found = order[:ROUNDS]
    random.Random(SEED).shuffle(found)
    return found


@contextmanager
def window(launch: Callable[[], Browser]) -> Iterator[tuple[Page, set[int]]]:
    """A browser, and its processes."""
    before = descendants(os.getpid())
    browser = launch()
    family = descendants(os.getpid()) - before
    try:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        yield page, family
    finally:
        with suppress(Error):  # it may be dead
            browser.close()


def kill(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def workers(server: int) -> set[int]:
    """The processes below those that the server itself started."""
    own = {pid for pid in descendants(server) if f"\nPPid:\t{server}\n" in _status(pid)}
    return descendants(server) - own


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


def check(port: int, run: str, seen: int, launch: Callable[[], Browser]) -> None:
    """The run holds every step up to its last, those that a page has shown included; a new page shows all."""
    found = ask(port, f"/api/runs/{run}")
    assert found["step"] >= seen
    loss = ask(port, f"/api/runs/{run}/frames?columns=loss&points=0&arrays=json")["columns"]["loss"]
    assert loss["step"] == list(range(1, found["step"] + 1))
    with window(launch) as (page, _):
        page.goto(f"http://127.0.0.1:{port}/runs/{run}")
        page.wait_for_function(f"last => ({DRAWN}).at(-1) === last", arg=found["step"])
        drawn = page.evaluate(f"() => Array.from({DRAWN})")
        assert drawn[0] == 1
        gaps = [b - a for a, b in pairwise(drawn)]
        assert max(gaps, default=0) <= 2 + found["step"] // 100
        expect(page.locator(".run-status")).to_have_text(found["status"])


@pytest.mark.timeout(600)
def test_random_kills_leave_true_states_whole_runs_and_no_process(
    tmp_path: Path, launch: Callable[[], Browser]
) -> None:
    port, chance = free_port(), random.Random(SEED)
    done: list[dict[str, Any]] = []
    for victim in victims():
        with process(tmp_path, port, TARGET) as served, window(launch) as (page, family):
            run = ask(port, "/api/runs", RUN)["id"]
            page.goto(f"http://127.0.0.1:{port}/runs/{run}")
            moment = chance.randint(1, STEPS // 3)
            page.wait_for_function(f"step => ({DRAWN}).at(-1) >= step", arg=moment)
            seen = int(page.evaluate(f"() => ({DRAWN}).at(-1)"))
            everybody = descendants(served.pid)
            status = page.locator(".run-status")
            if victim == "worker":
                kill(workers(served.pid))
                end = until_status(port, run, "failed", "finished")
                expect(status).to_have_text(end["status"])  # told at once, without a reload
            elif victim == "browser":
                family -= descendants(served.pid)  # they may have been born beside it
                kill(family)
                assert gone(family)
                end = until_status(port, run, "finished")
            else:
                served.kill()
                served.wait(60)
                assert gone(everybody)
                expect(page.locator("#status")).to_contain_text("connection is lost")
                with process(tmp_path, port, TARGET) as again:
                    end = until_status(port, run, "interrupted", "finished")
                    expect(status).to_have_text(re.compile(end["status"]))  # the page comes back by itself
                    check(port, run, seen, launch)
                    everybody = descendants(again.pid)
                assert gone(everybody)
            if victim != "server":
                check(port, run, seen, launch)
                everybody |= descendants(served.pid)
            done.append(end)
        assert gone(everybody)
    with process(tmp_path, port, TARGET):
        runs = ask(port, "/api/runs?limit=100")["runs"]
    assert len(runs) == len(done) == ROUNDS
    assert all(run["status"] in OVER for run in runs)
    for end in done:  # what earlier rounds left is as it was
        (now,) = [run for run in runs if run["id"] == end["id"]]
        assert (now["status"], now["step"], now["next_seq"]) == (end["status"], end["step"], end["next_seq"])
