"""A prefix before all paths: which are taken, and what nobody may forget."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import running

from app.access.startup_links import startup_text
from app.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path", ["lab", "//lab", "/lab/../x", "/la b", "/lab?x", "/<script>", "/lab//x", "/é"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="expected a path as /lab"):
        Settings(root_path=path)


@pytest.mark.parametrize(
    ("given", "kept"), [("", ""), ("/", ""), ("/lab/", "/lab"), ("/a/b.c-d_e~", "/a/b.c-d_e~")]
)
def test_a_path_is_kept_without_its_end(given: str, kept: str) -> None:
    assert Settings(root_path=given).root_path == kept


@pytest.mark.parametrize("proxy", ["lab.example", "10.0.0.1/8", "*", "10.0.0.0.0"])
def test_what_is_no_proxy_is_refused(proxy: str) -> None:
    with pytest.raises(ValueError, match="neither an address nor a network"):
        Settings(proxies=proxy)


def test_links_that_are_printed_lead_to_the_path() -> None:
    settings = Settings(root_path="/lab", token="a-long-token", url="https://x.example")
    text = startup_text(settings, "a-long-token")
    assert "http://127.0.0.1:8000/lab/?token=a-long-token" in text
    assert "https://x.example/lab/?token=a-long-token" in text
    same = Settings(root_path="/lab", token="a-long-token", url="https://x.example/lab/")
    assert startup_text(same, "a-long-token") == text


def test_what_only_begins_like_the_prefix_is_left_alone(tmp_path: Path) -> None:
    with running(tmp_path, root_path="/ru") as server:
        assert server.client.get("/runs").status_code == 200
        assert server.client.get("/ru/runs").status_code == 200
        assert server.client.get("/ru").status_code == 200
        assert server.client.get("/runruns").status_code == 404


def test_a_cookie_goes_by_tls_alone_where_the_browser_speaks_it(tmp_path: Path) -> None:
    with running(tmp_path, token="a-long-token", url="https://lab.example") as server:
        form = {"token": "a-long-token"}
        for origin, secure in (("https://lab.example", True), (f"http://127.0.0.1:{server.port}", False)):
            headers = {"Origin": origin, "Host": origin.partition("//")[2], "Accept": "text/html"}
            given = server.client.post("/login", data=form, headers=headers).headers.get_list("set-cookie")
            assert len(given) == 2
            assert all(("Secure" in cookie) is secure for cookie in given)


def test_a_proxy_may_have_more_connections_than_others() -> None:
    settings = Settings(proxies="127.0.0.1,10.0.0.0/24")
    trusted = [settings.trusts(each) for each in ("127.0.0.1", "10.0.0.7", "10.0.1.7", "", "lab")]
    assert trusted == [True, True, False, False, False]


def test_no_script_forgets_the_path() -> None:
    """Addresses go through `under`: in `request` and `openStream`, in href by `make`, else by hand."""
    careful = re.compile(r"location\.href\s*=(?!\s*under\()|location\.(?:assign|replace)\((?!under\()")
    for path in (ROOT / "static").rglob("*.mjs"):
        text = path.read_text()
        assert not careful.search(re.sub(r"//.*|/\*.*?\*/", "", text)), path
        if path.name != "api.mjs":
            assert not re.search(r"\bfetch\(|new EventSource\(", text), path
        assert not re.search(r"\b(?:href|src|action)\s*=\s*[\"'`]/", text), path
