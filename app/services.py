"""What handlers share: made once by `create_app`, handed to them as a dependency."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import Annotated, Any

import jinja2
import orjson
from fastapi import Depends, Request
from starlette.responses import Response

from app.access.presence import Presence
from app.access.visitors import Visitors
from app.compute.cache import AnswerCache, Once
from app.compute.pool import ComputePool
from app.http.files import Assets, folder
from app.http.responses import reply
from app.locale import translation
from app.observe.metrics import Metrics
from app.runs.lifecycle import RunManager
from app.settings import Settings


@dataclass(frozen=True)
class Services:
    """Settings, files, templates, and what answers requests."""

    settings: Settings
    version: str
    assets: Assets
    catalogue: Once
    templates: jinja2.Environment
    runs: RunManager
    metrics: Metrics
    visitors: Visitors
    compute: ComputePool
    presence: Presence
    warm: Event  # set once nobody waits for what is loaded only once

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:
        """A page from templates/; each gets ``version``, ``path``, ``asset(path)``, ``visitor``…"""
        text = self.templates.get_template(template).render(
            version=self.version,
            path=request.url.path,
            asset=self.assets.url,
            imported=self.assets.imported,
            catalogue_url="/api/catalogue",
            visitor=request.scope["visitor"],
            shared=bool(self.settings.token),
            full=self.runs.full,
            **context,
        )
        return reply(request, text.encode(), "text/html", status=status)

    def proxy_page(self, request: Request, refused: Response) -> Response:
        """What a refusal means that a proxy's headers led to, for people, with what the server has seen."""
        error = orjson.loads(bytes(refused.body))["error"]
        names = ("host", "origin", "x-forwarded-for", "x-forwarded-proto")
        text = self.templates.get_template("proxy.html").render(
            message=error["message"],
            hint=error.get("hint", ""),
            seen=[(name.title(), request.headers.get(name, "")[:80]) for name in names],
        )
        return Response(text, refused.status_code, media_type="text/html")


def make_services(settings: Settings, version: str) -> Services:
    """Everything that the handlers need, read and ready."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("templates")),
        autoescape=True,
        auto_reload=settings.reload,
        undefined=jinja2.StrictUndefined,
    )
    templates.globals |= {"text": translation(root=settings.root_path), "root": settings.root_path}
    assets = Assets(reload=settings.reload, root=settings.root_path)
    manager = RunManager(settings)
    metrics = Metrics(manager)
    manager.listeners.append(metrics.notice)
    return Services(
        settings=settings,
        version=version,
        assets=assets,
        catalogue=Once(),
        templates=templates,
        runs=manager,
        metrics=metrics,
        visitors=Visitors(settings),
        compute=ComputePool(AnswerCache(settings.cache_bytes), settings.computing),
        presence=Presence(),
        warm=Event(),
    )


async def _services(request: Request) -> Services:  # async: otherwise each request pays a thread for it
    services: Services = request.app.state.services
    return services


Shared = Annotated[Services, Depends(_services)]
