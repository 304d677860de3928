"""The limit on a request's body, declared or not, answered like every other error."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware. (Starlette's own answers in plain text where the length is declared.)

    Addresses that start with ``wide_path`` have a limit of their own.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, wide_path: str = "", wide_bytes: int = 0):
        self._app = app
        self._max_bytes = max_bytes
        self._wide_path = wide_path
        self._wide_bytes = wide_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wide = bool(self._wide_path) and scope["path"].startswith(self._wide_path)
        most = self._wide_bytes if wide else self._max_bytes
        declared = Headers(scope=scope).get("content-length", "")
        total = int(declared) if declared.isdecimal() else 0

        async def counted() -> Message:
            nonlocal total
            if total > most:
                raise _too_large(most, wide=wide)
            message = await receive()
            if not declared:
                total += len(message.get("body", b""))
                if total > most:
                    raise _too_large(most, wide=wide)
            return message

        await self._app(scope, counted, send)


def _too_large(most: int, *, wide: bool) -> HTTPException:
    return HTTPException(
        413,
        f"The body of the request is too large, allowed are at most {most} bytes."
        f" OPTIMSCOPE_MAX_{'INGEST' if wide else 'BODY'}_BYTES, set for the server, raises the limit.",
    )
