"""A class at work: how a server answers many simulated browsers, and what it uses meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median, quantiles
from tempfile import TemporaryDirectory

import numpy as np

from app.bench.server_process import cpu_seconds, descendants, memory, serving
from app.bench.simulated_browser import ANSWER_SECONDS, Browser, cancel
from app.bench.simulated_user import LESSON, SimulatedUser, Tally
from app.bench.targets import Figure
from optim_core.transport.frames import Frame

RAMP = (10, 25, 50, 100, 200)
BROWSERS, SECONDS, RAMP_SECONDS = 100, 300.0, 30.0
ARRIVAL_SECONDS = 10.0  # in which the class opens the link
FRAMES_A_SECOND = 5
PROBE_SECONDS = 0.2
GOAL_MS, GOAL_MB_A_MINUTE = 400.0, 2.0
TOKEN = "for-a-class-of-browsers"  # noqa: S105
SERVER = {"OPTIMSCOPE_LOG_LEVEL": "error", "OPTIMSCOPE_TOKEN": TOKEN}  # as for a class
LINK = f"/?token={TOKEN}"


# --- What goes on beside them --------------------------------------------------------------------------


async def _visitor(port: int) -> Browser:
    browser = Browser(port)
    await browser.ask("GET", LINK, accept="text/html")
    return browser


async def _teach(port: int, tally: Tally, sent: list[int]) -> None:
    """The instructor's machine delivers frames of a run; ``sent`` counts those that were acknowledged."""
    browser, generator = await _visitor(port), np.random.default_rng(0)
    names = ["loss", "lr", *(f"layer.{i}/{metric}" for i in range(8) for metric in ("weight_norm", "angle"))]
    await browser.ask("POST", "/api/ingest/runs", {"run": {"id": LESSON}})
    while True:
        values = {name: generator.random(4, dtype=np.float32) for name in names}
        frame = Frame(LESSON, sent[0], 1 + 4 * sent[0], {"step": np.arange(4, dtype=np.float32), **values})
        try:
            path = f"/api/ingest/runs/{LESSON}/frames"
            if tally.note(await browser.ask("POST", path, {"frames": [frame.to_json()]})):
                sent[0] += 1
        except (OSError, EOFError, TimeoutError) as error:
            tally.fail(f"ingest: {type(error).__name__}: {error}")
        await asyncio.sleep(1 / FRAMES_A_SECOND)


async def _probe(port: int, tally: Tally) -> None:
    """How long the event loops let others wait: the server's, and this one."""
    browser = Browser(port)
    while True:
        begin = time.perf_counter()
        with suppress(OSError, EOFError, TimeoutError):
            await browser.ask("GET", "/healthz")
            tally.probes.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        await asyncio.sleep(PROBE_SECONDS)
        tally.lateness.append(time.perf_counter() - begin - PROBE_SECONDS)


# --- Measuring -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    """What so many browsers have met; times in ms, memory in MB."""

    browsers: int
    seconds: float
    walks_per_second: float
    walk_p50: float
    walk_p95: float
    settled_p50: float
    settled_p95: float
    requests_per_second: float
    aborted: int
    refused: int
    errors: int
    kinds_of_error: dict[str, int]
    frames: int
    lost: int
    repeated: int
    trained: int
    healthz_p50: float
    healthz_p95: float
    generator_late_p95: float
    server_cores: float  # processor time per second, the server's own
    all_cores: float  # and that of the processes below it
    memory_start: float
    memory_end: float
    memory_slope: float  # MB a minute, over the second half
    memory_all: float  # with the processes below it, at the end


