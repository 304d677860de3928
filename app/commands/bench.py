"""``optimscope bench``: measured speed against what people would write otherwise."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.bench.targets import Figure


@click.group()
def bench() -> None:
    """Measure how fast this machine runs the parts of Optimscope, and what it survives."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends the servers too


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


@bench.command()
@_json
def page(as_json: bool) -> None:
    """How soon the page follows a slider in a real browser, beside a canvas that draws by itself."""
    from app.bench.page import NotHere, measure

    try:
        _show(measure(lambda text: click.echo(text, err=True)), as_json=as_json)
    except NotHere as missing:
        raise click.ClickException(str(missing)) from None


@bench.command()
@_json
def attacks(as_json: bool) -> None:
    """What somebody who wants the server down costs the others, attack by attack."""
    from app.bench.attacks import measure

    _show(measure(lambda text: click.echo(text, err=True)), as_json=as_json)


@bench.command()
@click.option("--browsers", type=click.IntRange(1), default=100, show_default=True, help="How many.")
@click.option("--seconds", type=click.FloatRange(5), help="How long.  [default: 300; with --ramp 30 each]")
@click.option("--ramp", is_flag=True, help="10, 25, 50, 100 and 200 browsers instead: where the curve bends.")
@click.option("--network", is_flag=True, help="As if a network lay between: answers are packed.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of what the browsers do.")
@_json
def load(browsers: int, seconds: float | None, ramp: bool, network: bool, seed: int, as_json: bool) -> None:
    """A class of simulated browsers: they drag sliders, watch a run, and train a little."""
    from dataclasses import asdict

    from app.bench import load as bench

    def run(count: int, long: float) -> bench.Report:
        def say(text: str) -> None:
            click.echo(text, err=True)

        return bench.measure(count, seconds or long, seed=seed, network=network, say=say)

    if ramp:
        reports = [run(count, bench.RAMP_SECONDS) for count in bench.RAMP]
        click.echo(
            json.dumps([asdict(each) for each in reports], indent=2) if as_json else bench.curve(reports)
        )
    else:
        report = run(browsers, bench.SECONDS)
        if as_json:
            click.echo(json.dumps(asdict(report), indent=2))
        else:
            _show(bench.figures(report), as_json=False)


@bench.command()
@click.option("--count", type=click.IntRange(1), default=60, show_default=True, help="How many faults.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of which, and when.")
@click.option("--only", multiple=True, help="A kind of fault as the report names it; may be given again.")
@_json
def faults(count: int, seed: int, only: tuple[str, ...], as_json: bool) -> None:
    """Kills, full disks, damaged files and the like while a server works; exit code 1 if it suffers."""
    from dataclasses import asdict

    from app.bench import faults as bench

    unknown = set(only) - bench.KINDS.keys()
    if unknown:
        raise click.BadParameter(f"got {min(unknown)}, allowed are {', '.join(bench.KINDS)}.")
    report = bench.measure(count, seed, lambda text: click.echo(text, err=True), only)
    click.echo(json.dumps(asdict(report), indent=2) if as_json else bench.table(report))
    if not report.good:
        raise SystemExit(1)


def _show(figures: list[Figure], *, as_json: bool) -> None:
    from app.bench.targets import table

    if as_json:
        click.echo(json.dumps([figure.__dict__ for figure in figures], indent=2))
    else:
        click.echo(table(figures))
