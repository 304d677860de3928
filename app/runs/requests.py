"""From a request to runs that can be queued: checked by optim_core before they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.access.visitors import Visitor
from app.jobs.devices import candidates, devices
from app.routes.schemas.train import TrainRequest
from app.settings import Limits
from app.store import NewRun, Run
from app.store.runs import new_id
from optim_core.catalogue import rules
from optim_core.declare.errors import InvalidInput, at
from optim_core.experiment import task_experiment

KIND = "train"
# As people say them; static/ui/names.mjs has the same.
LETTERS = {"lr": "η", "weight_decay": "λ", "beta1": "β₁", "beta2": "β₂", "warmup_steps": "warm-up"}
_OBJECTS = {"hyper", "settings", "schedule", "decay_schedule", "trace"}


def runs_of(request: TrainRequest | Sequence[TrainRequest], visitor: Visitor, limits: Limits) -> list[NewRun]:
    """All runs that the request asks for, checked before the first one is queued."""
    found: list[NewRun] = []
    if isinstance(request, TrainRequest):
        found += _varied(request, visitor, limits)
    else:
        for index, each in enumerate(request):
            with at(str(index)):
                found += _varied(each, visitor, limits)
    limits.check("runs", len(found), "vary", "runs")
    return found


def _varied(request: TrainRequest, visitor: Visitor, limits: Limits) -> Iterator[NewRun]:
    """A run for each value of the field that varies."""
    if not request.vary:
        yield _run(request, "", visitor, limits)
        return
    ((path, values),) = request.vary.items()
    for index, value in enumerate(values):
        content = request.model_dump(exclude={"vary"}, exclude_unset=True)
        *parents, name = path.split(".")
        target: Any = content
        for parent in parents:
            target = target.setdefault(parent, {}) if parent in _OBJECTS else None
            if not isinstance(target, dict):
                raise InvalidInput(f"there is no field {path[:80]!r} to vary.", field="vary")
        target[name] = value
        label = (
            "" if path == "optimizer" else f"{LETTERS.get(name, name.replace('_', ' '))} {_told(value)}"[:60]
        )
        try:
            yield _run(validated(content, "vary"), label, visitor, limits)
        except InvalidInput as error:
            if error.field != path:
                raise
            field = f"vary.{path}.{index}"
            raise InvalidInput(error.message, code=error.code, field=field, hint=error.hint) from None


def _told(value: object) -> object:
    """A value in the name of a run: a schedule by its id."""
    return value.get("id", value) if isinstance(value, Mapping) else value


def validated(content: Mapping[str, Any], place: str) -> TrainRequest:
    """A request from its JSON data; an error's field is its path below ``place``."""
    try:
        return TrainRequest.model_validate(content)
    except ValidationError as error:
        errors = [each | {"loc": ("query", place, *each["loc"])} for each in error.errors()]
        raise RequestValidationError(errors) from None


def _run(request: TrainRequest, label: str, visitor: Visitor, limits: Limits) -> NewRun:
    config = config_of(request, limits)
    title = rules()[config["optimizer"]].title
    return NewRun(
        id=new_id(),
        kind=KIND,
        name=", ".join(filter(None, (request.name or title, label))),
        task=config["task"],
        optimizer=config["optimizer"],
        tags=tuple(dict.fromkeys(request.tags)),
        config=config,
        steps=config["steps"],
        owner=visitor.id,
        place=visitor.place,
        local=True,
    )


def config_of(request: TrainRequest, limits: Limits) -> dict[str, Any]:
    """The experiment as JSON data, complete with defaults; raises InvalidInput with the field's path."""
    given = request.model_dump(exclude={"name", "tags", "vary"})
    device = given["device"]
    if not candidates(device):
        raise InvalidInput(
            f"there is no device {device[:40]!r} here; known: auto, {', '.join(devices())}.",
            code="unknown_device",
            field="device",
        )
    # Checked for the CPU: only workers may touch other devices.
    config = task_experiment(given | {"device": "cpu"}).config()
    limits.check("train_steps", config["steps"], "steps", "steps")
    return config | {"device": device}


def clone_of(run: Run, changes: Mapping[str, Any]) -> TrainRequest:
    """The request that starts ``run`` again with ``changes``.

    Settings that another optimizer or task does not have are left out.
    """
    if run.kind != KIND:
        raise InvalidInput("only a run that this server trained can be started again.", code="not_trained")
    content = {"name": run.name, "tags": run.tags} | run.config | dict(changes)
    if changes.get("optimizer", run.optimizer) != run.optimizer:
        rule = rules().get(str(changes["optimizer"]))
        kept = rule.settings if rule else {}
        hyper = {name: value for name, value in run.config["hyper"].items() if name in kept}
        content["name"] = changes.get("name", "")
    else:
        hyper = run.config["hyper"]
    settings = run.config["settings"] if changes.get("task", run.task) == run.task else {}
    for name, before in (("hyper", hyper), ("settings", settings)):
        given = changes.get(name, {})
        content[name] = {**before, **given} if isinstance(given, dict) else given
    return validated(content, "changes")
