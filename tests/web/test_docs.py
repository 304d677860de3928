"""The OpenAPI description is sound, and its page shows every address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.routes.schemas import catalogue as schemas_catalogue
from app.routes.schemas import common as schemas

# What is computed from the request alone, so that its examples can be tried.
COMPUTED = (
    "/api/trajectories",
    "/api/trajectories/csv",
    "/api/trajectories/script",
    "/api/surfaces/grid",
)


@pytest.fixture(scope="module")
def description(client: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_the_description_holds_together(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(names) == len(set(names))
    for reference in references(description):
        target: Any = description
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_the_api_is_described_and_the_pages_are_not(description: dict[str, Any]) -> None:
    addresses = set(description["paths"])
    operated = {"/healthz", "/readyz", "/metrics"}
    assert addresses >= {*COMPUTED, "/api/catalogue", "/api/runs", "/api/stream", *operated}
    assert all(address.startswith("/api/") or address in operated for address in addresses)
    for _, _, operation in operations(description):
        assert operation["description"]
        assert operation["tags"]
        assert "4XX" in operation["responses"]


def test_the_examples_are_answered(client: TestClient, description: dict[str, Any]) -> None:
    for path, method, operation in operations(description):
        if path in COMPUTED:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
            for example in description["components"]["schemas"][name]["examples"]:
                assert client.request(method, path, json=example).status_code == 200


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/api/trajectories", schemas.TrajectoriesAnswer),
        ("/api/surfaces/grid", schemas.GridAnswer),
        ("/api/trajectories/script", schemas.ScriptAnswer),
    ],
)
def test_answers_are_what_the_description_says(client: TestClient, path: str, model: Any) -> None:
    body: dict[str, Any] = {"surface": {"id": "bowl"}}
    body |= (
        {"n": 4, "weight_decay": 0.1} if "grid" in path else {"steps": 5, "runs": [{"optimizer": "adamw"}]}
    )
    for arrays in ("bdata", "json"):
        answer = client.post(f"{path}?arrays={arrays}", json=body)
        strict = type("Strict", (model,), {"__module__": __name__}, extra="forbid")
        strict.model_validate(answer.json())
        assert answer.json().keys() == {
            name
            for name in model.model_fields
            if name in answer.json() or model.model_fields[name].is_required()
        }


def test_the_page_lists_every_address_with_its_fields(
    client: TestClient, description: dict[str, Any]
) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    for path, method, _ in operations(description):
        assert f"<code>{method.upper()} {path}</code>" in page.text
    for field in ("surface.params", "runs.0.optimizer", "runs.0.schedule.id", "weight_decay", "dtype"):
        assert f"<code>{field}</code>" in page.text
    scripts = re.findall(r'<script[^>]* src="([^"]*)"', page.text)
    assert len(scripts) == page.text.count("<script")
    assert all(script.startswith("/static/") for script in scripts), "none of another host"
    assert "//cdn" not in page.text
    assert "&#34;rosenbrock&#34;" in page.text


def test_fastapi_s_own_pages_from_elsewhere_are_off(client: TestClient) -> None:
    assert client.get("/redoc").status_code == 404


def test_the_catalogue_is_what_the_description_says(client: TestClient) -> None:
    def strict(model: Any) -> Any:
        return type(model.__name__, (model,), {"__module__": model.__module__}, extra="forbid")

    answer = client.get("/api/catalogue").json()
    strict(schemas_catalogue.CatalogueAnswer).model_validate(answer)
    for name, model in (
        ("optimizers", schemas_catalogue.OptimizerAnswer),
        ("surfaces", schemas_catalogue.BuiltInSurface),
        ("schedules", schemas_catalogue.ScheduleAnswer),
        ("charts", schemas_catalogue.ChartAnswer),
    ):
        for item in answer[name]:
            strict(model).model_validate(item)


def test_health_tells_the_version(client: TestClient, description: dict[str, Any]) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "version": description["info"]["version"]}
