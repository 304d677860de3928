"""The README's lists and examples are true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import optim_core as oc

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(
    ("name", "declared"),
    [("optimizers", oc.rules), ("surfaces", oc.surfaces), ("schedules", oc.schedules), ("tasks", oc.tasks)],
)
def test_lists_name_exactly_what_there_is(name: str, declared: object) -> None:
    section = re.search(rf"<!-- {name} -->(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert section
    listed = set(re.findall(r"`([a-z0-9_]+)`", section.group(1)))
    assert listed == set(declared())  # type: ignore[operator]


def test_the_python_examples_run() -> None:
    [use, *_] = [block for block in blocks("python") if "import optim_core" in block]
    exec(compile(use, "README.md", "exec"), {"model": torch.nn.Linear(2, 1)})


def test_the_example_rule_passes_the_contract(tmp_path: Path) -> None:
    [rule] = [block for block in blocks("python") if "RULE = Rule(" in block]
    (tmp_path / "sign_descent.py").write_text(rule, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/core/test_rules.py",
            "-k",
            "sign_descent",
        ],
        cwd=ROOT,
        env={**os.environ, "OPTIMSCOPE_RULES": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_two_commands_are_there() -> None:
    commands = blocks("sh")
    assert any("pip install . && optimscope serve" in block for block in commands)
    assert any('pip install -e ".[dev]" && pytest' in block for block in commands)
    assert (ROOT / "static" / "screenshot.png").stat().st_size > 50_000
