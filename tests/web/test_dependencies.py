"""What handlers depend on is there at once: FastAPI gives every plain function a thread of its own.

For a few lines that is dear: on a busy server the hand-over takes longer than the answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from app.main import create_app
from app.settings import Settings


def calls(dependant: Any) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from calls(each)


def routes(router: Any) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router)


def test_no_dependency_takes_a_thread(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path))
    found = {call for route in routes(app) for call in calls(route.dependant)}
    assert len(found) > 4
    assert [call.__name__ for call in found if not inspect.iscoroutinefunction(call)] == []
