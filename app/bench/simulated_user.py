"""Who sits before a simulated browser, what they do, and what they have seen.

It follows our pages: one request for trajectories at a time, the newest movement waits, and a request
that is stale for longer than `PATIENCE_SECONDS` is aborted.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import cache

from app.bench.simulated_browser import Answer, Browser, StreamRefused, cancel
from app.chart import charts
from app.preset import presets

MOVEMENT_SECONDS, PATIENCE_SECONDS = 0.15, 0.25
SETTLE_SECONDS = 0.2  # as in static/data/trajectories.mjs
DRAG_SECONDS, LOOK_SECONDS, WATCH_SECONDS = (1.5, 5.0), (2.0, 8.0), (5.0, 15.0)
PAGES = ("/", "/", "/", "/compare", "/train", "/runs")
LESSON = "lesson"  # the run that the instructor's machine delivers
COLUMNS = "loss,lr,*/weight_norm"
SURFACES = ("rotated_bowl", "rosenbrock", "ravine", "himmelblau", "saddle")
RUNNERS = ("sgd_l2", "adam_l2", "adamw", "adamw_lh")
TRAINING = {
    "task": "moons_mlp",
    "optimizer": "adamw",
    "settings": {"hidden": 8},
    "steps": 100,
    "device": "cpu",
}

# What a page asks for beside its charts: the map and the sentence, as in static/data/wanted-columns.mjs.
SHOWN = ("x", "y", "loss", "decay_taken_x", "decay_taken_y")


@dataclass
class Tally:
    """What all browsers together have seen."""

    trajectories: list[float] = field(default_factory=list)  # seconds from request to answer
    settled: list[float] = field(default_factory=list)  # from the last movement to its answer
    probes: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)  # of this process itself
    requests: int = 0
    aborted: int = 0
    refused: int = 0
    frames: int = 0
    lost: int = 0
    repeated: int = 0
    trained: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    def note(self, answer: Answer) -> bool:
        """Counts an answer; whether it is one that was hoped for."""
        self.requests += 1
        if answer.status < 400:
            return True
        if answer.status in (429, 503) and "retry-after" in answer.headers:
            self.refused += 1
        else:
            self.fail(f"{answer.status} {answer.text[:120]}")
        return False

    def fail(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


@dataclass
class SimulatedUser:
    """One browser and who sits before it."""

    browser: Browser
    tally: Tally
    chance: random.Random
    link: str  # that lets visitors in

    async def live(self) -> None:
        """Opens a page, then does this and that until cancelled."""
        deeds = (self.drag, self.watch, self.open_page, self.choose_surface, self.train)
        try:
            await self._safely(self.come_in)
            while True:
                (deed,) = self.chance.choices(deeds, (70, 15, 8, 6, 1))
                await self._safely(deed)
                await asyncio.sleep(self.chance.uniform(*LOOK_SECONDS))
        finally:
            self.browser.close()

    async def _safely(self, deed: Callable[[], Awaitable[None]]) -> None:
        try:
            await deed()
        except StreamRefused as refused:
            self.tally.note(Answer(refused.status, {"retry-after": ""} if refused.status == 429 else {}))
        except (OSError, EOFError, TimeoutError) as error:
            self.tally.fail(f"{type(error).__name__}: {error}")

    async def come_in(self) -> None:
        """Follows the link that the instructor gave to everybody."""
        self.tally.note(await self.browser.ask("GET", self.link, accept="text/html"))
        await self.open_page()

    async def open_page(self) -> None:
        for answer in await self.browser.open_page(self.chance.choice(PAGES)):
            self.tally.note(answer)

    async def choose_surface(self) -> None:
        surface = {"id": self.chance.choice(SURFACES)}
        grid = {"surface": surface, "box": [-4, 4, -4, 4], "n": 128}
        self.tally.note(await self.browser.ask("POST", "/api/surfaces/grid?dtype=f4", grid))

    async def drag(self) -> None:
        """Moves a slider for a while; always ends with the picture of the last movement."""
        surface, moved, last = self.chance.choice(SURFACES), asyncio.Event(), 0.0
        wanted: dict[str, object] = {}
        still = True

        async def follow() -> None:
            while still or moved.is_set():
                await moved.wait()
                moved.clear()
                request = asyncio.ensure_future(self._ask_trajectory(wanted))
                newer = asyncio.ensure_future(moved.wait())
                await asyncio.wait({request, newer}, return_when=asyncio.FIRST_COMPLETED)
                if not request.done() and still:
                    await asyncio.wait({request}, timeout=PATIENCE_SECONDS)
                await cancel(newer)
                if not request.done() and moved.is_set():
                    await cancel(request)
                    self.tally.aborted += 1
                else:
                    await request

        following = asyncio.ensure_future(follow())
        try:
            for _ in range(round(self.chance.uniform(*DRAG_SECONDS) / MOVEMENT_SECONDS)):
                wanted = self._view(surface)
                last = time.perf_counter()
                moved.set()
                await asyncio.sleep(MOVEMENT_SECONDS)
            wanted, last = self._view(surface), time.perf_counter()
            still = False
            moved.set()
            await following
            self.tally.settled.append(time.perf_counter() - last)
            await asyncio.sleep(SETTLE_SECONDS)
            await self._ask_trajectory({**wanted, "minima": True})
        finally:
            await cancel(following)

    def _view(self, surface: str) -> dict[str, object]:
        """What the page asks for at a place of the slider where nobody has been."""
        hyper = {"lr": 10 ** self.chance.uniform(-3, -0.5), "weight_decay": 10 ** self.chance.uniform(-3, -1)}
        runs = [{"optimizer": each, "hyper": hyper, "start": [2.76, 1.18]} for each in RUNNERS]
        where = {"surface": {"id": surface}, "start": [2.76, 1.18], "steps": 400}
        return {**where, "runs": runs, "columns": opening_columns(), "minima": False}

    async def _ask_trajectory(self, wanted: dict[str, object]) -> None:
        begin = time.perf_counter()
        if self.tally.note(await self.browser.ask("POST", "/api/trajectories?dtype=f4", wanted)):
            self.tally.trajectories.append(time.perf_counter() - begin)

    async def watch(self) -> None:
        """Opens the instructor's run, watches for a while, loses the connection once, goes on."""
        path = f"/api/runs/{LESSON}/frames?columns={COLUMNS}&points=600"
        answer = await self.browser.ask("GET", path)
        if not self.tally.note(answer):
            return
        following = int(answer.text.split('"next_seq":')[1].split(",")[0])
        cursor = ""
        for _ in range(2):
            path = f"/api/stream?runs={LESSON}&after={LESSON}:{following}&columns={COLUMNS}"
            with suppress(TimeoutError):
                async with asyncio.timeout(self.chance.uniform(*WATCH_SECONDS)):
                    async with aclosing(self.browser.stream(path, cursor)) as events:
                        async for kind, identity, data in events:
                            if kind != "frame":
                                continue
                            cursor = identity
                            seq = int(data.split(',"first_step')[0].rsplit(":", 1)[1])
                            self.tally.frames += 1
                            self.tally.lost += max(seq - following, 0)
                            self.tally.repeated += seq < following
                            following = max(following, seq + 1)
                        self.tally.fail("a stream ended")

    async def train(self) -> None:
        """Starts a short run and watches until it has ended."""
        answer = await self.browser.ask("POST", "/api/runs", TRAINING)
        if not self.tally.note(answer):
            return
        run = answer.text.split('"id":"')[1].split('"')[0]
        self.tally.trained += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS[1]):
                async for kind, _, data in self.browser.stream(f"/api/stream?runs={run}&columns=loss"):
                    if kind == "state" and '"status":"finished"' in data:
                        break
                    if kind == "state" and '"status":"failed"' in data:
                        self.tally.fail("a training run failed")
                        break


@cache
def opening_columns() -> list[str]:
    """The columns that the page asks for in the view that it opens on."""
    opening = next(preset for preset in presets().values() if preset.page == "explore")
    traces = [trace for chart in opening.view["charts"] for trace in charts()[chart].figure["data"]]
    return sorted({*SHOWN, *(str(trace["meta"]["y"]) for trace in traces)})
