"""An optimizer in a folder of one's own joins everything, without a change to the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULE = r'''
r"""Heavy ball: gradient descent with a velocity that friction wears down.

    v_t = \kappa v_{t-1} + g_t
    \alpha_t = \eta
    d_t = v_t

Polyak 1964; torch.optim.SGD(momentum=κ).
"""

from typing import Annotated, NamedTuple

from optim_core.arithmetic import zeros_like
from optim_core.declare.kinds import Real
from optim_core.rule import LearningRate, Rule, Step, Twin

Keep = Annotated[
    float,
    Real(label="κ", symbol=r"\kappa", help="Kept of the velocity.", low=0.0, high=0.9, slider=(0, 0.9)),
]


class State(NamedTuple):
    v: object


def init(param):
    return State(zeros_like(param))


def update(grad, state, param, step, *, lr: LearningRate = 1e-3, keep: Keep = 0.5):
    v = keep * state.v + grad
    return Step(lr, v, 0.0), State(v)


RULE = Rule(
    title="Heavy ball",
    family="Made up",
    source="Polyak 1964",
    step_size="gradient",
    reference=Twin("SGD", lambda h: {"lr": h["lr"], "momentum": h["keep"]}),
)
'''
LOOK = """
import json
from starlette.testclient import TestClient
from app.main import create_app
from app.settings import Settings

client = TestClient(create_app(Settings()), base_url="http://localhost")
catalogue = client.get("/api/catalogue").json()
body = {"surface": {"id": "bowl"}, "steps": 5, "runs": [{"optimizer": "heavy_ball", "hyper": {"keep": 9}}]}
refused = client.post("/api/trajectories", json=body).json()["error"]
body["runs"][0]["hyper"]["keep"] = 0.2
columns = client.post("/api/trajectories?arrays=json", json=body).json()["runs"][0]["columns"]
found = next(item for item in catalogue["optimizers"] if item["id"] == "heavy_ball")
print(json.dumps([found, refused, columns["effective_lr_x"][1:]]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "heavy_ball.py").write_text(RULE)
    return os.environ | {"OPTIMSCOPE_RULES": str(folder)}


def python(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_in_the_catalogue_the_schema_and_the_simulator(environment: dict[str, str]) -> None:
    found, refused, rates = json.loads(python(environment, "-c", LOOK))
    assert (found["title"], found["family"]) == ("Heavy ball", "Made up")
    assert found["hyper"]["properties"]["keep"]["maximum"] == 0.9
    assert 'data-quantity="hyper:keep"' in found["formula"][0]["mathml"]
    assert refused["field"] == "runs.0.hyper.keep"
    assert rates == [1e-3] * 5


def test_it_is_on_the_command_line(environment: dict[str, str]) -> None:
    assert "heavy_ball" in python(environment, "-m", "app", "list", "optimizers")
    help_text = python(environment, "-m", "app", "simulate", "bowl", "heavy_ball", "--help")
    assert "--keep" in help_text
    assert "Kept of the velocity." in help_text


def test_it_passes_the_contract_of_all_optimizers(environment: dict[str, str]) -> None:
    output = python(
        environment,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/core/test_rules.py"),
        *("-k", "heavy_ball"),
    )
    assert " passed" in output


PRESET = '''
"""One step alone."""

from app.preset import Preset, runner

view = {"surface": "bowl", "steps": 1, "runners": [runner("lion", lr=0.1)]}
PRESET = Preset(title="One step", page="explore", order=1, view=view)
'''
OFFERED = """
import json
from starlette.testclient import TestClient
from app.main import create_app
from app.settings import Settings

client = TestClient(create_app(Settings()), base_url="http://localhost")
print(json.dumps(client.get("/api/catalogue").json()["experiments"]))
"""


def test_a_preset_is_one_file_and_the_first_is_what_its_page_opens_on(tmp_path: Path) -> None:
    (tmp_path / "one_step.py").write_text(PRESET)
    experiments = json.loads(python(os.environ | {"OPTIMSCOPE_EXPERIMENTS": str(tmp_path)}, "-c", OFFERED))
    first, *others = [each for each in experiments if each["page"] == "explore"]
    assert (first["id"], first["title"]) == ("one_step", "One step")
    assert first["view"]["runners"] == [{"optimizer": "lion", "hyper": {"lr": 0.1}}]
    assert [each["id"] for each in others][-1] == "four_conventions"
