"""The heights of a surface over a box, for contours and 3-D pictures."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.visitors import Asking
from app.compute import answers
from app.http.encoding import Form
from app.routes.schemas.common import GridAnswer, GridRequest
from app.services import Shared

router = APIRouter(prefix="/api/surfaces", tags=["surfaces"])


@router.post("/grid", response_model=GridAnswer, response_model_exclude_none=True)
async def grid(body: GridRequest, request: Request, shared: Shared, visitor: Asking, form: Form) -> Response:
    """Heights over a box and the minima in it; with ``weight_decay`` also of the penalised loss."""
    asked = body.model_dump()
    heavy = body.surface.formula is not None  # whose minima are sought
    arguments = asked, shared.settings.limits, form
    return await shared.compute.respond(
        request, visitor.id, ["grid", asked, form], answers.grid, *arguments, heavy=heavy
    )
