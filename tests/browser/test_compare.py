"""What a user does on the Compare page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

PATHS = ".column .scene-marks [data-run] path:last-child"


def opened(page: Page, address: str = "/compare") -> None:
    page.goto(address)
    page.wait_for_function("() => document.querySelectorAll('.column .chart-plot .js-line').length >= 6")
    expect(page.locator("#verdict")).to_contain_text("After")


def test_three_conventions_of_decay_stand_side_by_side_with_one_path_each(page: Page) -> None:
    opened(page)
    titles = page.locator(".column .runner-head option:checked").all_inner_texts()
    assert titles == ["Adam+L2", "AdamW", "AdamW-LH"]
    ends = page.eval_on_selector_all(PATHS, "all => all.map(p => p.getAttribute('d').split('L').at(-1))")
    assert len(set(ends)) == 3


def test_one_sentence_says_with_numbers_how_they_part(page: Page) -> None:
    opened(page)
    sentence = page.locator("#verdict").inner_text()
    assert re.search(
        r"Adam\+L2 has shrunk the steep coordinate \w by [\d.]+\s% and the flat one \w by [\d.]+\s%", sentence
    )
    assert re.search(r"AdamW has shrunk both by [\d.]+\s%", sentence)
    # AdamW at constant η shrinks every weight by 1 − (1 − ηλ)ⁿ.
    shown = re.search(r"AdamW has shrunk both by ([\d.]+)\s%", sentence)
    assert shown
    assert float(shown.group(1)) == pytest.approx(100 * (1 - (1 - 0.05 * 0.05) ** 400), abs=1)


def test_a_chart_has_the_same_vertical_axis_in_every_column(page: Page) -> None:
    opened(page)
    ranges = page.eval_on_selector_all(
        ".column [data-chart=effective_lr] .chart-plot",
        "all => all.map(p => p.layout.yaxis.range.map(v => v.toFixed(6)).join())",
    )
    assert len(ranges) == 3
    assert len(set(ranges)) == 1


def test_the_shared_learning_rate_moves_every_column(page: Page) -> None:
    opened(page)
    before = page.eval_on_selector_all(PATHS, "all => all.map(p => p.getAttribute('d'))")
    slider = page.locator("#shared-settings input[type=range]").first
    slider.evaluate("e => { e.value = 400; e.dispatchEvent(new Event('input', {bubbles: true})); }")
    page.wait_for_function(
        f"before => [...document.querySelectorAll({PATHS!r})]"
        ".every((p, i) => p.getAttribute('d') !== before[i])",
        arg=before,
    )


def test_one_player_moves_all_pictures(page: Page) -> None:
    opened(page)
    page.keyboard.press("Home")
    expect(page.locator(".where")).to_contain_text("step 0 /")
    heads = page.eval_on_selector_all(
        ".column .scene-marks circle[r='5']", "all => all.map(c => c.getAttribute('cx'))"
    )
    assert len(heads) == 3
    assert max(map(float, heads)) - min(map(float, heads)) < 1.5, "all stand at the start"
    expect(page.locator("#verdict")).to_contain_text("All start at one point")


def test_the_difference_chart_shows_how_far_they_have_parted(page: Page) -> None:
    opened(page)
    page.locator("#difference").scroll_into_view_if_needed()
    page.wait_for_selector("#difference [data-chart=apart] .js-line", state="attached")


def test_columns_can_be_removed_added_and_changed(page: Page) -> None:
    opened(page)
    page.locator(".column").last.get_by_role("button", name="Remove").click()
    expect(page.locator(".column")).to_have_count(2)
    page.get_by_role("button", name="Add a column").click()
    expect(page.locator(".column")).to_have_count(3)
    page.locator(".column").last.get_by_label("Optimizer of this column").select_option("lion")
    expect(page.locator("#verdict")).to_contain_text("Lion")


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_overflows_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 850})
    page.goto("/compare")
    page.wait_for_selector(PATHS, state="attached")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_emptied_field_goes_back_to_what_the_page_opened_with(page: Page) -> None:
    opened(page)
    rate = page.locator("#shared-settings .number").first
    condition = page.locator(".params .number").first
    for field, opening, other in ((rate, "0.05", "0.3"), (condition, "30", "9")):
        expect(field).to_have_value(opening)
        field.fill(other)
        field.press("Enter")
        field.fill("")
        field.press("Enter")
        expect(field).to_have_value(opening)


def test_where_both_coordinates_are_as_steep_none_is_called_so(page: Page) -> None:
    opened(page, "/compare?params=condition:1")
    expect(page.locator("#verdict")).to_contain_text(re.compile(r"Adam\+L2 has shrunk (both|x) by"))
    expect(page.locator("#verdict")).not_to_contain_text("steep")
