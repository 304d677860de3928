"""An OpenAPI description as sections, operations and fields, for a page that people read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_BOUNDS = {"minimum": "≥ {:g}", "maximum": "≤ {:g}", "minItems": "at least {}", "maxItems": "at most {}"}


@dataclass(frozen=True)
class Field:
    """One field of a body or one parameter of a query; ``path`` as in errors: ``runs.0.hyper``."""

    path: str
    type: str
    required: bool
    default: str
    description: str


@dataclass(frozen=True)
class Operation:
    """One address with one method."""

    id: str
    method: str
    path: str
    summary: str
    parameters: list[Field]
    body: list[Field]
    example: str
    answer: list[Field]


def sections(description: dict[str, Any]) -> dict[str, list[Operation]]:
    """Operations by tag, in the order in which they were declared."""
    found: dict[str, list[Operation]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            found.setdefault(tag, []).append(_operation(method, path, operation, description))
    return found


def _operation(method: str, path: str, operation: dict[str, Any], whole: dict[str, Any]) -> Operation:
    body = _json_schema(operation.get("requestBody", {}))
    answer = _json_schema(operation["responses"].get("200", {}))
    parameters = [
        _field(p["name"], p["schema"] | p, p.get("required", False)) for p in operation.get("parameters", [])
    ]
    examples = _resolve(body, whole).get("examples", [])
    return Operation(
        operation["operationId"],
        method.upper(),
        path,
        operation.get("description") or operation.get("summary", ""),
        parameters,
        _fields(body, whole),
        json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else "",
        _fields(answer, whole),
    )


def _json_schema(holder: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _fields(schema: dict[str, Any], whole: dict[str, Any], prefix: str = "", depth: int = 0) -> list[Field]:
    """The fields of an object and of the objects in it, each by its path."""
    found = []
    schema = _resolve(schema, whole)
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        found.append(_field(path, inner, name in schema.get("required", [])))
        for nested, suffix in _nested(inner, whole):
            if depth < 3:
                found += _fields(nested, whole, f"{path}{suffix}.", depth + 1)
    return found


def _nested(schema: dict[str, Any], whole: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The objects within a field, and what to write between the field's path and theirs."""
    for option in schema.get("anyOf", [schema]):
        items, suffix = (option["items"], ".0") if option.get("type") == "array" else (option, "")
        target = _resolve(items, whole)
        if "properties" in target and "bdata" not in target["properties"]:
            return [(target, suffix)]
    return []


def _field(path: str, schema: dict[str, Any], required: bool) -> Field:
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    default = "" if schema.get("default") is None else json.dumps(schema["default"])
    return Field(path, ", ".join([_type(schema), *bounds]), required, default, schema.get("description", ""))


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(
            dict.fromkeys(_type(option) for option in schema["anyOf"] if option != {"type": "null"})
        )
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return "array" if name == "Packed" else "object"
    kind = schema.get("type", "any")
    return f"list of {_type(schema.get('items', {}))}" if kind == "array" else str(kind)


def _resolve(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """The schema that a ``$ref`` points to."""
    while "$ref" in schema:
        target: dict[str, Any] = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema
