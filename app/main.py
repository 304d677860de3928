"""The application, as a table of contents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

from fastapi import FastAPI

from app import package_version
from app.access.middleware import AccessMiddleware
from app.http import errors, refusals
from app.http.body_limit import BodyLimit, Most
from app.http.under_path import UnderPath
from app.observe.middleware import RequestMetrics
from app.routes import (
    catalogue,
    docs,
    export,
    findings,
    frames,
    health,
    ingest,
    login,
    pages,
    presence,
    runs,
    stream,
    surfaces,
    tokens,
    trajectories,
)
from app.routes.schemas.common import ErrorAnswer
from app.services import Services, make_services
from app.settings import Settings

LOGIN_BYTES = 4_000  # of the form that signs in
HELLO = 4  # times as much as other requests may hold


def create_app(settings: Settings | None = None) -> FastAPI:
    """The web application with these settings (those of the environment if None).

    Raises ValueError for a host that others can reach without a token that they must show.
    """
    settings = settings or Settings()
    if not (settings.is_local or settings.token):
        raise ValueError(f"to serve on {settings.host}, which others can reach, settings need a token")
    services = make_services(settings, package_version())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await services.runs.start()  # first: it says what the processes that compute answers load as well
        services.visitors.personal.load(services.runs.store.tokens())
        Thread(target=warm_up, args=(services,), daemon=True).start()
        yield
        await asyncio.to_thread(services.compute.close)
        await services.runs.stop()

    app = FastAPI(
        title="Optimscope",
        summary="What optimizers do to weights, step by step.",
        version=services.version,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from another host; /docs is our own
        redoc_url=None,
        responses={
            "4XX": {"model": ErrorAnswer, "description": "What is wrong, where, and what to do."},
            "5XX": {"model": ErrorAnswer, "description": "What the server cannot do now, and why."},
        },
    )
    app.state.services = services
    for module in (
        pages,
        login,
        docs,
        catalogue,
        trajectories,
        surfaces,
        runs,
        frames,
        findings,
        stream,
        export,
        ingest,
        presence,
        tokens,
        health,
    ):
        app.include_router(module.router)
    # Middleware added later runs earlier.
    limits = settings.limits
    app.add_middleware(
        BodyLimit,
        {
            "": Most(limits.body_bytes, limits.elements, "body_bytes", "elements"),
            "/api/ingest/runs": Most(  # which tells of every tensor
                HELLO * limits.body_bytes, HELLO * limits.elements, "body_bytes", "elements"
            ),
            "/api/ingest/runs/": Most(
                limits.ingest_bytes, limits.ingest_elements, "ingest_bytes", "ingest_elements"
            ),
            "/login": Most(LOGIN_BYTES, LOGIN_BYTES),
        },
        held=limits.held_bytes,
        of_one=max(limits.held_bytes // 4, limits.ingest_bytes),
    )
    errors.install(app)
    app.add_exception_handler(404, pages.no_such_page)
    refusals.install(app)
    app.add_middleware(
        AccessMiddleware, settings, services.visitors, services.runs.worker_token, services.proxy_page
    )
    app.add_middleware(RequestMetrics, services.metrics, log_requests=settings.log_requests)
    app.add_middleware(UnderPath, settings.root_path)
    return app


def warm_up(services: Services) -> None:
    """What the first visitor would otherwise wait for."""
    services.compute.warm_up()
    catalogue.answer(services)
    services.assets.compress()
    services.warm.set()
