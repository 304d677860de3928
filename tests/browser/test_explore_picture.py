"""What the picture of Explore marks, what a formula brings, and how surfaces open."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from test_explore import after, drawn, opened_runner, paths

import optim_core as oc


def test_every_surface_opens_by_its_bare_link_with_runs_that_do_not_diverge_and_a_start_in_sight(
    page: Page,
) -> None:
    for id, surface in oc.surfaces().items():
        drawn(page, f"/?surface={id}")
        expect(page.locator(".surface-name")).to_have_text(surface.title)
        assert page.locator(".runner .outcome:visible").all_inner_texts() == [], id
        assert page.locator(".flag").count() == 0, id
        x, y = (float(page.get_by_label(f"Start 1, {axis}").input_value()) for axis in "xy")
        x0, x1, y0, y1 = surface.at().box
        assert x0 <= x <= x1, id
        assert y0 <= y <= y1, id


def test_a_surface_by_its_link_is_the_same_as_chosen_by_hand(page: Page) -> None:
    drawn(page, "/?surface=rosenbrock")
    linked = paths(page)
    expect(page.get_by_label("Start 1, x")).to_have_value("-1.2")
    expect(page.locator("#run-settings .number").first).to_have_value("2000")
    drawn(page)
    page.locator(".picker summary").click()
    after(page, lambda: page.locator(".surface-grid label", has_text="Rosenbrock").click())
    page.wait_for_url(re.compile(r"\?surface=rosenbrock$"))
    assert paths(page) == linked


def test_what_diverged_is_cut_at_the_edge_and_flagged_and_fills_no_table(page: Page) -> None:
    drawn(page, "/?surface=rosenbrock&starts=-1.2,1&run=sgd,lr:0.1&run=adamw,lr:0.02")
    flag = page.locator(".flag text")
    expect(flag).to_have_text(re.compile(r"^diverged at \d+$"))
    scene, box = page.locator(".scene").bounding_box(), flag.bounding_box()
    assert scene
    assert box
    assert scene["x"] <= box["x"]
    assert box["x"] + box["width"] <= scene["x"] + scene["width"]
    row = page.locator("#table tbody tr").first.locator("td")
    assert row.all_inner_texts()[0] == "–"
    expect(row.last).to_have_text(flag.text_content() or "")
    page.keyboard.press("Home")
    expect(flag).to_have_count(0)


def test_several_starts_are_numbered_and_the_choice_switches_charts_and_table(page: Page) -> None:
    drawn(page, "/?starts=1,1;-3,2;2,-2&steps=30")
    assert page.locator(".start-number").all_text_contents() == ["1", "2", "3"]
    row = page.locator("#table tbody tr").first
    expect(row).to_contain_text("start 1")
    line = page.locator("[data-chart=loss] .js-line").first
    before, losses = line.get_attribute("d"), row.locator("td").first.inner_text()
    chosen = page.get_by_role("radiogroup", name="Start that charts show").get_by_label("2")
    chosen.check()
    expect(row).to_contain_text("start 2")
    page.wait_for_url(re.compile(r"start=2"))
    page.wait_for_function(
        "before => document.querySelector('[data-chart=loss] .js-line').getAttribute('d') !== before",
        arg=before,
    )
    assert row.locator("td").first.inner_text() != losses
    page.reload()
    expect(page.locator("#table tbody tr").first).to_contain_text("start 2")
    page.get_by_role("button", name="Remove start 2").click()
    page.get_by_role("button", name="Remove start 2").click()
    expect(page.locator(".shown-start")).to_be_hidden()
    expect(page.locator(".start-number").first).to_have_text("")


def test_the_key_has_the_signs_that_are_there_and_no_others(page: Page) -> None:
    drawn(page, "/?surface=saddle&run=sgd,lr:0.05&glyphs=none")
    signs = page.locator(".key-signs")
    expect(signs).to_have_text("○start")
    drawn(page, "/?surface=bowl&params=offset_x:2&run=adam_l2,lr:0.05,weight_decay:0.5&step=20")
    for sign in ("start", "minimum", "minimum with penalty", "gradient part", "decay part"):
        expect(signs.get_by_text(re.compile(f"^.{sign}( ×[\\d.]+)?$"))).to_have_count(1)
    assert page.locator(".key-runners").inner_text() == "Adam+L2"
    page.locator(".arrows summary").click()
    page.get_by_role("checkbox", name="decay part").uncheck()
    expect(signs).not_to_contain_text("decay part")


def test_a_typed_formula_gets_its_rates_view_and_start_and_is_undone_at_once(page: Page) -> None:
    drawn(page)
    address, before = page.url, paths(page)
    page.locator(".picker summary").click()
    after(page, lambda: page.locator(".surface-grid label", has_text="Own formula").click())
    field = page.locator(".own-formula")
    field.fill("(x - 20)**2 + 50*(y + 30)**2")
    field.press("Enter")
    rate = page.get_by_label("learning rate η").and_(page.locator("input[type=text]")).first
    expect(rate).to_have_value("0.01")  # 1/λmax of SGD+L2: the Hessian is diag(2, 100)
    expect(page.get_by_label("Start 1, x")).to_have_value(re.compile(r"^1[5-9]"))
    expect(page.locator(".minimum.loss title").first).to_contain_text("(20, −30)")
    assert page.locator(".runner .outcome:visible").count() == 0
    page.wait_for_url(re.compile("lr:0.01"))
    rate.fill("0.005")
    after(page, lambda: rate.press("Enter"))
    field.fill("(x - 20)**2 + 500*(y + 30)**2")
    after(page, lambda: field.press("Enter"))
    expect(rate).to_have_value("0.005"), "what was chosen by hand stays"
    for _ in range(4):
        page.keyboard.press("Control+z") if page.url != address else None
        page.locator("body").click(position={"x": 700, "y": 20})
    page.wait_for_url(address)
    page.wait_for_function(
        "before => [...document.querySelectorAll('.scene-marks [data-run] path:last-child')]"
        ".map(p => p.getAttribute('d')).join() === before.join()",
        arg=before,
    )


def test_on_a_surface_without_a_lowest_value_there_is_no_automatic_goal(page: Page) -> None:
    page.goto("/?surface=own&formula=-x**4&run=sgd,lr:0.01&run=adamw,lr:0.05&starts=1,1")
    goal = page.locator("#goal")
    expect(goal).to_have_attribute("placeholder", "none")
    expect(goal).to_have_value("")
    assert page.locator("#table td:nth-child(4)").all_inner_texts() == ["–", "–"]
    goal.fill("-10")
    goal.press("Enter")
    expect(page.locator("#table td:nth-child(4)").last).to_have_text(re.compile(r"^\d+$"))


def test_a_runner_is_one_line_whose_eye_hides_it(page: Page) -> None:
    drawn(page, "/?run=adam_l2,lr:0.05,weight_decay:0.1&run=adamw,lr:0.05,weight_decay:0.1")
    card = page.locator(".runner").first
    for name in ("learning rate η", "decay strength λ"):
        assert card.get_by_label(name).and_(card.locator("input[type=range]")).is_visible()
        assert card.get_by_label(name).and_(card.locator("input[type=text]")).is_visible()
    expect(card.get_by_role("button", name="Remove")).to_be_hidden()
    eye = card.get_by_role("button", name="Hide Adam+L2")
    eye.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".scene-marks [data-run]")).to_have_count(1)
    expect(card.get_by_role("button", name="Show Adam+L2")).to_have_attribute("aria-pressed", "true")
    assert oc.rules()["adam_l2"].summary in opened_runner(page, 0).inner_text()
    assert card.get_by_label("Optimizer").get_attribute("title") == oc.rules()["adam_l2"].summary


def test_a_setting_that_an_optimizer_lacks_is_called_as_the_page_calls_it(page: Page) -> None:
    page.goto("/?run=sgd,lr:0.1,weight_decay:0.1")
    expect(page.locator("#status")).to_contain_text("SGD: there is no setting 'decay strength λ'")
    expect(page.locator("#status")).not_to_contain_text("weight_decay")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_small_pictures_of_surfaces_have_the_colours_of_the_picture(page: Page, theme: str) -> None:
    drawn(page)
    page.get_by_label("Theme").select_option(theme)
    found = page.locator(".picker summary canvas").evaluate(
        """e => [...new Set(Array.from({ length: 1024 }, (_, i) =>
             e.getContext('2d').getImageData(i % 32, Math.floor(i / 32), 1, 1).data.slice(0, 3).join()))]"""
    )
    tokens = page.evaluate(
        """['--height-0', '--height-3', '--height-line'].map(token => {
          const probe = document.body.appendChild(document.createElement('span'));
          probe.style.color = `var(${token})`;
          const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g);
          probe.remove();
          return [r, g, b].map(Number);
        })"""
    )
    pixels = [[int(part) for part in pixel.split(",")] for pixel in found]
    for channel in range(3):
        values = [colour[channel] for colour in tokens]
        assert min(values) - 1 <= min(p[channel] for p in pixels)
        assert max(p[channel] for p in pixels) <= max(values) + 1
