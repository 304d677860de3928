"""An nginx of our own in front of a server, with README's words in its configuration."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = """
daemon off;
{user}pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}{tls};
    {location}
  }}
}}
"""
BARE = "location / { proxy_pass http://127.0.0.1:8000; }"  # as people begin


def readme_location() -> str:
    """What README tells people to write."""
    (found,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert isinstance(found, str)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def under_lab(location: str, *, takes_off: bool) -> str:
    """The same for the path /lab/."""
    slash = "/" if takes_off else ""
    return location.replace("location / {", "location /lab/ {").replace(":8000;", f":8000{slash};")


def check_installed() -> None:
    """Skips a test where there is no nginx, unless CI is set."""
    if not shutil.which("nginx"):
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed; the tests behind it are required in CI")
        pytest.skip("needs nginx")


@contextmanager
def nginx(folder: Path, location: str, to: int, certificate: Path | None = None) -> Iterator[int]:
    """Its port; it passes on to port ``to``."""
    check_installed()
    port, location = free_port(), location.replace(":8000", f":{to}")
    tls = ""
    if certificate:
        tls = " ssl"
        location = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};\n{location}"
    user = "" if os.geteuid() else "user root;\n"  # who else may not write here
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, user=user, port=port, tls=tls, location=location))
    command = ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)]
    process = subprocess.Popen(command)
    pause, until = Event(), monotonic() + 30
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "error.log").read_text()
                assert monotonic() < until
                pause.wait(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(30)
