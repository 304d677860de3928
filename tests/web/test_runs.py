"""Runs: started as asked, listed, shown, steered, cloned, taken away as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fake_producer import frame, sparse_frame
from running import Running, running

from app.routes.schemas import runs as schemas_runs
from app.routes.schemas import train as schemas_train
from app.store import NewRun
from optim_core.transport.frames import Frame

Decode = Callable[[dict[str, Any]], Any]
PAIR = {"task": "digits_mlp", "optimizer": "adamw", "hyper": {"lr": 0.01}, "steps": 50}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose device is taken, so that what is started waits."""
    with running(tmp_path_factory.mktemp("data")) as server:
        config = {"device": "cpu", "fake": {"frames": 0, "end": "hang"}}
        server.manager.store.create(NewRun("holder", "train", "holder", config=config, local=True)).result()
        server.wait_for("holder", "running")
        yield server


@pytest.fixture
def run(server: Running, request: pytest.FixtureRequest) -> str:
    """A run with a few frames, for each test its own."""
    name = request.node.name.removeprefix("test_")[:60].replace("[", "-").rstrip("]")
    known = {"id": name, "name": name, "steps": 100, "task": "a task", "optimizer": "adamw"}
    server.client.post("/api/ingest/runs", json={"run": known})
    frames = [frame(name, seq) for seq in range(5)]
    server.manager.store.append(name, [*frames, sparse_frame(name, 5, 20)]).result()
    return name


