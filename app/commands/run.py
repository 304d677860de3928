"""``optimscope run TASK``: one training run without a page, with flags made from the declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from app.commands.flags import option_of, schedule_of

if TYPE_CHECKING:
    from optim_core.declare.kinds import Setting
    from optim_core.rule import Rule
    from optim_core.task import Task
    from optim_core.train.loop import TrainResult
    from optim_core.transport.sinks import Sink

DEFAULT_OPTIMIZER = "adamw"


class _Tasks(click.Group):
    """Every task as a command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from optim_core.catalogue import tasks

        return list(tasks())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from optim_core.catalogue import as_task
        from optim_core.declare.errors import InvalidInput

        try:
            task = as_task(cmd_name)
        except InvalidInput as error:
            raise click.UsageError(str(error), ctx) from None
        return _Training(task)


class _Training(click.Command):
    """Training one task; its flags are those of the task, and of the optimizer that the line names."""

    def __init__(self, task: Task):
        super().__init__(task.id, callback=self._train, help=f"{task.title}. {task.summary}")
        self._task = task

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from optim_core.catalogue import as_rule
        from optim_core.declare.errors import InvalidInput

        try:
            self._rule = as_rule(_named(args))
        except InvalidInput as error:
            raise click.UsageError(f"optimizer: {error}", ctx) from None
        self.params = [
            click.Option(
                ["--optimizer"], default=DEFAULT_OPTIMIZER, show_default=True, help="`list optimizers`."
            ),
            *(option_of(setting, "hyper", "") for setting in self._suited(self._rule)),
            *(option_of(setting, "task", "task-") for setting in self._task.settings.values()),
            *_options(self._task),
        ]
        return super().parse_args(ctx, args)

    def _suited(self, rule: Rule) -> Iterator[Setting]:
        """The optimizer's settings, with the defaults that this task has for it."""
        own = self._task.suits(rule)
        for name, setting in rule.settings.items():
            yield replace(setting, default=own.get(name, setting.default))

    def _train(self, **given: Any) -> None:
        from optim_core.declare.errors import InvalidInput
        from optim_core.train.train import train

        chosen = {name: value for name, value in given.items() if value not in (None, ())}
        hyper = {n: chosen[f"hyper_{n}"] for n in self._rule.settings if f"hyper_{n}" in chosen}
        settings = {n: chosen[f"task_{n}"] for n in self._task.settings if f"task_{n}" in chosen}
        options = {name: chosen[name] for name in _own_options() if name in chosen}
        options |= {n: schedule_of(chosen[n]) for n in ("schedule", "decay_schedule") if n in chosen}
        options["trace"] = {name: chosen[flag] for name, flag in _TRACE.items() if flag in chosen}
        task = {"id": self._task.id, **settings}
        try:
            with _sink(chosen) as sink, _Progress(sink, options.get("steps", self._task.steps)) as watched:
                result = train(task, self._rule, sink=watched, **options, **hyper)
        except InvalidInput as error:
            raise click.UsageError(str(error)) from None
        _report(result, sink)


def _named(args: Sequence[str]) -> str:
    """The optimizer that the command line names."""
    for index, argument in enumerate(args):
        if argument.startswith("--optimizer="):
            return argument.partition("=")[2]
        if argument == "--optimizer" and index + 1 < len(args):
            return args[index + 1]
    return DEFAULT_OPTIMIZER


_TRACE = {"every": "trace_every", "histogram_every": "histogram_every", "select": "trace", "watch": "watch"}


def _own_options() -> Mapping[str, Setting]:
    """The options of training that have a flag of their own name."""
    from optim_core.options import TASK_OPTIONS

    return {name: setting for name, setting in TASK_OPTIONS.items() if "." not in name}


