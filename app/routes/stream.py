"""What happens now: one stream of server-sent events for any number of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from app.access.visitors import Asking, Visitor, share_of_address
from app.http.columns import ColumnsText, columns
from app.http.refusals import Refusal
from app.runs.lifecycle import Manager
from app.services import Shared
from app.settings import Limits
from app.store import NoSuchRun
from app.store import Query as RunQuery
from app.stream.hub import ALL, Hub
from app.stream.subscription import Subscription
from optim_core.declare.errors import InvalidInput

router = APIRouter(prefix="/api", tags=["runs"])

LONGEST = 8_000


class EventStream(StreamingResponse):
    """A subscription as a response; it ends with the connection, however that ends."""

    media_type = "text/event-stream"

    def __init__(self, subscription: Subscription):
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # proxies pass it on at once
        super().__init__(subscription.events(), headers=headers)
        self._subscription = subscription

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        finally:
            self._subscription.close()


async def _cursors(
    shared: Shared,
    runs: Annotated[
        str, Query(max_length=LONGEST, description="Ids, separated by commas; * for the states of all runs.")
    ],
    after: Annotated[
        str, Query(max_length=LONGEST, description="run:seq, separated by commas: where to begin.")
    ] = "",
    last_event_id: Annotated[str | None, Header(max_length=LONGEST)] = None,
) -> Mapping[str, int]:
    """The sequence number from which each run is wanted."""
    ids = list(dict.fromkeys(filter(None, (part.strip() for part in runs.split(",")))))
    if not ids:
        raise InvalidInput("got no run.", field="runs")
    shared.settings.limits.check("compared", len(ids), "runs", "runs")
    known = _parse(after, "after") | _parse(last_event_id or "", "Last-Event-ID")
    return {run: known.get(run, 0) for run in ids}


def _parse(text: str, field: str) -> dict[str, int]:
    found = {}
    for part in filter(None, text.split(",")):
        run, _, seq = part.strip().rpartition(":")
        if not (run and seq.isascii() and seq.isdecimal() and len(seq) < 16):
            raise InvalidInput(f"got {part[:80]!r}, expected run:seq with a whole number.", field=field)
        found[run] = int(seq)
    return found


@router.get(
    "/stream",
    status_code=200,
    response_class=Response,  # errors are described as JSON, which EventStream's type would hide
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    shared: Shared,
    manager: Manager,
    visitor: Asking,
    cursors: Annotated[Mapping[str, int], Depends(_cursors)],
    columns_wanted: Annotated[ColumnsText, Query(alias="columns")] = "*",
) -> EventStream:
    """Events ``frame`` (a frame with its wanted columns) and ``state`` (a run as in the list).

    The id of a frame event is a cursor for all runs of the stream: a browser that comes back with it
    goes on where it was. Nothing is lost and nothing comes twice.
    """
    _check_streams(manager.hub, visitor, shared.settings.limits)
    ids = {run: seq for run, seq in cursors.items() if run != ALL}
    if ids:
        found, _ = await run_in_threadpool(manager.store.select, RunQuery(ids=list(ids), limit=len(ids)))
        for missing in ids.keys() - {run.id for run in found}:
            raise NoSuchRun(missing)
    _check_streams(manager.hub, visitor, shared.settings.limits)  # others may have come meanwhile
    return EventStream(
        manager.hub.subscribe(
            manager.traces,
            ids,
            columns(columns_wanted),
            all_runs=ALL in cursors,
            who=visitor.id,
            place=visitor.place,
        )
    )


def _check_streams(hub: Hub, visitor: Visitor, limits: Limits) -> None:
    """Raises Refusal if too many streams are open: of this visitor, from this address, or of all."""
    counted = [("streams", hub.subscribers, limits.streams, "")]
    if not visitor.instructor:
        counted += [
            ("client_streams", hub.subscribers_of(visitor.id), limits.client_streams, "of yours "),
            (
                "streams",
                hub.subscribers_at(visitor.place),
                share_of_address(limits.streams),
                "of your address ",
            ),
        ]
    for name, count, most, whose in counted:
        if count >= most:
            raise Refusal(
                429,
                "too_many_streams",
                f"Too many streams {whose}are open, allowed are at most {most}.",
                f"Close some pages, or start the server with OPTIMSCOPE_MAX_{name.upper()} set higher.",
            )
