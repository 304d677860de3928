"""A run as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from app.access.visitors import Asking
from app.compute import kept
from app.http.columns import ColumnsText, columns
from app.services import Shared
from optim_core.declare.errors import InvalidInput

router = APIRouter(prefix="/api/runs", tags=["runs"])

FORMATS = ("csv",)


@router.get("/{run}/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export(
    run: str,
    shared: Shared,
    visitor: Asking,
    format: Annotated[str, Query(max_length=20, description="csv")] = "csv",
    columns_wanted: Annotated[ColumnsText, Query(alias="columns")] = "*",
) -> Response:
    """Every step with the columns that have one number a step; histograms are left out."""
    if format not in FORMATS:
        raise InvalidInput(
            f"got {format!r}, allowed is {' or '.join(FORMATS)}.", code="unknown_format", field="format"
        )
    make, folder, who = shared.compute.make, shared.settings.data_dir, visitor.id
    head, names, spans = await make(who, kept.table, folder, run, columns(columns_wanted))

    async def pieces() -> AsyncIterator[str]:
        yield head
        for span in spans:
            yield await make(who, kept.rows, folder, run, names, span, heavy=True)

    headers = {"Content-Disposition": f'attachment; filename="{run}.csv"'}
    return StreamingResponse(pieces(), media_type="text/csv; charset=utf-8", headers=headers)
