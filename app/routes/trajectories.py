"""Runs on a surface, side by side: as columns, as a table, as a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from app.access.visitors import Asking
from app.compute import answers
from app.compute.trajectories import columns_of, experiments_of
from app.export.script import script_of
from app.export.tables import csv_rows
from app.http.encoding import Form
from app.routes.schemas.common import ScriptAnswer, ScriptRequest, TrajectoriesAnswer, TrajectoriesRequest
from app.services import Shared
from optim_core.declare.errors import InvalidInput
from optim_core.simulate.trajectory import run

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
    """Runs each optimizer on the surface and returns all that was measured at every step."""
    asked = body.model_dump()
    question = ["trajectories", asked, form, derived]
    arguments = asked, shared.settings.limits, form, derived
    return await shared.compute.respond(request, visitor.id, question, answers.trajectories, *arguments)


@router.post("/csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def trajectories_csv(body: TrajectoriesRequest, shared: Shared, derived: Derived = True) -> Response:
    """The same runs as one long table: a row per run and step."""
    experiments = experiments_of(body.model_dump(), shared.settings.limits)
    columns = columns_of([run(experiment) for experiment in experiments], derived=derived)
    ids = [experiment.rule.id for experiment in experiments]
    rows: Iterator[str] = csv_rows(list(zip(ids, columns, strict=True)))
    headers = {"Content-Disposition": 'attachment; filename="optimscope.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/script", response_model=ScriptAnswer)
def trajectories_script(body: ScriptRequest, shared: Shared) -> dict[str, str]:
    """One of the runs as a Python script that needs only torch where torch has the rule."""
    experiments = experiments_of(body.model_dump(), shared.settings.limits)
    if body.run >= len(experiments):
        raise InvalidInput(f"got {body.run}, allowed is 0 to {len(experiments) - 1}.", field="run")
    return {"code": script_of(experiments[body.run])}
