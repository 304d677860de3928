"""Behind nginx as README says, at the root and under a path; and what people are told who forget a line."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_producer import frame
from nginx import BARE, nginx, readme_location, under_lab
from running import PATIENCE_S, Running, running

TOKEN, INSTRUCTORS = "the-token-of-the-room", "the-token-of-the-desk"
PAGE = {"Accept": "text/html"}
PAGES = ("/", "/compare", "/train", "/runs", "/docs", "/instructor")
# By the path of the lab: what nginx is told.
PLACES = {
    "": readme_location(),
    "/lab": under_lab(readme_location(), takes_off=False),
    "/lab ": under_lab(readme_location(), takes_off=True),
}


@contextmanager
def proxied(
    folder: Path, location: str, root: str = "", **more: Any
) -> Iterator[tuple[httpx.Client, Running]]:
    """A browser in front of nginx in front of a server."""
    certificate = more.pop("certificate", None)
    given = {"token": TOKEN, "instructor_token": INSTRUCTORS, "processes": 0, "root_path": root} | more
    (folder / "nginx").mkdir(parents=True)
    with (
        running(folder / "data", **given) as server,
        nginx(folder / "nginx", location, server.port, certificate) as port,
    ):
        scheme = "https" if certificate else "http"
        with httpx.Client(
            base_url=f"{scheme}://127.0.0.1:{port}",
            timeout=PATIENCE_S,
            verify=ssl.create_default_context(cafile=certificate) if certificate else True,
        ) as client:
            yield client, server


def sign_in(client: httpx.Client, root: str, token: str = TOKEN) -> httpx.Response:
    origin = {"Origin": str(client.base_url).rstrip("/")}
    return client.post(f"{root}/login", data={"token": token, "next": "/runs"}, headers=PAGE | origin)


@pytest.mark.parametrize("place", PLACES)
def test_everything_works_behind_nginx(tmp_path: Path, place: str) -> None:
    root = place.strip()
    with proxied(tmp_path, PLACES[place], root) as (client, server):
        asked = client.get(f"{root}/runs", headers=PAGE)
        assert (asked.status_code, asked.headers["location"]) == (303, f"{root}/login?next=%2Fruns")
        form = client.get(asked.headers["location"], headers=PAGE).text
        assert f'action="{root}/login"' in form
        signed = sign_in(client, root, INSTRUCTORS)
        assert f'content="0;url={root}/runs"' in signed.text
        assert {cookie.path for cookie in client.cookies.jar} == {f"{root}/"}

        for path in PAGES:
            page = client.get(f"{root}{path}", headers=PAGE)
            assert page.status_code == 200, path
            leads = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
            assert leads
            assert all(each.startswith(f"{root}/") for each in leads), leads
            assert f'data-root="{root}"' in page.text
            for file in [each for each in leads if "/static/" in each][:3]:
                assert client.get(file).status_code == 200

        hello = client.post(f"{root}/api/ingest/runs", json={"run": {"id": "a"}})
        assert hello.status_code == 200
        with client.stream("GET", f"{root}/api/stream?runs=a") as stream:
            lines = stream.iter_lines()
            assert next(lines)  # at once, though the stream goes on
            large = {"frames": [frame("a", 0, rows=5_000, tensors=50).to_json()]}
            assert client.post(f"{root}/api/ingest/runs/a/frames", json=large).status_code == 200
            assert next(line for line in lines if line == "event: frame")
        table = client.get(f"{root}/api/runs/a/export")
        assert table.text.startswith("step,")
        assert client.get(f"{root}/openapi.json").json().get("servers", [{"url": ""}])[0]["url"] == root

        moved = client.get(f"{root}/compare?runs=a,b")
        assert moved.headers["location"].startswith(f"{root}/runs?compare=")
        assert client.get(f"{root}/favicon.ico").headers["location"].startswith(f"{root}/static/")
        missing = client.get(f"{root}/nothing", headers=PAGE)
        assert (missing.status_code, f'href="{root}/"' in missing.text) == (404, True)

        origin = {"Origin": str(client.base_url).rstrip("/")}
        left = client.post(f"{root}/logout", headers=PAGE | origin)
        assert left.headers["location"] == f"{root}/login"
        assert client.get(f"{root}/api/room").status_code == 401
        guests = server.client.get("/api/room", headers={"Authorization": f"Bearer {TOKEN}"})
        assert guests.status_code == 200  # and past the proxy


def test_the_link_for_the_class_leads_in(tmp_path: Path) -> None:
    with proxied(tmp_path, PLACES["/lab"], "/lab") as (client, _):
        entered = client.get(f"/lab/compare?x=1&token={TOKEN}", headers=PAGE)
        assert 'url=/lab/compare?x=1"' in entered.text
        assert client.get("/lab/compare", headers=PAGE).status_code == 200


def test_who_asks_is_whom_the_proxy_names_and_nobody_else_s_word_counts(tmp_path: Path) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}

    def seen(base: str, source: str, claimed: str = "") -> str:
        given = bearer | ({"X-Forwarded-For": claimed} if claimed else {})
        with httpx.Client(transport=httpx.HTTPTransport(local_address=source)) as client:
            found: str = client.get(f"{base}/api/room", headers=given).json()["you"]["id"]
        return found

    with proxied(tmp_path, PLACES[""]) as (client, server):
        proxy, straight = str(client.base_url).rstrip("/"), f"http://127.0.0.1:{server.port}"
        one, other = seen(proxy, "127.0.0.2"), seen(proxy, "127.0.0.3")
        assert one != other
        assert seen(proxy, "127.0.0.2", "127.0.0.3") == one  # what is claimed stands before the proxy's word
        assert seen(straight, "127.0.0.2", "127.0.0.3") == one  # and is no proxy's


def test_tls_makes_cookies_that_go_by_tls_alone(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    certificate = tmp_path / "lab.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "lab.key", "-out", "lab.crt"]
    subprocess.run([*command.split(), *names], cwd=tmp_path, check=True, capture_output=True)
    certificate.write_text((tmp_path / "lab.crt").read_text() + (tmp_path / "lab.key").read_text())
    with proxied(tmp_path, PLACES[""], certificate=certificate) as (client, _):
        signed = sign_in(client, "")
        assert signed.status_code == 200
        assert all("Secure" in cookie for cookie in signed.headers.get_list("set-cookie"))
        assert client.get("/runs", headers=PAGE).status_code == 200


# --- What is missing --------------------------------------------------------------------------------


def test_a_proxy_that_does_not_pass_the_host_on_is_told_of(tmp_path: Path) -> None:
    with proxied(tmp_path, BARE) as (client, _):
        page = sign_in(client, "")
        assert page.status_code == 403
        assert page.headers["content-type"].startswith("text/html")
        assert "proxy_set_header Host $http_host;" in page.text
        assert str(client.base_url.port) in page.text  # where it came from
        script = client.post(
            "/api/trajectories",
            json={},
            headers={"Origin": str(client.base_url).rstrip("/"), "Authorization": f"Bearer {TOKEN}"},
        )
        error = script.json()["error"]
        assert error["code"] == "origin"
        assert "proxy" in error["hint"]


def test_a_name_that_is_not_the_servers_is_told_with_the_setting(tmp_path: Path) -> None:
    hostile = "evil.example<script>alert(1)</script>\u202e"
    with proxied(tmp_path, PLACES[""]) as (client, server):
        page = client.get("/", headers=PAGE | {"Host": "lab.example"})
        assert page.status_code == 400
        assert "lab.example" in page.text
        assert "OPTIMSCOPE_HOSTS" in page.text
        plain = client.get("/", headers={"Host": "lab.example"})
        assert plain.json()["error"]["code"] == "host"
        raw = server.client.get("/", headers=PAGE | {"Host": "x", "X-Forwarded-For": hostile.encode()})
        assert "<script>" not in raw.text
    with proxied(tmp_path / "again", PLACES[""], hosts=("lab.example",)) as (client, _):
        assert client.get("/login", headers=PAGE | {"Host": "lab.example"}).status_code == 200
