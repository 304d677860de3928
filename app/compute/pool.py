"""Where answers are computed: beside the event loop, fair to everybody who asks, each question once.

On a server for many the work is done by a few processes, so that nobody's slider holds up the streams
of the others; on one's own machine by threads, which are there at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, Pipe
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.compute import answers
from app.compute.cache import Answer, AnswerCache, key_of
from app.http.refusals import Refusal
from app.http.responses import is_packed
from app.jobs.fair_queue import FairQueue
from app.processes import METHOD, context, die_when_closed, load_fork_server, preload

THREADS = 4
GONE = 499  # nginx's number for a client that closed the connection; nobody reads it


@dataclass
class _Pending:
    """A question that is being answered, or waits for it."""

    work: Callable[[], bytes]
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    waiting: int = 0  # requests that want it


class ComputePool:
    """Answers of the API; ``processes`` work on them, or threads if that is 0."""

    def __init__(self, cache: AnswerCache, processes: int):
        self._cache, self._processes = cache, processes
        self._pool: Executor | None = None
        self._lock = Lock()
        self._closed = False
        self._pending: dict[str, _Pending] = {}
        self._queue = FairQueue()
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()
        if processes:
            preload(answers.__name__)

    def warm_up(self) -> None:
        """Has the processes load what they need; blocks."""
        if self._processes:
            with suppress(BrokenExecutor, Refusal):  # the server stops already
                wait([self._executor().submit(answers.ready) for _ in range(self._processes)])

    def close(self) -> None:
        """Ends the processes; what they are at is lost. Blocks until they are gone."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)

    @property
    def waiting(self) -> int:
        """Questions that nobody works on yet."""
        return len(self._queue.order())

    async def respond(
        self, request: Request, who: str, question: object, work: Callable[..., bytes], *arguments: Any
    ) -> Response:
        """The answer to ``question``, which ``work(*arguments)`` computes unless it is known.

        A question whose askers have all gone before anybody took it up is dropped.
        """
        key = key_of(question)
        known = self._cache.find(key)
        if known:
            return await _reply(known, request)
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending(partial(work, *arguments))
            self._queue.add(who, key)
            self._start_waiting()
        pending.waiting += 1
        gone = asyncio.ensure_future(_disconnected(request))
        either: set[asyncio.Future[Any]] = {pending.answer, gone}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            pending.waiting -= 1
            if not pending.waiting and key in self._queue:
                self._queue.remove(key)
                del self._pending[key]
        return (
            await _reply(pending.answer.result(), request)
            if pending.answer.done()
            else Response(status_code=GONE)
        )

    def _start_waiting(self) -> None:
        """Begins what there is room for."""
        while self._busy < (self._processes or THREADS):
            key = self._queue.take(lambda _: True)
            if key is None:
                return
            self._busy += 1
            task = asyncio.ensure_future(self._make(key, self._pending[key]))
            self._tasks.add(task)  # the loop itself holds tasks but weakly
            task.add_done_callback(self._tasks.discard)

    async def _make(self, key: str, pending: _Pending) -> None:
        try:
            answer = Answer.of(await self._run(pending.work))
        except Exception as error:  # whoever asked gets it
            pending.answer.set_exception(error)
            pending.answer.exception()  # nobody may be left to hear of it
        else:
            self._cache.keep(key, answer)
            pending.answer.set_result(answer)
        finally:
            self._busy -= 1
            del self._pending[key]
            self._start_waiting()

    async def _run(self, work: Callable[[], bytes]) -> bytes:
        """In the pool; once more if a process of it was killed, for the work leaves no traces."""
        loop, pool = asyncio.get_running_loop(), self._executor()
        try:
            return await loop.run_in_executor(pool, work)
        except BrokenProcessPool:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            return await loop.run_in_executor(self._executor(), work)

    def _executor(self) -> Executor:
        with self._lock:
            if self._closed:
                raise Refusal(503, "stopping", "The server is stopping.", "Try again when it is back.")
            if self._pool is None:
                count = self._processes
                self._pool = _Processes(count) if count else ThreadPoolExecutor(THREADS, "answers")
            return self._pool


async def _reply(answer: Answer, request: Request) -> Response:
    """Packed in a thread, if at all: zlib holds up nobody there."""
    if is_packed(request, answer.body):
        return await asyncio.to_thread(answer.respond, request)
    return answer.respond(request)


class _Processes(ProcessPoolExecutor):
    """Processes that end with this one, however it ends."""

    def __init__(self, count: int):
        # They wait for the end of this pipe, whose other end nobody else holds.
        theirs, self._ours = Pipe(duplex=False)
        if METHOD == "forkserver":
            load_fork_server()
        super().__init__(count, context(), _begin, (theirs,))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends them at once, whatever they are at."""
        self._ours.close()
        super().shutdown(wait, cancel_futures=cancel_futures)


def _begin(pipe: Connection) -> None:
    """In each process at its start."""
    die_when_closed(pipe.fileno())
    _kept.append(pipe)


_kept: list[Connection] = []  # in such a process: closed when collected


async def _disconnected(request: Request) -> None:
    """Returns when whoever asked has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
