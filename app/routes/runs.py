"""Runs: the list, one of them, and what may be done to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.access.visitors import Asking, Visitor, share_of_address
from app.http.encoding import to_json
from app.http.refusals import Refusal
from app.http.responses import reply
from app.routes.schemas.runs import ControlRequest, PatchRequest, RunDetail, RunList, RunSummary
from app.routes.schemas.train import CloneRequest, StartAnswer, TrainRequest
from app.runs.control import cancelled, control_of, steered
from app.runs.lifecycle import Manager, RunManager
from app.runs.requests import clone_of, runs_of
from app.services import Shared
from app.settings import Limits
from app.store import ACTIVE, Run, Status
from app.store import Query as RunQuery
from optim_core.catalogue import rules, tasks

router = APIRouter(prefix="/api/runs", tags=["runs"])

Sort = Literal[
    "created", "-created", "name", "-name", "status", "-status", "task", "-task", "optimizer", "-optimizer",
    "step", "-step", "started", "-started", "finished", "-finished",
]  # fmt: skip
Text = Annotated[str, Query(max_length=200)]


@router.post("", response_model=StartAnswer, status_code=201)
async def start_runs(
    body: TrainRequest | Annotated[list[TrainRequest], Field(min_length=1)],
    visitor: Asking,
    shared: Shared,
    manager: Manager,
) -> Response:
    """Queues a training run, several that differ in the field that ``vary`` names, or a list of them."""
    return await _start(body, visitor, shared, manager)


@router.post("/{run}/clone", response_model=StartAnswer, status_code=201)
async def clone_run(
    run: str, body: CloneRequest, visitor: Asking, shared: Shared, manager: Manager
) -> Response:
    """Queues a run with the settings of this one and some changes."""
    found = await run_in_threadpool(manager.store.find, run)
    return await _start(clone_of(found, body.changes), visitor, shared, manager)


async def _start(
    body: TrainRequest | list[TrainRequest],
    visitor: Visitor,
    shared: Shared,
    manager: RunManager,
) -> Response:
    limits = shared.settings.limits
    new = await run_in_threadpool(runs_of, body, visitor, limits)
    async with manager.starting:  # nobody else counts while these are not there yet
        manager.quotas.check_new(visitor, len(new))
        await run_in_threadpool(_check_queue, manager, visitor, len(new), limits)
        runs = [await asyncio.wrap_future(future) for future in [manager.store.create(each) for each in new]]
    answer = {"id": runs[0].id, "ids": [run.id for run in runs], "runs": [run.summary() for run in runs]}
    return Response(to_json(answer), 201, media_type="application/json")


def _check_queue(manager: RunManager, visitor: Visitor, more: int, limits: Limits) -> None:
    """Raises Refusal if too many runs waited or ran: of this owner's, from this address, or of all."""
    unfinished = [status.value for status in (Status.QUEUED, *ACTIVE)]
    of_all = RunQuery(status=unfinished, local=True, limit=0)
    counted = [("queued", limits.queued, replace(of_all, owner=visitor.id), "You have")]
    if not visitor.instructor:
        most = share_of_address(limits.queue)
        counted.append(("queue", most, replace(of_all, place=visitor.place), "From your address there are"))
    counted.append(("queue", limits.queue, of_all, "There are"))
    for name, most, query, who in counted:
        _, count = manager.store.select(query)
        if count + more > most:
            raise Refusal(
                429,
                "queue_full",
                f"{who} {count} runs that wait or run, allowed are at most {most}.",
                f"Wait, cancel some, or start the server with OPTIMSCOPE_MAX_{name.upper()} set higher.",
            )


async def _owned(run: str, visitor: Asking, manager: Manager) -> str:
    """The id of a run that the visitor may change; raises Refusal."""
    visitor.check_owns(await run_in_threadpool(manager.store.find, run))
    return run


Owned = Annotated[str, Depends(_owned)]


