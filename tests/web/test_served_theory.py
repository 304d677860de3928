"""Derived columns of stored runs are served, streamed and exported like measured ones; findings too."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from running import Running, Stream, running
from starlette.testclient import TestClient

from app.store import open_store
from app.store.runs import new_id
from optim_core.theory import Theory
from optim_core.transport.frames import Frame, unpack

RUNS = "/api/ingest/runs"
HYPER = {"lr": 0.1, "weight_decay": 0.2}
RATES = np.linspace(0.1, 0.01, 10)  # η of steps 1 to 10
CHANGE = {"kind": "setting", "step": 7, "name": "beta1", "from": 0.9, "to": 0.5, "text": "β₁ by hand"}


def expected(step: NDArray[Any], beta1: NDArray[Any]) -> NDArray[np.float64]:
    angle: NDArray[np.float64] = np.sqrt(2 * 0.2 * RATES[step - 1] * (1 - beta1) / (1 + beta1))
    return angle


def piece(run: str, seq: int, **more: Any) -> Frame:
    """Frame 0 has steps 1 to 5, frame 1 the other five and, in it, a change of β₁ after step 7."""
    rows = slice(5 * seq, 5 * seq + 5)
    columns = {"lr": RATES[rows], "weight_decay": np.full(5, 0.2), "loss": np.arange(5.0), **more}
    packed = {name: values.astype(np.float32) for name, values in columns.items() if values is not None}
    return Frame(
        run,
        seq,
        5 * seq + 1,
        {"step": np.arange(5, dtype=np.float32), **packed},
        (CHANGE,) if seq == 1 else (),
    )


def deliver(client: Any, run: str, *frames: Frame) -> None:
    answer = client.post(f"{RUNS}/{run}/frames", json={"frames": [frame.to_json() for frame in frames]})
    assert answer.status_code == 200, answer.text


def make(client: Any, *frames: int, more: dict[str, Any] | None = None, **about: Any) -> str:
    """A run of a producer from outside."""
    given = {"id": new_id(), "optimizer": "adamw", "config": {"hyper": HYPER}, "task": "t", **about}
    run = str(client.post(RUNS, json={"run": given}).json()["id"])
    deliver(client, run, *(piece(run, seq, **(more or {})) for seq in frames))
    return run


def columns_of(client: Any, run: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/runs/{run}/frames", params={"arrays": "json", "points": 0, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["columns"])


STEPS = np.arange(1, 11)
BETA = np.where(STEPS > 7, 0.5, 0.9)


def test_expected_columns_are_answered_and_listed_like_measured_ones(client: TestClient) -> None:
    run = make(client, 0, 1)
    assert client.get(f"/api/runs/{run}").json()["columns"] == dict.fromkeys(
        ["lr", "weight_decay", "loss", "expected_decay_rate", "expected_angle"], 1
    )
    found = columns_of(client, run)
    assert found["expected_decay_rate"]["value"] == pytest.approx(0.2 * RATES, rel=1e-6)
    assert found["expected_angle"]["value"] == pytest.approx(expected(STEPS, BETA), rel=1e-6)
    assert found["expected_angle"]["step"] == STEPS.tolist()


def test_names_and_patterns_choose_them_and_bring_nothing_else(client: TestClient) -> None:
    run = make(client, 0, 1)
    assert list(columns_of(client, run, columns="expected_angle")) == ["expected_angle"]
    assert list(columns_of(client, run, columns="expected_*,loss")) == [
        "loss",
        "expected_decay_rate",
        "expected_angle",
    ]
    assert list(columns_of(client, run, columns="lr")) == ["lr"]


def test_a_part_of_the_run_knows_what_was_changed_before_it(client: TestClient) -> None:
    run = make(client, 0, 1)
    part = columns_of(client, run, **{"from": 9, "to": 10})["expected_angle"]
    assert (part["step"], part["value"]) == ([9, 10], pytest.approx(expected(STEPS, BETA)[8:], rel=1e-6))
    deliver(client, run, Frame(run, 2, 11, piece(run, 0).columns))
    late = columns_of(client, run, after=2)["expected_angle"]
    assert late["value"] == pytest.approx(expected(STEPS[:5], np.full(5, 0.5)), rel=1e-6)


def test_they_are_thinned_as_asked(client: TestClient) -> None:
    run = make(client, 0, 1)
    few = columns_of(client, run, columns="expected_angle", points=4)["expected_angle"]
    assert len(few["step"]) <= 4
    assert (few["step"][0], few["step"][-1]) == (1, 10)


@pytest.mark.parametrize(
    "about",
    [
        {"optimizer": "adam_l2"},
        {"optimizer": "lamb"},
        {"optimizer": "torch.optim.AdamW"},
        {"config": {}},
        {"config": {"hyper": {"lr": -1.0}}},
        {"config": {"hyper": {**HYPER, "relative_decay": True}}},
    ],
)
def test_where_nothing_is_declared_or_known_nothing_is_answered(
    client: TestClient, about: dict[str, Any]
) -> None:
    run = make(client, 0, 1, **about)
    assert set(client.get(f"/api/runs/{run}").json()["columns"]) == {"lr", "weight_decay", "loss"}
    assert set(columns_of(client, run)) == {"lr", "weight_decay", "loss"}


def test_without_the_measured_settings_nothing_is_answered(client: TestClient) -> None:
    run = make(client, 0, more={"weight_decay": None})
    assert set(columns_of(client, run)) == {"lr", "loss"}
    assert set(client.get(f"/api/runs/{run}").json()["columns"]) == {"lr", "loss"}


def test_a_column_that_the_producer_measured_stays(client: TestClient) -> None:
    run = make(client, 0, more={"expected_angle": np.full(5, 7.0)})
    assert columns_of(client, run)["expected_angle"]["value"] == [7.0] * 5


def test_the_table_has_them_too(client: TestClient) -> None:
    run = make(client, 0, 1)
    rows = list(csv.DictReader(io.StringIO(client.get(f"/api/runs/{run}/export").text)))
    assert [float(row["expected_angle"]) for row in rows] == pytest.approx(expected(STEPS, BETA), rel=1e-6)
    only = client.get(f"/api/runs/{run}/export?columns=expected_decay_rate").text.splitlines()
    assert only[0] == "step,expected_decay_rate"
    assert len(only) == 11


def test_runs_of_an_older_folder_have_them(tmp_path: Path) -> None:
    """Nothing of it is stored: a folder that was written without them is read with them."""
    with running(tmp_path) as server:
        run = make(server.client, 0, 1)
    store = open_store(tmp_path)
    assert set(store.columns(store.find(run))) == {"lr", "weight_decay", "loss"}
    store.close()
    with running(tmp_path) as server:
        assert "expected_angle" in columns_of(server.client, run)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(tmp_path_factory.mktemp("theory")) as server:
        yield server


@pytest.mark.parametrize("live", [False, True])
def test_the_stream_has_them_of_stored_frames_and_of_live_ones(server: Running, live: bool) -> None:
    run = make(server.client, *(() if live else (0, 1)))
    stream = Stream(server.port, f"runs={run}&columns=expected_*")
    stream.next("state")
    if live:
        deliver(server.client, run, piece(run, 0))
    first = stream.next()
    if live:
        deliver(server.client, run, piece(run, 1))
    second = stream.next()
    stream.close()
    assert set(first["columns"]) == {"step", "expected_decay_rate", "expected_angle"}
    told = [unpack(frame["columns"]["expected_angle"]) for frame in (first, second)]
    assert np.concatenate(told) == pytest.approx(expected(STEPS, BETA), rel=1e-6)
    assert second["events"] == [CHANGE]


def test_whoever_comes_later_gets_live_frames_that_know_of_earlier_changes(server: Running) -> None:
    run = make(server.client, 0, 1)
    stream = Stream(server.port, f"runs={run}&after={run}:2&columns=expected_angle")
    stream.next("state")
    deliver(server.client, run, Frame(run, 2, 11, piece(run, 0).columns))
    told = unpack(stream.next()["columns"]["expected_angle"])
    stream.close()
    assert told == pytest.approx(expected(STEPS[:5], np.full(5, 0.5)), rel=1e-6)


def test_theory_is_not_asked_for_runs_that_nobody_watches(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(server.client)
    asked = []
    monkeypatch.setattr(Theory, "of", lambda *given: asked.append(given))
    deliver(server.client, run, piece(run, 0))
    assert not asked


# --- Findings --------------------------------------------------------------------------------------------


def test_findings_say_how_runs_part(client: TestClient) -> None:
    rates = {"a/effective_decay": np.full(5, 0.1), "b/effective_decay": np.full(5, 0.4)}
    runs = [make(client, 0, name="uneven", more=rates), make(client, 0, 1, name="even")]
    answer = client.get("/api/findings", params={"runs": ",".join(runs)})
    assert answer.status_code == 200
    uneven, none = answer.json()["findings"]
    assert uneven["text"] == (
        "After 5 steps uneven shrinks its tensors at rates that differ by a factor of 4 and stands at a loss"
        " of 4."
    )
    assert (uneven["run"], uneven["value"], uneven["runs"]) == (runs[0], pytest.approx(4.0), {"run": runs[0]})
    assert none["text"] == "After 5 steps even does not decay and stands at a loss of 4."


def test_findings_tell_of_runs_that_broke(client: TestClient) -> None:
    whole, broken = make(client, 0, name="whole"), make(client, 0, name="broken")
    client.post(f"{RUNS}/{broken}/finish", json={"outcome": "diverged", "reason": "Diverged."})
    found = client.get("/api/findings", params={"runs": f"{whole},{broken}"}).json()["findings"]
    assert found[-1]["text"] == "broken diverged at step 5."
    assert found[-1]["severity"] == "fault"


@pytest.mark.parametrize(("runs", "status"), [("", 422), (",", 422), ("nobody", 404)])
def test_findings_of_nobody_are_refused(client: TestClient, runs: str, status: int) -> None:
    answer = client.get("/api/findings", params={"runs": runs})
    assert (answer.status_code, "error" in answer.json()) == (status, True)


def test_findings_of_too_many_runs_are_refused(client: TestClient) -> None:
    answer = client.get("/api/findings", params={"runs": ",".join(f"r{i}" for i in range(100))})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "limit"


def test_one_run_alone_parts_from_nobody(client: TestClient) -> None:
    run = make(client, 0)
    assert client.get("/api/findings", params={"runs": run}).json() == {"findings": []}
