"""The pages, and the files that they load."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.access.visitors import Asking
from app.http.errors import http_error
from app.runs.lifecycle import Manager
from app.services import Services, Shared
from app.store import NoSuchRun

router = APIRouter(include_in_schema=False)

Compared = Annotated[str, Query(max_length=2000)]


@router.api_route("/", methods=["GET", "HEAD"])
async def explore(request: Request, shared: Shared) -> Response:
    """One surface, any optimizers."""
    return shared.page(request, "explore.html")


@router.api_route("/compare", methods=["GET", "HEAD"])
async def compare(request: Request, shared: Shared, runs: Compared = "") -> Response:
    """Two or three optimizers in columns; training runs (``?runs=a,b``) have moved to the page of runs."""
    if runs:
        rest = [(k, v) for k, v in request.query_params.multi_items() if k != "runs"]
        return RedirectResponse(f"/runs?{urlencode([('compare', runs), *rest], safe=',:;')}")
    return shared.page(request, "compare.html")


@router.api_route("/train", methods=["GET", "HEAD"])
async def train(request: Request, shared: Shared) -> Response:
    """The form that starts training runs."""
    return shared.page(request, "train.html")


@router.api_route("/runs", methods=["GET", "HEAD"])
async def runs(request: Request, shared: Shared, compare: Compared = "") -> Response:
    """All runs, or some of them beside each other: ``?compare=a,b``."""
    if compare:
        return shared.page(request, "compare_runs.html", runs=compare)
    return shared.page(request, "runs.html")


@router.api_route("/runs/{run}", methods=["GET", "HEAD"])
def run(run: str, request: Request, shared: Shared, manager: Manager) -> Response:
    """One run, live; browsers that ask for one that is not there get a page that says so."""
    try:
        return shared.page(request, "run.html", run=manager.store.find(run).id)
    except NoSuchRun:
        if not for_a_browser(request):
            raise
        return not_found(request, shared, "run", "/runs", run=run[:80])


def for_a_browser(request: Request) -> bool:
    """Whether somebody reads the answer, who wants no JSON."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def not_found(request: Request, shared: Services, kind: str, href: str, **named: str) -> Response:
    """A page that says what is not there, and with the way back."""
    return shared.page(request, "not_found.html", 404, kind=kind, href=href, named=named)


async def no_such_page(request: Request, error: Exception) -> Response:
    """Answers what matched no route."""
    if not for_a_browser(request):
        return await http_error(request, error)
    return not_found(request, request.app.state.services, "page", "/", path=request.url.path[:80])


@router.api_route("/instructor", methods=["GET", "HEAD"])
async def instructor(request: Request, shared: Shared, visitor: Asking) -> Response:
    """Who is here and what runs; others are asked to sign in."""
    if not visitor.instructor:
        return RedirectResponse("/login?next=/instructor", 303)
    return shared.page(request, "instructor.html")


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
