"""``optimscope list``: what there is to choose from."""

from __future__ import annotations

import click


@click.command("list")
@click.argument("what", type=click.Choice(["optimizers", "surfaces", "schedules", "charts"]))
def list_(what: str) -> None:
    """List optimizers, surfaces, schedules or charts: id and one sentence each."""
    rows = _rows(what)
    width = max(len(name) for name, _ in rows)
    for name, sentence in rows:
        click.echo(f"{name:<{width}}  {sentence}")


def _rows(what: str) -> list[tuple[str, str]]:
    if what == "optimizers":
        from optim_core.catalogue import rules

        return [(rule.id, rule.summary) for rule in rules().values()]
    if what == "surfaces":
        from optim_core.surfaces.catalogue import surfaces

        return [(surface.id, f"{surface.title}. {surface.summary}") for surface in surfaces().values()]
    if what == "schedules":
        from optim_core.schedules import schedules

        return [(schedule.id, schedule.summary.splitlines()[0]) for schedule in schedules().values()]
    from app.chart import charts

    return [(chart.id, chart.title) for chart in charts().values()]
