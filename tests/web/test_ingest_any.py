"""Whatever is delivered as frames is kept as it is, or refused; never half of it, and never a failure."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import numpy as np
from fake_producer import frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.routes.schemas.common import ErrorAnswer
from app.store.runs import new_id
from optim_core.transport.frames import pack

RUNS = "/api/ingest/runs"
MORE = "OPTIMSCOPE_EXAMPLES"  # so many instead, and others every time
EXAMPLES = int(os.environ.get(MORE, "120"))
any_frames = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=MORE not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

SIZES = st.one_of(
    st.integers(0, 4),
    st.sampled_from([-1, 2**31, 2**63, 10**30, 1.5, 1e999, "2", None, True]),
)
NAMES = st.one_of(st.sampled_from(["step", "loss", "a/b", "layer.0/weight_norm"]), st.text(max_size=8))
DTYPES = st.sampled_from(["f4", "f4", "f4", "f8", "u1", "i4", "", None])
SHAPES = st.one_of(st.lists(SIZES, max_size=3), st.just("12"), st.none())
NUMBERS = st.lists(st.floats(width=32, allow_nan=True), max_size=8)


@st.composite
def columns(draw: st.DrawFn) -> Any:
    """A packed array that fits itself, or does not."""
    dtype, values = draw(DTYPES), draw(NUMBERS)
    if draw(st.booleans()):
        shape = [draw(st.integers(0, 3)) for _ in range(draw(st.integers(0, 3)))]
        values = list(range(int(np.prod(shape))))
    else:
        shape = draw(SHAPES)
    kinds = {"f8": "<f8", "u1": "u1"}
    with np.errstate(all="ignore"):
        content = np.nan_to_num(np.array(values, "f4")).astype(kinds.get(str(dtype), "<f4")).tobytes()
    text = base64.b64encode(content).decode()
    return {"dtype": dtype, "shape": shape, "bdata": draw(st.sampled_from([text, text, text, text[1:], 5]))}


WHOLE = st.one_of(
    st.integers(0, 3),
    st.sampled_from([-1, 2**53, 2**63, 10**400, 0.5, 1e999, "1", "x", None, True, [], {}]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """Something that resembles a frame."""
    rows = draw(st.integers(0, 3))
    sound = {"step": pack(np.arange(rows, dtype=np.float32), "f4")}
    found = {
        "run": draw(st.sampled_from(["RUN", "RUN", "RUN", "other", 5])),
        "seq": draw(WHOLE),
        "first_step": draw(WHOLE),
        "columns": sound | draw(st.dictionaries(NAMES, columns(), max_size=3)),
        "events": draw(st.one_of(st.just([]), JSON, st.lists(st.dictionaries(st.text(max_size=5), JSON)))),
    }
    for name in draw(st.lists(st.sampled_from(sorted(found)), max_size=1)):
        found[name] = draw(JSON)
    return found


def text_of(content: Any, run: str) -> str:
    """JSON, with numbers that Python cannot write otherwise."""
    return json.dumps(content).replace('"RUN"', f'"{run}"').replace("Infinity", "1e999")


@given(content=st.one_of(st.lists(frames(), max_size=3), JSON))
@any_frames
def test_anything_is_kept_or_refused_in_the_one_shape(client: TestClient, content: Any) -> None:
    run = client.post(RUNS, json={"run": {"id": new_id()}}).json()["id"]
    answer = client.post(f"{RUNS}/{run}/frames", content=text_of({"frames": content}, run))
    kept = client.get(f"/api/runs/{run}").json()["next_seq"]
    if answer.status_code == 200:
        assert answer.json()["next_seq"] == kept
    else:
        assert answer.status_code in (409, 422), answer.text
        ErrorAnswer.model_validate({"error": answer.json()["error"]})
        assert answer.status_code == 409 or kept == 0, "a refused delivery leaves nothing"
    for query in ("", "?arrays=json", "?points=2"):
        read = client.get(f"/api/runs/{run}/frames{query}")
        assert read.status_code == 200, read.text
    following = client.post(f"{RUNS}/{run}/frames", json={"frames": [frame(run, kept).to_json()]})
    assert following.status_code in (200, 422), following.text  # 422: a column had another width before


@st.composite
def sound_runs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The columns of some frames, as they might come from a producer: steps, widths and numbers at will."""
    names = st.text(
        st.characters(codec="utf-8", exclude_characters=",", exclude_categories=("C", "Z")), min_size=1
    )
    widths = draw(st.dictionaries(names.filter(lambda name: name != "step"), st.integers(1, 3), max_size=3))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        rows = draw(st.integers(1, 4))
        chosen = {"step": np.arange(rows, dtype=np.float32)}
        for name, width in widths.items():
            if draw(st.booleans()):
                numbers = st.lists(st.floats(width=32), min_size=rows * width, max_size=rows * width)
                shape = (rows,) if width == 1 else (rows, width)
                chosen[name] = np.array(draw(numbers), np.float32).reshape(shape)
        found.append(chosen)
    return found


@given(parts=sound_runs(), order=st.permutations(range(4)))
@any_frames
def test_what_is_sound_comes_back_to_the_bit_in_whatever_order_it_came(
    client: TestClient, parts: list[dict[str, Any]], order: list[int]
) -> None:
    run = client.post(RUNS, json={"run": {"id": new_id()}}).json()["id"]
    bodies, first = [], 1
    for seq, part in enumerate(parts):
        packed = {name: pack(values, "f4") for name, values in part.items()}
        bodies.append({"run": run, "seq": seq, "first_step": first, "columns": packed})
        first += len(part["step"])
    for index in [*(i for i in order if i < len(bodies)), *range(len(bodies))]:
        answer = client.post(f"{RUNS}/{run}/frames", json={"frames": [bodies[index]]})
        assert answer.status_code in (200, 409), answer.text
    kept = client.get(f"/api/runs/{run}/frames?points=0").json()
    assert kept["next_seq"] == len(parts)
    for name in {name for part in parts for name in part} - {"step"}:
        sent = np.concatenate([part[name] for part in parts if name in part])
        (found,) = [column["value"] for each, column in kept["columns"].items() if each == name]
        content = np.frombuffer(base64.b64decode(found["bdata"]), "<f4").reshape(found["shape"])
        np.testing.assert_array_equal(content, sent)
