"""From a request to runs that can be queued: the one place where the API asks optim_core for a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.jobs.devices import candidates, devices
from app.routes.schemas.train import TrainRequest
from app.runs.ids import new_id
from app.settings import Limits
from app.store import NewRun, Run
from optim_core.catalogue import rules
from optim_core.declare.errors import InvalidInput
from optim_core.plans import plan

KIND = "train"
_OBJECTS = {"hyper", "settings", "schedule", "decay_schedule", "trace"}
_NOT_PLANNED = {"name", "tags", "vary", "settings", "task", "optimizer", "hyper"}


def runs_of(request: TrainRequest | Sequence[TrainRequest], owner: str, limits: Limits) -> list[NewRun]:
    """All runs that the request asks for, checked before the first one is queued."""
    found: list[NewRun] = []
    if isinstance(request, TrainRequest):
        found += _varied(request, owner, limits)
    else:
        for index, each in enumerate(request):
            try:
                found += _varied(each, owner, limits)
            except InvalidInput as error:
                raise error.within(str(index)) from None
    limits.check("runs", len(found), "vary", "runs")
    return found


def _varied(request: TrainRequest, owner: str, limits: Limits) -> Iterator[NewRun]:
    """A run for each value of the field that varies."""
    if not request.vary:
        yield _run(request, "", owner, limits)
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
        label = "" if path == "optimizer" else f"{name} {_told(value)}"[:60]
        try:
            yield _run(validated(content, "vary"), label, owner, limits)
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


def _run(request: TrainRequest, label: str, owner: str, limits: Limits) -> NewRun:
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
        owner=owner,
        local=True,
    )


def config_of(request: TrainRequest, limits: Limits) -> dict[str, Any]:
    """The request, complete with defaults; raises InvalidInput with the field's path."""
    given = request.model_dump(exclude=_NOT_PLANNED)
    if not candidates(request.device):
        raise InvalidInput(
            f"there is no device {request.device[:40]!r} here; known: auto, {', '.join(devices())}.",
            code="unknown_device",
            field="device",
        )
    task = {**request.settings, "id": request.task}
    try:
        # Planned for the CPU: only workers may touch other devices.
        planned = plan(task, request.optimizer, hyper=request.hyper, **given | {"device": "cpu"}).config()
    except InvalidInput as error:
        head, _, rest = error.field.partition(".")
        if head != "task" or not rest:
            raise
        raise InvalidInput(
            error.message, code=error.code, field=f"settings.{rest}", hint=error.hint
        ) from None
    limits.check("train_steps", planned["steps"], "steps", "steps")
    return flat(planned) | {"device": request.device}


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config of optim_core as requests have it: the task's id, and its settings beside it."""
    task = config.get("task")
    if not isinstance(task, Mapping):
        return dict(config)
    settings = {name: value for name, value in task.items() if name != "id"}
    return {"task": task.get("id"), "settings": settings} | {n: v for n, v in config.items() if n != "task"}


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
