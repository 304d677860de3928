"""What the terminal shows at the start: a link for this machine, and one for others with its QR code."""

from __future__ import annotations

import io
import socket
from pathlib import Path

from app.settings import LOOPBACK_OF, Settings, local_url, url_of

_CONTAINERS = ("/.dockerenv", "/run/.containerenv")


def local_link(settings: Settings) -> str:
    """Where a browser on this machine finds the server."""
    return local_url(settings.host, settings.published_port or settings.port) + settings.root_path


def shared_link(settings: Settings) -> str:
    """Where other machines find it, as far as one can tell."""
    if settings.url or settings.is_local:
        return settings.url and settings.url.removesuffix(settings.root_path) + settings.root_path
    if settings.host not in LOOPBACK_OF:
        return local_link(settings)
    if any(Path(mark).exists() for mark in _CONTAINERS):
        return ""  # the addresses in here mean nothing outside
    host = _own_address(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    return url_of(host, settings.port) + settings.root_path if host else ""


def startup_text(settings: Settings, token: str) -> str:
    """The lines to print; links hold ``token`` unless it is empty."""
    lines = [f"Optimscope is at {_link(local_link(settings), token)}  (stop with Ctrl+C)"]
    address = shared_link(settings)
    if address:
        link = _link(address, token)
        lines += [f"Others reach it at {link}", *([_code(link)] if token else [])]
    elif not settings.is_local:
        lines.append(
            "Set OPTIMSCOPE_URL to where others reach it: then there is a link and a QR code for them."
        )
    if settings.token and not token:
        lines.append("It asks for the token that it was given.")
    return "\n".join(lines)


def _link(address: str, token: str) -> str:
    return f"{address}/?token={token}" if token else address


def _code(link: str) -> str:
    import segno

    drawn = io.StringIO()
    segno.make_qr(link, error="l").terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n")


def _own_address(family: socket.AddressFamily) -> str:
    """This machine's address on the network that leads outside; nothing is sent to find out."""
    outside = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((outside, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
