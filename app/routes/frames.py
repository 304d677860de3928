"""What was measured: columns of a run, thinned where there is much."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.access.visitors import Asking
from app.compute import kept
from app.http.columns import ColumnsText, columns
from app.http.encoding import ArrayForm
from app.routes.schemas.runs import FramesAnswer
from app.services import Shared
from app.store import FAR, Window

router = APIRouter(prefix="/api/runs", tags=["runs"])

Step = Annotated[int | None, Query(ge=-FAR, le=FAR)]


@router.get("/{run}/frames", response_model=FramesAnswer)
async def frames(
    run: str,
    request: Request,
    shared: Shared,
    visitor: Asking,
    columns_wanted: Annotated[ColumnsText, Query(alias="columns")] = "*",
    after: Annotated[int, Query(ge=0, le=FAR, description="Only frames from this sequence number on.")] = 0,
    points: Annotated[
        int,
        Query(ge=0, description="Points of each column at most; its extremes stay. 0: as many as allowed."),
    ] = 1000,
    from_step: Annotated[Step, Query(alias="from", description="First step.")] = None,
    to_step: Annotated[Step, Query(alias="to", description="Last step.")] = None,
    arrays: Annotated[
        Literal["bdata", "json"], Query(description="Arrays as base64 (bdata) or as plain lists (json).")
    ] = "bdata",
) -> Response:
    """Columns of a run over any part of it. What lies outside of the part is not read."""
    settings, form = shared.settings, ArrayForm(arrays, "f4")
    settings.limits.check("points", points, "points", "points")
    window = Window(
        after,
        -FAR if from_step is None else from_step,
        FAR if to_step is None else to_step,
        points or settings.limits.points,
    )
    arguments = settings.data_dir, run, columns(columns_wanted), window, form, settings.limits
    return await shared.compute.respond(request, visitor.id, None, kept.frames, *arguments)
