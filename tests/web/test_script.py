"""Scripts that people take away end where the simulator ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.compute.trajectories import experiments_of
from app.export.script import script_of
from app.routes.schemas.common import TrajectoriesRequest
from app.settings import Limits
from optim_core.catalogue import rules
from optim_core.experiment import Experiment, SurfaceProblem
from optim_core.rule import Twin
from optim_core.schedules import schedules
from optim_core.simulate.trajectory import run

ROOT = Path(__file__).parents[2]
# Runs scripts in one interpreter: a list of sources a line in, a list of what each printed a line out.
RUNNER = """
import contextlib, io, json, sys
for line in sys.stdin:
    outputs = []
    for source in json.loads(line):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(source, "script.py", "exec"), {"__name__": "__main__"})
        outputs.append(out.getvalue())
    print(json.dumps(outputs), flush=True)
"""
Experiments = list[Experiment[SurfaceProblem]]
NOISY = {"noise": 0.3, "seed": 5}
SURFACES = (
    {"id": "rotated_bowl"},
    {"formula": "log(1 + (x-1)^2 + 2*y^2) + sigmoid(x*y)/5 + max(0.1*y, -3, 0*x)"},
)


def experiments(surface: dict[str, Any], runs: list[dict[str, Any]], **given: Any) -> Experiments:
    body = {"surface": surface, "start": [1.5, -0.7], "steps": 25, "runs": runs} | given
    return experiments_of(TrajectoriesRequest.model_validate(body).model_dump(), Limits())


@pytest.fixture(scope="module")
def interpreter() -> Iterator[subprocess.Popen[str]]:
    """A Python of its own, in which every warning is an error."""
    command = [sys.executable, "-W", "error", "-c", RUNNER]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as process:
        yield process


Same = Callable[[Experiments], None]


@pytest.fixture
def assert_same(interpreter: subprocess.Popen[str]) -> Same:
    """Asserts that the scripts of some experiments print where the simulator ended."""

    def check(found: Experiments) -> None:
        assert interpreter.stdin
        assert interpreter.stdout
        print(json.dumps([script_of(one) for one in found]), file=interpreter.stdin, flush=True)
        line = interpreter.stdout.readline()
        assert line, interpreter.stderr and interpreter.stderr.read()
        for one, output in zip(found, json.loads(line), strict=True):
            ended = run(one)
            expected = [ended[name][-1] for name in ("x", "y", "loss")]
            printed = [float(number) for number in output.split()]
            assert printed == pytest.approx(expected, rel=1e-6, abs=1e-12), (
                one.rule.id,
                one.hyper,
            )

    return check


@pytest.mark.parametrize("surface", SURFACES, ids=["surface", "formula"])
def test_every_optimizer_ends_where_the_simulator_ends(surface: dict[str, Any], assert_same: Same) -> None:
    runs = [{"optimizer": name} for name in rules()]
    decaying = [run for run in runs if "weight_decay" in rules()[run["optimizer"]].settings]
    plans = {"schedule": {"id": "cosine", "warmup_steps": 5}, "decay_schedule": {"id": "ramp"}}
    assert_same(
        [
            *experiments(surface, [run | {"hyper": {"lr": 0.01}} for run in runs]),
            *experiments(surface, [run | plans for run in decaying], **NOISY),
        ]
    )


def test_every_schedule_is_written_out_right(assert_same: Same) -> None:
    plans = [{"id": name} for name in schedules()]
    plans += [{"id": name, "warmup_steps": 7} for name in schedules()]
    plans += [
        {"id": "linear", "warmup_steps": 9, "warmup_start": 0},
        {"id": "cosine", "end": 0.3, "warmup_steps": 30},
        {"id": "step", "drops": 4, "gamma": 0.5},
    ]
    runs = [
        {"optimizer": "adamw", "schedule": p, "decay_schedule": q}
        for p, q in zip(plans, plans[::-1], strict=True)
    ]
    assert_same(experiments(SURFACES[0], runs))


def test_clipping_is_written_out_with_a_loop_and_without(assert_same: Same) -> None:
    runs = [{"optimizer": "sgd"}, {"optimizer": "adamw"}, {"optimizer": "schedule_free_adamw"}]
    clipped = experiments(SURFACES[0], runs, clip=0.3, **NOISY)
    assert all("0.3" in script_of(one) for one in clipped)
    assert_same(clipped)


def test_options_beyond_torch_take_our_own_optimizer(assert_same: Same) -> None:
    runs = [
        {"optimizer": "adamw", "hyper": {"decay_order": "after"}},
        {"optimizer": "adamw", "hyper": {"relative_decay": True}},
        {"optimizer": "adam", "hyper": {"bias_correction": False}},
        {"optimizer": "adam_l2", "hyper": {"penalty": "full", "weight_decay": 0.3}},
    ]
    found = experiments(SURFACES[0], runs)
    assert ["make_optimizer" in script_of(one) for one in found] == [True, True, True, False]
    assert_same(found)


def test_where_torch_has_the_rule_the_script_needs_torch_alone() -> None:
    names = [
        n for n, r in rules().items() if isinstance(r.reference, Twin) and r.reference.covers(r.complete({}))
    ]
    assert len(names) >= 10
    scripts = {
        one.rule.id: script_of(one) for one in experiments(SURFACES[0], [{"optimizer": n} for n in names])
    }
    ours = {name for name, source in scripts.items() if "optim_core" in source}
    assert ours <= {"muon"}, "torch's Muon wants matrices, and these weights are a vector"


def test_a_script_runs_as_a_file(tmp_path: Path) -> None:
    (one,) = experiments(
        {"id": "rosenbrock"}, [{"optimizer": "adamw", "schedule": {"id": "linear"}}], **NOISY
    )
    path = tmp_path / "run.py"
    path.write_text(script_of(one))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True, cwd=tmp_path)
    ended = run(one)
    assert [float(n) for n in done.stdout.split()][:2] == pytest.approx(
        [ended["x"][-1], ended["y"][-1]], rel=1e-6
    )


def test_a_run_that_ends_early_has_a_script_that_ends_there(client: TestClient) -> None:
    (one,) = experiments({"id": "rosenbrock"}, [{"optimizer": "sgd", "hyper": {"lr": 1.0}}])
    source = script_of(one)
    steps = len(run(one)) - 1
    assert steps < 25
    assert f"range(1, {steps} + 1)" in source
    assert "# Diverged at step" in source


@pytest.mark.parametrize(
    "formula",
    [
        *("3", "2*x", "abs(y)^3 - e", "sqrt(2)*min(x, y, 1) + softplus(1) + pi^2"),
        *("2x² + |y| − 3π", "np.log10(1 + x²) + log2(2 + y²) + ln(3)", "pow(x, 2) + square(y) + sin²(x)"),
        *("where(x < y, x², 2y²) + where(1 < 2, x, y)", "(x > -9)*x^2 + (0 < y <= 9)*y + floor(1.5)*y"),
        "floor(x) + ceil(y/2) + (x != y) + (x == y)*x",
    ],
)
def test_odd_formulas_become_torch_code_too(formula: str, assert_same: Same) -> None:
    assert_same(experiments({"formula": formula}, [{"optimizer": "sgd", "hyper": {"lr": 0.01}}]))


def test_the_script_comes_over_http(client: TestClient, walk: dict[str, Any]) -> None:
    code = client.post("/api/trajectories/script", json=walk | {"run": 1}).json()["code"]
    assert "torch.optim.AdamW([theta]" in code
    assert "a, b = " not in code
    compile(code, "script.py", "exec")
