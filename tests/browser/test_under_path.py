"""In a real browser under a path: nothing leads outside of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from nginx import nginx, readme_location, under_lab
from playwright.sync_api import Browser, Page, expect
from serving import serving

TOKEN = "the-token-of-the-room"


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page signed in at /lab/; whatever goes wrong in it, or is asked for elsewhere, fails the test."""
    wrong: list[str] = []
    (tmp_path / "nginx").mkdir()
    with serving(tmp_path / "data", token=TOKEN, root_path="/lab", processes=1) as address:
        location = under_lab(readme_location(), takes_off=True)
        with nginx(tmp_path / "nginx", location, int(address.rpartition(":")[2])) as port:
            page = browser.new_page(base_url=f"http://127.0.0.1:{port}")
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on(
                "console",
                lambda said: wrong.append(f"{said.text} {said.location}") if said.type == "error" else None,
            )
            outside = re.compile(rf"http://127\.0\.0\.1:{port}/(?!lab/)")
            page.on("request", lambda asked: wrong.append(asked.url) if outside.match(asked.url) else None)
            page.goto(f"/lab/?token={TOKEN}")
            page.wait_for_url(re.compile("/lab/$"))
            yield page
            page.close()
    assert not wrong, wrong


def drawn(page: Page) -> None:
    """Waits until the first chart is on the page; one is drawn when it comes in sight."""
    page.locator(".chart").first.scroll_into_view_if_needed()
    expect(page.locator(".chart svg.main-svg").first).to_be_visible()


def test_every_page_works_under_a_path(page: Page) -> None:
    drawn(page)
    page.get_by_role("link", name="Compare", exact=True).click()
    drawn(page)
    page.goto("/lab/train?task=moons_mlp&steps=200")
    page.locator("#form > summary").click()
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url(re.compile(r"/lab/runs(/|\?compare=)"))
    drawn(page)
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.locator("#runs tr").first).to_contain_text("finished")
    page.locator("#runs tr a").first.click()
    page.wait_for_url(re.compile(r"/lab/runs/\w+$"))
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/lab/login"))
