"""A run as a file."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from app.export.tables import csv_of
from app.http.columns import ColumnsText, columns
from app.runs.lifecycle import Manager
from optim_core.declare.errors import InvalidInput

router = APIRouter(prefix="/api/runs", tags=["runs"])

FORMATS = ("csv",)


@router.get("/{run}/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def export(
    run: str,
    manager: Manager,
    format: Annotated[str, Query(max_length=20, description="csv")] = "csv",
    columns_wanted: Annotated[ColumnsText, Query(alias="columns")] = "*",
) -> Response:
    """Every step with the columns that have one number a step; histograms are left out."""
    if format not in FORMATS:
        raise InvalidInput(
            f"got {format!r}, allowed is {' or '.join(FORMATS)}.", code="unknown_format", field="format"
        )
    found, wanted = manager.store.find(run), columns(columns_wanted)
    names = [name for name, width in manager.traces.columns(found).items() if width == 1 and wanted(name)]
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.csv"'}
    rows = csv_of(manager.traces, found, names)
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)
