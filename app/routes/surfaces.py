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
    question = ["grid", body.model_dump(), form]
    work = shared.compute.respond
    return await work(request, visitor.id, question, answers.grid, body, shared.settings.limits, form)
