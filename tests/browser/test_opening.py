"""What a browser fetches to open a page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

ANNOUNCED = "all => all.map(each => each.href || each.src)"
FETCHED = "performance.getEntriesByType('resource').map(e => e.name).filter(name => name.endsWith('.mjs'))"


@pytest.mark.parametrize("path", ["/", "/compare", "/train", "/runs"])
def test_all_modules_are_announced_in_the_page_itself_and_none_in_vain(page: Page, path: str) -> None:
    page.goto(path, wait_until="load")
    announced = page.eval_on_selector_all("link[rel=modulepreload], script[type=module]", ANNOUNCED)
    used: list[str] = page.evaluate(FETCHED)
    assert len(used) > 5
    assert sorted(used) == sorted(announced)
    imports = page.evaluate(
        """async urls => (await Promise.all(urls.map(url => fetch(url).then(r => r.text()))))
            .flatMap((text, i) => [...text.matchAll(/^(?:import|\\}) .*from "(.*)";$/gm)]
            .map(found => new URL(found[1], urls[i]).href))""",
        used,
    )
    assert set(imports) <= set(used)
    assert len(set(imports)) == len(used) - 1, "the page's own module is imported by none"
