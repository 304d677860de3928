"""Arrows point one way: the library knows nothing of the web, and the web does no maths."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = {"app", "fastapi", "starlette", "uvicorn", "plotly", "jinja2", "orjson", "click", "pydantic_settings"}
# Where the app touches arrays or tensors, and why.
MAY_IMPORT = {
    "app/http/encoding.py": {"numpy"},  # arrays to bytes
    "app/export/script.py": {"torch"},  # whether torch's own optimizer takes these settings
    "app/export/tables.py": {"math"},  # numbers as text
    "app/export/torch_source.py": {"math"},
    "app/store/check.py": {"numpy"},  # shapes
    "app/store/sqlite/append.py": {"math"},
    "app/store/sqlite/blocks.py": {"numpy"},  # arrays to bytes and back
    "app/store/sqlite/segments.py": {"numpy"},
    "app/store/sqlite/layouts.py": {"numpy"},
    "app/store/sqlite/read.py": {"numpy"},
    "app/store/decimate.py": {"numpy"},  # many points as a few
    "app/traces.py": {"math", "numpy"},  # the rows of columns that charts draw
    "app/jobs/worker.py": {"torch"},  # loads it for all workers
    "app/jobs/devices.py": {"torch"},  # which devices there are
    "app/bench/stream.py": {"numpy"},  # frames to send
    "app/bench/load.py": {"numpy"},
    "app/bench/harness.py": {"numpy"},
    "app/bench/core.py": {"torch"},  # the loop that we are compared with
    "app/bench/trace.py": {"torch"},
}
MATHS = {"numpy", "torch", "sympy", "scipy", "math"}


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports for use (not for types alone)."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", files("optim_core"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_library_never_imports_the_web(path: Path) -> None:
    assert not imported(path) & WEB


@pytest.mark.parametrize("path", files("app"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_app_leaves_the_maths_to_the_library(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    assert imported(path) & MATHS <= MAY_IMPORT.get(name, set())


def test_importing_the_library_does_not_load_the_web() -> None:
    code = f"import sys, optim_core; print(sorted({WEB!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_help_of_the_command_line_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "plotly", "fastapi", "sympy"}
    code = f"import sys, app.commands.main; print(sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def loaded_by(name: str, path: Path, known: set[str]) -> set[str]:
    """The modules of ours that a module imports, at once or later; not those for types alone."""
    tree = ast.parse(path.read_text())
    typing = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    skipped = {id(node) for each in typing for node in ast.walk(each)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                within = f"{node.module}.{alias.name}"
                found.add(within if within in known else node.module)
    return found & known - {name}


def test_no_import_leads_back_to_where_it_began() -> None:
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ("app", "optim_core")
        for path in files(package)
    }
    sorter = TopologicalSorter({name: loaded_by(name, path, set(paths)) for name, path in paths.items()})
    sorter.prepare()  # raises CycleError, which names the circle
