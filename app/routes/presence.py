"""The room: who is here, and what the instructor shows to everybody."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.responses import Response

from app.access.tokens import local_path
from app.access.visitors import Asking, Visitor
from app.http.encoding import to_json
from app.http.refusals import Refusal
from app.routes.schemas.common import Strict
from app.runs.control import cancelled
from app.runs.lifecycle import Manager
from app.services import Shared
from app.store import ACTIVE, Status
from app.store import Query as RunQuery
from optim_core.declare.errors import InvalidInput
from optim_core.wording import plain_name

router = APIRouter(prefix="/api/room", tags=["room"])

LONGEST, LONGEST_NAME = 8_000, 60


class You(BaseModel):
    """Whoever asks."""

    id: str = Field(description="The public name, as in a run's ``owner``.")
    instructor: bool = Field(description="Whether they may change every run.")


class ShownView(BaseModel):
    """What everybody is offered to look at."""

    id: int = Field(description="Counts up; what was dismissed once need not be offered again.")
    path: str
    title: str
    at: float
    follow: bool = Field(description="Whether pages go there by themselves, once.")


class RoomAnswer(BaseModel):
    """The room as every visitor may know it."""

    you: You
    here: int = Field(description="Visitors with an open page.")
    shown: ShownView | None


class GuestAnswer(BaseModel):
    """A visitor with an open page."""

    id: str
    name: str = Field(description="As they call themselves; empty where they chose none.")
    address: str
    page: str
    instructor: bool
    since: float
    seen: float
    streams: int
    runs: int = Field(description="Training runs that wait or run.")


class GuestsAnswer(BaseModel):
    """What the instructor may know besides."""

    guests: list[GuestAnswer]
    queue: list[str] = Field(description="Runs that wait, the next first.")
    computing: int = Field(description="Questions of pages that wait to be computed.")
    streams: int


class ResetAnswer(BaseModel):
    """What a reset did."""

    stopped: int = Field(description="Runs that were stopped.")


class ShowRequest(Strict):
    """A view to offer to everybody."""

    path: str = Field(max_length=LONGEST, description="Path and query of a page of this server.")
    title: str = Field("", max_length=200)
    follow: bool = Field(False, description="Whether everybody's page goes there by itself.")


@router.get("", response_model=RoomAnswer)
async def room(
    request: Request,
    shared: Shared,
    visitor: Asking,
    page: Annotated[str, Query(max_length=LONGEST, description="What you look at: a sign of life.")] = "",
    name: Annotated[
        str, Query(max_length=LONGEST_NAME, description="What the instructor may call you.")
    ] = "",
) -> Response:
    """Who you are, how many are here, and what the instructor shows."""
    if page:
        address = request.client.host if request.client else ""
        at, called = local_path(page), plain_name(name)
        shared.presence.saw(visitor.id, address, at, instructor=visitor.instructor, name=called)
    shown = shared.presence.shown
    return _answer(
        {
            "you": {"id": visitor.id, "instructor": visitor.instructor},
            "here": len(shared.presence.guests),
            "shown": asdict(shown) if shown else None,
        }
    )


@router.post("/shown", response_model=ShownView, status_code=201)
async def show(body: ShowRequest, shared: Shared, visitor: Asking) -> Response:
    """Offers every visitor a view; for the instructor."""
    check_instructs(visitor)
    if not body.path.startswith("/") or local_path(body.path) == "/" != body.path:
        raise InvalidInput("expected the path of a page of this server, such as /compare.", field="path")
    shown = shared.presence.show(local_path(body.path), body.title, follow=body.follow)
    return _answer(asdict(shown), 201)


@router.delete("/shown", status_code=204, response_class=Response)
async def hide(shared: Shared, visitor: Asking) -> Response:
    """Offers it no longer; for the instructor."""
    check_instructs(visitor)
    shared.presence.hide()
    return Response(status_code=204)


@router.post("/reset", response_model=ResetAnswer)
async def reset(shared: Shared, manager: Manager, visitor: Asking) -> Response:
    """Stops every run, and takes everybody's page back to the start; for the instructor."""
    check_instructs(visitor)
    unfinished = [status.value for status in (Status.QUEUED, *ACTIVE)]
    found, _ = await run_in_threadpool(manager.store.select, RunQuery(status=unfinished, limit=1_000))
    stop = partial(cancelled, by="the instructor")
    await asyncio.gather(*(asyncio.wrap_future(manager.store.change(run.id, stop)) for run in found))
    shared.presence.show("/", "", follow=True)
    return _answer({"stopped": len(found)})


@router.get("/guests", response_model=GuestsAnswer)
def guests(shared: Shared, manager: Manager, visitor: Asking) -> Response:
    """Who is here and what they have going; for the instructor."""
    check_instructs(visitor)
    unfinished = [status.value for status in (Status.QUEUED, *ACTIVE)]
    found, _ = manager.store.select(RunQuery(status=unfinished, limit=1_000))
    runs = [run.owner for run in found]
    return _answer(
        {
            "guests": [
                asdict(guest)
                | {"streams": manager.hub.subscribers_of(guest.id), "runs": runs.count(guest.id)}
                for guest in shared.presence.guests
            ],
            "queue": manager.jobs.waiting(),
            "computing": shared.compute.waiting,
            "streams": manager.hub.subscribers,
        }
    )


def check_instructs(visitor: Visitor) -> None:
    """Raises Refusal for everybody else."""
    if not visitor.instructor:
        raise Refusal(
            403,
            "instructor",
            "This is for the instructor.",
            "Sign in at /login with the instructor's token.",
        )


def _answer(content: object, status: int = 200) -> Response:
    return Response(to_json(content), status, media_type="application/json")
