"""The web server, which ends its streams before it waits for them."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from app.live import Live

# For what keeps a connection open all the same.
SHUTDOWN_SECONDS = 3


class Server(uvicorn.Server):
    """uvicorn for an application of ours."""

    def __init__(self, app: FastAPI, *, log_level: str = "warning"):
        super().__init__(
            uvicorn.Config(
                app,
                log_level=log_level,
                log_config=None,  # see `app.logs`
                access_log=False,  # see `app.observer`
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
                server_header=False,
            )
        )
        self._live: Live = app.state.services.live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._live.stop_work()
        await super().shutdown(sockets)
