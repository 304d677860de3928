"""Whether the server lives, whether it can work, and its figures."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from app.http.refusals import Refusal
from app.runs.lifecycle import Manager
from app.services import Shared

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(shared: Shared) -> dict[str, str]:
    """Whether the process answers, for what restarts it if not."""
    return {"status": "ok", "version": shared.version}


@router.get("/readyz")
async def readyz(shared: Shared, manager: Manager) -> dict[str, str]:
    """Whether runs can be kept and started, and nobody waits for what is loaded only once.

    For load balancers; 503 or 507 with the reason if not.
    """
    await manager.check_ready()
    if not shared.warm.is_set():
        raise Refusal(
            503, "warming", "The server is loading what the first answers need.", "Try again in a second."
        )
    return {"status": "ready"}


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
def metrics(shared: Shared) -> Response:
    """Figures for Prometheus; asks for the token like the rest."""
    return Response(generate_latest(shared.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
