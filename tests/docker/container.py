"""Builds the Dockerfile and runs its image where no Docker engine runs: with buildah, as root.

The base image is a stand-in made by debootstrap. The container gets what compose.yaml gives it: a
read-only root, a small /tmp in memory, one folder for data, a user without rights, its own processes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim"
IMAGE = "localhost/optimscope:test"
DEBIAN = ("python3", "python3-venv", "python3-pip", "ca-certificates")
CERTIFICATES = ("/etc/ssl/certs", "/usr/local/share/ca-certificates", "/usr/share/ca-certificates")
PATHS = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a container engine does before it starts the command; $0 is the root, $1 the data.
ENTER = """
set -e
mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"
mount -t tmpfs -o size=256m,mode=1777 tmpfs "$0/tmp"
mount --bind "$1" "$0/data" && mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$0/dev/shm"
user=$2; root=$0; shift 2
exec chroot --userspec="$user" "$root" /usr/bin/setpriv --no-new-privs "$@"
"""


def run(*command: str | Path, **given: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **given)
    assert done.returncode == 0, (
        f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    )
    return done.stdout


@dataclass
class Image:
    """An image in a storage of its own; ``root`` is where its files lie."""

    storage: Path

    def buildah(self, *arguments: str) -> str:
        places = ("--root", self.storage / "images", "--runroot", self.storage / "run")
        return run("buildah", *places, "--storage-driver", "vfs", *arguments, cwd=ROOT).strip()

    def build(self) -> None:
        """The base, unless it is there, and the image on it."""
        if BASE.partition(":")[0] not in self.buildah("images", "--format", "{{.Name}}"):
            self._make_base()
        mounts = [argument for path in CERTIFICATES for argument in ("-v", f"{path}:{path}:ro")]
        wheels = os.environ.get("PIP_FIND_LINKS", "")
        if wheels:  # a torch that is here already
            mounts += ["-v", f"{wheels}:{wheels}:ro", "--build-arg", f"TORCH_WHEELS={wheels}"]
        how = ("--format", "docker", "--isolation", "chroot", "--pull-never")
        self.buildah("bud", *how, *mounts, "-t", IMAGE, ".")

    def _make_base(self) -> None:
        tree = self.storage / "debian"
        shutil.rmtree(tree, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={','.join(DEBIAN)}", "bookworm", tree)
        (tree / "usr/bin/python").symlink_to("python3")
        (tree / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink(missing_ok=True)
        container = self.buildah("from", "scratch")
        self.buildah("add", "-q", container, str(tree), "/")
        self.buildah("config", "--env", PATHS, "--cmd", "python3", container)
        self.buildah("commit", "-q", "--rm", container, BASE)
        shutil.rmtree(tree)

    @cached_property
    def root(self) -> Path:
        return Path(self.buildah("mount", self.buildah("from", "--pull-never", IMAGE)))

    @cached_property
    def config(self) -> dict[str, Any]:
        """What the image says of itself."""
        found: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", IMAGE))["Docker"]
        return found["config"] | {"Layers": found["rootfs"]["diff_ids"]}

    @property
    def size(self) -> str:
        return self.buildah("images", "--format", "{{.Size}}", IMAGE)

    def _command(self, data: Path, settings: Mapping[str, object]) -> list[str]:
        """A command line that enters the container; what runs in there is to be added."""
        environment = [*self.config["Env"], *(f"{name}={value}" for name, value in settings.items())]
        enter = ["sh", "-c", ENTER, str(self.root), str(data), self.config["User"]]
        return ["unshare", "--mount", "--pid", "--fork", *enter, "env", "-i", *environment]

    def execute(self, data: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in a container of its own."""
        return subprocess.run([*self._command(data, {}), *command], capture_output=True, text=True)

    @contextmanager
    def serving(self, data: Path, *, files: int = 0, **settings: object) -> Iterator[Container]:
        """The image's own command, on a free port; it may open so many files (0: as many as here)."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = self._command(data, {"OPTIMSCOPE_PORT": port, **settings})
        limited = ["prlimit", f"--nofile={files}:{files}"] if files else []
        process = subprocess.Popen(
            [*limited, *command, *self.config["Cmd"]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        container = Container(process, port)
        try:
            yield container
        finally:
            if container.pid:
                os.kill(container.pid, signal.SIGKILL)  # all others in there go with its first process
            process.wait(60)
            assert process.stdout
            process.stdout.close()


@dataclass
class Container:
    """A container that runs."""

    process: subprocess.Popen[str]
    port: int

    @property
    def pid(self) -> int:
        """Its first process, as seen from outside; 0 when it has ended."""
        if self.process.poll() is not None:
            return 0
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    @property
    def status(self) -> dict[str, str]:
        """What the kernel says of its first process."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def said(self) -> str:
        """What it printed, once it has ended."""
        assert self.process.stdout
        return self.process.stdout.read()

    def enter(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command with its root, mounts and user."""
        within = ("nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", "--wd", "--setuid=10001")
        environment = Path(f"/proc/{self.pid}/environ").read_bytes().decode().split("\0")
        set_up = ("--setgid=10001", "env", "-i", *filter(None, environment))
        return subprocess.run([*within, *set_up, *command], capture_output=True, text=True)

    def stop(self, seconds: float) -> int:
        """Asks it to stop, as `docker stop` does; its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(seconds)