def _options(task: Task) -> Iterator[click.Option]:
    own = {"steps": task.steps, "batch_size": task.batch_size}
    for name, setting in _own_options().items():
        yield option_of(replace(setting, default=own.get(name, setting.default)), "", "")
    schedule = "ID or ID:name=value,… (`optimscope list schedules`)."
    yield click.Option(["--schedule"], help=f"Of the learning rate: {schedule}")
    yield click.Option(["--decay-schedule"], help=f"Of λ: {schedule}")
    yield click.Option(
        ["--trace-every"], type=int, help="Steps from one measurement to the next.  [default: 10]"
    )
    yield click.Option(["--histogram-every"], type=int, help="The same for histograms; 10 times as rare.")
    yield click.Option(["--trace"], multiple=True, help="Tensors to measure: a name or a pattern with *.")
    yield click.Option(
        ["--watch"], type=(str, int), multiple=True, metavar="TENSOR INDEX", help="One coordinate."
    )
    yield click.Option(["--name"], help="What to call the run.")
    yield click.Option(["--tag", "tags"], multiple=True, help="May be given several times.")
    yield click.Option(["--to"], metavar="URL", help="A running server that keeps and shows the run.")
    yield click.Option(["--token"], envvar="OPTIMSCOPE_TOKEN", help="What that server asks for.")
    yield click.Option(
        ["--data-dir"], type=click.Path(file_okay=False), help="The folder of a server that is not running."
    )
    yield click.Option(["--file"], type=click.Path(dir_okay=False), help="A new file of JSON lines.")


@click.command(cls=_Tasks, subcommand_metavar="TASK …")
def run() -> None:
    """Train one of the tasks below and keep all that was measured.

    The run goes to a server (--to URL), to a file (--file), or into the folder that `optimscope serve`
    shows (--data-dir, its usual one by default). The flags depend on task and optimizer: see
    `optimscope run TASK --optimizer NAME --help`.
    """


@contextmanager
def _sink(chosen: dict[str, Any]) -> Iterator[Sink]:
    """Where the run goes."""
    places = [name for name in ("to", "file", "data_dir") if name in chosen]
    if len(places) > 1:
        raise click.UsageError(f"--{places[0]} and --{places[1].replace('_', '-')} exclude each other.")
    if "to" in chosen:
        from app.store.runs import new_id
        from optim_core.transport.http_sink import HttpSink

        about = {"id": new_id(), "tags": list(chosen.get("tags", ()))} | {
            n: chosen[n] for n in ("name",) if n in chosen
        }
        yield HttpSink(chosen["to"], about, chosen.get("token"))
    elif "file" in chosen:
        from optim_core.transport.sinks import FileSink

        try:
            sink = FileSink(chosen["file"])
        except OSError as error:
            raise click.ClickException(f"{chosen['file']} cannot be written: {error.strerror}.") from None
        try:
            yield sink
        finally:
            sink.give_up()
    else:
        yield from _into_folder(chosen)


def _into_folder(chosen: dict[str, Any]) -> Iterator[Sink]:
    from pathlib import Path

    from app.runs.store_sink import StoreSink
    from app.settings import Settings
    from app.store import StoreError, open_store

    folder = Path(chosen.get("data_dir") or Settings().data_dir)
    try:
        store = open_store(folder)
    except StoreError as error:
        hint = (
            " A server that runs takes it with --to http://localhost:8000." if "in use" in str(error) else ""
        )
        raise click.ClickException(f"{error}{hint}") from None
    try:
        yield StoreSink(store, name=chosen.get("name", ""), tags=chosen.get("tags", ()))
    finally:
        store.close()


class _Progress:
    """A sink that passes everything on, and moves a progress bar."""

    def __init__(self, sink: Sink, steps: int):
        self._sink = sink
        self._bar: Any = click.progressbar(
            length=steps, label="training", item_show_func=lambda text: text, show_pos=True
        )
        self._step = 0
        self.open, self.control, self.close = sink.open, sink.control, sink.close
        self.settle, self.leave = sink.settle, sink.leave

    def __enter__(self) -> _Progress:
        self._bar.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.__exit__(*error)

    def write(self, frame: Any) -> Any:
        losses = frame.columns.get("loss")
        if losses is not None and len(losses):
            step = int(frame.steps[-1])
            self._bar.update(step - self._step, f"loss {losses[-1]:.4g}")
            self._step = step
        return self._sink.write(frame)


def _report(result: TrainResult, sink: Any) -> None:
    click.echo(f"outcome    {result.outcome.value}: {result.reason}")
    click.echo(f"steps      {result.steps} in {result.seconds:.1f} s")
    for name, value in result.metrics.items():
        click.echo(f"{name:<18} {value:.6g}")
    if getattr(sink, "refused", ""):
        raise click.ClickException(f"not kept: {sink.refused}.")
    if getattr(sink, "undelivered", 0):
        raise click.ClickException(f"{sink.undelivered} frames were not delivered: {sink.trouble}.")
    if hasattr(sink, "run"):
        click.echo(f"kept as    {sink.run}")
