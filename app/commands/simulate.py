"""``optimscope simulate SURFACE OPTIMIZER``: one run, with flags made from the declarations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from app.commands.flags import option_of, schedule_of

if TYPE_CHECKING:
    from optim_core import Landscape, Surface
    from optim_core.rule import Rule
    from optim_core.simulate.trajectory import Trajectory


class _Surfaces(click.Group):
    """Every surface as a command, and any formula in x and y besides."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A first word that is no option is a formula, such as -cos(x)*cos(y): not -c, -o, -s and so on."""
        options = {"--", *(name for option in self.get_params(ctx) for name in option.opts)}
        is_formula = bool(args) and args[0].startswith("-") and args[0] not in options
        return super().parse_args(ctx, ["--", *args] if is_formula else args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        from optim_core.surfaces.catalogue import surfaces

        return list(surfaces())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from optim_core.declare.errors import InvalidInput
        from optim_core.surfaces.catalogue import as_landscape, surfaces

        known = surfaces().get(cmd_name)
        if known is None:
            try:
                as_landscape(cmd_name)
            except InvalidInput as error:
                if re.fullmatch(r"--?[a-z-]+(=.*)?", cmd_name):
                    raise click.NoSuchOption(cmd_name, ctx=ctx) from None
                raise click.UsageError(str(error), ctx) from None
        summary = known.summary if known else f"The formula {cmd_name}."
        return _Optimizers(known, cmd_name, name=cmd_name, help=summary, subcommand_metavar="OPTIMIZER …")


class _Optimizers(click.Group):
    """Every optimizer as a command below one surface."""

    def __init__(self, surface: Surface | None, formula: str, **given: Any):
        super().__init__(**given)
        self._surface, self._formula = surface, formula

    def list_commands(self, ctx: click.Context) -> list[str]:
        from optim_core.catalogue import rules

        return list(rules())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from optim_core.catalogue import as_rule
        from optim_core.declare.errors import InvalidInput

        try:
            rule = as_rule(cmd_name)
        except InvalidInput as error:
            raise click.UsageError(str(error), ctx) from None
        return _run_command(self._surface, self._formula, rule)


@click.command(cls=_Surfaces, subcommand_metavar="SURFACE OPTIMIZER …")
def simulate() -> None:
    """Run one optimizer on a surface and print where it went.

    SURFACE is one of those below or a formula in x and y. The flags depend on surface and optimizer:
    see `optimscope simulate SURFACE OPTIMIZER --help`.
    """


def _run_command(surface: Surface | None, formula: str, rule: Rule) -> click.Command:
    """The command that runs ``rule`` on ``surface`` (or on the formula), with a flag for every setting."""
    places = surface.parameters if surface else {}
    prefix = {name: "surface-" if name in rule.settings or name in _COMMON_NAMES else "" for name in places}

    def run(**given: Any) -> None:
        from optim_core.surfaces.landscape import formula_landscape

        chosen = {name: value for name, value in given.items() if value is not None}
        params = {n: chosen[f"surface_{n}"] for n in places if f"surface_{n}" in chosen}
        hyper = {n: chosen[f"hyper_{n}"] for n in rule.settings if f"hyper_{n}" in chosen}
        _report(
            lambda: surface.at(**params) if surface else formula_landscape(formula),
            rule,
            hyper,
            chosen,
        )

    options: list[click.Parameter] = [
        *(option_of(setting, "hyper", "") for setting in rule.settings.values()),
        *(option_of(setting, "surface", prefix[name]) for name, setting in places.items()),
        *_common_options(),
    ]
    return click.Command(rule.id, callback=run, params=options, help=rule.summary)


_COMMON_NAMES = frozenset({"steps", "start", "noise", "seed", "schedule", "decay_schedule", "csv"})


def _common_options() -> Iterable[click.Option]:
    schedule = "ID or ID:name=value,… (`optimscope list schedules`)."
    from optim_core.options import SURFACE_OPTIONS

    return (
        *(option_of(setting, "", "") for setting in SURFACE_OPTIONS.values()),
        click.Option(
            ["--start"], type=(float, float), metavar="X Y", help="Where to start.  [default: the surface's]"
        ),
        click.Option(["--schedule"], help=f"Of the learning rate: {schedule}"),
        click.Option(["--decay-schedule"], help=f"Of λ: {schedule}"),
        click.Option(
            ["--csv"], type=click.Path(dir_okay=False, writable=True), help="Write all columns to a file."
        ),
    )


def _report(
    landscape_of: Callable[[], Landscape], rule: Rule, hyper: dict[str, Any], chosen: dict[str, Any]
) -> None:
    from optim_core.declare.errors import InvalidInput
    from optim_core.derive import derive
    from optim_core.simulate.trajectory import simulate as run

    given: dict[str, Any] = {n: chosen[n] for n in ("start", "steps", "noise", "seed") if n in chosen}
    given |= {n: schedule_of(chosen[n]) for n in ("schedule", "decay_schedule") if n in chosen}
    try:
        trajectory = run(landscape_of(), rule, **given, **hyper)
    except InvalidInput as error:
        raise click.UsageError(str(error)) from None
    _summarise(trajectory)
    if "csv" in chosen:
        from app.export.tables import csv_rows

        columns = {**trajectory.columns, **derive(trajectory)}
        with click.open_file(chosen["csv"], "w", encoding="utf-8") as file:
            file.writelines(csv_rows([(rule.id, columns)]))
        click.echo(f"wrote      {len(trajectory)} rows to {chosen['csv']}")


def _summarise(trajectory: Trajectory) -> None:
    experiment, t = trajectory.experiment, trajectory.columns
    problem = experiment.problem
    settings = ", ".join(f"{name} {value}" for name, value in experiment.hyper.items())
    click.echo(f"surface    {problem.landscape.surface_id or problem.landscape.formula.text}")
    click.echo(f"optimizer  {experiment.rule.title} ({settings})")
    click.echo(f"outcome    {trajectory.outcome.value}: {trajectory.reason}")
    for label, row in (("start", 0), ("end", -1)):
        click.echo(f"{label:<10} x {t['x'][row]:.6g}, y {t['y'][row]:.6g}, loss {t['loss'][row]:.6g}")
    click.echo(f"steps      {len(trajectory) - 1} of {experiment.steps}")
