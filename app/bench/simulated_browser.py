"""A browser as the network sees it: cookies, connections that stay open, files that it keeps."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field

LINE_BYTES = 2**22
ANSWER_SECONDS = 30.0
_ASSET = re.compile(r'(?:href|src)="(/(?:static|api)/[^"]+)"')
_IMPORT = re.compile(r'from "(\.{1,2}/[^"]+)"')
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and body of a response."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def text(self) -> str:
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()


@dataclass
class Browser:
    """Sends requests; one that is cancelled closes its connection, as browsers do."""

    port: int
    address: str = ""  # on a network, as a proxy would tell it; else on this machine
    cookies: dict[str, str] = field(default_factory=dict)
    _idle: list[Connection] = field(default_factory=list)
    _kept: set[str] = field(default_factory=set)  # files that never change
    _tags: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: object = None, accept: str = "*/*") -> Answer:
        """One request and its answer. Raises OSError, EOFError or TimeoutError."""
        connection, was_idle = await self._connection()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    answer = await self._exchange(connection, method, path, body, accept)
                except (OSError, EOFError):
                    if not was_idle:
                        raise
                    connection[1].close()  # the server had closed it meanwhile
                    connection = await self._connect()
                    answer = await self._exchange(connection, method, path, body, accept)
        except BaseException:
            connection[1].transport.abort()
            raise
        self._idle.append(connection)
        return answer

    async def open_page(self, path: str) -> list[Answer]:
        """A page and all that it loads, six at a time, as far as it is not there already."""
        page = await self.ask("GET", path, accept="text/html")
        answers, wanted, seen = [page], _ASSET.findall(page.text), set(self._kept)
        while wanted := [each for each in dict.fromkeys(wanted) if each not in seen]:
            seen |= set(wanted)
            loaded = []
            for first in range(0, len(wanted), 6):
                loaded += await asyncio.gather(*(self.ask("GET", each) for each in wanted[first : first + 6]))
            answers += loaded
            modules = [pair for pair in zip(wanted, loaded, strict=True) if pair[0].endswith(".mjs")]
            self._kept |= {
                each
                for each, answer in zip(wanted, loaded, strict=True)
                if "immutable" in answer.headers.get("cache-control", "")
            }
            wanted = [
                _beside(path, name) for path, answer in modules for name in _IMPORT.findall(answer.text)
            ]
        return answers

    async def stream(self, path: str, last_id: str = "") -> AsyncGenerator[tuple[str, str, str], None]:
        """The events of a stream: kind, id, data. Ends with the stream; close it to leave."""
        reader, writer = await self._connect()
        try:
            extra = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
            writer.write(self._head("GET", path, extra))
            status, _ = await _read_head(reader)
            if status != 200:
                raise StreamRefused(status)
            kind = identity = data = ""
            while line := await reader.readline():
                text = line.decode().rstrip("\r\n")
                name, _, value = text.partition(": ")
                if name == "event":
                    kind = value
                elif name == "id":
                    identity = value
                elif name == "data":
                    data = value
                elif not text and kind:
                    yield kind, identity, data
                    kind = data = ""
        finally:
            writer.transport.abort()

    def close(self) -> None:
        """Closes what is open."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _connection(self) -> tuple[Connection, bool]:
        while self._idle:
            connection = self._idle.pop()
            if not (connection[0].at_eof() or connection[1].is_closing()):
                return connection, True
            connection[1].close()
        return await self._connect(), False

    async def _connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=LINE_BYTES)

    def _head(self, method: str, path: str, extra: str = "") -> bytes:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        host = f"localhost:{self.port}"
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            + "Accept-Encoding: gzip\r\nSec-Fetch-Site: same-origin\r\n"
            + (f"X-Forwarded-For: {self.address}\r\n" if self.address else "")
            + (f"Cookie: {cookies}\r\n" if cookies else "")
            + f"{extra}\r\n"
        ).encode()

    async def _exchange(
        self, connection: Connection, method: str, path: str, body: object, accept: str
    ) -> Answer:
        reader, writer = connection
        extra, content = f"Accept: {accept}\r\n", b""
        if body is not None:
            content = json.dumps(body).encode()
            extra += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        elif path in self._tags:
            extra += f"If-None-Match: {self._tags[path]}\r\n"
        writer.write(self._head(method, path, extra) + content)
        await writer.drain()
        status, headers = await _read_head(reader)
        for cookie in filter(None, headers.pop("set-cookie", "").split("\n")):
            self._keep_cookie(cookie)
        if method == "GET" and "etag" in headers:
            self._tags[path] = headers["etag"]
        return Answer(status, headers, await _read_body(reader, status, headers))

    def _keep_cookie(self, text: str) -> None:
        name, equals, value = text.partition(";")[0].partition("=")
        if equals:
            self.cookies[name.strip()] = value.strip()


class StreamRefused(Exception):
    """The answer to a stream's request was not 200."""

    def __init__(self, status: int):
        super().__init__(f"the server answered {status}")
        self.status = status


def _beside(path: str, name: str) -> str:
    """The address of a module that another one imports."""
    parts = path.split("/")[:-1]
    for part in name.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon and (before := headers.get(name.lower())):
            headers[name.lower()] = f"{before}\n{value.strip()}"
        elif colon:
            headers[name.lower()] = value.strip()
    return int(head[0].split()[1]), headers


async def _read_body(reader: asyncio.StreamReader, status: int, headers: dict[str, str]) -> bytes:
    if status in (204, 304):
        return b""
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


async def cancel(task: asyncio.Task[object]) -> None:
    """Cancels a task and waits until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
