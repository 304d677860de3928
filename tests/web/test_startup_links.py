"""The links that the server prints: for this machine and for others, and what they give away."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import segno

from app.access import startup_links
from app.access.startup_links import local_link, shared_link
from app.access.tokens import kept_token
from app.settings import Settings

ROOT = Path(__file__).parents[2]
ANY = "0.0.0.0"


def code_of(link: str) -> str:
    drawn = io.StringIO()
    segno.make_qr(link, error="l").terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        (ANY, "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("fe80::1", "http://[fe80::1]:8000"),
        ("lab.example", "http://lab.example:8000"),
    ],
)
def test_this_machine_finds_the_server(host: str, address: str) -> None:
    assert local_link(Settings(host=host, token="long-enough")) == address


def test_others_find_it_where_it_listens_or_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_links, "_own_address", lambda family: "192.168.1.5")
    monkeypatch.setattr(startup_links, "_CONTAINERS", ())
    assert shared_link(Settings(host=ANY)) == "http://192.168.1.5:8000"
    assert shared_link(Settings(host="10.0.0.1")) == "http://10.0.0.1:8000"
    assert shared_link(Settings(host=ANY, url="https://lab.example/")) == "https://lab.example"
    assert shared_link(Settings()) == ""


def test_inside_a_container_no_address_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_links, "_CONTAINERS", (str(tmp_path),))
    settings = Settings(host=ANY, token="long-enough")
    assert shared_link(settings) == ""
    assert "Set OPTIMSCOPE_URL" in startup_links.startup_text(settings, "long-enough")


def test_others_get_a_link_and_its_qr_code() -> None:
    settings = Settings(host=ANY, token="long-enough", url="http://lab.example:8000")
    text = startup_links.startup_text(settings, "long-enough")
    link = "http://lab.example:8000/?token=long-enough"
    assert text.splitlines()[0].startswith("Optimscope is at http://127.0.0.1:8000/?token=long-enough ")
    assert f"Others reach it at {link}\n{code_of(link)}" in text


def test_a_desk_needs_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    assert startup_links.startup_text(Settings(), "").count("\n") == 0


@pytest.mark.parametrize("url", ["lab.example", "ftp://lab.example", "http://", "http://lab.example/path"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected an address as http://lab\.example:8000"):
        Settings(url=url)


def test_a_token_that_was_made_up_stays_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    token = kept_token(tmp_path / "data")
    assert kept_token(tmp_path / "data") == token
    assert kept_token(tmp_path / "other") != token
    assert (tmp_path / "data" / "token").stat().st_mode & 0o077 == 0
    (tmp_path / "data" / "token").write_text("short")
    assert len(kept_token(tmp_path / "data")) == 32


@pytest.mark.parametrize("given", [True, False])
def test_neither_output_nor_log_has_a_token_that_was_given(tmp_path: Path, given: bool) -> None:
    """One that is made up is printed, once at the start: nobody could know it otherwise."""
    token = "the-token-of-the-lab"
    if not given:
        (tmp_path / "token").write_text(token)
    environment = {"OPTIMSCOPE_TOKEN": token} if given else {}
    environment |= {"OPTIMSCOPE_LOG_REQUESTS": "1", "OPTIMSCOPE_LOG_LEVEL": "debug"}
    arguments = ["--host", ANY, "--port", "0", "--log-format", "json", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stdout
    line = process.stdout.readline()
    address = line.split()[3].partition("/?")[0]
    with urllib.request.urlopen(f"{address}/?token={token}", timeout=20) as response:
        assert response.status == 200
    process.terminate()
    rest, log = process.communicate()
    assert '"path":"/"' in log
    assert token not in log
    assert (token in line + rest) is not given
