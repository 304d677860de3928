"""Explore on screens of all sizes: what is moved and what it does are seen together, and nothing is cut."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from test_explore import after, drawn, paths, slide

SIZES = {"laptop": (1440, 900), "small laptop": (1024, 768), "tablet": (768, 1024), "phone": (390, 844)}
each_size = pytest.mark.parametrize(("width", "height"), SIZES.values(), ids=SIZES)

# What a finger may hit: all visible controls, radios and checkboxes with the label around them.
TARGETS = """() => [...document.querySelectorAll('a, button, select, summary, input')]
  .map(e => e.matches('[type=radio], [type=checkbox]') ? e.labels[0] ?? e : e)
  .filter(e => e.checkVisibility({checkVisibilityCSS: true}) && !e.closest('.chart, .skip'))
  .map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect().height])
  .filter(([, height]) => height < 44)"""

CUT = """() => {
  const scene = document.querySelector('.scene').getBoundingClientRect();
  return [...document.querySelectorAll('.scene-base .xtick text, .scene-base .ytick text')]
    .map(e => [e.textContent, e.getBoundingClientRect(), e.getAttribute('transform') ?? ''])
    .filter(([, box, turn]) => box.left < scene.left || box.right > scene.right || box.top < scene.top
      || box.bottom > scene.bottom || /rotate\\((?!0,)/.test(turn))
    .map(([text]) => text);
}"""
OVERLAPPING = """() => ['xtick', 'ytick'].flatMap(side => {
  const boxes = [...document.querySelectorAll(`.scene-base .${side} text`)]
    .map(e => e.getBoundingClientRect());
  return boxes.filter((a, i) => boxes.some((b, j) => j > i && a.left < b.right && b.left < a.right
    && a.top < b.bottom && b.top < a.bottom));
})"""


def sized(page: Page, width: int, height: int, address: str = "/") -> None:
    page.set_viewport_size({"width": width, "height": height})
    drawn(page, address)


def in_sight(page: Page, selector: str) -> bool:
    seen: bool = page.locator(selector).first.evaluate(
        """e => { const b = e.getBoundingClientRect();
          const top = document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2);
          return b.top >= 0 && b.bottom <= innerHeight && b.left >= 0 && b.right <= innerWidth
            && (e.contains(top) || top?.contains(e) || false); }"""
    )
    return seen


@each_size
def test_the_decay_strength_and_the_picture_are_on_the_screen_together(
    page: Page, width: int, height: int
) -> None:
    sized(page, width, height)
    slider = ".runner-line .control:nth-child(2) input[type=range]"
    for place in (0, 10_000):  # wherever the page is scrolled to
        page.evaluate("top => scrollTo(0, top)", place)
        assert in_sight(page, ".scene"), place
        assert in_sight(page, slider), place
    before = paths(page)
    after(page, lambda: slide(page, slider, 900))
    assert paths(page) != before


@each_size
@pytest.mark.parametrize("box", ["", "&box=-0.012,0.011,1000,1000.02", "&box=-2e6,3e6,-1e6,2e6"])
def test_ticks_of_the_picture_are_neither_cut_nor_turned_nor_over_each_other(
    page: Page, width: int, height: int, box: str
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"/?surface=bowl{box}")
    page.wait_for_selector(".scene-base .ytick text", state="attached")
    assert page.evaluate(CUT) == []
    assert page.evaluate(OVERLAPPING) == []


def test_on_a_phone_whatever_a_finger_hits_is_44_pixels_high(browser: Browser, server: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, base_url=server, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    drawn(page, "/?starts=1,1;2,2")
    page.locator(".runner summary").first.click()
    page.locator(".arrows summary").click()
    page.locator("#open-controls").click()
    assert page.evaluate(TARGETS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


@pytest.mark.parametrize(("width", "height"), [(768, 1024), (1024, 768)])
def test_on_a_tablet_charts_stand_beside_the_picture_and_the_setup_opens_as_a_drawer(
    page: Page, width: int, height: int
) -> None:
    sized(page, width, height)
    scene, charts = (page.locator(part).bounding_box() for part in (".scene", ".explore-layout > .charts"))
    assert scene
    assert charts
    assert charts["x"] >= scene["x"] + scene["width"]
    assert charts["y"] < scene["y"] + scene["height"]
    setup = page.get_by_role("button", name="Setup")
    expect(page.locator("#surface")).to_be_hidden()
    setup.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#surface")).to_be_visible()
    expect(setup).to_have_attribute("aria-expanded", "true")
    drawer = page.locator("#controls").bounding_box()
    assert drawer
    assert drawer["x"] >= scene["x"] + scene["width"] - 1, "the picture is not covered"
    page.keyboard.press("Escape")
    expect(page.locator("#surface")).to_be_hidden()
    expect(setup).to_be_focused()


def test_runners_keep_what_is_open_when_the_window_gets_narrow(page: Page) -> None:
    drawn(page)
    page.locator(".runner summary").first.click()
    page.set_viewport_size({"width": 800, "height": 900})
    expect(page.locator("#sheet .runner")).to_have_count(page.locator(".runner").count())
    expect(page.locator("#sheet .runner-more").first).to_have_attribute("open", "")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator("#sheet .runner")).to_have_count(0)


def test_reset_zoom_moves_nothing(page: Page) -> None:
    drawn(page)

    def layout() -> Any:
        return [page.locator(part).bounding_box() for part in (".scene", ".player", ".reset-zoom", "#table")]

    before = layout()
    reset = page.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_disabled()
    box = page.locator(".scene-marks").bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.mouse.move(5, 5)
    expect(reset).to_be_enabled()
    assert layout() == before
    reset.click()
    expect(reset).to_be_disabled()
    assert layout() == before


@pytest.mark.parametrize("place", [".scene-marks", ".scene-3d canvas"])
def test_the_plain_wheel_is_the_pages_and_with_ctrl_it_zooms(page: Page, place: str) -> None:
    drawn(page, "/?dimensions=3d" if "3d" in place else "/")
    page.wait_for_selector(place)
    taken = """(e, ctrlKey) => {
      const box = e.getBoundingClientRect();
      const wheel = new WheelEvent('wheel', { deltaY: -120, ctrlKey, bubbles: true, cancelable: true,
        clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 });
      e.dispatchEvent(wheel);
      return wheel.defaultPrevented;
    }"""
    assert not page.locator(place).first.evaluate(taken, False)
    assert "box=" not in page.url
    assert page.locator(place).first.evaluate(taken, True)


def test_this_step_in_numbers_is_a_drawer(page: Page) -> None:
    drawn(page)
    expect(page.locator("#explain")).to_be_hidden()
    expect(page.locator("#table")).to_be_visible()
    page.locator("#numbers > summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".explained-run .total").first).to_contain_text("x:")


@each_size
@pytest.mark.parametrize("scene", ["adam_l2_or_adamw", "four_conventions"])
def test_the_picture_stays_where_it_is_whatever_the_headline_says(
    page: Page, width: int, height: int, scene: str
) -> None:
    sized(page, width, height, f"/?scene={scene}")
    places, said = set(), set()
    for step in (0, 1, 5, 60, 400):
        slide(page, ".scrub", step)
        expect(page.locator(".where")).to_contain_text(f"step {step} /")
        said.add(page.locator(".headline .cause").inner_text())
        box = page.locator(".scene").bounding_box()
        assert box
        places.add((box["y"], box["height"]))
    assert len(said) > 1
    assert len(places) == 1
