"""Everything that can be wrong with a request gets 4xx, the field's path and plain words: never a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.settings import Limits, Settings

WALK = "/api/trajectories"
GRID = "/api/surfaces/grid"
INFINITY, NAN, HUGE = float("inf"), float("nan"), 10**400
Walk = dict[str, Any]


def run(optimizer: str = "adamw", **given: Any) -> Walk:
    return {"runs": [{"optimizer": optimizer, **given}]}


def bowl(**params: Any) -> Walk:
    return {"surface": {"id": "bowl", "params": params}}


def refused(client: TestClient, path: str, body: object, *, status: int = 422) -> dict[str, str]:
    """The error of an answer that must be one, in the one shape."""
    response = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert "Traceback" not in response.text
    assert 'File "' not in response.text
    error: dict[str, str] = response.json()["error"]
    assert error.keys() >= {"code", "message"}
    assert error.keys() <= {"code", "message", "field", "hint"}
    return error


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"steps": 10**9}, "steps", "got 1000000000 steps, allowed are at most 20000."),
        ({"steps": HUGE}, "steps", "got far too many steps"),
        ({"steps": 0}, "steps", "got 0, allowed is a whole number from 1 to"),
        ({"steps": -5}, "steps", "got -5, allowed is a whole number from 1 to"),
        ({"steps": "5"}, "steps", "got '5', expected a whole number."),
        ({"steps": 5.5}, "steps", "got 5.5, expected a whole number."),
        ({"steps": True}, "steps", "got true, expected a whole number."),
        ({"steps": None}, "steps", "got null, expected a whole number."),
        ({"steps": 20_000, "runs": [{"optimizer": "sgd"}] * 12}, "steps", "got 240012 rows"),
        ({"start": [1]}, "start", "got a list of 1, expected at least 2"),
        ({"start": [1, 2, 3]}, "start", "got a list of 3, expected at most 2"),
        ({"start": [NAN, 1]}, "start.0", "got nan, expected a finite number."),
        ({"start": [0, INFINITY]}, "start.1", "got inf, expected a finite number."),
        ({"start": [HUGE, 1]}, "start.0", "expected a number"),
        ({"start": [1e300, 0]}, "start", "allowed is at most 1e+09 from the origin."),
        ({"start": "here"}, "start", "got 'here', expected a list."),
        ({"start": {"x": 1}}, "start", "got an object, expected a list."),
        ({"noise": -1}, "noise", "got -1.0, allowed is at least 0 and at most"),
        ({"noise": 1e9}, "noise", "got 1000000000.0, allowed is at least 0 and at most 1e+06."),
        ({"noise": NAN}, "noise", "got nan, expected a finite number."),
        ({"seed": -1}, "seed", "got -1, allowed is a whole number from 0 to"),
        ({"seed": 2**63}, "seed", "allowed is a whole number from 0 to 9223372036854775807."),
        ({"seed": 1.5}, "seed", "got 1.5, expected a whole number."),
        ({"colour": "red"}, "colour", "there is no such field here."),
        ({"surface": {"id": "moon"}}, "surface.id", "there is no surface 'moon'; known: "),
        ({"surface": {"id": 5}}, "surface.id", "got 5, expected text."),
        ({"surface": {}}, "surface", "expected either an id or a formula."),
        ({"surface": {"id": "bowl", "formula": "x"}}, "surface", "expected either an id or a formula."),
        ({"surface": {"formula": "x", "params": {"a": 1}}}, "surface", "no params beside a formula."),
        ({"surface": None}, "surface", "got null, expected an object."),
        (bowl(condition=-1), "surface.params.condition", "got -1, allowed"),
        (bowl(condition=NAN), "surface.params.condition", "got nan, allowed"),
        (bowl(condition=HUGE), "surface.params.condition", "allowed is"),
        (bowl(self=1), "surface.params.self", "there is no setting 'self'"),
        ({"runs": []}, "runs", "got a list of 0, expected at least 1"),
        ({"runs": [{"optimizer": "adam"}] * 25}, "runs", "got 25 runs, allowed are at most 24."),
        ({"runs": {}}, "runs", "got an object, expected a list."),
        ({"runs": [{}]}, "runs.0.optimizer", "this is needed and was not given."),
        (run("adamz"), "runs.0.optimizer", "there is no optimizer 'adamz'; known: adadelta, "),
        (run(speed=1), "runs.0.speed", "there is no such field here."),
        (run(hyper={"lr": -1}), "runs.0.hyper.lr", "got -1, allowed is at least 0 and at most 1e+06."),
        (run(hyper={"lr": NAN}), "runs.0.hyper.lr", "got nan, allowed is at least 0"),
        (run(hyper={"lr": INFINITY}), "runs.0.hyper.lr", "got inf, allowed is at least 0"),
        (run(hyper={"lr": "1"}), "runs.0.hyper.lr", "got '1', expected a number."),
        (run(hyper={"lr": HUGE}), "runs.0.hyper.lr", "allowed is at least 0"),
        (run(hyper={"lr": {"a": [1]}}), "runs.0.hyper.lr", "expected a number."),
        (run(hyper={"beta1": 1.0}), "runs.0.hyper.beta1", "got 1.0, allowed is at least 0 and below 1."),
        (run(hyper={"decay_order": "never"}), "runs.0.hyper.decay_order", "allowed is one of before, after."),
        (
            run(hyper={"relative_decay": 1}),
            "runs.0.hyper.relative_decay",
            "got 1, allowed is one of false, true, norm.",
        ),
        (run(hyper={"steps": 1}), "runs.0.hyper.steps", "there is no setting 'steps' here; known: lr, "),
        (run(hyper={"\ud800": 1}), "runs.0.hyper.\\ud800", "there is no setting '\\ud800' here"),
        (run(hyper=[1]), "runs.0.hyper", "got a list of 1, expected an object."),
        (run(schedule={"id": "moon"}), "runs.0.schedule.id", "there is no schedule 'moon'; known: "),
        (run(schedule={"id": "cosine", "end": 500}), "runs.0.schedule.end", "got 500, allowed is at least 0"),
        (run(schedule={"id": "cosine", "self": 1}), "runs.0.schedule.self", "there is no setting 'self'"),
        (run(schedule="cosine"), "runs.0.schedule", "got 'cosine', expected an object."),
        (run("adam", decay_schedule={"id": "ramp"}), "runs.0.decay_schedule", "Adam has no decay"),
        (run(start=[1e10, 0]), "runs.0.start", "allowed is at most 1e+09 from the origin."),
    ],
)  # fmt: skip
def test_a_bad_walk_is_refused_at_its_field(
    client: TestClient, walk: Walk, change: Walk, field: str, message: str
) -> None:
    for path in (WALK, f"{WALK}/csv", f"{WALK}/script"):
        error = refused(client, path, walk | change)
        assert error["field"] == field
        assert message in error["message"]
        assert len(error["message"]) < 600


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("__import__('os')", "column 1"),
        ("x.__class__", "column 2"),
        ("9**9**9**9", "too large"),
        ("x" * 100_000, "got 100000 characters, allowed are at most 1000."),
        ("x +", "unfinished"),
        ("(x", "never closed"),
        ("", "empty"),
        ("x\x00", "'\\x00'"),
        ("\ud800x", "'\\ud800'"),
        ("x if x else y", ""),
        ("lambda: x", ""),
        ("f(x)", "no function 'f'"),
        (5, "got 5, expected text."),
        (None, "expected either an id or a formula."),
    ],
)
def test_a_bad_formula_is_refused_with_what_to_do(
    client: TestClient, walk: Walk, formula: object, message: str
) -> None:
    for path, body in ((WALK, walk), (GRID, {})):
        error = refused(client, path, body | {"surface": {"formula": formula}})
        assert error["field"] == ("surface.formula" if formula is not None else "surface")
        assert message in error["message"]
        assert error.get("hint") or not isinstance(formula, str)


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"n": 1}, "n", "at least 2 points along a side."),
        ({"n": 1000}, "n", "got 1000 points along a side, allowed are at most 256."),
        ({"n": [10, 1000]}, "n", "got 1000 points along a side"),
        ({"n": HUGE}, "n", "got far too many points"),
        ({"n": "x"}, "n", "got 'x', expected a whole number or a list."),
        ({"n": [1]}, "n", "expected a whole number or at least 2"),
        ({"n": [2.5, 3]}, "n.0", "got 2.5, expected a whole number."),
        ({"box": [0, 0, 0, 0]}, "box", "each low below its high"),
        ({"box": [1, 2, 3]}, "box", "got a list of 3, expected at least 4"),
        ({"box": [-1e300, 1e300, 0, 1]}, "box", "none further than 1e+09 from 0."),
        ({"box": [0, NAN, 0, 1]}, "box.1", "got nan, expected a finite number."),
        ({"weight_decay": -1}, "weight_decay", "got -1, expected at least 0"),
        ({"weight_decay": INFINITY}, "weight_decay", "got inf, expected a finite number."),
        (
            bowl(condition=0),
            "surface.params.condition",
            "got 0, allowed is",
        ),
        ({"walls": 4}, "walls", "there is no such field here."),
    ],
)
def test_a_bad_grid_is_refused_at_its_field(
    client: TestClient, change: Walk, field: str, message: str
) -> None:
    error = refused(client, GRID, {"surface": {"id": "bowl"}} | change)
    assert (error["field"], message in error["message"]) == (field, True), error


def test_a_limit_is_answered_with_the_way_to_raise_it(client: TestClient, walk: Walk) -> None:
    error = refused(client, WALK, walk | {"steps": 10**9})
    assert error["code"] == "limit"
    assert "OPTIMSCOPE_MAX_STEPS" in error["hint"]


def test_the_named_variable_does_raise_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Limits.model_fields:
        monkeypatch.setenv(f"OPTIMSCOPE_MAX_{name.upper()}", "123456")
    assert set(Settings().limits.model_dump().values()) == {123456}


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("dtype=f2", "dtype", "got 'f2', expected 'f4' or 'f8'."),
        ("arrays=pickle", "arrays", "got 'pickle', expected 'bdata' or 'json'."),
        ("derived=maybe", "derived", "got 'maybe', expected true or false."),
    ],
)
def test_a_bad_query_is_refused(client: TestClient, walk: Walk, query: str, field: str, message: str) -> None:
    error = refused(client, f"{WALK}?{query}", walk)
    assert (error["field"], error["message"]) == (field, message)


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        ("{", 422, "json", "The body is not JSON"),
        ("nul", 422, "json", "The body is not JSON"),
        ("", 422, "invalid", "this is needed and was not given."),
        ("[]", 422, "invalid", "got a list of 0, expected an object."),
        ("5", 422, "invalid", "got 5, expected an object."),
        ('"x"', 422, "invalid", "got 'x', expected an object."),
        ("NaN", 422, "invalid", "got nan, expected an object."),
        ("[" * 4_000, 400, "bad_request", "cannot be read as JSON"),
        ('{"steps": ' + "1" * 5000 + "}", 400, "bad_request", "cannot be read as JSON"),
        ("[" * 100_000, 413, "too_large", "at most 5000 values, lists and objects"),
        ('"' + "x" * 1_000_000 + '"', 413, "too_large", "at most 1000000 bytes"),
    ],
    ids=range(11),
)
def test_a_body_that_is_no_request_is_refused(
    client: TestClient, body: str, status: int, code: str, message: str
) -> None:
    response = client.post(WALK, content=body, headers={"Content-Type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert message in error["message"]


def test_a_large_body_of_unknown_length_is_refused_too(client: TestClient) -> None:
    pieces = (b"[" * 10_000 for _ in range(200))
    response = client.post(WALK, content=pieces, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_another_content_type_is_refused_with_the_right_one(client: TestClient, walk: Walk) -> None:
    for given in ({"Content-Type": "text/plain"}, {}):
        response = client.post(WALK, content=json.dumps(walk), headers=given)
        assert response.status_code == 415
        assert "application/json" in response.json()["error"]["message"]


def test_a_run_that_is_not_there_has_no_script(client: TestClient, walk: Walk) -> None:
    error = refused(client, f"{WALK}/script", walk | {"run": 2})
    assert (error["field"], error["message"]) == ("run", "got 2, allowed is 0 to 1.")


def test_unknown_addresses_and_methods_answer_in_the_same_shape(client: TestClient) -> None:
    missing, wrong = client.get("/api/nothing"), client.get(WALK)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")


def test_what_nobody_expected_is_logged_and_answered_without_a_trace(
    client: TestClient, walk: Walk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr("app.compute.answers.experiments_of", broken)
    error = refused(client, WALK, walk, status=500)
    assert error["code"] == "internal"
    assert "secret" not in str(error)
    assert "a secret of the server" in caplog.text
