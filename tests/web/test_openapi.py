"""What clients of earlier versions rely on stays: the description of the API only grows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings

KEPT = json.loads(Path(__file__).with_name("openapi-0.1.0.json").read_text())
# Bounds may be told where none were; a field may take more than before, and is never needed where it was not.
BOUNDS = {"minimum", "maximum", "exclusiveMaximum", "exclusiveMinimum", "minLength", "maxLength", "minItems"}
WORDS = {"description", "title", "summary", "examples", "example", "default"}


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def resolved(schema: Any, document: dict[str, Any]) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def lost(before: Any, after: Any, now: dict[str, Any], path: str, depth: int = 0) -> Iterator[str]:
    """What ``before`` promised and ``after`` does not."""
    before, after = resolved(before, KEPT), resolved(after, now)
    if depth > 12 or before == after:
        return
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield f"{path}: {before!r} → {after!r}"
        return
    for key, value in before.items():
        where = f"{path}.{key}"
        if key in WORDS | BOUNDS:
            continue
        if key not in after:
            yield f"{where} has gone"
        elif key == "required":
            yield from (f"{where}: {name} is needed now" for name in set(after[key]) - set(value))
        elif key in ("anyOf", "oneOf"):
            for index, option in enumerate(value):
                tries = [list(lost(option, other, now, where, depth + 1)) for other in after[key]]
                if all(tries):
                    yield f"{where}.{index}: nothing takes {option!r}"
        elif isinstance(value, dict):
            yield from lost(value, after[key], now, where, depth + 1)
        elif key == "parameters":
            known = {(p["in"], p["name"]): p for p in after[key]}
            for one in value:
                if (one["in"], one["name"]) not in known:
                    yield f"{where}: {one['name']} has gone"
                else:
                    yield from lost(
                        one, known[one["in"], one["name"]], now, f"{where}.{one['name']}", depth + 1
                    )
        elif isinstance(value, list):
            yield from (f"{where}: {each!r} has gone" for each in value if each not in after[key])
        elif value != after[key]:
            yield f"{where}: {value!r} → {after[key]!r}"


@pytest.mark.parametrize("path", sorted(KEPT["paths"]))
def test_nothing_of_an_earlier_version_has_gone(path: str, now: dict[str, Any]) -> None:
    assert path in now["paths"], "the address has gone"
    assert not list(lost(KEPT["paths"][path], now["paths"][path], now, path))


def test_the_comparison_notices_what_goes(now: dict[str, Any]) -> None:
    operation = now["paths"]["/api/trajectories"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    fields = resolved(body, now)["properties"]
    without = {"properties": {name: field for name, field in fields.items() if name != "noise"}}
    before = resolved(
        KEPT["paths"]["/api/trajectories"]["post"]["requestBody"]["content"]["application/json"]["schema"],
        KEPT,
    )
    assert list(lost({"properties": before["properties"]}, without, now, "body")) == [
        "body.properties.noise has gone"
    ]
    assert list(lost({"type": "string"}, {"type": "integer"}, now, "x"))
    assert list(lost({"required": ["a"]}, {"required": ["a", "b"]}, now, "x"))
