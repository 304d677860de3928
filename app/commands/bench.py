"""``optimscope bench``: measured speed against what people would write otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.bench.figures import Figure


@click.group()
def bench() -> None:
    """Measure how fast this machine runs the parts of Optimscope."""


_json = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")


@bench.command()
@_json
def core(as_json: bool) -> None:
    """The simulator against torch loops, and the API over the loopback interface."""
    from app.bench.core import measure

    _show(measure(), as_json=as_json)


@bench.command()
@_json
def trace(as_json: bool) -> None:
    """Traced training against the bare torch loop, and against trackers that are installed."""
    from app.bench.trace import measure

    _show(measure(lambda text: click.echo(text, err=True)), as_json=as_json)


@bench.command()
@_json
def stream(as_json: bool) -> None:
    """A run that a hundred browsers watch, and a store with many runs and a long one."""
    from app.bench.stream import measure

    _show(measure(lambda text: click.echo(text, err=True)), as_json=as_json)


def _show(figures: list[Figure], *, as_json: bool) -> None:
    from app.bench.figures import table

    if as_json:
        import json

        click.echo(json.dumps([figure.__dict__ for figure in figures], indent=2))
    else:
        click.echo(table(figures))
