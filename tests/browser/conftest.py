"""A real server and a real browser for the page tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from serving import serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",  # containers run as root
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",  # WebGL without a GPU, for the 3-D view
]

PATIENCE_MS = 60_000  # machines that test are busy
expect.set_options(timeout=PATIENCE_MS)


def find_browser() -> str:
    """The path of a Chromium or Chrome; skips the test where there is none, unless CI is set."""
    named = os.environ.get("OPTIMSCOPE_BROWSER")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    advice = (
        "no Chromium or Chrome found: install one (Debian: apt-get install chromium; macOS: brew install"
        " chromium) or set OPTIMSCOPE_BROWSER to its path"
    )
    if os.environ.get("CI"):
        pytest.fail(f"{advice}; the browser tests are required in CI")
    pytest.skip(advice)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    with serving(tmp_path_factory.mktemp("data")) as address:
        yield address


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[[], Browser]]:
    """Starts a browser of its own."""
    path = find_browser()
    with sync_playwright() as playwright:
        yield lambda: playwright.chromium.launch(executable_path=path, args=FLAGS)


@pytest.fixture(scope="session")
def browser(launch: Callable[[], Browser]) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh page at laptop width; errors in its console and requests to another host fail the test."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        base_url=server,
        permissions=["clipboard-read", "clipboard-write"],
        reduced_motion="reduce",  # the opening scene shows its end
    )
    page = context.new_page()
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        expected = "/api/" in message.location.get("url", "")
        if message.type == "error" and not (expected and "422" in message.text):
            problems.append(f"{message.type}: {message.text} {message.location}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
    page.on(
        "request",
        lambda r: (
            problems.append(f"other host: {r.url}")
            if not r.url.startswith((server, "data:", "blob:"))
            else None
        ),
    )
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()
    assert not problems, problems
