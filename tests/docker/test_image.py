"""The image: built, run as compose.yaml runs it, looked into, stopped.

Takes minutes and gigabytes, so only where it is asked for: OPTIMSCOPE_DOCKER names the folder in which
images may be kept (the stand-in base is made there once).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from container import Container, Image
from running import Stream

TOOLS = ("buildah", "debootstrap", "unshare", "nsenter")
FOLDER = os.environ.get("OPTIMSCOPE_DOCKER", "")
STOP_SECONDS = 3.0
TOKEN = "the-token-of-the-room"
ROOM = {"Authorization": f"Bearer {TOKEN}"}
HEADERS = {"Content-Type": "application/json", **ROOM}
TRAINING = {"task": "moons_mlp", "optimizer": "adamw", "steps": 30}


def reason() -> str:
    """Why these tests cannot run here; empty if they can."""
    if not FOLDER:
        return "builds an image: set OPTIMSCOPE_DOCKER to a folder with 10 GB to spare"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"needs {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "needs root, to change roots and users"


# An image is built first.
pytestmark = [pytest.mark.skipif(bool(reason()), reason=reason()), pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def image() -> Image:
    image = Image(Path(FOLDER).resolve())
    image.build()
    return image


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A volume that belongs to the image's user."""
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 10001, 10001)
    for parent in [folder, *folder.parents][:-2]:
        parent.chmod(parent.stat().st_mode | 0o055)
    return folder


@pytest.fixture
def container(image: Image, data: Path) -> Iterator[Container]:
    with image.serving(data, OPTIMSCOPE_TOKEN=TOKEN) as container:
        answer(container, "/")
        yield container


def answer(container: Container, path: str, body: object = None) -> bytes:
    """The answer to a request, once the server is there."""
    pause, url = threading.Event(), f"http://127.0.0.1:{container.port}{path}"
    content, end = None if body is None else json.dumps(body).encode(), time.monotonic() + 120
    while time.monotonic() < end:
        try:
            with urlopen(Request(url, content, HEADERS), timeout=20) as response:
                found: bytes = response.read()
                return found
        except ConnectionError:
            assert container.process.poll() is None, container.said()
            pause.wait(0.01)
        except OSError as error:
            if not isinstance(getattr(error, "reason", None), ConnectionError):
                raise
            assert container.process.poll() is None, container.said()
            pause.wait(0.01)
    raise AssertionError(container.said())


def until(check: Callable[[], bool]) -> None:
    pause, end = threading.Event(), time.monotonic() + 60
    while not check():
        assert time.monotonic() < end
        pause.wait(0.05)


def test_the_image_says_how_it_is_run(image: Image) -> None:
    config = image.config
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"])
    assert list(config["Volumes"]) == ["/data"]
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert len(config["Layers"]) <= 4, "the base (one here), what was installed, who may run it"
    print(f"image size {image.size}")


def test_nothing_that_builds_or_installs_is_left_inside(image: Image, data: Path) -> None:
    for tool in ("pip", "pip3", "gcc", "cc", "make", "git", "wheel", "easy_install"):
        assert image.execute(data, "sh", "-c", f"command -v {tool}").returncode != 0, tool
    for module in ("pip", "setuptools", "ensurepip", "hatchling"):
        for python in ("python", "/usr/bin/env -i python3"):
            assert image.execute(data, "sh", "-c", f"{python} -c 'import {module}'").returncode != 0, module


def test_files_were_packed_when_the_image_was_built(image: Image, data: Path) -> None:
    code = "import app, pathlib; print(len(list((pathlib.Path(app.__file__).parent / 'packed').iterdir())))"
    static = list((Path(__file__).parents[2] / "static").rglob("*.mjs"))
    assert int(image.execute(data, "python", "-c", code).stdout) > len(static)


def test_it_runs_without_rights_on_a_root_that_cannot_be_written(container: Container, data: Path) -> None:
    status = container.status
    assert set(status["Uid"].split()) == {"10001"}
    assert status["CapEff"] == status["CapPrm"] == "0" * 16
    assert status["NoNewPrivs"] == "1"
    for path in ("/", "/opt/optimscope", "/etc", "/usr"):
        refused = container.enter("touch", f"{path}/written")
        assert refused.returncode != 0
    assert "Read-only" in container.enter("touch", "/var/tmp/written").stderr
    assert container.enter("touch", "/tmp/written", "/data/written").returncode == 0
    assert (data / "optimscope.db").stat().st_uid == 10001


def test_it_passes_its_own_health_check_and_does_its_work(image: Image, container: Container) -> None:
    until(lambda: container.enter(*image.config["Healthcheck"]["Test"][1:]).returncode == 0)
    walk = {"surface": {"id": "bowl"}, "runs": [{"optimizer": "adamw"}]}
    assert json.loads(answer(container, "/api/trajectories", walk))["runs"]
    run = json.loads(answer(container, "/api/runs", TRAINING))["id"]
    until(
        lambda: (
            json.loads(answer(container, f"/api/runs/{run}"))["status"]
            not in ("queued", "running", "starting")
        )
    )
    found = json.loads(answer(container, f"/api/runs/{run}"))
    assert (found["status"], found["step"]) == ("finished", 30), found["reason"]
    backup = container.enter("optimscope", "backup", "/data/backup.db")
    assert backup.returncode == 0, backup.stderr


def test_it_stops_in_time_with_streams_open(container: Container) -> None:
    streams = [Stream(container.port, "runs=*", headers=ROOM) for _ in range(5)]
    begun = time.monotonic()
    assert container.stop(STOP_SECONDS) in (0, 143)
    print(f"stopped in {time.monotonic() - begun:.2f} s")
    for stream in streams:
        assert stream.next("nothing") is None, "the stream has ended"
        stream.close()


def test_it_stops_right_after_its_first_page(image: Image, data: Path) -> None:
    with image.serving(data, OPTIMSCOPE_TOKEN=TOKEN) as container:
        answer(container, "/login")
        stream = Stream(container.port, "runs=*", headers=ROOM)
        begun = time.monotonic()
        assert container.stop(STOP_SECONDS) in (0, 143)
        print(f"stopped in {time.monotonic() - begun:.2f} s")
        stream.close()


def test_where_files_are_few_the_refusal_comes_first(image: Image, data: Path) -> None:
    settings = {"OPTIMSCOPE_TOKEN": TOKEN, "OPTIMSCOPE_MAX_CLIENT_STREAMS": 5000}
    with image.serving(data, files=1024, **settings) as container, ExitStack() as opened:
        answer(container, "/login")
        statuses = [200]
        while statuses[-1] == 200 and len(statuses) < 1000:
            stream = Stream(container.port, "runs=*", headers=ROOM)
            opened.callback(stream.close)
            statuses.append(stream.response.status)
        assert statuses[-1] == 429
        assert json.loads(answer(container, "/healthz"))["status"] == "ok"


def test_others_need_the_token_that_it_prints(image: Image, data: Path) -> None:
    begun = time.monotonic()
    with image.serving(data, OPTIMSCOPE_URL="http://lab.example:8000") as container:
        answer(container, "/login")
        print(f"first page {time.monotonic() - begun:.2f} s after the start")
        container.stop(STOP_SECONDS)
        said = container.said()
    [token] = set(re.findall(r"token=([\w-]{32})", said))
    assert f"http://lab.example:8000/?token={token}" in said
    assert "▀" in said, "the link as a QR code"
    assert (data / "token").stat().st_mode & 0o077 == 0
