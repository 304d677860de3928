"""What can be said of runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.access.visitors import Asking
from app.compute import kept
from app.routes.schemas.common import FindingsAnswer
from app.services import Shared
from optim_core.declare.errors import InvalidInput

router = APIRouter(prefix="/api/findings", tags=["runs"])


@router.get("", response_model=FindingsAnswer)
async def findings(
    request: Request,
    shared: Shared,
    visitor: Asking,
    runs: Annotated[str, Query(max_length=8_000, description="Ids, separated by commas.")],
) -> Response:
    """What can be said of these runs as they stand: how they part, and what is wrong with them."""
    ids = list(dict.fromkeys(filter(None, (part.strip() for part in runs.split(",")))))
    if not ids:
        raise InvalidInput("got no run.", field="runs")
    settings = shared.settings
    settings.limits.check("compared", len(ids), "runs", "runs")
    arguments = settings.data_dir, ids, settings.limits
    return await shared.compute.respond(request, visitor.id, None, kept.findings, *arguments)
