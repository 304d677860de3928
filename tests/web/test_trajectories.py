"""Runs over HTTP are the simulator's runs, whatever form the arrays travel in."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import optim_core as oc
from optim_core.derive import derive

PATH = "/api/trajectories"
Walk = dict[str, Any]


def test_columns_are_those_of_the_simulator_to_the_last_bit(
    client: TestClient, walk: Walk, decode: Any
) -> None:
    answer = client.post(PATH, json=walk).json()
    run = oc.simulate("rosenbrock", "adam_l2", (-1.5, 2.0), 30, lr=0.05, weight_decay=0.1)
    columns = answer["runs"][0]["columns"]
    expected = {**run.columns, **derive(run), "apart": np.zeros(len(run))}
    assert list(columns) == list(expected)
    for name, column in expected.items():
        assert np.array_equal(decode(columns[name]), column, equal_nan=True), name


def test_a_run_tells_what_it_was_and_how_it_ended(client: TestClient, walk: Walk) -> None:
    adam_l2, adamw = client.post(PATH, json=walk).json()["runs"]
    assert adam_l2["optimizer"] == "adam_l2"
    assert adam_l2["hyper"] | {"lr": 0.05, "weight_decay": 0.1, "penalty": "half"} == adam_l2["hyper"]
    assert adam_l2["start"] == [-1.5, 2.0]
    assert (adam_l2["outcome"], adam_l2["reason"]) == ("finished", "All steps were taken.")
    assert adam_l2["steps"] == 30
    assert adam_l2["decay"] == {"kind": "coupled", "strength": 0.1}
    assert adam_l2["states"] == ["m", "m_decay", "v"]
    assert adam_l2["averaging_time"] is None
    assert adamw["averaging_time"] == pytest.approx(1 / (1e-3 * 1e-2))


def test_minima_of_penalised_losses_can_be_left_for_later(client: TestClient, walk: Walk) -> None:
    adam_l2, adamw = client.post(PATH, json=walk).json()["runs"]
    assert adam_l2["minima"]
    assert "minima" not in adamw  # which descends the loss itself
    without = client.post(PATH, json={**walk, "minima": False}).json()["runs"]
    assert without == [{name: value for name, value in adam_l2.items() if name != "minima"}, adamw]


def test_the_averaging_time_of_adamw_lh_leaves_the_learning_rate_out(client: TestClient, walk: Walk) -> None:
    walk["runs"] = [{"optimizer": "adamw_lh", "hyper": {"weight_decay": 0.1}}]
    assert client.post(PATH, json=walk).json()["runs"][0]["averaging_time"] == pytest.approx(10)


def test_the_surface_comes_with_its_formula_and_minima(client: TestClient, walk: Walk) -> None:
    walk["surface"] = {"id": "bowl", "params": {"condition": 7, "offset_x": 1.5}}
    surface = client.post(PATH, json=walk).json()["surface"]
    assert surface["id"] == "bowl"
    assert surface["params"] | {"condition": 7, "offset_x": 1.5} == surface["params"]
    assert surface["mathml"].startswith("<math")
    assert surface["minima"] == [{"x": 1.5, "y": 0.0, "loss": 0.0, "edge": False, "global": True}]
    assert len(surface["box"]) == 4


def test_ones_own_formula_is_walked_on_too(client: TestClient, walk: Walk) -> None:
    walk["surface"] = {"formula": "x^2 + 3*(y-1)^2"}
    surface = client.post(PATH, json=walk).json()["surface"]
    assert (surface["id"], surface["formula"]) == (None, "x^2 + 3*(y-1)^2")
    assert surface["minima"] == [
        {
            "x": pytest.approx(0, abs=1e-9),
            "y": pytest.approx(1),
            "loss": pytest.approx(0, abs=1e-9),
            "edge": False,
            "global": True,
        }
    ]


def test_schedules_and_noise_reach_the_simulator(client: TestClient, walk: Walk, decode: Any) -> None:
    walk |= {"noise": 0.5, "seed": 7}
    plans = {"schedule": {"id": "cosine", "end": 0.1, "warmup_steps": 3}, "decay_schedule": {"id": "ramp"}}
    walk["runs"] = [{"optimizer": "adamw", **plans}]
    columns = client.post(PATH, json=walk).json()["runs"][0]["columns"]
    run = oc.simulate("rosenbrock", "adamw", (-1.5, 2.0), 30, noise=0.5, seed=7, **plans)
    for name in ("lr", "weight_decay", "x", "y"):
        assert np.array_equal(decode(columns[name]), run[name], equal_nan=True)


def test_a_run_may_have_a_start_of_its_own(client: TestClient, walk: Walk) -> None:
    walk["runs"][1]["start"] = [1, 1]
    assert [run["start"] for run in client.post(PATH, json=walk).json()["runs"]] == [[-1.5, 2.0], [1.0, 1.0]]


def test_without_a_start_the_surface_s_own_is_taken(client: TestClient, walk: Walk) -> None:
    del walk["start"]
    answer = client.post(PATH, json=walk).json()
    assert answer["runs"][0]["start"] == answer["surface"]["starts"][0]


def test_arrays_can_travel_as_lists_with_null_for_what_is_no_number(client: TestClient, walk: Walk) -> None:
    columns = client.post(f"{PATH}?arrays=json", json=walk).json()["runs"][0]["columns"]
    assert columns["lr"][:2] == [None, 0.05]
    assert columns["x"][0] == -1.5


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_arrays_can_travel_as_four_or_eight_bytes(
    client: TestClient, walk: Walk, decode: Any, dtype: str
) -> None:
    columns = client.post(f"{PATH}?dtype={dtype}", json=walk).json()["runs"][0]["columns"]
    run = oc.simulate("rosenbrock", "adam_l2", (-1.5, 2.0), 30, lr=0.05, weight_decay=0.1)
    assert columns["x"]["dtype"] == dtype
    assert np.array_equal(decode(columns["x"]), run["x"].astype(dtype))
    assert np.isnan(decode(columns["lr"])[0])


def test_numbers_too_large_for_four_bytes_travel_as_eight(
    client: TestClient, walk: Walk, decode: Any
) -> None:
    walk["surface"] = {"formula": "x**60 + y**2"}
    walk["start"] = [100.0, 1.0]
    walk["runs"] = [{"optimizer": "adam", "hyper": {"lr": 0.01}}]
    columns = client.post(f"{PATH}?dtype=f4", json=walk).json()["runs"][0]["columns"]
    assert columns["loss"]["dtype"] == "f8"
    assert decode(columns["loss"])[0] == pytest.approx(1e120)
    assert columns["x"]["dtype"] == "f4"


def test_derived_columns_can_be_left_out(client: TestClient, walk: Walk) -> None:
    columns = client.post(f"{PATH}?derived=false", json=walk).json()["runs"][0]["columns"]
    assert "x" in columns
    assert "sharpness" not in columns


def test_divergence_is_a_result(client: TestClient, walk: Walk) -> None:
    walk["runs"] = [{"optimizer": "sgd", "hyper": {"lr": 1.0}}]
    response = client.post(PATH, json=walk)
    run = response.json()["runs"][0]
    assert response.status_code == 200
    assert run["outcome"] == "diverged"
    assert run["steps"] < 30
    assert "smaller learning rate" in run["reason"]


def test_a_start_where_the_formula_is_undefined_is_a_result(client: TestClient, walk: Walk) -> None:
    walk["surface"] = {"formula": "log(x)"}
    run = client.post(f"{PATH}?arrays=json", json=walk).json()["runs"][0]
    assert (run["outcome"], run["steps"], run["columns"]["loss"]) == ("undefined", 0, [None])


def test_the_same_question_has_the_same_tag_and_is_not_sent_twice(client: TestClient, walk: Walk) -> None:
    first = client.post(PATH, json=walk)
    again = client.post(PATH, json=walk, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-security-policy"]
    walk["seed"], walk["noise"] = 1, 0.1
    other = client.post(PATH, json=walk, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    assert other.headers["etag"] != first.headers["etag"]


def test_default_values_written_out_are_the_same_question(client: TestClient, walk: Walk) -> None:
    first = client.post(PATH, json=walk).headers["etag"]
    walk["runs"][1]["hyper"] = {"lr": 0.001}
    walk["noise"] = 0
    assert client.post(PATH, json=walk).headers["etag"] == first


def test_the_table_has_a_row_for_every_run_and_step(client: TestClient, walk: Walk) -> None:
    walk["runs"].append({"optimizer": "sgd"})
    response = client.post(f"{PATH}/csv", json=walk)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert len(rows) == 3 * 31
    run = oc.simulate("rosenbrock", "adam_l2", (-1.5, 2.0), 30, lr=0.05, weight_decay=0.1)
    for t in (0, 1, 30):
        assert (rows[t]["run"], rows[t]["optimizer"], rows[t]["step"]) == ("0", "adam_l2", str(t))
        assert float(rows[t]["x"]) == run["x"][t]
    assert rows[0]["lr"] == ""
    assert rows[-1]["m_x"] == ""  # plain descent remembers nothing
    assert rows[-1]["optimizer"] == "sgd"


def test_rows_and_scripts_say_which_start_they_are_of(client: TestClient, walk: Walk) -> None:
    starts = [[-1.5, 2.0], [0.1, 1 / 3]]
    walk["runs"] = [
        {"optimizer": rule, "start": start} for rule in ("sgd", "schedule_free_adamw") for start in starts
    ]
    rows = list(csv.DictReader(io.StringIO(client.post(f"{PATH}/csv", json=walk).text)))
    for run in range(4):
        told = {(float(row["start_x"]), float(row["start_y"])) for row in rows if row["run"] == str(run)}
        assert told == {tuple(starts[run % 2])}
        code = client.post(f"{PATH}/script", json={**walk, "run": run}).json()["code"]
        assert repr(tuple(starts[run % 2])) in code.splitlines()[0]


def test_a_run_longer_than_a_chunk_keeps_all_its_rows(client: TestClient, walk: Walk) -> None:
    walk |= {"steps": 1203, "runs": [{"optimizer": "sgd"}]}
    rows = list(csv.DictReader(io.StringIO(client.post(f"{PATH}/csv?derived=false", json=walk).text)))
    assert [int(row["step"]) for row in rows] == list(range(1204))


def test_lists_are_packed_for_a_visitor_from_elsewhere_only(client: TestClient, walk: Walk) -> None:
    response = client.post(PATH, json=walk)  # the test client's address is not the loopback's
    assert response.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in response.headers["vary"].lower()
    plain = client.post(PATH, json=walk, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == response.content
    near = TestClient(client.app, base_url="http://localhost:8000", client=("127.0.0.1", 5000))
    assert "content-encoding" not in near.post(PATH, json=walk).headers


def test_the_answer_says_how_the_runs_part(client: TestClient, walk: Walk, decode: Any) -> None:
    walk["surface"], walk["steps"] = {"id": "rotated_bowl"}, 400
    hyper, schedule = {"lr": 0.05, "weight_decay": 0.1}, {"id": "cosine"}
    walk["runs"] = [{"optimizer": o, "hyper": hyper, "schedule": schedule} for o in ("adamw", "adam_l2")]
    answer = client.post(PATH, json=walk).json()
    adamw, adam_l2 = answer["findings"]
    assert "AdamW has shrunk both by 63\u00a0%" in adamw["text"]
    assert (adamw["run"], adam_l2["run"], adamw["steps"]) == (0, 1, [1, 400])
    for place, at in adamw["columns"].items():
        column = decode(answer["runs"][at["run"]]["columns"][at["column"]])
        assert column[-1] == pytest.approx(adamw["numbers"][place])


def test_only_wanted_columns_are_answered_and_the_sentence_still_has_its_numbers(
    client: TestClient, walk: Walk
) -> None:
    walk["columns"] = ["loss", "decay_taken_?"]
    answer = client.post(PATH, json=walk).json()
    assert list(answer["runs"][0]["columns"]) == ["loss", "decay_taken_x", "decay_taken_y"]
    assert answer["findings"][0]["numbers"]["loss"] is not None


def test_the_averaging_time_is_told_only_where_a_constant_rate_is_declared(
    client: TestClient, walk: Walk
) -> None:
    walk["runs"] = [
        {"optimizer": "sgd_l2", "hyper": {"lr": 0.1, "weight_decay": 0.1, "penalty": "full"}},
        {"optimizer": "adamw", "hyper": {"relative_decay": True}},
        *({"optimizer": name, "hyper": {"weight_decay": 0.1}} for name in ("lamb", "adagrad")),
        {"optimizer": "schedule_free_adamw"},
    ]
    found = [run["averaging_time"] for run in client.post(PATH, json=walk).json()["runs"]]
    assert found == [pytest.approx(50.0), None, None, None, None]