def start(server: Running, body: Any) -> dict[str, Any]:
    response = server.client.post("/api/runs", json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    for queued in answer["ids"]:
        server.client.post(f"/api/runs/{queued}/cancel")
    return answer


# --- Starting -------------------------------------------------------------------------------------


def test_a_run_is_queued_with_all_its_settings(server: Running) -> None:
    answer = start(server, PAIR | {"name": "mine", "tags": ["a", "b", "a"], "schedule": {"id": "cosine"}})
    strict(schemas_train.StartAnswer).model_validate(answer)
    (run,) = answer["runs"]
    assert (run["status"], run["name"], run["tags"], run["kind"]) == ("queued", "mine", ["a", "b"], "train")
    config = run["config"]
    assert config["task"] == "digits_mlp"
    assert config["settings"]["hidden"] == 256
    assert config["hyper"]["lr"] == 0.01
    assert config["hyper"]["beta1"] == 0.9
    assert config["schedule"] == {"id": "cosine", "end": 0.0, "warmup_steps": 0, "warmup_start": 1}
    assert (config["steps"], config["device"], config["groups"]) == (50, "auto", "no_bias_no_norm")


def test_one_field_varies_over_several_runs(server: Running) -> None:
    for path, values, names in (
        ("optimizer", ["adam_l2", "adamw"], ["Adam + L2", "AdamW"]),
        ("hyper.weight_decay", [0, 0.1], ["AdamW, λ 0", "AdamW, λ 0.1"]),
        ("settings.hidden", [8, 9], ["AdamW, hidden 8", "AdamW, hidden 9"]),
        ("schedule.end", [0.5], ["AdamW, end 0.5"]),
        ("clip", [1], ["mine, clip 1"]),
        ("seed", [1, 2, 3], ["AdamW, seed 1", "AdamW, seed 2", "AdamW, seed 3"]),
    ):
        own = {"name": "mine"} if path == "clip" else {}
        answer = start(server, PAIR | own | {"schedule": {"id": "linear"}, "vary": {path: values}})
        assert [run["name"].replace("+L2", " + L2") for run in answer["runs"]] == names
        assert answer["id"] == answer["ids"][0]
        for run, value in zip(answer["runs"], values, strict=True):
            found = run["config"]
            for part in path.split("."):
                found = found[part]
            assert found == value


def test_a_list_starts_them_all(server: Running) -> None:
    assert len(start(server, [PAIR, PAIR | {"optimizer": "sgd"}])["ids"]) == 2


def test_a_clone_has_the_settings_and_the_changes(server: Running) -> None:
    first = start(server, PAIR | {"name": "first", "settings": {"hidden": 8}, "tags": ["t"]})["id"]

    def clone(**changes: Any) -> dict[str, Any]:
        response = server.client.post(f"/api/runs/{first}/clone", json={"changes": changes})
        assert response.status_code == 201, response.text
        server.client.post(f"/api/runs/{response.json()['id']}/cancel")
        found: dict[str, Any] = response.json()["runs"][0]
        return found

    same = clone()
    assert (same["config"], same["name"], same["tags"]) == (
        server.client.get(f"/api/runs/{first}").json()["config"],
        "first",
        ["t"],
    )
    assert clone(hyper={"beta1": 0.5})["config"]["hyper"] == same["config"]["hyper"] | {"beta1": 0.5}
    other = clone(optimizer="sgd")
    assert (other["name"], other["config"]["hyper"]["lr"]) == ("SGD", 0.01)
    assert "beta1" not in other["config"]["hyper"]
    moved = clone(task="ridge", steps=9)["config"]
    assert (moved["steps"], "hidden" in moved["settings"]) == (9, False)


BAD = [
    ({"task": "x"}, "task", "there is no task 'x'; known: "),
    ({"task": 5}, "task", "expected text"),
    ({"optimizer": "adamz"}, "optimizer", "there is no optimizer"),
    ({"hyper": {"lr": -1}}, "hyper.lr", "allowed is at least 0"),
    ({"hyper": {"colour": 1}}, "hyper.colour", "there is no setting 'colour' here"),
    ({"settings": {"hidden": 0}}, "settings.hidden", "allowed is a whole number"),
    ({"steps": 0}, "steps", "allowed is a whole number from 1 to"),
    ({"steps": 3_000_000}, "steps", "allowed are at most 2000000."),
    ({"seed": -1}, "seed", "allowed is a whole number from 0 to"),
    ({"batch_size": 0}, "batch_size", "allowed is a whole number from 1 to"),
    ({"schedule": {"id": "moon"}}, "schedule.id", "there is no schedule 'moon'"),
    ({"schedule": {"id": "cosine", "end": -1}}, "schedule.end", "allowed is at least 0"),
    ({"decay_schedule": {"id": "ramp"}, "optimizer": "sgd"}, "decay_schedule", "no decay to schedule"),
    ({"groups": "some"}, "groups", "got 'some', allowed is one of all, no_bias_no_norm"),
    ({"precision": "fp8"}, "precision", "got 'fp8', allowed is one of fp32, bf16"),
    ({"clip": -1}, "clip", "got -1.0, allowed is at least 0"),
    ({"clip": float("nan")}, "clip", "a finite number"),
    ({"device": "cuda:99"}, "device", "there is no device 'cuda:99' here; known: auto, "),
    ({"trace": {"every": 0}}, "trace.every", "expected at least 1"),
    ({"trace": {"often": 1}}, "trace.often", "no such field"),
    ({"name": "x" * 200}, "name", ""),
    ({"tags": ["x"] * 50}, "tags", ""),
    ({"colour": 1}, "colour", "there is no such field here."),
    ({"vary": {"hyper.lr": [0.1, -1]}}, "vary.hyper.lr.1", "allowed is at least 0"),
    ({"vary": {"hyper.lr": []}}, "vary.hyper.lr", "at least 1"),
    ({"vary": {"seed": ["x"]}}, "vary.seed", "expected a whole number"),
    ({"vary": {"seed.x": [1]}}, "vary", "there is no field 'seed.x' to vary."),
    ({"vary": {"a": [1], "b": [1]}}, "vary", "at most 1"),
    ({"vary": {"seed": list(range(100))}}, "vary", "allowed are at most 24."),
]


@pytest.mark.parametrize(("change", "field", "message"), BAD, ids=[str(bad[0])[:40] for bad in BAD])
def test_what_cannot_be_trained_is_refused_at_its_field(
    server: Running, change: dict[str, Any], field: str, message: str
) -> None:
    body = PAIR | change
    for sent, prefix in ((body, ""), ([PAIR, body], "1.")):
        response = send(server, "/api/runs", sent)
        error = response.json()["error"]
        assert response.status_code == 422
        assert error["field"].removeprefix(prefix) == field, error
        assert message in error["message"]


def send(server: Running, path: str, body: Any) -> httpx.Response:
    """Posts JSON with NaN and the like, which httpx refuses to write."""
    headers = {"Content-Type": "application/json"}
    return server.client.post(path, content=json.dumps(body), headers=headers)


def test_a_queue_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPTIMSCOPE_MAX_QUEUED", "3")
    with running(tmp_path) as server:
        response = server.client.post("/api/runs", json=PAIR | {"vary": {"seed": [1, 2, 3, 4]}})
        assert (response.status_code, response.json()["error"]["code"]) == (429, "queue_full")
        assert "OPTIMSCOPE_MAX_QUEUED" in response.json()["error"]["hint"]
        assert server.client.get("/api/runs").json()["total"] == 0


# --- The list, and one run ------------------------------------------------------------------------


def strict(model: Any) -> Any:
    return type("Strict", (model,), {"__module__": __name__}, extra="forbid")


def test_the_list_is_what_the_description_says(server: Running, run: str) -> None:
    page = server.client.get("/api/runs", params={"text": run}).json()
    strict(schemas_runs.RunList).model_validate(page)
    (found,) = page["runs"]
    strict(schemas_runs.QueuedSummary).model_validate(found)
    assert page["total"] == 1
    assert (found["id"], found["status"], found["step"], found["progress"]) == (run, "running", 20, 0.2)
    assert found["sparkline"] == list(range(1, 21))
    assert found["latest"] == {"loss": 20.0, "lr": 20.01, "val_loss": 20.0}


def test_one_run_is_what_the_description_says(server: Running, run: str) -> None:
    found = server.client.get(f"/api/runs/{run}").json()
    strict(schemas_runs.RunDetail).model_validate(found)
    assert found["columns"]["layer.0/hist"] == 8
    assert found["control"]["version"] == 0
    assert found["queue_position"] is None


def test_the_list_is_filtered_sorted_and_paged(server: Running) -> None:
    for i in range(5):
        about = {
            "id": f"list-{i}",
            "name": f"run {i}",
            "task": "t1" if i % 2 else "t2",
            "tags": [f"tag{i % 2}"],
        }
        server.client.post("/api/ingest/runs", json={"run": about})
    server.client.post("/api/ingest/runs/list-4/finish", json={"outcome": "finished"})

    def ids(**query: Any) -> list[str]:
        found = server.client.get("/api/runs", params={"sort": "name", "text": "list-"} | query).json()
        return [run["id"].removeprefix("list-") for run in found["runs"]]

    assert ids() == ["0", "1", "2", "3", "4"]
    assert ids(sort="-name", limit=2, offset=1) == ["3", "2"]
    assert ids(task="t1") == ["1", "3"]
    assert ids(tag="tag0", status="running") == ["0", "2"]
    assert ids(status=["finished", "running"]) == ["0", "1", "2", "3", "4"]
    assert ids(outcome=["finished", "diverged"]) == ["4"]
    assert ids(outcome="diverged") == []
    assert ids(text="run 3 list") == ["3"]


def test_the_list_is_searched_by_the_titles_of_tasks_and_optimizers(server: Running) -> None:
    for id, task, optimizer in (("gpt", "char_gpt", "adamw"), ("mlp", "digits_mlp", "adam_l2")):
        run = {"id": f"title-{id}", "task": task, "optimizer": optimizer}
        server.client.post("/api/ingest/runs", json={"run": run})

    def ids(text: str) -> list[str]:
        found = server.client.get("/api/runs", params={"text": f"title- {text}"}).json()
        return [run["id"].removeprefix("title-") for run in found["runs"]]

    assert ids("letters") == ["gpt"]
    assert ids("adam+l2 digits") == ["mlp"]
    assert ids("letters digits") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("status=asleep", "status.0"), ("sort=age", "sort"), ("limit=0", "limit"), ("offset=-1", "offset")],
)
def test_a_list_that_cannot_be_is_refused(server: Running, query: str, field: str) -> None:
    response = server.client.get(f"/api/runs?{query}")
    assert (response.status_code, response.json()["error"]["field"]) == (422, field)


