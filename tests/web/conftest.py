"""A server for the tests, and requests that it should answer."""

from __future__ import annotations

import base64
import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings

# A fork server has the path of a new interpreter, not this one's.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])
)
HOME = "http://localhost:8000"
WALK: dict[str, Any] = {
    "surface": {"id": "rosenbrock"},
    "start": [-1.5, 2.0],
    "steps": 30,
    "runs": [{"optimizer": "adam_l2", "hyper": {"lr": 0.05, "weight_decay": 0.1}}, {"optimizer": "adamw"}],
}

Decode = Callable[[dict[str, Any]], NDArray[Any]]


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A browser on the same machine as a server with default settings."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("data")))
    with TestClient(app, base_url=HOME, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def walk() -> dict[str, Any]:
    """A request for two runs, to be changed at will."""
    return copy.deepcopy(WALK)


@pytest.fixture(scope="session")
def decode() -> Decode:
    """Reads an array that came as base64."""

    def array(packed: dict[str, Any]) -> NDArray[Any]:
        flat = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}")
        return flat.reshape(packed["shape"])

    return array


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    """A visitor from elsewhere to a server that asks for a token."""
    settings = Settings(
        host="0.0.0.0", token="a-long-secret", hosts="lab.example, other.example", data_dir=tmp_path
    )
    app = create_app(settings)
    with TestClient(
        app, base_url="http://lab.example:8000", raise_server_exceptions=False, follow_redirects=False
    ) as client:
        yield client
