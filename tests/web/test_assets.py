"""The files that pages load: complete, packed, kept forever, and nothing else."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.http.files import Assets, _plotly, folder
from app.http.plotly_script import plotly_script, unwrapped
from app.services import Services


@pytest.fixture
def assets(client: TestClient) -> Assets:
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    services.assets.compress()
    return services.assets


def test_every_static_file_is_served_as_it_is(client: TestClient, assets: Assets) -> None:
    static = folder("static")
    paths = [path for path in static.rglob("*") if path.is_file()]
    assert paths
    for path in paths:
        response = client.get(assets.url(path.relative_to(static).as_posix()))
        assert response.status_code == 200
        assert response.content == path.read_bytes()
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_plotly_comes_from_the_installed_package_packed(client: TestClient, assets: Assets) -> None:
    response = client.get(assets.url("plotly.min.js"))
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < 1_700_000
    assert b"plotly.js v" in response.content[:300]
    plain = client.get(assets.url("plotly.min.js"), headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == response.content


def test_plotly_is_taken_out_of_its_functions() -> None:
    script = plotly_script()
    assert script.startswith("/**\n* plotly.js v")
    assert "root, factory" not in script
    assert script.count("queueMicrotask(() => { Plotly = Plotly(); });") == 1
    assert script.rstrip().endswith("*/"), "the notices of what it contains stay"


@pytest.mark.parametrize(
    "script",
    ["", "window.Plotly = {};", "/** x */ (function(root, factory) { }(this, () => { return 1; }));"],
)
def test_a_script_of_another_form_stays_as_it_is(script: str) -> None:
    assert unwrapped(script) == script


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.mjs", "text/javascript"), ("a.css", "text/css"), ("a.svg", "image/svg+xml"), ("a.png", "image/png")],
)
def test_files_have_their_types(tmp_path: Path, name: str, media_type: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert Assets(tmp_path)._files[name].media_type == media_type


@pytest.mark.parametrize(
    "path",
    [
        "../app/main.py",
        "..%2fapp%2fmain.py",
        "%2e%2e/pyproject.toml",
        "nothing.css",
        "",
        "css",
        "/etc/passwd",
    ],
)
def test_nothing_else_is_served(client: TestClient, assets: Assets, path: str) -> None:
    response = client.get(f"/static/{assets.version}/{path}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_another_version_is_not_served(client: TestClient, assets: Assets) -> None:
    assert client.get(assets.url("plotly.min.js").replace(assets.version, "0" * 12)).status_code == 404


def test_the_version_follows_the_contents(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    first = Assets(tmp_path).version
    assert Assets(tmp_path).version == first
    (tmp_path / "a.css").write_text("b {}")
    assert Assets(tmp_path).version != first


def test_with_reload_an_edit_is_seen_at_the_next_page(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    assets = Assets(tmp_path, reload=True)
    first = assets.url("a.css")
    (tmp_path / "b.css").write_text("b {}")
    assert assets.url("a.css") != first


def test_an_asset_that_is_not_there_is_noticed_when_the_page_is_made(assets: Assets) -> None:
    with pytest.raises(KeyError, match=r"no static file 'gone.css'"):
        assets.url("gone.css")


def test_packed_files_are_the_same_files(assets: Assets) -> None:
    for name, asset in assets._files.items():
        if asset.packed:
            assert gzip.decompress(asset.packed) == asset.content, name


def test_what_was_packed_beforehand_is_not_packed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static, packed = tmp_path / "static", tmp_path / "packed"
    static.mkdir()
    (static / "a.css").write_text("a {}")
    assert Assets(static, packed=packed).keep_packed() == 2, "the file and Plotly"
    (static / "a.css").write_text("b {}")
    tried: list[bytes] = []
    monkeypatch.setattr("app.http.files._pack", lambda content: tried.append(content) or b"packed now")
    monkeypatch.setattr("app.http.files._plotly", _plotly.__wrapped__)
    assets = Assets(static, packed=packed)
    assets.compress()
    assert tried == [b"b {}"], "only what has changed since"
    assert gzip.decompress(assets._files["plotly.min.js"].packed) == assets._files["plotly.min.js"].content


def test_browsers_find_the_icon(client: TestClient) -> None:
    response = client.get("/favicon.ico")
    assert response.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("path", ["/", "/compare"])
def test_pages_load_only_what_this_server_has(client: TestClient, assets: Assets, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert f"/static/{assets.version}/" in response.text
    assert "<script>" not in response.text, "the policy forbids scripts inside the page"
    assert client.head(path).status_code == 200
