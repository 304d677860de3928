"""Runs on a surface, side by side: as columns, as a table, as a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from app.access.visitors import Asking
from app.compute import answers
from app.compute.trajectories import columns_of, landscape_of, walks_of
from app.export.script import script_of
from app.export.tables import csv_rows
from app.http.encoding import Form
from app.routes.schemas.common import ScriptAnswer, ScriptRequest, TrajectoriesAnswer, TrajectoriesRequest
from app.services import Shared
from optim_core.declare.errors import InvalidInput

router = APIRouter(prefix="/api/trajectories", tags=["trajectories"])
Derived = Annotated[bool, Query(description="Whether to add the columns that follow from the others.")]


@router.post("", response_model=TrajectoriesAnswer)
async def trajectories(
    body: TrajectoriesRequest,
    request: Request,
    shared: Shared,
    visitor: Asking,
    form: Form,
    derived: Derived = True,
) -> Response:
    """Walks each optimizer over the surface and returns all that was measured at every step."""
    question = ["trajectories", body.model_dump(), form, derived]
    arguments = body, shared.settings.limits, form, derived
    return await shared.compute.respond(request, visitor.id, question, answers.trajectories, *arguments)


@router.post("/csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def trajectories_csv(body: TrajectoriesRequest, shared: Shared, derived: Derived = True) -> Response:
    """The same runs as one long table: a row per run and step."""
    landscape = landscape_of(body.surface)
    walks = walks_of(body, landscape, shared.settings.limits)
    columns = columns_of([walk.run() for walk in walks], derived=derived)
    rows: Iterator[str] = csv_rows([(walk.rule.id, own) for walk, own in zip(walks, columns, strict=True)])
    headers = {"Content-Disposition": 'attachment; filename="optimscope.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/script", response_model=ScriptAnswer)
def trajectories_script(body: ScriptRequest, shared: Shared) -> dict[str, str]:
    """One of the runs as a Python script that needs only torch where torch has the rule."""
    walks = walks_of(body, landscape_of(body.surface), shared.settings.limits)
    if body.run >= len(walks):
        raise InvalidInput(f"got {body.run}, allowed is 0 to {len(walks) - 1}.", field="run")
    return {"code": script_of(walks[body.run])}
