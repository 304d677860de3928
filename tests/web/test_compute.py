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
from running import PATIENCE_S, alone
from starlette.requests import Request
from starlette.responses import Response

from app.compute import pool
from app.compute.cache import AnswerCache
from app.compute.pool import THREADS, ComputePool
from app.http import responses
from app.http.refusals import Refusal
from app.http.responses import Delivered


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


def idle() -> bytes:
    threading.Event().wait(PATIENCE_S)
    return b"too late"


def asks(compute: ComputePool, who: str, work: Callable[[], bytes], asker: Asker) -> asyncio.Task[Response]:
    return asyncio.ensure_future(compute.respond(asker.request, who, None, work))


def test_what_nobody_waits_for_is_given_up_even_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "GONE_S", 0.05)

    async def ask() -> None:
        compute, hasty = ComputePool(AnswerCache(0), 1), Asker()
        dropped = asks(compute, "x", idle, hasty)
        await turns()
        following = asks(compute, "y", whoami, Asker())
        hasty.gone.set()
        assert (await dropped).status_code == 499
        assert (await asyncio.wait_for(following, PATIENCE_S / 2)).status_code == 200
        compute.close()

    alone(ask())


def test_what_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "LONGEST_S", 0.2)

    async def ask() -> None:
        compute = ComputePool(AnswerCache(0), 1)
        with pytest.raises(Refusal, match="longer than") as refused:
            await asks(compute, "x", idle, Asker())
        assert refused.value.code == "too_long"
        assert (await asks(compute, "x", whoami, Asker())).status_code == 200
        compute.close()

    alone(ask())


def test_one_visitor_never_has_all_processes() -> None:
    async def ask() -> None:
        compute, askers = ComputePool(AnswerCache(0), 2), [Asker(), Asker()]
        busy = [asks(compute, "x", idle, asker) for asker in askers]
        await turns()
        assert compute.waiting == 1
        other = asks(compute, "y", whoami, Asker())
        assert (await asyncio.wait_for(other, PATIENCE_S / 2)).status_code == 200
        for each in busy:
            each.cancel()
        compute.close()

    alone(ask())


def test_where_all_are_at_heavy_questions_the_others_are_answered() -> None:
    async def ask() -> None:
        compute = ComputePool(AnswerCache(0), 2)
        busy = [
            asyncio.ensure_future(compute.respond(Asker().request, who, None, idle, heavy=True))
            for who in ("x", "y", "z")
        ]
        await turns()
        assert compute.waiting == 1  # heavy ones have as many processes as there are
        light = [asks(compute, who, whoami, Asker()) for who in ("v", "w")]
        done = await asyncio.wait_for(asyncio.gather(*light), PATIENCE_S / 2)
        assert [each.status_code for each in done] == [200, 200]
        for each in busy:
            each.cancel()
        compute.close()

    alone(ask())


def test_where_no_process_can_be_started_threads_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: object, *given: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)  # as without /dev/shm

    async def ask() -> int:
        compute = ComputePool(AnswerCache(0), 2)
        answer = await asks(compute, "x", whoami, Asker())
        compute.warm_up()
        compute.close()
        return int(bytes(answer.body))

    assert alone(ask()) == os.getpid()
    assert "processes cannot be started" in caplog.text


def test_nobody_s_questions_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MOST_WAITING", 3)

    async def ask() -> None:
        compute, held = ComputePool(AnswerCache(0), 0), Held()
        asked = [asks(compute, "x", held.on(str(i)), Asker()) for i in range(THREADS + 3)]
        await turns()
        with pytest.raises(Refusal, match="wait for their answers"):
            await asks(compute, "x", held.on("more"), Asker())
        held.go.set()
        assert [(await each).status_code for each in asked] == [200] * len(asked)
        compute.close()

    alone(ask())


def test_who_does_not_read_gets_no_more_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "UNREAD_OF_ONE", 4)

    async def ask() -> None:
        compute, held = ComputePool(AnswerCache(0), 0), Held()
        held.go.set()
        unread = await asks(compute, "x", held.on("12345"), Asker())
        following = asks(compute, "x", held.on("later"), Asker())
        other = await asks(compute, "y", held.on("other"), Asker())
        assert (other.body, held.begun) == (b"other", ["12345", "other"])
        sent: list[bytes] = []

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))

        await unread({"type": "http"}, Asker().request.receive, send)
        assert b"".join(sent) == b"12345"
        assert (await following).body == b"later"
        compute.close()

    alone(ask())


def test_an_answer_is_sent_in_pieces_and_given_up_when_nobody_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(responses, "PIECE", 3)
    monkeypatch.setattr(responses, "LEAST_S", 0.1)

    async def ask() -> tuple[list[bytes], list[str]]:
        sent: list[bytes] = []
        ended: list[str] = []

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))
            if len(sent) == 4 and len(ended):
                await asyncio.Event().wait()

        for _ in range(2):
            response = Delivered(Response(b"12345678"), lambda: ended.append("read"))
            await response({"type": "http"}, Asker().request.receive, send)
            if len(ended) == 1:
                assert sent == [b"", b"123", b"456", b"78"]
                sent.clear()
        return sent, ended

    sent, ended = alone(asyncio.wait_for(ask(), PATIENCE_S))
    assert (b"".join(sent), ended) == (b"12345678", ["read", "read"])


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
