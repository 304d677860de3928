"""The way in for visitors of a server that asks for a token."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.tokens import (
    is_same,
    known_tokens,
    local_path,
    note_wrong_token,
    sign_in,
    sign_out,
    too_many_guesses,
)
from app.services import Services, Shared

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def ask(request: Request, shared: Shared) -> Response:
    """Asks for the token."""
    target = local_path(request.query_params.get("next", "/"))
    if not shared.settings.token:
        return RedirectResponse(target, 303)
    return _form(request, shared, target)


@router.post("/login")
async def check(request: Request, shared: Shared) -> Response:
    """Checks the token and remembers the visitor."""
    address = request.client.host if request.client else ""
    if refused := too_many_guesses(shared.visitors, address):
        return refused
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    token, target = form.get("token", [""])[0], form.get("next", ["/"])[0]
    for known in known_tokens(shared.settings):
        if is_same(token.strip(), known):
            return sign_in(request, shared.settings, known, target)
    note_wrong_token(shared.visitors, address)
    return _form(request, shared, local_path(target), wrong=True)


@router.post("/logout")
async def leave(shared: Shared) -> Response:
    """Forgets who was signed in on this browser."""
    return sign_out(shared.settings)


def _form(request: Request, shared: Services, target: str, *, wrong: bool = False) -> Response:
    """The page that asks; on the way to the instructor's page it says whose token opens that."""
    desk = target.partition("?")[0] == "/instructor"
    return shared.page(request, "login.html", 401 if wrong else 200, target=target, desk=desk, wrong=wrong)
