"""The catalogue lists what is registered, with the declarations that forms are made of."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import optim_core as oc
from app.chart import charts
from app.http.mathml import equations
from app.preset import presets
from app.routes.schemas.train import TrainRequest
from optim_core.catalogue import rules
from optim_core.outcomes import Outcome
from optim_core.param_groups import POLICIES

MARK = re.compile(r'data-quantity="([^"]+)"')


@pytest.fixture(scope="module")
def catalogue(client: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/api/catalogue").json()
    return answer


def test_everything_registered_is_listed(catalogue: dict[str, Any]) -> None:
    def ids(name: str) -> list[str]:
        return [item["id"] for item in catalogue[name]]

    assert ids("optimizers") == list(rules())
    assert ids("surfaces") == list(oc.surfaces())
    assert ids("schedules") == list(oc.schedules())
    assert ids("charts") == list(charts())
    assert ids("tasks") == list(oc.tasks())
    assert ids("experiments") == list(presets())
    assert catalogue["labs"] == []
    assert catalogue["outcomes"] == {outcome.value: outcome.sentence for outcome in Outcome}
    assert catalogue["limits"].keys() >= {"runs", "steps", "rows", "grid", "body_bytes", "formula"}


def test_an_optimizer_says_what_its_settings_may_be(catalogue: dict[str, Any]) -> None:
    adamw = next(item for item in catalogue["optimizers"] if item["id"] == "adamw")
    lr = adamw["hyper"]["properties"]["lr"]
    assert (lr["type"], lr["minimum"], lr["default"], lr["x-scale"]) == ("number", 0, 1e-3, "log")
    assert adamw["hyper"]["properties"]["decay_order"]["enum"] == ["before", "after"]
    assert adamw["state"] == ["m", "v"]
    assert "the weights shrink before the step" in adamw["notes"]
    assert (adamw["decay"], adamw["elementwise"], adamw["step_size"]) == ("decoupled", True, "adaptive")


def test_the_options_of_training_are_those_that_a_request_takes(catalogue: dict[str, Any]) -> None:
    options = catalogue["training"]["properties"]
    fields = TrainRequest.model_fields.keys()
    assert {path.split(".")[0] for path in options} <= fields
    assert options["precision"]["enum"] == ["fp32", "bf16", "fp16", "fp16_unscaled"]
    assert options["groups"]["x-options"] == dict(POLICIES)
    assert options["device"]["enum"][0] == "auto"
    assert "cpu" in options["device"]["enum"]
    for name in ("seed", "groups", "precision", "l2_in_loss", "device"):
        assert options[name]["default"] == TrainRequest.model_fields[name].default, name


def test_a_surface_comes_with_a_picture(catalogue: dict[str, Any], decode: Any) -> None:
    for surface in catalogue["surfaces"]:
        picture = decode(surface["thumbnail"])
        assert (picture.dtype, picture.shape) == (np.uint8, (32, 32))
        assert surface["mathml"].startswith("<math")
        assert surface["starts"]
        assert surface["demo"].keys() >= {"steps", "noise"}


def test_a_chart_has_no_colours_and_no_template(catalogue: dict[str, Any]) -> None:
    for chart in catalogue["charts"]:
        assert "template" not in chart["figure"]["layout"]
        assert "color" not in str(chart["figure"])
        assert chart["figure"]["data"]


def test_the_catalogue_is_not_sent_twice(client: TestClient) -> None:
    first = client.get("/api/catalogue")
    assert first.headers["content-encoding"] == "gzip"
    assert client.get("/api/catalogue", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_every_equation_is_mathml_with_its_quantities_marked(rule: oc.Rule) -> None:
    allowed = {
        "grad",
        "param_prev",
        "effective_lr",
        "direction",
        "decay",
        "step",
        "schedule_factor",
        "param_norm",
    }
    allowed |= {f"hyper:{name}" for name in rule.settings}
    allowed |= {f"{when}:{name}" for when in ("state", "state_prev") for name in rule.state_names}
    defined = {line.partition("=")[0].replace(" ", "") for line in rule.formula}
    allowed |= {f"local:{letter}" for letter in defined}
    marked: set[str] = set()
    for line in equations(rule):
        assert line["mathml"].startswith("<math")
        assert "<mtext>" not in line["mathml"] or "text{" in line["latex"]
        assert "9150000" not in line["mathml"]
        found = set(MARK.findall(line["mathml"]))
        assert found <= allowed, line["latex"]
        marked |= found
        for name, value in line["when"].items():
            rule.settings[name].kind.check(value)
    assert {"effective_lr", "direction", "hyper:lr"} <= marked
    assert ("hyper:weight_decay" in marked) == ("weight_decay" in rule.settings)


def test_quantities_are_marked_where_they_stand_and_only_there() -> None:
    lines = {line["latex"]: line["mathml"] for line in equations(rules()["adam_l2"])}
    moment = lines[r"\mu_t = \beta_1 \mu_{t-1} + (1 - \beta_1) \lambda \theta_{t-1}"]
    assert MARK.findall(moment) == [
        *("state:m_decay", "hyper:beta1", "state_prev:m_decay", "hyper:beta1"),
        *("hyper:weight_decay", "param_prev"),
    ]
    direction = lines[r"d_t = \frac{m_t}{1 - \beta_1^t}"]
    assert MARK.findall(direction) == ["direction", "state:m", "hyper:beta1", "step"]
    assert (
        '<mrow data-quantity="direction"><msub><mi>d</mi><mi>t</mi></msub></mrow>' in direction
    )  # the symbol stays inside


def test_equations_tell_under_which_settings_they_hold() -> None:
    found = {line["latex"]: line for line in equations(rules()["adam_l2"])}
    assert found[r"d_t = m_t"]["when"] == {"bias_correction": False}
    assert found[r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t"]["when"] == {}
    assert {line["when"].get("penalty") for line in found.values()} == {None, "half", "full"}
    shapes = [line.get("matrix") for line in equations(rules()["adafactor"])]
    assert {True, False, None} == set(shapes)
