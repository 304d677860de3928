"""``optimscope backup`` and ``optimscope restore``: the store as one file, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="OPTIMSCOPE_DATA_DIR",
    default=Path("optimscope-data"),
    show_default=True,
    help="Folder of the server.",
)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_data_dir
def backup(file: Path, data_dir: Path) -> None:
    """Copy all runs into FILE, also while the server runs."""
    from app.store.sqlite.copies import back_up

    with _plainly("Copying") as progress:
        back_up(data_dir, file, progress)
    click.echo(f"{file} holds all runs of {data_dir} ({file.stat().st_size} bytes).")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_data_dir
def restore(file: Path, data_dir: Path) -> None:
    """Put the runs of a backup FILE in place of those that are there; the server has to be stopped.

    What was there is kept beside it, under a name that is printed.
    """
    from app.store.sqlite.copies import restore as put_back

    with _plainly("Restoring") as progress:
        former = put_back(data_dir, file, progress)
    click.echo(
        f"{data_dir} holds the runs of {file}." + (f" Those before are in {former}." if former else "")
    )


@contextmanager
def _plainly(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that shows how far it is; errors in plain words."""
    from app.store import StoreError

    bar = None

    def progress(done: int, total: int) -> None:
        nonlocal bar
        bar = bar or click.progressbar(length=total, label=label)
        bar.update(done - bar.pos)

    try:
        yield progress
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    finally:
        if bar:
            bar.render_finish()
