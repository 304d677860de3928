"""What somebody sees who opens the page for the first time, and the guided scenes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from app.preset import presets

GUIDED = [preset for preset in presets().values() if preset.sentences]


def test_the_first_screen_says_what_differs_in_which_coordinate_and_why(page: Page) -> None:
    page.goto("/")
    headline = page.locator("#headline")
    expect(headline.locator(".claim")).to_have_text(
        "Same λ. AdamW shrinks every weight alike; Adam+L2 spares the steep one, y."
    )
    expect(headline.locator(".shares tbody tr")).to_have_text(
        [re.compile(r"steep y\s*4\.8.%\s*63.%"), re.compile(r"flat x\s*46.%\s*63.%")]
    )
    expect(headline.locator(".cause")).to_contain_text("λθ enters the gradient of Adam+L2, so √v divides it")
    expect(page.locator("#runners .runner")).to_have_count(2)
    size = float(headline.locator(".claim").evaluate("e => parseFloat(getComputedStyle(e).fontSize)"))
    assert size >= 20


def test_the_opening_scene_is_played_once_for_whoever_likes_motion(browser: Browser, server: str) -> None:
    context = browser.new_context(base_url=server, reduced_motion="no-preference")
    page = context.new_page()
    page.goto("/")
    play = page.locator(".player .play")
    expect(play).to_have_text("Pause")
    page.wait_for_function(
        r"() => /^step ([1-9]|[1-3]?\d\d) /.test(document.querySelector('.player .where').textContent)"
    )
    expect(page.locator(".player .where")).to_have_text("step 400 / 400")
    expect(play).to_have_text("Play")
    context.close()


def test_the_third_optimizer_joins_with_one_click_and_leaves_with_undo(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Add SGD+L2").click()
    expect(page.locator("#runners .runner")).to_have_count(3)
    expect(page.get_by_role("button", name="Add SGD+L2")).to_be_hidden()
    expect(page.locator(".shares thead th")).to_have_text(["Adam+L2", "AdamW", "SGD+L2"])
    assert "scene=adam_l2_or_adamw" in page.url, "the address says what it is told against"
    page.reload()
    expect(page.locator("#runners .runner")).to_have_count(3)
    page.go_back()
    expect(page.locator("#runners .runner")).to_have_count(2)


def test_why_tells_and_asks_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    why = page.get_by_role("button", name="Why?")
    expect(page.locator(".lesson")).to_be_hidden()
    why.focus()
    page.keyboard.press("Enter")
    expect(why).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".lesson li")).to_have_count(3)
    page.get_by_role("button", name="the flat one, x").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_contain_text("No: the steep one, y. Adam+L2 took 4.8")
    page.get_by_role("button", name="Try it yourself").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.closest('#runners') !== null")


@pytest.mark.parametrize("preset", GUIDED, ids=[preset.id for preset in GUIDED])
def test_a_guided_scene_asks_before_it_shows(page: Page, preset: object) -> None:
    assert isinstance(preset, type(GUIDED[0]))
    page.goto(f"/?scene={preset.id}&guide=1")
    expect(page.locator(".question p")).to_have_text(preset.question)
    expect(page.locator(".lesson li")).to_have_text(list(preset.sentences))
    expect(page.locator(".waiting")).to_be_visible()
    expect(page.locator("#charts")).to_be_hidden()
    expect(page.locator("#table")).to_be_hidden()
    expect(page.locator(".player .where")).to_have_text(re.compile("step 0 /"))
    page.get_by_role("button", name=preset.choices[preset.answer], exact=True).click()
    expect(page.locator(".answer")).to_have_text(re.compile(r"Right\. .*\d"))
    expect(page.locator(".answer")).not_to_contain_text("–")
    expect(page.locator("#charts")).to_be_visible()
    expect(page.locator(".player .where")).not_to_have_text(re.compile("step 0 /"))
    page.get_by_role("link", name="Reset", exact=True).click()
    expect(page.locator(".waiting")).to_be_visible()


def test_scenes_lead_from_one_to_the_next(page: Page) -> None:
    page.goto("/")
    page.locator(".scenes summary").click()
    links = page.locator(".scenes a")
    expect(links).to_have_text([preset.title for preset in GUIDED])
    links.first.click()
    for preset in GUIDED[1:]:
        page.get_by_role("link", name=f"Next: {preset.title}").click()
        expect(page.locator(".claim")).to_have_text(preset.title)
    expect(page.get_by_role("link", name=re.compile("^Next:"))).to_have_count(0)