@router.get("", response_model=RunList)
def list_runs(
    request: Request,
    manager: Manager,
    status: Annotated[list[Status], Query(description="May be given several times.")] = [],  # noqa: B006
    outcome: Annotated[list[Text], Query(max_length=20, description="How it ended; several times.")] = [],  # noqa: B006
    kind: Text = "",
    task: Text = "",
    optimizer: Text = "",
    tag: Text = "",
    text: Annotated[
        str,
        Query(
            max_length=200,
            description="Words in name, id, tags or reason, or in a task's or optimizer's id or title.",
        ),
    ] = "",
    owner: Annotated[str, Query(max_length=200, description="Who started it: a visitor's name.")] = "",
    sort: Annotated[Sort, Query(description="With - in front: from the end.")] = "-created",
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The runs that match, one page of them."""
    query = RunQuery(
        status=[each.value for each in status],
        outcome=outcome,
        kind=kind,
        task=task,
        optimizer=optimizer,
        tag=tag,
        text=text,
        titles={rule.id: rule.title for rule in rules().values()}
        | {task.id: task.title for task in tasks().values()},
        owner=owner,
        sort=sort,
        offset=offset,
        limit=limit,
    )
    found, total = manager.store.select(query)
    told = [run.summary() | place for run, place in zip(found, _places(manager, found), strict=True)]
    page = {"runs": told, "total": total, "offset": offset, "limit": limit}
    return reply(request, to_json(page), "application/json")


@router.get("/{run}", response_model=RunDetail)
def show_run(run: str, request: Request, manager: Manager) -> Response:
    """A run with its settings, its tensors and its columns."""
    return reply(request, to_json(_detail(manager, manager.store.find(run))), "application/json")


def _detail(manager: RunManager, run: Run) -> dict[str, Any]:
    return run.summary() | {
        **manager.store.description(run),
        "columns": manager.traces.columns(run),
        "control": control_of(run),
        **_places(manager, [run])[0],
    }


def _places(manager: RunManager, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Where each of the runs stands in the queue, and how long that will last."""
    waiting = any(run.status == Status.QUEUED for run in runs)
    known = {place.run: place for place in manager.jobs.places()} if waiting else {}
    found = [known.get(run.id) for run in runs]
    return [
        {"queue_position": place and place.position, "queue_seconds": place and place.seconds}
        for place in found
    ]


@router.patch("/{run}", response_model=RunSummary)
async def patch_run(run: Owned, body: PatchRequest, manager: Manager) -> Response:
    """Changes the name or the tags."""
    changes: dict[str, Any] = {} if body.name is None else {"name": body.name}
    if body.tags is not None:
        changes["tags"] = list(dict.fromkeys(body.tags))
    return _summary(await asyncio.wrap_future(manager.store.change(run, lambda _: changes)))


@router.delete("/{run}", status_code=204, response_class=Response)
async def delete_run(run: Owned, manager: Manager) -> Response:
    """Removes a run for good; one that runs is cancelled first."""
    await asyncio.wrap_future(manager.store.change(run, cancelled, frees=True))
    await asyncio.wrap_future(manager.store.delete(run))
    return Response(status_code=204)


@router.post("/{run}/cancel", response_model=RunSummary)
async def cancel_run(run: Owned, visitor: Asking, shared: Shared, manager: Manager) -> Response:
    """Stops a run, or takes it from the queue; what was measured stays."""

    def change(found: Run) -> Mapping[str, Any] | None:
        others = bool(shared.settings.token) and found.owner != visitor.id
        return cancelled(found, by="the instructor" if others else "")  # nobody else may

    return _summary(await asyncio.wrap_future(manager.store.change(run, change)))


@router.post("/{run}/control", response_model=RunSummary)
async def control_run(run: Owned, body: ControlRequest, manager: Manager) -> Response:
    """Pauses or resumes a run, takes single steps, changes the learning rate or λ while it runs."""

    def change(found: Run) -> Mapping[str, Any]:
        if found.status not in ACTIVE and not found.away:
            raise Refusal(
                409, "not_running", f"The run is {found.status.value}; only one that runs can be steered."
            )
        return steered(found, paused=body.paused, steps=body.steps, hyper=body.hyper or {})

    return _summary(await asyncio.wrap_future(manager.store.change(run, change)))


def _summary(run: Run) -> Response:
    return Response(to_json(run.summary()), media_type="application/json")