def test_a_run_is_renamed_tagged_and_deleted(server: Running, run: str) -> None:
    changed = server.client.patch(f"/api/runs/{run}", json={"name": "new", "tags": ["b", "a", "b"]}).json()
    assert (changed["name"], changed["tags"]) == ("new", ["b", "a"])
    assert server.client.patch(f"/api/runs/{run}", json={}).json()["name"] == "new"
    assert server.client.patch(f"/api/runs/{run}", json={"status": "finished"}).status_code == 422
    assert server.client.delete(f"/api/runs/{run}").status_code == 204
    assert server.client.get(f"/api/runs/{run}").json()["error"]["code"] == "unknown_run"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("POST", "/control"),
        ("POST", "/clone"),
        ("GET", "/frames"),
        ("GET", "/export"),
    ],
)
def test_a_run_that_is_not_there_is_told_so(server: Running, method: str, path: str) -> None:
    body = {} if method in ("PATCH", "POST") else None
    response = server.client.request(method, f"/api/runs/nobody{path}", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_run")


def test_the_page_of_a_run_that_is_not_there_is_a_page_for_browsers_and_json_for_others(
    server: Running,
) -> None:
    page = server.client.get("/runs/<nobody>", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no run &lt;nobody&gt;" in page.text
    assert 'class="masthead"' in page.text
    assert '<a href="/runs">See all runs</a>' in page.text
    assert server.client.get("/runs/nobody").json()["error"]["code"] == "unknown_run"
    api = server.client.get("/api/runs/nobody", headers={"Accept": "text/html"})
    assert api.json()["error"]["code"] == "unknown_run"


def test_a_browser_gets_a_page_where_there_is_none_and_a_program_json(server: Running) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8"}
    page = server.client.get("/nowhere/<b>", headers=browser)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing at /nowhere/&lt;b&gt;" in page.text
    for path, headers in (("/nowhere", {}), ("/api/nowhere", browser)):
        answer = server.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert server.client.post("/runs", headers=browser).status_code == 405


def test_links_to_comparisons_of_before_lead_to_the_same_view(server: Running) -> None:
    rest = "a,b&charts=run_loss.log,own:eval%2Fbleu.linear&smoothing=0.5"
    moved = server.client.get(f"/compare?runs={rest}")
    assert (moved.status_code, moved.headers["location"]) == (307, f"/runs?compare={rest}")
    assert 'class="compare-runs"' in server.client.get(moved.headers["location"]).text


def test_only_what_runs_can_be_steered(server: Running, run: str) -> None:
    for body, status in (
        ({"steps": 3}, "paused"),  # a step is for a run that pauses
        ({"paused": False}, "running"),
        ({"paused": True}, "paused"),
        ({"paused": False}, "running"),
    ):
        assert server.client.post(f"/api/runs/{run}/control", json=body).json()["status"] == status
    for body in (
        {"hyper": {"beta1": 0.5}},
        {"steps": 0},
        {"hyper": {"lr": float("inf")}},
        {"hyper": {"lr": -1}},
    ):
        assert send(server, f"/api/runs/{run}/control", body).status_code == 422
    server.client.post(f"/api/ingest/runs/{run}/finish", json={"outcome": "finished"})
    refused = server.client.post(f"/api/runs/{run}/control", json={"paused": True})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_running")
    assert server.client.post(f"/api/runs/{run}/cancel").json()["status"] == "finished"


# --- What was measured ----------------------------------------------------------------------------


def test_columns_come_packed_thinned_and_over_any_part(server: Running, run: str, decode: Decode) -> None:
    def columns(**query: Any) -> dict[str, Any]:
        found = server.client.get(f"/api/runs/{run}/frames", params=query).json()
        strict(schemas_runs.FramesAnswer).model_validate(found)
        assert found["next_seq"] == 6
        read: dict[str, Any] = found["columns"]
        return read

    everything = columns()
    assert set(everything) == {
        "loss", "lr", "layer.0/weight_norm", "layer.1/weight_norm", "val_loss", "layer.0/hist",
    }  # fmt: skip
    assert decode(everything["loss"]["value"]).tolist() == list(range(1, 21))
    assert decode(everything["layer.0/hist"]["value"]).shape == (1, 8)
    part = columns(columns="l?ss,val*", **{"from": 3, "to": 7}, arrays="json")
    assert part == {
        "loss": {"step": [3, 4, 5, 6, 7], "value": [3, 4, 5, 6, 7]},
        "val_loss": {"step": [], "value": []},
    }
    assert columns(columns="loss", points=4, arrays="json")["loss"]["step"] == [1, 20]
    assert columns(columns="loss", after=4, arrays="json")["loss"]["step"] == [17, 18, 19, 20]
    assert columns(columns="nothing") == {}


def test_too_much_at_once_is_refused_with_the_way_to_less(server: Running, run: str) -> None:
    wide = Frame(
        run, 6, 21, {"step": np.zeros(1, np.float32)} | {f"c{i}": np.ones(1, np.float32) for i in range(500)}
    )
    server.manager.store.append(run, [wide]).result()
    for query, field in (("points=30000", "points"), ("points=0", "columns"), ("after=-1", "after")):
        response = server.client.get(f"/api/runs/{run}/frames?{query}")
        assert (response.status_code, response.json()["error"]["field"]) == (422, field)


def test_a_run_is_taken_away_as_a_table(server: Running, run: str) -> None:
    response = server.client.get(f"/api/runs/{run}/export?format=csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="{run}.csv"' in response.headers["content-disposition"]
    header, *rows = csv.reader(io.StringIO(response.text))
    assert header == ["step", "loss", "lr", "layer.0/weight_norm", "layer.1/weight_norm", "val_loss"]
    assert len(rows) == 20
    assert rows[0] == ["1", "1", "1.01", "1.02", "1.03", ""]
    assert rows[19] == ["20", "20", "20.01", "20.02", "20.03", "20"]
    some = server.client.get(f"/api/runs/{run}/export?columns=val*").text
    assert some == "step,val_loss\n20,20\n"


def test_a_column_with_a_quotation_mark_is_one_column_of_the_table(server: Running) -> None:
    server.client.post("/api/ingest/runs", json={"run": {"id": "quoted"}})
    columns = {"step": np.zeros(1, np.float32), 'a "b"': np.array([0.1], np.float32)}
    sent = Frame("quoted", 0, 1, columns).to_json()
    assert server.client.post("/api/ingest/runs/quoted/frames", json={"frames": [sent]}).status_code == 200
    assert server.client.get("/api/runs/quoted/export").text == 'step,"a ""b"""\n1,0.1\n'


def test_an_unknown_format_names_those_that_there_are(server: Running, run: str) -> None:
    response = server.client.get(f"/api/runs/{run}/export?format=xlsx")
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["field"]) == (422, "unknown_format", "format")
    assert "csv" in error["message"]
