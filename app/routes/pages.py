"""The pages, and the files that they load."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.services import Shared

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def explore(request: Request, shared: Shared) -> Response:
    """One surface, any optimizers."""
    return shared.page(request, "explore.html")


@router.api_route("/compare", methods=["GET", "HEAD"])
async def compare(request: Request, shared: Shared) -> Response:
    """Two or three optimizers in columns."""
    return shared.page(request, "compare.html")


@router.api_route("/static/{version}/{path:path}", methods=["GET", "HEAD"])
async def static(version: str, path: str, request: Request, shared: Shared) -> Response:
    """A file of this version."""
    found = shared.assets.respond(request, version, path)
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/favicon.ico")
@router.get("/favicon.svg")
async def favicon(shared: Shared) -> Response:
    """The icon that browsers ask for by themselves."""
    return RedirectResponse(shared.assets.url("favicon.svg"), headers={"Cache-Control": "max-age=3600"})
