"""``optimscope bench``: measured speed against what people would write otherwise."""

from __future__ import annotations

import click


@click.group()
def bench() -> None:
    """Measure how fast this machine runs the parts of Optimscope."""


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def core(as_json: bool) -> None:
    """The simulator against torch loops, and the API over the loopback interface."""
    from app.bench.core import measure, table

    figures = measure()
    if as_json:
        import json

        click.echo(json.dumps([figure.__dict__ for figure in figures], indent=2))
    else:
        click.echo(table(figures))
