"""Any producer can deliver: whatever comes twice, late, torn or wrong, the run has each frame once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_producer import frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import running
from starlette.testclient import TestClient

from app.runs import lifecycle
from app.store.runs import new_id
from optim_core.transport.frames import Frame

RUNS = "/api/ingest/runs"
EVERYTHING = {"arrays": "json", "points": "0"}
CONTROL = {
    "version": 0,
    "cancel": False,
    "paused": False,
    "steps": 0,
    "hyper": {},
    "by": "",
    "give_way": False,
}


def make_known(client: TestClient, **about: Any) -> dict[str, Any]:
    response = client.post(RUNS, json={"run": about})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def deliver(client: TestClient, run: str, *frames: Frame) -> Any:
    return client.post(f"{RUNS}/{run}/frames", json={"frames": [f.to_json() for f in frames]})


def numbered(run: str, *frames: Frame) -> list[Frame]:
    return [replace(frame, run=run, seq=seq) for seq, frame in enumerate(frames)]


@pytest.fixture
def run(client: TestClient) -> str:
    return str(make_known(client)["id"])


def test_a_run_is_made_known_and_delivered(client: TestClient) -> None:
    about = {
        "name": "ResNet",
        "kind": "watch",
        "task": "images",
        "optimizer": "AdamW",
        "config": {"hyper": {"lr": 0.1}},
        "steps": 8,
        "tags": ["mine"],
        "tensors": [
            {"name": "w", "shape": [2, 3], "group": 0, "decayed": True, "reason": "It is a weight."},
        ],
        "facts": {"examples": 50},
        "something new": 1,
    }
    known = make_known(client, **about)
    run = known["id"]
    assert known == {"id": run, "next_seq": 0, "control": CONTROL}
    answer = deliver(client, run, frame(run, 0), frame(run, 1))
    assert (answer.status_code, answer.json()) == (200, {"next_seq": 2, "control": CONTROL})
    ended = client.post(f"{RUNS}/{run}/finish", json={"outcome": "converged", "reason": "At rest."})
    assert ended.json() == {"id": run}
    detail = client.get(f"/api/runs/{run}").json()
    assert {name: detail[name] for name in about if name in detail} == {
        name: value for name, value in about.items() if name in detail
    }
    assert (detail["status"], detail["outcome"], detail["reason"]) == ("finished", "converged", "At rest.")
    assert (detail["step"], detail["progress"], detail["next_seq"]) == (8, 1.0, 2)
    assert detail["latest"] == {"loss": 8.0, "lr": pytest.approx(8.01)}
    assert detail["columns"] == dict.fromkeys(["loss", "lr", "layer.0/weight_norm", "layer.1/weight_norm"], 1)
    frames = client.get(f"/api/runs/{run}/frames", params=EVERYTHING).json()
    assert frames["columns"]["loss"] == {"step": list(range(1, 9)), "value": list(range(1, 9))}


def test_an_id_of_ones_own_may_be_made_known_twice(client: TestClient) -> None:
    run = new_id()
    assert make_known(client, id=run)["next_seq"] == 0
    deliver(client, run, frame(run, 0))
    again = make_known(client, id=run, name="other")
    assert (again["id"], again["next_seq"]) == (run, 1)
    assert client.get(f"/api/runs/{run}").json()["name"] == run


def test_what_comes_twice_is_passed_over_and_a_gap_is_told(client: TestClient, run: str) -> None:
    deliver(client, run, frame(run, 0), frame(run, 1))
    assert deliver(client, run, frame(run, 0), frame(run, 1), frame(run, 2)).json()["next_seq"] == 3
    refused = deliver(client, run, frame(run, 5))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "gap")
    assert (refused.json()["next_seq"], refused.json()["control"]) == (3, CONTROL)
    assert deliver(client, run).json()["next_seq"] == 3  # a sign of life


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4), st.booleans()), max_size=12))
def test_any_mess_of_retries_ends_in_the_same_run(
    client: TestClient, deliveries: list[tuple[int, int, bool]]
) -> None:
    """A producer whose answers get lost, so that it sends again from anywhere, or says hello again."""
    run, expected = new_id(), 0
    make_known(client, id=run)
    for first, count, hello in deliveries:
        answer = deliver(client, run, *(frame(run, seq) for seq in range(first, first + count)))
        gap = first > expected and count > 0
        expected = expected if first > expected else max(expected, first + count)
        assert (answer.status_code, answer.json()["next_seq"]) == (409 if gap else 200, expected)
        if hello:
            assert make_known(client, id=run)["next_seq"] == expected
    found = client.get(f"/api/runs/{run}/frames", params=EVERYTHING).json()
    assert found["next_seq"] == expected
    steps = found["columns"]["loss"]["step"] if expected else []
    assert steps == list(range(1, 4 * expected + 1))


def test_the_producer_is_told_what_to_do(client: TestClient, run: str) -> None:
    client.post(f"/api/runs/{run}/control", json={"paused": True, "steps": 2, "hyper": {"lr": 0.5}})
    client.post(f"/api/runs/{run}/control", json={"steps": 3})
    told = {"version": 2, "cancel": False, "paused": True, "steps": 5, "hyper": {"lr": 0.5}, "by": ""}
    told |= {"give_way": False}
    assert deliver(client, run).json()["control"] == told
    assert client.post(f"/api/runs/{run}/cancel").json()["cancelling"]
    assert deliver(client, run, frame(run, 0)).json()["control"] == told | {"version": 3, "cancel": True}
    client.post(f"{RUNS}/{run}/finish", json={"outcome": "cancelled"})
    assert client.get(f"/api/runs/{run}").json()["status"] == "cancelled"
    assert deliver(client, run, frame(run, 1)).json()["control"]["cancel"]


def test_the_end_comes_once(client: TestClient, run: str) -> None:
    for outcome in ("finished", "diverged"):
        answer = client.post(f"{RUNS}/{run}/finish", json={"outcome": outcome})
        assert answer.status_code == 200
    assert client.get(f"/api/runs/{run}").json()["outcome"] == "finished"
    refused = deliver(client, run, frame(run, 0))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ended")


def change(**fields: Any) -> dict[str, Any]:
    return {**frame("RUN", 0).to_json(), **fields}


def column(name: str, dtype: str = "f4", shape: Any = (1,), bdata: Any = "AACAPw==") -> dict[str, Any]:
    step = {"dtype": "f4", "shape": [1], "bdata": "AAAAAA=="}
    return change(columns={"step": step, name: {"dtype": dtype, "shape": shape, "bdata": bdata}})


BAD = [
    ("", "frames"),
    ("[]", "frames"),
    ("{}", "frames"),
    ('{"frames": {}}', "frames"),
    ('{"frames": [1]}', "frames.0"),
    ('{"frames": [' + "[" * 5000, "frames"),
    (change(run="other"), "frames.0.run"),
    (change(seq=-1), "frames.0.seq"),
    (change(seq=2**70), "frames.0.seq"),
    (change(seq="x"), "frames.0"),
    (change(first_step=2**60), "frames.0.first_step"),
    (change(columns={}), "frames.0"),
    (change(columns=[]), "frames.0"),
    (change(events=[1]), "frames.0.events"),
    (change(events={"a": 1}), "frames.0.events"),
    (change(events=5), "frames.0"),
    (change(events=[{}] * 2000), "frames.0.events"),
    (column("x", dtype="i4"), "frames.0"),
    (column("x", shape=[2]), "frames.0"),
    (column("x", shape=[-1]), "frames.0"),
    (column("x", shape=["a"]), "frames.0"),
    (column("x", shape=[1, 1, 1]), "frames.0.columns.x"),
    (column("x", shape=[]), "frames.0"),
    (column("x", bdata="&&&&"), "frames.0"),
    (column("x", bdata=5), "frames.0"),
    (column(""), "frames.0.columns"),
    (column("a,b"), "frames.0.columns"),
    (column("a\n"), "frames.0.columns"),
    (column("x" * 500), "frames.0.columns"),
    (column("step", bdata="AADAfw=="), "frames.0.columns.step"),
    (column("step", bdata="AACAvw=="), "frames.0.columns.step"),
    (column("step", shape=[2], bdata="AAAAAAAAAAA="), "frames.0.columns.step"),
]


@pytest.mark.parametrize(("body", "field"), BAD, ids=range(len(BAD)))
def test_what_is_no_frame_is_refused_at_its_field(
    client: TestClient, run: str, body: Any, field: str
) -> None:
    text = body if isinstance(body, str) else json.dumps({"frames": [body]}).replace('"RUN"', f'"{run}"')
    answer = client.post(f"{RUNS}/{run}/frames", content=text)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field
    assert deliver(client, run, frame(run, 0)).json()["next_seq"] == 1  # and nothing of it was kept


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"id": "../x"}, "run.id"),
        ({"id": ""}, "run.id"),
        ({"id": "a" * 65}, "run.id"),
        ({"id": "a:b"}, "run.id"),
        ({"id": 5}, "run.id"),
        ({"steps": -1}, "run.steps"),
        ({"steps": 2**60}, "run.steps"),
        ({"tags": ["x" * 50]}, "run.tags.0"),
        ({"name": 5}, "run.name"),
        ({"config": []}, "run.config"),
    ],
)
def test_a_run_that_cannot_be_is_refused_at_its_field(
    client: TestClient, about: dict[str, Any], field: str
) -> None:
    answer = client.post(RUNS, json={"run": about})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


@pytest.mark.parametrize(
    "about",
    [
        {"name": "\ud800"},
        {"task": "\ud800"},
        {"tags": ["\ud800"]},
        {"config": {"a": 10**40}},
        {"facts": {"\udfff": 1}},
        {"tensors": [{"name": "\ud800"}]},
    ],
)
def test_what_cannot_be_kept_is_refused(client: TestClient, about: dict[str, Any]) -> None:
    content = json.dumps({"run": {"id": new_id(), **about}})
    answer = client.post(RUNS, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text


def test_a_run_that_is_not_known_is_told_so(client: TestClient) -> None:
    for answer in (
        deliver(client, "nobody", frame("nobody", 0)),
        client.post(f"{RUNS}/nobody/finish", json={"outcome": "finished"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_run")


def test_frames_may_be_larger_than_other_requests(client: TestClient, run: str) -> None:
    large = frame(run, 0, rows=2000, tensors=200)
    answer = deliver(client, run, large)
    assert len(answer.request.content) > 2_000_000
    assert answer.json()["next_seq"] == 1
    stored = client.get(f"/api/runs/{run}/frames?points=0&columns=loss&arrays=json").json()
    assert stored["columns"]["loss"]["value"] == large.columns["loss"].tolist()
    too_large = client.post(f"{RUNS}/{run}/frames", content=b"x" * 40_000_000)
    assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "too_large")
    assert "OPTIMSCOPE_MAX_INGEST_BYTES" in too_large.json()["error"]["message"]


def test_numbers_of_eight_bytes_are_taken_too(client: TestClient, run: str) -> None:
    wide = column("x", dtype="f8", bdata="AAAAAAAA8D8=") | {"run": run}
    assert client.post(f"{RUNS}/{run}/frames", json={"frames": [wide]}).status_code == 200
    packed = client.get(f"/api/runs/{run}/frames?columns=x").json()["columns"]["x"]["value"]
    assert packed == {"dtype": "f4", "shape": [1], "bdata": "AACAPw=="}


def test_the_same_frames_give_the_same_run_whoever_delivers(client: TestClient) -> None:
    one, other = (make_known(client)["id"] for _ in range(2))
    for seq in range(5):
        deliver(client, one, frame(one, seq))
    deliver(client, other, *(frame(other, seq) for seq in range(5)))
    found = [client.get(f"/api/runs/{run}/frames").json() for run in (one, other)]
    assert found[0] == found[1]


def test_a_producer_that_falls_silent_interrupts_its_run_until_it_is_heard_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SWEEP_SECONDS", 0.02)
    with running(tmp_path, silent_seconds=0.3) as server:
        run = server.client.post(RUNS, json={"run": {}}).json()["id"]
        assert "Nothing was heard of it" in server.wait_for(run, "interrupted").reason
        server.client.post(f"{RUNS}/{run}/frames", json={"frames": [frame(run, 0).to_json()]})
        heard = server.manager.store.find(run)
        assert (heard.status, heard.reason, heard.next_seq) == ("running", "", 1)
        server.client.post(f"/api/runs/{run}/cancel")  # nobody is there to obey
        server.wait_for(run, "cancelled")


def test_a_full_disk_is_told_and_can_be_tried_again(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.client.post(RUNS, json={"run": {"id": "a"}})
        database = server.manager.store._writer._db
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
        large = {"frames": [frame("a", 0, rows=500, tensors=50).to_json()]}
        answer = server.client.post(f"{RUNS}/a/frames", json=large)
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk_full")
        assert server.client.get("/api/runs/a").json()["next_seq"] == 0
        database.execute("PRAGMA max_page_count = 100000")
        assert server.client.post(f"{RUNS}/a/frames", json=large).json()["next_seq"] == 1


def test_numbers_that_are_not_finite_are_told_as_what_they_are(client: TestClient, run: str) -> None:
    losses = np.array([1, np.nan, 0.3, np.inf, -np.inf], np.float32)
    frames = Frame.at([1, 2, 3, 4, 5], {"loss": losses}), Frame.at([9], {"val_loss": losses[:1]})
    deliver(client, run, *numbered(run, *frames))
    table = client.get(f"/api/runs/{run}/export").text
    assert table.splitlines() == [
        "step,loss,val_loss",
        "1,1,",
        "2,nan,",
        "3,0.3,",
        "4,inf,",
        "5,-inf,",
        "9,,1",
    ]
    assert client.get(f"/api/runs/{run}").json()["latest"] == {"loss": None, "val_loss": 1.0}
