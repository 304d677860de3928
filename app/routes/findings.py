"""What can be said of runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.http.encoding import to_json
from app.http.responses import reply
from app.routes.schemas.common import FindingsAnswer
from app.runs.derived import Traces
from app.runs.lifecycle import Manager
from app.services import Shared
from app.settings import Limits
from app.store import Run
from optim_core.declare.errors import InvalidInput
from optim_core.finding import Key, checks, find
from optim_core.recording import Recording

router = APIRouter(prefix="/api/findings", tags=["runs"])

KIND = "train"  # of the checks that look at runs that are kept
POINTS = 1_000  # of each column that they look at, where that is not too much


@router.get("", response_model=FindingsAnswer)
def findings(
    request: Request,
    shared: Shared,
    manager: Manager,
    runs: Annotated[str, Query(max_length=8_000, description="Ids, separated by commas.")],
) -> Response:
    """What can be said of these runs as they stand: how they part, and what is wrong with them."""
    ids = list(dict.fromkeys(filter(None, (part.strip() for part in runs.split(",")))))
    if not ids:
        raise InvalidInput("got no run.", field="runs")
    shared.settings.limits.check("compared", len(ids), "runs", "runs")
    found = [manager.store.find(run) for run in ids]
    recordings: dict[Key, Recording] = dict(
        zip(ids, _recordings(manager.traces, found, shared.settings.limits), strict=True)
    )
    return reply(
        request,
        to_json({"findings": [one.to_json() for one in find(recordings, KIND)]}),
        "application/json",
    )


def _recordings(traces: Traces, runs: list[Run], limits: Limits) -> list[Recording]:
    """The runs with what the checks need, together no more numbers than one answer may have."""

    def wanted(name: str) -> bool:
        return any(check.needs(name) for check in checks().values() if check.about == KIND)

    columns = sum(wanted(name) for run in runs for name in traces.columns(run))
    points = max(min(POINTS, limits.numbers // max(columns, 1)), 2)
    return [traces.recording(run, wanted, points) for run in runs]
