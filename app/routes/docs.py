"""The reference of the HTTP API as a plain page, made from the OpenAPI description."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.http.api_page import sections
from app.services import Shared

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request, shared: Shared) -> Response:
    """Every address with its fields and an example."""
    description = request.app.openapi()
    return shared.page(request, "docs.html", info=description["info"], sections=sections(description))
