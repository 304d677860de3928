"""How any producer delivers a run: make it known, send frames in order, say how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.access.visitors import Asking, Visitor
from app.compute import bodies
from app.http.body_limit import elements_in
from app.http.encoding import to_json
from app.http.refusals import Refusal
from app.routes.schemas.runs import (
    FinishRequest,
    IdAnswer,
    IngestFramesAnswer,
    IngestFramesRequest,
    IngestRunAnswer,
    IngestRunRequest,
)
from app.runs.control import control_of
from app.runs.lifecycle import Manager, RunManager
from app.services import Services, Shared
from app.store import ENDED, NewRun, NoSuchRun, Run, RunExists, Status, status_of
from app.store.runs import new_id, to_text
from optim_core.experiment import flat_config
from optim_core.transport.frames import Frame

router = APIRouter(prefix="/api/ingest/runs", tags=["ingest"])

# From here on a body is read in the pool.
LARGE_BYTES, LARGE_ELEMENTS = 1_000_000, 5_000

_FRAMES_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": IngestFramesRequest.model_json_schema()},
        },
    }
}


@router.post("", response_model=IngestRunAnswer)
async def make_known(body: IngestRunRequest, visitor: Asking, manager: Manager) -> Response:
    """Adds a run, or finds the one with this id; its producer goes on at ``next_seq``."""
    given, store = body.run, manager.store
    to_text([given.tensors, given.facts])  # refuses what cannot be kept before the run is there
    new = NewRun(
        id=given.id or new_id(),
        kind=given.kind,
        name=given.name or given.id or given.kind,
        task=given.task,
        optimizer=given.optimizer,
        tags=tuple(given.tags),
        config=flat_config(given.config),
        steps=given.steps,
        owner=visitor.id,
        place=visitor.place,
        status=Status.RUNNING,
    )
    if not given.existing and not await asyncio.to_thread(_is_known, manager, new.id):
        manager.quotas.check_new(visitor)
    greeted = partial(_greeted, manager, visitor)
    try:
        made = store.change(new.id, greeted) if given.existing else store.create(new)
        run = await asyncio.wrap_future(made)
    except RunExists:
        run = await asyncio.wrap_future(store.change(new.id, greeted))
    if given.tensors or given.facts:
        await asyncio.wrap_future(store.describe(run.id, given.tensors, given.facts))
    return _answer({"id": run.id} | _next(manager, run))


def _is_known(manager: RunManager, run: str) -> bool:
    try:
        return bool(manager.store.find(run))
    except NoSuchRun:
        return False


def _greeted(manager: RunManager, visitor: Visitor, run: Run) -> Mapping[str, Any] | None:
    """A producer that says hello again goes on with its run."""
    now = time.time()
    visitor.check_delivers(run)
    if run.status in ENDED:
        return None
    manager.check_producer(run)
    status = Status.PAUSED if run.control.get("paused") else Status.RUNNING
    changes = {"status": status.value, "reason": "", "outcome": None, "finished": None, "heard": now}
    return changes | {"started": run.started or now, "progressed": now}


@router.post("/{run}/frames", response_model=IngestFramesAnswer, openapi_extra=_FRAMES_BODY)
async def deliver(run: str, request: Request, visitor: Asking, shared: Shared, manager: Manager) -> Response:
    """Keeps frames in order; those that came before are passed over, a gap is refused with ``next_seq``.

    The answer comes when the frames are kept. No frames at all are a sign of life.
    """

    def check(found: Run) -> None:
        visitor.check_delivers(found)
        manager.check_producer(found)
        if frames and (found.local or not visitor.instructor):
            manager.quotas.check_growth(found)

    frames = await _frames(await request.body(), run, visitor, shared)
    done = await asyncio.wrap_future(manager.store.append(run, frames, check))
    if done.gap:
        raise Refusal(
            409,
            "gap",
            f"A frame is missing: the next one must have seq {done.run.next_seq}.",
            "Send from there on.",
            beside=_next(manager, done.run),
        )
    return _answer(_next(manager, done.run))


async def _frames(content: bytes, run: str, visitor: Visitor, shared: Services) -> list[Frame]:
    """The frames in a body: a large one is read where nobody else waits."""
    limits = shared.settings.limits
    if len(content) < LARGE_BYTES and elements_in(content) < LARGE_ELEMENTS:
        return await run_in_threadpool(bodies.frames, content, run, limits)
    return await shared.compute.make(visitor.id, bodies.frames, content, run, limits, heavy=True)


@router.post("/{run}/finish", response_model=IdAnswer)
async def finish(run: str, body: FinishRequest, visitor: Asking, manager: Manager) -> Response:
    """Says how the run ended; a second time changes nothing."""

    def end(found: Run) -> Mapping[str, Any] | None:
        visitor.check_delivers(found)
        if found.status in ENDED:
            return None
        manager.check_producer(found)
        changes = {"status": status_of(body.outcome).value, "outcome": body.outcome, "reason": body.reason}
        return changes | {"finished": time.time(), "heard": time.time()}

    await asyncio.wrap_future(manager.store.finish(run, end))
    return _answer({"id": run})


def _next(manager: RunManager, run: Run) -> dict[str, Any]:
    wanted_back = run.local and manager.jobs.wants_back(run.id)
    return {"next_seq": run.next_seq, "control": control_of(run) | {"give_way": wanted_back}}


def _answer(content: Mapping[str, Any]) -> Response:
    return Response(to_json(content), media_type="application/json")
