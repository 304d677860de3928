"""The web server, which ends its streams before it waits for them."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import uvicorn
from fastapi import FastAPI

from app.http.connections import Connections, DeadlineProtocol, raise_file_limit
from app.observe.watchdog import Watchdog
from app.processes import end_fork_server
from app.runs.lifecycle import RunManager
from app.settings import Settings

# For what keeps a connection open all the same.
SHUTDOWN_SECONDS = 3


class Server(uvicorn.Server):
    """uvicorn for an application of ours.

    One that has the process for itself ends it when it hangs, and what starts its processes when it stops.
    """

    def __init__(self, app: FastAPI, *, log_level: str = "warning", own_process: bool = False):
        settings: Settings = app.state.services.settings
        known = Connections(raise_file_limit(), trusted=settings.trusts)
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(DeadlineProtocol, known=known),  # type: ignore[arg-type]
                ws="none",
                log_level=log_level,
                log_config=None,  # see `app.observe.logs`
                access_log=False,  # see `app.observe.middleware`
                forwarded_allow_ips=",".join(settings.proxies) or "none",
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
                server_header=False,
            )
        )
        self._runs: RunManager = app.state.services.runs
        self._own_process = own_process
        self._watchdog: Watchdog | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Runs that a former server left waiting start before the first request comes."""
        if sockets:
            self._runs.serves_at(*sockets[0].getsockname()[:2])
        await super().startup(sockets)
        if self._own_process:
            self._watchdog = Watchdog(asyncio.get_running_loop())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._watchdog:
            self._watchdog.stop()
        if self._own_process:
            end_fork_server()  # nobody waits until it has loaded
        await self._runs.stop_work()
        await super().shutdown(sockets)
