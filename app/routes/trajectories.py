"""Runs on a surface, side by side: as columns, as a table, as a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.access.visitors import Asking
from app.compute import answers
from app.http.encoding import Form
from app.routes.schemas.common import ScriptAnswer, ScriptRequest, TrajectoriesAnswer, TrajectoriesRequest
from app.services import Shared

MANY_ROWS = 20_000

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
    return await shared.compute.respond(
        request, visitor.id, question, answers.trajectories, *arguments, heavy=_is_heavy(asked)
    )


def _is_heavy(asked: Mapping[str, Any]) -> bool:
    """Whether the answer may take seconds: a formula of one's own, whose minima are sought, or many steps."""
    return asked["surface"]["formula"] is not None or len(asked["runs"]) * asked["steps"] > MANY_ROWS


@router.post("/csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def trajectories_csv(
    body: TrajectoriesRequest, request: Request, shared: Shared, visitor: Asking, derived: Derived = True
) -> Response:
    """The same runs as one long table: a row per run and step."""
    asked = body.model_dump()
    return await shared.compute.respond(
        request,
        visitor.id,
        ["csv", asked, derived],
        answers.trajectories_csv,
        asked,
        shared.settings.limits,
        derived,
        media_type="text/csv; charset=utf-8",
        name="optimscope.csv",
        heavy=True,
    )


@router.post("/script", response_model=ScriptAnswer)
async def trajectories_script(
    body: ScriptRequest, request: Request, shared: Shared, visitor: Asking
) -> Response:
    """One of the runs as a Python script that needs only torch where torch has the rule."""
    asked = body.model_dump()
    arguments = asked, shared.settings.limits
    return await shared.compute.respond(
        request, visitor.id, ["script", asked], answers.script, *arguments, heavy=True
    )
