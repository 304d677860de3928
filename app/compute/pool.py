"""Where answers are computed: beside the event loop, fair to everybody who asks, each question once.

On a server for many the work is done by a few processes, so that nobody's slider holds up the streams
of the others; on one's own machine by threads, which are there at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from multiprocessing.connection import Connection, Pipe
from threading import Lock
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool, ThreadPool
from starlette.requests import Request
from starlette.responses import Response

from app.compute import answers, bodies, kept
from app.compute.cache import Answer, AnswerCache, key_of
from app.http.refusals import Refusal
from app.http.responses import Delivered, is_packed
from app.jobs.fair_queue import FairQueue
from app.processes import METHOD, context, die_when_closed, load_fork_server, preload

log = logging.getLogger("optimscope")

T = TypeVar("T")
THREADS = 4
TRIES = 3
MOST_WAITING = 100  # questions of one visitor that nobody works on yet
LONGEST_S = 60.0  # that a process works on one question
GONE_S = 1.0  # for which it works on though nobody waits: most are done by then, and kept for the next
UNREAD_OF_ONE, UNREAD = 32_000_000, 400_000_000  # bytes of answers on their way, with which others wait
GONE = 499  # nginx's number for a client that closed the connection; nobody reads it


@dataclass(eq=False)
class _Question:
    """What is being answered, or waits for it."""

    who: str
    work: Callable[[], Any]
    heavy: bool
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    waiting: int = 0  # those that want it
    task: asyncio.Task[None] | None = None  # once it is being answered


class ComputePool:
    """Answers of the API; ``processes`` work on them, or threads if that is 0.

    Visitors take turns. Where there are several processes, one visitor has all but one of them at most, and
    where all are at ``heavy`` questions, one more process answers the others.
    """

    def __init__(self, cache: AnswerCache, processes: int):
        self._cache, self._processes = cache, processes
        self._pool: ProcessPool | ThreadPool | None = None
        self._ours: Connection | None = None
        self._lock = Lock()
        self._closed = False
        self._asked: dict[str, _Question] = {}
        self._numbers = count()
        self._queue = FairQueue()
        self._busy: Counter[str] = Counter()  # questions that are being answered, by visitor
        self._heavy = 0  # of them
        self._unread: Counter[str] = Counter()  # bytes of answers on their way, by visitor
        if processes:
            preload(
                answers.__name__, bodies.__name__, kept.__name__, "app.store.sqlite", "pebble.pool.process"
            )

    def warm_up(self) -> None:
        """Has the processes load what they need; blocks."""
        if self._processes:
            with suppress(Refusal, BrokenExecutor):  # the server stops already
                wait([self._schedule(answers.ready) for _ in range(self._processes + 1)])

    def close(self) -> None:
        """Ends the processes; what they are at is lost. Blocks until they are gone."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if self._ours:
            self._ours.close()  # which ends them at once
        if pool:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    @property
    def waiting(self) -> int:
        """Questions that nobody works on yet."""
        return len(self._queue.order())

    async def respond(
        self,
        request: Request,
        who: str,
        question: object,
        work: Callable[..., bytes],
        *arguments: Any,
        media_type: str = "application/json",
        name: str = "",
        heavy: bool = False,
    ) -> Response:
        """The answer to ``question``, which ``work(*arguments)`` computes unless it is known.

        None as the question stands for one whose answer changes. ``name`` is that of a file to be saved.
        ``heavy`` is what may take seconds. A question whose askers have all gone is dropped.
        """
        key = key_of(question) if question is not None else ""
        answer = self._cache.find(key) if key else None
        if answer is None:
            asking = asyncio.ensure_future(self.make(who, work, *arguments, key=key, heavy=heavy))
            gone = asyncio.ensure_future(_disconnected(request))
            try:
                await asyncio.wait({asking, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                if not asking.done():
                    asking.cancel()
            if not asking.done():
                return Response(status_code=GONE)
            answer = Answer.of(asking.result(), media_type)
            if key:
                self._cache.keep(key, answer)
        response = await _reply(answer, request)
        if name:
            response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return self._on_its_way(response, who)

    async def make(
        self, who: str, work: Callable[..., T], *arguments: Any, key: str = "", heavy: bool = False
    ) -> T:
        """What ``work(*arguments)`` gives, in turn; questions of one ``key`` are answered together."""
        key = key or f"#{next(self._numbers)}"
        asked = self._asked.get(key)
        if asked is None:
            if self._queue.count(who) >= MOST_WAITING:
                raise Refusal(
                    429,
                    "busy",
                    f"{MOST_WAITING} of your questions wait for their answers, which is all that may.",
                    "Wait for some of the answers.",
                )
            asked = self._asked[key] = _Question(who, partial(work, *arguments), heavy)
            self._queue.add(who, key)
            self._start_waiting()
        asked.waiting += 1
        try:
            found: T = await asyncio.shield(asked.answer)
        finally:
            asked.waiting -= 1
            if not asked.waiting:
                self._leave(key, asked)
        return found

    def _leave(self, key: str, asked: _Question) -> None:
        """Nobody waits for it any more."""
        if key in self._queue:
            self._queue.remove(key)
            del self._asked[key]
        elif self._processes and not asked.answer.done():
            asyncio.get_running_loop().call_later(GONE_S, self._give_up, asked)

    def _give_up(self, asked: _Question) -> None:
        if asked.task and not asked.waiting:
            asked.task.cancel()  # and with it the process

    def _on_its_way(self, response: Response, who: str) -> Response:
        """The response, counted until it is read."""
        size = len(response.body)

        def read() -> None:
            self._unread[who] -= size
            if not self._unread[who]:
                del self._unread[who]
            self._start_waiting()

        self._unread[who] += size
        return Delivered(response, read)

    def _start_waiting(self) -> None:
        """Begins what there is room for."""
        workers = self._processes or THREADS
        while self._unread.total() < UNREAD:
            key = self._queue.take(lambda key: self._may_begin(self._asked[key], workers))
            if key is None:
                return
            asked = self._asked[key]
            self._busy[asked.who] += 1
            self._heavy += asked.heavy
            asked.task = asyncio.ensure_future(self._answer(key, asked))

    def _may_begin(self, asked: _Question, workers: int) -> bool:
        most = max(workers - 1, 1) if self._processes else workers
        if self._busy[asked.who] >= most or self._unread[asked.who] >= UNREAD_OF_ONE:
            return False
        one_more = self._processes and not asked.heavy and self._heavy >= workers
        return self._busy.total() < workers + bool(one_more)

    async def _answer(self, key: str, asked: _Question) -> None:
        try:
            asked.answer.set_result(await self._run(asked.work))
        except asyncio.CancelledError:
            asked.answer.cancel()
        except Exception as error:  # whoever asked gets it
            asked.answer.set_exception(error)
            asked.answer.exception()  # nobody may be left to hear of it
        finally:
            self._busy[asked.who] -= 1
            self._heavy -= asked.heavy
            del self._asked[key]
            self._start_waiting()

    async def _run(self, work: Callable[[], Any]) -> Any:
        """In the pool; again if a process of it was killed, for the work leaves no traces."""
        try:
            for _ in range(TRIES - 1):
                with suppress(ProcessExpired, BrokenExecutor):
                    return await asyncio.wrap_future(self._schedule(work))
            return await asyncio.wrap_future(self._schedule(work))
        except TimeoutError:
            raise Refusal(
                503,
                "too_long",
                f"This took longer than {LONGEST_S:.0f} seconds.",
                "Ask for fewer runs, steps or columns, or for a simpler formula.",
            ) from None
        except CancelledError:  # the pool was closed meanwhile
            raise _stopping() from None

    def _schedule(self, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._closed:
                raise _stopping()
            if self._pool is not None and not self._pool.active:  # a process died that had nothing to do
                self._pool.stop()  # type: ignore[no-untyped-call]
                self._pool = None
            if self._pool is None:
                self._pool = self._workers()
            found: Future[T] = (
                self._pool.schedule(work, timeout=LONGEST_S)
                if isinstance(self._pool, ProcessPool)
                else self._pool.schedule(work)
            )
            return found

    def _workers(self) -> ProcessPool | ThreadPool:
        """Processes; threads where none are wanted, or the system gives none."""
        if self._processes:
            try:
                return self._processes_of_it()
            except OSError as error:  # no shared memory, as where /dev/shm cannot be written
                log.error("Answers are computed by threads, processes cannot be started: %s", error)
                self._processes = 0
        return ThreadPool(THREADS)

    def _processes_of_it(self) -> ProcessPool:
        """Processes that end with this one, however it ends."""
        # They wait for the end of this pipe, whose other end nobody else holds.
        theirs, self._ours = Pipe(duplex=False)
        if METHOD == "forkserver":
            load_fork_server()
        count = self._processes + 1
        pool = ProcessPool(count, initializer=_begin, initargs=(theirs,), context=context())
        pool.active  # noqa: B018 (starts it)
        return pool


def _stopping() -> Refusal:
    return Refusal(503, "stopping", "The server is stopping.", "Try again when it is back.")


async def _reply(answer: Answer, request: Request) -> Response:
    """Packed in a thread, if at all: zlib holds up nobody there."""
    if is_packed(request, answer.body):
        return await asyncio.to_thread(answer.respond, request)
    return answer.respond(request)


def _begin(pipe: Connection) -> None:
    """In each process at its start."""
    die_when_closed(pipe.fileno())
    _kept.append(pipe)


_kept: list[Connection] = []  # in such a process: closed when collected


async def _disconnected(request: Request) -> None:
    """Returns when whoever asked has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
