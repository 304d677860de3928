"""The heights of a surface over a box, for contours and 3-D pictures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.encoding import Form
from app.schemas import GridAnswer, GridRequest
from app.services import Shared
from app.settings import Limits
from app.walks import landscape_of, minima_answer, surface_answer
from optim_core.errors import InvalidInput
from optim_core.placement import Box

router = APIRouter(prefix="/api/surfaces", tags=["surfaces"])

WIDEST = 1e9  # as far from the origin as a start may be


@router.post("/grid", response_model=GridAnswer, response_model_exclude_none=True)
def grid(body: GridRequest, request: Request, shared: Shared, form: Form) -> Response:
    """Heights over a box and the minima in it; with ``weight_decay`` also of the penalised loss."""
    landscape = landscape_of(body.surface)
    box = _box(body.box) if body.box else landscape.box
    n_x, n_y = _points(body.n, shared.settings.limits)

    def heights(weight_decay: float) -> dict[str, Any]:
        x, y, z = landscape.grid(box, n_x, n_y, weight_decay)
        minima = minima_answer(landscape, landscape.find_minima(box, weight_decay), weight_decay)
        return {"x": form.array(x), "y": form.array(y), "z": form.array(z), "minima": minima}

    def compute() -> dict[str, Any]:
        answer = {**heights(0.0), "box": list(box), "surface": surface_answer(landscape)}
        if body.weight_decay:
            found = heights(body.weight_decay)
            answer["penalised"] = {
                "weight_decay": body.weight_decay,
                "z": found["z"],
                "minima": found["minima"],
            }
        return answer

    surface = [landscape.surface_id, landscape.formula.text, dict(landscape.params)]
    question = ["grid", surface, box, n_x, n_y, body.weight_decay, form]
    return shared.answers.answer(question, compute).respond(request)


def _box(given: list[float]) -> Box:
    low_x, high_x, low_y, high_y = given
    if not (low_x < high_x and low_y < high_y and max(map(abs, given)) <= WIDEST):
        raise InvalidInput(
            f"got {given}, expected [x low, x high, y low, y high], each low below its high,"
            f" none further than {WIDEST:g} from 0.",
            field="box",
        )
    return low_x, high_x, low_y, high_y


def _points(given: int | list[int], limits: Limits) -> tuple[int, int]:
    n_x, n_y = (given, given) if isinstance(given, int) else (given[0], given[1])
    limits.check("grid", max(n_x, n_y), "n", "points along a side")
    if min(n_x, n_y) < 2:
        raise InvalidInput(f"got {given}, allowed are at least 2 points along a side.", field="n")
    return n_x, n_y