async def _measure(port: int, pid: int, browsers: int, seconds: float, seed: int, *, network: bool) -> Report:
    tally, sent = Tally(), [0]
    beside = [asyncio.ensure_future(_teach(port, tally, sent)), asyncio.ensure_future(_probe(port, tally))]
    arrival = min(ARRIVAL_SECONDS, seconds / 4)
    people: list[asyncio.Task[None]] = []
    for index in range(browsers):
        address = f"10.0.{index // 250}.{index % 250 + 1}" if network else ""
        chance = random.Random(seed * 10_007 + index)  # noqa: S311
        user = SimulatedUser(Browser(port, address), tally, chance, LINK)
        people.append(asyncio.ensure_future(user.live()))
        await asyncio.sleep(arrival / browsers)
    begin, cpu, cpu_all = time.perf_counter(), cpu_seconds(pid), _cpu_of_all(pid)
    tally.trajectories.clear()  # from here on all are there
    before = tally.requests
    samples: list[tuple[float, float]] = []
    while (elapsed := time.perf_counter() - begin) < seconds - arrival:
        samples.append((elapsed, memory(pid) / 1e6))
        await asyncio.sleep(1.0)
    elapsed = time.perf_counter() - begin
    cores, all_cores = (cpu_seconds(pid) - cpu) / elapsed, (_cpu_of_all(pid) - cpu_all) / elapsed
    everything = sum(map(memory, {pid} | descendants(pid))) / 1e6
    for task in people + beside:
        await cancel(task)
    await _check_kept(port, tally, sent[0])
    later = samples[len(samples) // 2 :]
    return Report(
        browsers=browsers,
        seconds=round(elapsed, 1),
        walks_per_second=round(len(tally.trajectories) / elapsed, 1),
        walk_p50=_ms(tally.trajectories, 50),
        walk_p95=_ms(tally.trajectories, 95),
        settled_p50=_ms(tally.settled, 50),
        settled_p95=_ms(tally.settled, 95),
        requests_per_second=round((tally.requests - before) / elapsed, 1),
        aborted=tally.aborted,
        refused=tally.refused,
        errors=sum(tally.errors.values()),
        kinds_of_error=tally.errors,
        frames=tally.frames,
        lost=tally.lost,
        repeated=tally.repeated,
        trained=tally.trained,
        healthz_p50=_ms(tally.probes, 50),
        healthz_p95=_ms(tally.probes, 95),
        generator_late_p95=_ms(tally.lateness, 95),
        server_cores=round(cores, 2),
        all_cores=round(all_cores, 2),
        memory_start=round(fmean(m for _, m in samples[:5]), 1),
        memory_end=round(fmean(m for _, m in samples[-5:]), 1),
        memory_slope=round(_slope(later) * 60, 2),
        memory_all=round(everything, 1),
    )


def _cpu_of_all(pid: int) -> float:
    return sum(map(cpu_seconds, {pid} | descendants(pid)))


async def _check_kept(port: int, tally: Tally, sent: int) -> None:
    """What was acknowledged to the instructor's machine is there."""
    browser = await _visitor(port)
    answer = await browser.ask("GET", f"/api/runs/{LESSON}")
    kept = int(answer.text.split('"next_seq":')[1].split(",")[0].rstrip("}"))
    tally.lost += max(sent - kept, 0)
    browser.close()


def _ms(seconds: list[float], percent: int) -> float:
    """A percentile in ms; that of nothing is the longest wait for an answer."""
    if len(seconds) < 2:
        return ANSWER_SECONDS * 1e3
    found = median(seconds) if percent == 50 else quantiles(seconds, n=100)[percent - 1]
    return round(found * 1e3, 1)


def _slope(samples: list[tuple[float, float]]) -> float:
    """The slope of the straight line through the points."""
    if len(samples) < 3:
        return 0.0
    x, y = np.array(samples).T
    return float(np.polyfit(x, y, 1)[0])


def measure(
    browsers: int,
    seconds: float,
    *,
    seed: int = 0,
    network: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """So many browsers at a server of their own, for so long."""
    with TemporaryDirectory() as folder, serving(Path(folder), SERVER) as (port, process):
        say(f"{browsers} browsers for {seconds:.0f} seconds …")
        return asyncio.run(_measure(port, process.pid, browsers, seconds, seed, network=network))


def figures(report: Report) -> list[Figure]:
    """The report beside its targets."""
    r = report
    shown = [
        (f"{r.browsers} browsers, {r.seconds:.0f} s: errors", r.errors, "", 0),
        ("… frames lost or repeated", r.lost + r.repeated, f"of {r.frames}", 0),
        ("… trajectory request, median", r.walk_p50, "ms", None),
        ("… trajectory request, 95 of 100", r.walk_p95, "ms", GOAL_MS),
        ("… last movement to its picture, median", r.settled_p50, "ms", None),
        ("… last movement to its picture, 95 of 100", r.settled_p95, "ms", None),
        ("… trajectories", r.walks_per_second, "/s", None),
        ("… all requests", r.requests_per_second, "/s", None),
        ("… aborted for a newer one", r.aborted, "", None),
        ("… refused for now (429, 503)", r.refused, "", None),
        ("… training runs started", r.trained, "", None),
        ("… /healthz, 95 of 100", r.healthz_p95, "ms", None),
        ("… this command itself was late, 95 of 100", r.generator_late_p95, "ms", None),
        ("… processor of the server", r.server_cores, "cores", None),
        ("… with its processes", r.all_cores, "cores", None),
        ("… memory of the server at the start", r.memory_start, "MB", None),
        ("… at the end", r.memory_end, "MB", None),
        ("… slope over the second half", r.memory_slope, "MB/min", GOAL_MB_A_MINUTE),
        ("… with its processes, at the end", r.memory_all, "MB", None),
    ]
    found = [Figure(what, value, unit, target) for what, value, unit, target in shown]
    return found + [Figure(f"… error: {what}"[:100], count, "") for what, count in r.kinds_of_error.items()]


COLUMNS_OF_CURVE = {
    "browsers": "browsers",
    "walks_per_second": "walks/s",
    "walk_p50": "p50 ms",
    "walk_p95": "p95 ms",
    "settled_p95": "settled p95",
    "requests_per_second": "requests/s",
    "aborted": "aborted",
    "refused": "refused",
    "errors": "errors",
    "lost": "lost",
    "repeated": "repeated",
    "healthz_p95": "healthz p95",
    "generator_late_p95": "late p95",
    "server_cores": "cores",
    "all_cores": "cores, all",
    "memory_start": "MB start",
    "memory_end": "MB end",
}


def curve(reports: list[Report]) -> str:
    """A line for each number of browsers, and where the line bends."""
    lines = ["  ".join(f"{title:>11}" for title in COLUMNS_OF_CURVE.values())]
    for report in reports:
        row = asdict(report)
        lines.append("  ".join(f"{row[name]:>11}" for name in COLUMNS_OF_CURVE))
    bend = next((r.browsers for r in reports if r.walk_p95 > GOAL_MS or r.errors), None)
    good = "all of them" if bend is None else f"below {bend}"
    lines.append(f"95 of 100 within {GOAL_MS:.0f} ms and no errors: {good}.")
    return "\n".join(lines)
