"""The command line, made from the same declarations as the API."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import optim_core as oc
from app.bench.targets import Figure, table
from app.chart import charts
from app.commands.main import main
from optim_core.catalogue import rules

ROOT = Path(__file__).parents[2]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_help_lists_the_commands() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    for command in ("serve", "list", "simulate", "bench"):
        assert re.search(rf"^  {command} ", result.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("what", "known"),
    [
        ("optimizers", rules()),
        ("surfaces", oc.surfaces()),
        ("schedules", oc.schedules()),
        ("charts", charts()),
    ],
)
def test_list_shows_every_id(what: str, known: Any) -> None:
    result = invoke("list", what)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(known)


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_every_setting_of_an_optimizer_is_a_flag(rule: oc.Rule) -> None:
    result = invoke("simulate", "bowl", rule.id, "--help")
    assert result.exit_code == 0, result.output
    for name in (*rule.settings, "condition", "steps", "start", "schedule", "csv"):
        assert f"--{name.replace('_', '-')}" in result.output


@pytest.mark.parametrize("surface", oc.surfaces())
def test_every_surface_can_be_walked_on(surface: str) -> None:
    result = invoke("simulate", surface, "adamw", "--steps", "3")
    assert result.exit_code == 0, result.output
    assert f"surface    {surface}" in result.output


def test_simulate_walks_as_the_library_does_and_writes_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    result = invoke(
        *("simulate", "bowl", "adam_l2", "--condition", "20", "--lr", "0.05", "--weight-decay", "0.1"),
        *("--penalty", "full", "--no-bias-correction", "--start", "1", "-2", "--steps", "30"),
        *("--noise", "0.1", "--seed", "3", "--schedule", "cosine:end=0.1,warmup_steps=4"),
        *("--decay-schedule", "ramp", "--csv", str(path)),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    run = oc.simulate(
        oc.surface("bowl", condition=20),
        "adam_l2",
        (1, -2),
        30,
        schedule={"id": "cosine", "end": 0.1, "warmup_steps": 4},
        decay_schedule="ramp",
        noise=0.1,
        seed=3,
        lr=0.05,
        weight_decay=0.1,
        penalty="full",
        bias_correction=False,
    )
    assert (
        f"end        x {run['x'][-1]:.6g}, y {run['y'][-1]:.6g}, loss {run['loss'][-1]:.6g}" in result.output
    )
    assert "steps      30 of 30" in result.output
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [float(row["x"]) for row in rows] == run["x"].tolist()
    assert "penalised_loss" in rows[0]


@pytest.mark.parametrize("formula", ["-cos(x)*cos(y)", "-sinh(x)^2", "-x", "--x + y", "-2x²"])
def test_a_formula_may_begin_with_a_sign(formula: str) -> None:
    result = invoke("simulate", formula, "sgd", "--lr", "0.1", "--steps", "2", "--start", "-1", "-0.5")
    assert result.exit_code == 0, result.output
    run = oc.simulate(formula, "sgd", (-1, -0.5), 2, lr=0.1)
    assert f"surface    {formula}" in result.output
    assert f"end        x {run['x'][-1]:.6g}, y {run['y'][-1]:.6g}" in result.output
    assert invoke("simulate", "--", formula, "sgd", "--steps", "2").exit_code == 0


def test_what_looks_like_an_option_is_told_as_one() -> None:
    assert "No such option '--hepl'" in invoke("simulate", "--hepl").output
    assert invoke("simulate", "-h").exit_code == invoke("simulate", "--help").exit_code == 0


def test_simulate_takes_a_formula() -> None:
    result = invoke("simulate", "x^2 + 3*y^2", "sgd", "--lr", "0.1")
    assert result.exit_code == 0, result.output
    assert "surface    x^2 + 3*y^2" in result.output
    assert "outcome    converged" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bowl", "adamw", "--lr", "-1"], "lr: got -1.0, allowed is at least 0"),
        (["bowl", "adamw", "--lr", "nan"], "got nan"),
        (["bowl", "adamw", "--lr", "much"], "'much' is not a valid float"),
        (["bowl", "adamw", "--condition", "-3"], "condition: got -3.0"),
        (["bowl", "adamw", "--steps", "0"], "steps: got 0, allowed is a whole number from 1"),
        (["bowl", "adamw", "--penalty", "half"], "No such option"),
        (["bowl", "adamw", "--schedule", "moon"], "there is no schedule 'moon'"),
        (["bowl", "adamw", "--schedule", "cosine:end"], "got 'end', expected name=number."),
        (["bowl", "adamz"], "there is no optimizer 'adamz'"),
        (["moon", "adamw"], "there is no surface 'moon'"),
        (["x +", "adamw"], "unfinished"),
        (["bowl"], "simulate bowl [OPTIONS] OPTIMIZER"),
    ],
)
def test_a_bad_line_is_refused_in_plain_words(arguments: list[str], message: str) -> None:
    result = invoke("simulate", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_setting_of_the_surface_that_the_optimizer_has_too_keeps_both_flags() -> None:
    shared = {
        (surface.id, rule.id): surface.parameters.keys() & rule.settings.keys()
        for surface in oc.surfaces().values()
        for rule in rules().values()
    }
    for (surface, rule), names in shared.items():
        for name in names:
            assert f"--surface-{name.replace('_', '-')}" in invoke("simulate", surface, rule, "--help").output


def test_the_table_of_figures_shows_targets_and_verdicts() -> None:
    text = table(
        [Figure("quick", 3.0, "µs", 8.0, at_least=False), Figure("fast", 20.0, "times", 30.0, at_least=True)]
    )
    quick, fast = text.splitlines()
    assert quick.endswith("target ≤ 8: met")
    assert fast.endswith("target ≥ 30: missed")


# --- serve ----------------------------------------------------------------------------------------


def test_a_taken_port_is_told_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = invoke("serve", "--port", port)
    assert result.exit_code == 1
    assert f"port {port} is taken" in result.output
    assert "--port" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "no.such.host.invalid"], "is no address of this machine"),
        (["--token", "short"], "at least 8"),
        (["--port", "99999"], "99999"),
    ],
)
def test_bad_settings_are_told_in_plain_words(arguments: list[str], message: str) -> None:
    result = invoke("serve", *arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output


def started(data: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, and the address that it prints."""
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--data-dir", str(data), *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    return process, found.group()


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(30)


def test_serve_prints_its_address_answers_there_and_stops(tmp_path: Path) -> None:
    process, address = started(tmp_path)
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=20) as response:
            assert json.load(response)["status"] == "ok"
            assert "server" not in response.headers
    finally:
        assert stop(process) in (0, -signal.SIGTERM)


def test_a_public_server_makes_up_a_token_and_prints_the_link(tmp_path: Path) -> None:
    process, address = started(tmp_path, "--host", "0.0.0.0")
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)
        with urllib.request.urlopen(address, timeout=20) as response:
            assert "HttpOnly" in response.headers["set-cookie"]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(
                address.replace("/?", "/api/catalogue?").replace("token", "taken"), timeout=20
            )
    finally:
        stop(process)


def test_what_is_wrong_with_settings_is_told_before_torch_is_loaded() -> None:
    told = (
        "import sys; from app.commands.serve import _settings; _settings({}); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", told.format("token='for-a-class'")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "False"
    short = subprocess.run(
        [sys.executable, "-m", "app", "serve", "--token", "abc"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert short.returncode == 1
    assert short.stderr.startswith("Error: --token: got 3 characters, expected at least 8")
    assert "Value error" not in short.stderr
