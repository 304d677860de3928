"""Whether the server lives."""

from __future__ import annotations

from fastapi import APIRouter

from app.services import Shared

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(shared: Shared) -> dict[str, str]:
    """For container health checks and load balancers."""
    return {"status": "ok", "version": shared.version}
