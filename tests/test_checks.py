"""Format, lint and types, of Python, browser modules and Dockerfile: part of the one test command."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JS = ROOT / "tests" / "js"


def run(*command: str, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


def python(module: str, *arguments: str) -> None:
    run(sys.executable, "-m", module, *arguments)


def test_python_is_formatted() -> None:
    python("ruff", "format", "--check", ".")


def test_python_is_free_of_lint() -> None:
    python("ruff", "check", ".")


def test_python_types_hold() -> None:
    python("mypy")


def test_the_dockerfile_is_free_of_lint() -> None:
    run(str(Path(sysconfig.get_path("scripts")) / "hadolint"), "Dockerfile")


@pytest.mark.parametrize("script", ["types", "lint", "test"])
def test_browser_modules_pass(script: str, node_tools: str) -> None:
    run(node_tools, "run", script, cwd=JS)
