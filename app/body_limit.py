"""The limit on a request's body, declared or not, answered like every other error."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware. (Starlette's own answers in plain text where the length is declared.)"""

    def __init__(self, app: ASGIApp, max_bytes: int):
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        total = int(declared) if declared.isdecimal() else 0

        async def counted() -> Message:
            nonlocal total
            if total > self._max_bytes:
                raise self._too_large()
            message = await receive()
            if not declared:
                total += len(message.get("body", b""))
                if total > self._max_bytes:
                    raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(
            413,
            f"The body of the request is too large, allowed are at most {self._max_bytes} bytes."
            " OPTIMSCOPE_MAX_BODY_BYTES, set for the server, raises the limit.",
        )
