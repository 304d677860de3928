"""Behind a proxy that serves it under a path: the prefix goes when a request comes, whether or not the
proxy has taken it off, and is put before the paths that answers lead to."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class UnderPath:
    """ASGI middleware; ``root`` is as "/lab", or empty."""

    def __init__(self, app: ASGIApp, root: str):
        self._app, self._root = app, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._root or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "path": self._bare(scope["path"])}
        if raw := scope.get("raw_path"):
            scope["raw_path"] = self._bare(raw.decode("ascii")).encode("ascii")

        async def send_under(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self._root + self._bare(headers["location"])
            await send(message)

        await self._app(scope, receive, send_under)

    def _bare(self, path: str) -> str:
        if path == self._root:
            return "/"
        return path.removeprefix(self._root) if path.startswith(f"{self._root}/") else path
