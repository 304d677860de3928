"""Grids over HTTP: heights, minima, and the penalised surface."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import optim_core as oc

PATH = "/api/surfaces/grid"


def test_heights_are_those_of_the_landscape(client: TestClient, decode: Any) -> None:
    body = {"surface": {"id": "himmelblau"}, "box": [-4, 4, -5, 3], "n": [7, 5]}
    answer = client.post(PATH, json=body).json()
    x, y, z = oc.surface("himmelblau").grid((-4, 4, -5, 3), 7, 5)
    assert np.array_equal(decode(answer["x"]), x)
    assert np.array_equal(decode(answer["y"]), y)
    assert np.array_equal(decode(answer["z"]), z)
    assert decode(answer["z"]).shape == (5, 7)
    assert answer["box"] == [-4, 4, -5, 3]
    assert "penalised" not in answer


def test_the_minima_of_himmelblau_are_found(client: TestClient) -> None:
    minima = client.post(PATH, json={"surface": {"id": "himmelblau"}}).json()["minima"]
    assert len(minima) == 4
    assert any(m["x"] == pytest.approx(3) and m["y"] == pytest.approx(2) for m in minima)
    assert [m["loss"] for m in minima] == pytest.approx([0] * 4, abs=1e-9)


def test_a_minimum_says_whether_it_lies_on_the_edge_and_whether_any_is_lower(client: TestClient) -> None:
    body = {"surface": {"formula": "x^3 - 3*x + y^2"}, "n": 9}
    answer = client.post(PATH, json=body).json()
    edge, inner = answer["minima"]
    assert (edge["x"], edge["edge"], edge["global"]) == (-5, True, True)
    assert (inner["x"], inner["edge"], inner["global"]) == (pytest.approx(1), False, False)
    assert answer["surface"]["minima"] == answer["minima"]
    known = client.post(PATH, json={"surface": {"id": "himmelblau"}, "n": 9, "box": [1, 4, -3, 3]}).json()
    assert {(m["edge"], m["global"]) for m in known["minima"] if m["loss"] < 1e-9} == {(False, True)}


def test_the_box_is_the_surface_s_own_unless_given(client: TestClient) -> None:
    answer = client.post(PATH, json={"surface": {"id": "bowl"}, "n": 3}).json()
    assert answer["box"] == answer["surface"]["box"] == list(oc.surface("bowl").box)


def test_decay_moves_the_minimum_of_the_penalised_loss(client: TestClient, decode: Any) -> None:
    body = {"surface": {"formula": "(x-1)^2/2 + (y-1)^2"}, "n": 9, "weight_decay": 1.0}
    answer = client.post(PATH, json=body).json()
    penalised = answer["penalised"]
    assert penalised["weight_decay"] == 1.0
    x, y = decode(answer["x"])[None, :], decode(answer["y"])[:, None]
    assert decode(penalised["z"]) == pytest.approx(decode(answer["z"]) + 0.5 * (x**2 + y**2))
    (found,) = penalised["minima"]
    assert (found["x"], found["y"]) == (pytest.approx(1 / 2), pytest.approx(2 / 3))
    assert found["loss"] == pytest.approx(0.125 + 1 / 9 + (1 / 4 + 4 / 9) / 2)


def test_where_a_formula_is_undefined_the_grid_has_holes(client: TestClient, decode: Any) -> None:
    body = {"surface": {"formula": "sqrt(x)"}, "box": [-1, 1, -1, 1], "n": 3}
    z = decode(client.post(PATH, json=body).json()["z"])
    assert np.isnan(z[:, 0]).all()
    assert z[:, 2].tolist() == [1, 1, 1]
    assert client.post(f"{PATH}?arrays=json", json=body).json()["z"][0] == [None, 0, 1]


def test_a_formula_that_is_undefined_everywhere_is_no_error(client: TestClient, decode: Any) -> None:
    answer = client.post(PATH, json={"surface": {"formula": "log(-1-x^2)"}, "n": 3}).json()
    assert np.isnan(decode(answer["z"])).all()
    assert answer["minima"] == []


def test_a_minimum_where_a_part_of_the_formula_overflows_has_the_loss_of_its_limit(
    client: TestClient,
) -> None:
    answer = client.post(PATH, json={"surface": {"formula": "x^2 + y^2 + 1/(1 + exp(800 - x))"}, "n": 9})
    assert answer.status_code == 200
    assert [minimum["loss"] for minimum in answer.json()["minima"]] == [0]  # 1/(1 + e^800)


@pytest.mark.parametrize("name", oc.surfaces())
def test_every_surface_can_be_drawn_with_and_without_decay(client: TestClient, name: str) -> None:
    response = client.post(PATH, json={"surface": {"id": name}, "n": 16, "weight_decay": 0.1})
    assert response.status_code == 200, response.text


def test_the_same_grid_is_not_sent_twice(client: TestClient) -> None:
    body = {"surface": {"id": "beale"}, "n": 16}
    first = client.post(PATH, json=body)
    assert client.post(PATH, json=body, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_a_formula_comes_with_what_suits_it_and_a_surface_says_whether_it_has_a_lowest_value(
    client: TestClient,
) -> None:
    own = client.post(PATH, json={"surface": {"formula": "(x - 20)^2 + 5*(y + 30)^2"}, "n": 3}).json()[
        "surface"
    ]
    suggested = own["suggested"]
    x0, x1, y0, y1 = suggested["box"]
    assert x0 < 20 < x1
    assert y0 < -30 < y1
    assert suggested["lr_gradient"] == pytest.approx(1 / 10)  # the Hessian is diag(2, 10)
    assert own["bounded"]
    assert not client.post(PATH, json={"surface": {"formula": "-x^4"}, "n": 3}).json()["surface"]["bounded"]
    bowl = client.post(PATH, json={"surface": {"id": "bowl"}, "n": 3}).json()["surface"]
    assert bowl["bounded"]
    assert bowl["suggested"] is None
