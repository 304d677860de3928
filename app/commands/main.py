"""The command line. Heavy imports wait until a command needs them."""

from __future__ import annotations

import click

from app import package_version
from app.commands.backup import backup, restore
from app.commands.bench import bench
from app.commands.list import list_
from app.commands.run import run
from app.commands.serve import serve
from app.commands.simulate import simulate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_version(), prog_name="optimscope")
def main() -> None:
    """An oscilloscope for optimizers: see, per parameter, what an optimizer does to weights."""


for command in (serve, run, simulate, list_, bench, backup, restore):
    main.add_command(command)
