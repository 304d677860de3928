"""Answers are computed beside the event loop: once each, in turn, for whoever still waits."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from processes import descendants, gone
from running import alone
from starlette.requests import Request
from starlette.responses import Response

from app.compute.cache import AnswerCache
from app.compute.pool import THREADS, ComputePool


class Asker:
    """A request that may hang up."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    @property
    def request(self) -> Request:
        async def receive() -> dict[str, Any]:
            await self.gone.wait()
            return {"type": "http.disconnect"}

        return Request({"type": "http", "method": "POST", "headers": [], "client": None}, receive)


class Held:
    """Work that ends when it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun: list[str] = []

    def on(self, name: str) -> Callable[[], bytes]:
        def work() -> bytes:
            self.begun.append(name)
            assert self.go.wait(30)
            return name.encode()

        return work


async def turns(count: int = 20) -> None:
    """Lets everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_one_question_of_many_is_computed_once() -> None:
    async def ask() -> list[Response]:
        held, compute = Held(), ComputePool(AnswerCache(10_000), 0)
        asked = [
            asyncio.ensure_future(compute.respond(Asker().request, who, "q", held.on("a"))) for who in "xyz"
        ]
        await turns()
        held.go.set()
        answers = await asyncio.gather(*asked)
        answers.append(await compute.respond(Asker().request, "w", "q", held.on("a")))
        assert held.begun == ["a"]
        compute.close()
        return answers

    assert [answer.body for answer in alone(ask())] == [b"a"] * 4


def test_what_nobody_waits_for_any_more_is_not_computed() -> None:
    async def ask() -> list[str]:
        held, compute = Held(), ComputePool(AnswerCache(10_000), 0)
        busy = [
            asyncio.ensure_future(compute.respond(Asker().request, "x", i, held.on(str(i))))
            for i in range(THREADS)
        ]
        hasty, patient = Asker(), Asker()
        dropped = asyncio.ensure_future(compute.respond(hasty.request, "x", "drop", held.on("drop")))
        kept = [
            asyncio.ensure_future(compute.respond(asker.request, "x", "keep", held.on("keep")))
            for asker in (Asker(), patient)
        ]
        await turns()
        assert compute.waiting == 2
        hasty.gone.set()
        await dropped
        kept[0].cancel()
        await turns()
        assert compute.waiting == 1
        held.go.set()
        await asyncio.gather(*busy, kept[1])
        compute.close()
        return held.begun

    assert sorted(alone(ask())) == [*map(str, range(THREADS)), "keep"]


def test_nobody_s_questions_stand_before_everybody_else_s() -> None:
    async def ask() -> list[str]:
        held, compute = Held(), ComputePool(AnswerCache(10_000), 0)
        names = [("x", f"x{i}") for i in range(THREADS + 3)] + [("y", "y0"), ("z", "z0")]
        asked = [
            asyncio.ensure_future(compute.respond(Asker().request, who, name, held.on(name)))
            for who, name in names
        ]
        await turns()
        order = compute._queue.order()
        assert len(order) == 5
        held.go.set()
        await asyncio.gather(*asked)
        compute.close()
        return held.begun[THREADS:]

    assert set(alone(ask())[:3]) >= {"y0", "z0"}


def test_an_error_reaches_everybody_and_is_not_kept() -> None:
    async def ask() -> None:
        calls: list[int] = []

        def broken() -> bytes:
            calls.append(1)
            raise ZeroDivisionError("a secret")

        compute = ComputePool(AnswerCache(10_000), 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await compute.respond(Asker().request, "x", "q", broken)
        assert len(calls) == 2
        compute.close()

    alone(ask())


def whoami() -> bytes:
    return str(os.getpid()).encode()


def test_killed_processes_are_replaced_and_none_is_left() -> None:
    async def ask() -> set[int]:
        compute = ComputePool(AnswerCache(0), 2)
        first = int(bytes((await compute.respond(Asker().request, "x", 1, whoami)).body))
        assert first != os.getpid()
        os.kill(first, signal.SIGKILL)
        assert gone({first})
        second = int(bytes((await compute.respond(Asker().request, "x", 2, whoami)).body))
        assert second != first
        compute.close()
        return {first, second}

    before = set(descendants(os.getpid()))
    assert gone(alone(ask()))
    left = set(descendants(os.getpid())) - before
    # The process they are forked from, and multiprocessing's own, stay until this one ends.
    assert len(left) <= 2
