"""Tokens of one's own, for scripts: made here, shown once, listed, revoked."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from app.access.personal import MOST, MOST_OF_ONE
from app.access.visitors import Asking, Visitor, Visitors, new_name
from app.http.encoding import to_json
from app.http.refusals import Refusal
from app.routes.schemas.common import Strict
from app.runs.lifecycle import Manager
from app.services import Shared
from app.store import PersonalToken

router = APIRouter(prefix="/api/tokens", tags=["room"])


class TokenRequest(Strict):
    """A token to be made."""

    name: str = Field("", max_length=80, description="What it is for, as the list shows it.")


class TokenSummary(BaseModel):
    """A token as lists know it."""

    id: str
    name: str
    owner: str = Field(description="Whose runs are those that are started with it.")
    created: float


class TokenAnswer(TokenSummary):
    """A new one."""

    token: str = Field(description="To be sent as 'Authorization: Bearer …'. It is never shown again.")


class TokenList(BaseModel):
    """Tokens, the oldest first."""

    tokens: list[TokenSummary]


_NAMELESS = TokenRequest(name="")


@router.post("", response_model=TokenAnswer, status_code=201)
async def make_token(
    shared: Shared, manager: Manager, visitor: Asking, body: Annotated[TokenRequest, Field()] = _NAMELESS
) -> Response:
    """Makes a token that lets scripts in as you; who is known by their address alone becomes somebody new.

    It lasts until it is revoked, or the server gets another token.
    """
    if not shared.settings.token:
        raise Refusal(
            409, "no_tokens", "This server asks for no token, so scripts need none.", "Leave the token out."
        )
    personal = shared.visitors.personal
    owner = visitor.id if visitor.known else _newcomer(shared.visitors, visitor)
    if len(personal.of(owner)) >= MOST_OF_ONE or len(personal.all()) >= MOST:
        raise Refusal(
            429,
            "too_many_tokens",
            f"Too many tokens, allowed are at most {MOST_OF_ONE} of one visitor and {MOST} of all.",
            "Revoke some that you need no longer: DELETE /api/tokens/{id}.",
        )
    token, kept = personal.make(owner, body.name, time.time())
    personal.add(kept)
    await asyncio.wrap_future(manager.store.add_token(kept))
    return _answer(_summary(kept) | {"token": token}, 201)


def _newcomer(visitors: Visitors, visitor: Visitor) -> str:
    if not visitors.welcomes(visitor):
        raise Refusal(
            429, "newcomers", "Too many newcomers come from your address.", "Try again in a minute."
        )
    return new_name()


@router.get("", response_model=TokenList)
async def list_tokens(shared: Shared, visitor: Asking) -> Response:
    """Your tokens; the instructor sees those of all."""
    personal = shared.visitors.personal
    found = personal.all() if visitor.instructor else personal.of(visitor.id)
    return _answer({"tokens": [_summary(token) for token in found]})


@router.delete("/{token}", status_code=204, response_class=Response)
async def revoke_token(token: str, shared: Shared, manager: Manager, visitor: Asking) -> Response:
    """Revokes one of yours, by its id; the instructor may revoke all. Its runs stay."""
    personal = shared.visitors.personal
    of_all = personal.all() if visitor.instructor else personal.of(visitor.id)
    found = next((each for each in of_all if each.id == token), None)
    if found is None:
        raise Refusal(404, "no_token", f"You have no token {token[:80]!r}.", "GET /api/tokens lists yours.")
    personal.revoke(found)
    await asyncio.wrap_future(manager.store.remove_token(found.id))
    return Response(status_code=204)


def _summary(token: PersonalToken) -> dict[str, object]:
    return {"id": token.id, "name": token.name, "owner": token.owner, "created": token.created}


def _answer(content: object, status: int = 200) -> Response:
    return Response(
        to_json(content), status, media_type="application/json", headers={"Cache-Control": "no-store"}
    )
