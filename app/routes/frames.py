"""What was measured: columns of a run, thinned where there is much."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.http.columns import ColumnsText, columns
from app.http.encoding import ArrayForm, to_json
from app.http.responses import reply
from app.routes.schemas.runs import FramesAnswer
from app.runs.lifecycle import Manager
from app.services import Shared
from app.store import FAR, Window
from optim_core.recording import WIDE_NUMBERS

router = APIRouter(prefix="/api/runs", tags=["runs"])

Step = Annotated[int | None, Query(ge=-FAR, le=FAR)]


@router.get("/{run}/frames", response_model=FramesAnswer)
def frames(
    run: str,
    request: Request,
    shared: Shared,
    manager: Manager,
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
    limits, form = shared.settings.limits, ArrayForm(arrays, "f4")
    limits.check("points", points, "points", "points")
    wanted = columns(columns_wanted)
    traces = manager.traces
    widths = [width for name, width in traces.columns(manager.store.find(run)).items() if wanted(name)]
    points = points or limits.points
    numbers = sum(points if width == 1 else min(points * width, WIDE_NUMBERS) for width in widths)
    limits.check("numbers", numbers, "columns", "numbers (columns × points)")
    window = Window(
        after, -FAR if from_step is None else from_step, FAR if to_step is None else to_step, points
    )
    found, series, events = traces.series(run, wanted, window)
    answer = {
        "next_seq": found.next_seq,
        "columns": {
            name: {"step": form.steps(s.steps), "value": form.array(s.values)} for name, s in series.items()
        },
        "events": events,
    }
    return reply(request, to_json(answer), "application/json")
