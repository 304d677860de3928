"""Whether the server lives, whether it can work, and its figures."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from app.runs.lifecycle import Manager
from app.services import Shared

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(shared: Shared) -> dict[str, str]:
    """Whether the process answers, for what restarts it if not."""
    return {"status": "ok", "version": shared.version}


@router.get("/readyz")
async def readyz(manager: Manager) -> dict[str, str]:
    """Whether runs can be kept and started, for load balancers; 503 or 507 with the reason if not."""
    await manager.check_ready()
    return {"status": "ready"}


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
def metrics(shared: Shared) -> Response:
    """Figures for Prometheus; asks for the token like the rest."""
    return Response(generate_latest(shared.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
