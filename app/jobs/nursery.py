"""The process from which workers come: it has loaded torch, so a worker is there in milliseconds.

It reads one JSON object a line: ``{"start": id, "target": [module, function], "job": {…}}`` or
``{"signal": number, "of": id}``; and tells ``{"ready": true}`` when it has loaded, and of every worker
that ended ``{"ended": id, "code": number, "words": its last lines}``. When its input ends it kills its
workers and ends too. It never touches a GPU: what a process forked from one that has does with it fails.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.jobs.lifeline import die_when_closed, die_with

WORDS_BYTES = 4_000
FORKS = sys.platform == "linux"  # elsewhere system libraries do not survive it: a new interpreter instead


@dataclass
class _Worker:
    """A process, the pipe that it talks into, and what it said last."""

    pid: int
    words_from: int
    words: bytes = b""

    def listen(self) -> bool:
        """Reads what is there; whether there may be more."""
        try:
            said = os.read(self.words_from, 65536)
        except BlockingIOError:
            return False
        self.words = (self.words + said)[-WORDS_BYTES:]
        return bool(said)


class Nursery:
    """Serves until its commands end."""

    def __init__(self, commands: int, news: int):
        self._commands, self._news = commands, news
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._workers: dict[str, _Worker] = {}
        self._rest = b""
        # Workers wait for the end of this pipe, of which only the nursery holds the other end.
        self._lifeline, self._held = os.pipe()
        self._own = (commands, news, self._woken, wake, self._held)

    def serve(self) -> None:
        while True:
            talking = {worker.words_from: worker for worker in self._workers.values()}
            ready, _, _ = select.select([self._commands, self._woken, *talking], [], [])
            for descriptor in set(ready) & talking.keys():
                if not talking[descriptor].listen():
                    self._bury()  # its end, or that of its words
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._bury()
            if self._commands in ready and not self._obey_all():
                break
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)

    def tell(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        while line:
            line = line[os.write(self._news, line) :]

    def _obey_all(self) -> bool:
        read = os.read(self._commands, 65536)
        *lines, self._rest = (self._rest + read).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if "start" in command:
                self._start(command["start"], command)
            elif command["of"] in self._workers:
                os.kill(self._workers[command["of"]].pid, command["signal"])
        return bool(read)

    def _start(self, name: str, command: dict[str, Any]) -> None:
        words_from, words_to = os.pipe()
        os.set_blocking(words_from, False)
        born = self._fork if FORKS else self._spawn
        self._workers[name] = _Worker(born(command, words_to), words_from)
        os.close(words_to)

    def _fork(self, command: dict[str, Any], words: int) -> int:
        parent = os.getpid()
        if pid := os.fork():
            return pid
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (*self._own, *(other.words_from for other in self._workers.values())):
                os.close(descriptor)
            os.dup2(words, 1)
            os.dup2(words, 2)
            code = _live(command, parent, self._lifeline)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _spawn(self, command: dict[str, Any], words: int) -> int:
        program = [sys.executable, "-m", "app.jobs.nursery", "one", str(os.getpid()), str(self._lifeline)]
        process = subprocess.Popen(  # noqa: S603
            program, stdin=subprocess.PIPE, stdout=words, stderr=words, pass_fds=[self._lifeline]
        )
        assert process.stdin
        process.stdin.write(json.dumps(command).encode())
        process.stdin.close()
        process.returncode = 0  # this process waits for it, not its Popen
        return process.pid

    def _bury(self) -> None:
        """Tells of the workers that have ended."""
        for name, worker in list(self._workers.items()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                del self._workers[name]
                while worker.listen():
                    pass
                os.close(worker.words_from)
                words = worker.words.decode("utf-8", "replace")
                self.tell({"ended": name, "code": os.waitstatus_to_exitcode(status), "words": words})


def _live(command: dict[str, Any], parent: int, lifeline: int) -> int:
    """A worker's life: calls the target with the job; its exit code."""
    die_with(parent)
    die_when_closed(lifeline)
    return int(_found(*command["target"])(command["job"]) or 0)


def _found(module: str, function: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def main() -> None:
    """``nursery PARENT MODULE`` (with what to load), or ``nursery one PARENT LIFELINE`` (a single worker)."""
    if sys.argv[1] == "one":
        sys.exit(_live(json.load(sys.stdin), int(sys.argv[2]), int(sys.argv[3])))
    die_with(int(sys.argv[1]))
    commands, news = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # what anybody prints does not get among the news
    if FORKS:
        _found(sys.argv[2], "prepare")()
    nursery = Nursery(commands, news)
    nursery.tell({"ready": True})
    nursery.serve()
    os._exit(0)  # at once: what torch would tidy up ends with the process anyhow


if __name__ == "__main__":
    main()
