"""Whatever the API's own description allows, and what it forbids, is answered as the description says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from fake_producer import frame
from httpx2 import InvalidURL
from hypothesis import HealthCheck, Phase, reject, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi
from starlette.testclient import TestClient

from app.main import create_app
from app.routes.schemas.common import ErrorAnswer
from app.settings import Limits, Settings

MORE = "OPTIMSCOPE_EXAMPLES"  # so many for each address and method, and others every time
EXAMPLES = int(os.environ.get(MORE, "10"))
HOME = "http://localhost:8000"
KNOWN = "known"
LIMITS = Limits(steps=60, rows=600, grid=24)  # what is asked of the API, not how fast it is
CHECKS = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
    openapi.response_headers_conformance,
]


def described() -> Any:
    """The description alone; the examples go to the server of the fixture."""
    return schemathesis.openapi.from_dict(create_app(Settings(limits=LIMITS)).openapi())


schema = described()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Its streams end when they have told what is stored; its workers do nothing."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("schema"), limits=LIMITS))
    manager = app.state.services.runs
    manager.target = ("fake_producer", "echo")
    with TestClient(app, base_url=HOME, raise_server_exceptions=False) as client:
        manager.hub.close()
        yield client


def remember(client: TestClient) -> None:
    """The run that half of the requests are about, be it that one of them has deleted it."""
    client.post("/api/ingest/runs", json={"run": {"id": KNOWN}})
    client.post(f"/api/ingest/runs/{KNOWN}/frames", json={"frames": [frame(KNOWN, 0).to_json()]})


def has_the_shape(response: Any) -> None:
    if response.status_code >= 400:
        ErrorAnswer.model_validate(response.json())


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=MORE not in os.environ,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_what_the_description_says(case: schemathesis.Case, server: TestClient) -> None:
    path = case.path_parameters or {}
    if "run" in path and crc32(repr(path["run"]).encode()) % 2:
        remember(server)
        path["run"] = KNOWN
    request = case.as_transport_kwargs(base_url=HOME)
    if "data" in request and isinstance(request["data"], bytes | str):
        request["content"] = request.pop("data")
    server.cookies = request.pop("cookies", {})
    try:
        response = server.request(**request)
    except InvalidURL:
        reject()  # longer than the client sends
    case.validate_response(response, checks=CHECKS)
    has_the_shape(response)
