"""``optimscope serve``: the web server."""

from __future__ import annotations

import errno
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.settings import Settings

BACKLOG = 2048


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes any free one.  [default: 8000]"
)
@click.option("--data-dir", type=click.Path(file_okay=False), help="Folder for what the server keeps.")
@click.option(
    "--token", help="What visitors must show; made up and printed if the host is not this machine's own."
)
@click.option("--instructor-token", help="What the instructor shows, who may change every run; made up too.")
@click.option("--root-path", help="Path under which a proxy serves it, as /lab.")
@click.option("--url", help="Where others reach the server, for the link and the QR code that are printed.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), help="How the log is written.  [default: text]"
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
def serve(open_page: bool, **given: Any) -> None:
    """Serve the dashboard. Every option can also be set as OPTIMSCOPE_…, see the README."""
    settings = _settings(**given)  # first: what is wrong with them is told before all else is loaded
    from app.access.startup_links import local_link, startup_text
    from app.access.tokens import INSTRUCTORS, kept_token
    from app.commands.server import Server
    from app.http.connections import raise_file_limit
    from app.main import create_app
    from app.observe import logs
    from app.store import StoreError

    listening = _listen(settings.host, settings.port)
    port = listening.getsockname()[1]
    was_given = bool(settings.token)
    token = settings.token or ("" if settings.is_local else kept_token(settings.data_dir))
    instructors = settings.instructor_token
    if not (settings.is_local or instructors):
        instructors = kept_token(settings.data_dir, INSTRUCTORS)
    preload = settings.preload or "preload" not in settings.model_fields_set
    # Whoever opens one stream too many is told so; without files to spare nobody would be told anything.
    streams = min(settings.limits.streams, raise_file_limit() * 3 // 4)
    settings = settings.model_copy(
        update={
            "port": port,
            "token": token,
            "instructor_token": instructors,
            "preload": preload,
            "limits": settings.limits.model_copy(update={"streams": streams}),
        }
    )
    logs.configure(settings)
    app = create_app(settings)
    try:
        app.state.services.runs.open_store()
    except StoreError as error:
        listening.close()
        raise click.ClickException(str(error)) from None
    # Whoever gave the token knows it: it need not get into what a container's output is kept in.
    click.echo(startup_text(settings, "" if was_given and not sys.stdout.isatty() else token))
    if instructors and sys.stdout.isatty():
        click.echo(f"The instructor's page is {local_link(settings)}/instructor?token={instructors}")
    elif instructors:
        click.echo(f"The instructor's token is in {settings.data_dir / INSTRUCTORS}, unless it was given.")
    sys.stdout.flush()
    if open_page:
        click.launch(local_link(settings) + (f"/?token={token}" if token else ""))
    Server(app, own_process=True).run(sockets=[listening])


def _settings(**given: Any) -> Settings:
    """What was given and what the environment says; a plain error where that makes no sense."""
    from pydantic import ValidationError

    from app.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        told = first["msg"].removeprefix("Value error, ")
        option = "".join(f"--{name}: ".replace("_", "-") for name in map(str, first["loc"][:1]))
        raise click.ClickException(f"{option}{told}.".replace("..", ".")) from None


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; a plain error where that is not possible."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise click.ClickException(f"{host!r} is no address of this machine.") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)  # so that the printed address answers, if only after a moment
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"port {port} is taken: something else listens there. Choose another with --port."
            ) from None
        raise click.ClickException(f"cannot listen on {host} port {port}: {error.strerror}.") from None
    return listening
