"""What a user does on the Explore page."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from optim_core.catalogue import rules

NUMBER = r"(-?[\d.]+(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?)"
TOTAL = rf"x: {NUMBER} - {NUMBER} · {NUMBER} - {NUMBER} = {NUMBER}"
PATHS = ".scene-marks [data-run] path:last-child"


# Marks what the keyboard must reach, and counts it: all visible controls, one radio button a group.
REACHABLE = """() => [...document.querySelectorAll('a, button, select, input, summary, [tabindex="0"]')]
  .filter(e => e.checkVisibility({checkVisibilityCSS: true}) && !e.disabled)
  .filter(e => !(e.type === 'radio' && !e.checked))
  .filter(e => (e.closest('details:not([open])')?.firstElementChild ?? e) === e)
  .map((e, i) => { e.dataset.reach = String(i); }).length"""
UNREACHED = """reached => [...document.querySelectorAll('[data-reach]')]
  .filter(e => !reached.includes(e.dataset.reach)).map(e => e.outerHTML.slice(0, 120))"""


def number(text: str) -> float:
    """A number as the page writes it."""
    powers = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    return float(text.translate(powers).replace("×10", "e"))


def drawn(page: Page, address: str = "/?scene=four_conventions") -> None:
    """Opens a view, four runners on a rotated bowl, and waits until paths and charts are on it."""
    page.goto(address)
    page.wait_for_selector("#charts[data-drawn]")
    page.wait_for_selector(PATHS)
    page.wait_for_selector(".claim:not(:empty)")  # which moves what is below


def paths(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(PATHS, "all => all.map(p => p.getAttribute('d'))")
    return found


def after(page: Page, act: Callable[[], Any]) -> None:
    """Does something that changes the runs and waits until charts show the last that was asked for."""
    before = page.get_attribute("#charts", "data-asked")
    act()
    page.wait_for_function(
        """before => {
          const { asked, drawn } = document.querySelector('#charts').dataset;
          return asked !== before && drawn === asked;
        }""",
        arg=before,
    )


def open_numbers(page: Page) -> None:
    """Opens the drawer with this step's numbers."""
    page.locator("#numbers > summary").click()


def opened_runner(page: Page, index: int) -> Locator:
    """A runner with all of its settings shown."""
    card = page.locator(".runner").nth(index)
    card.locator("summary").click()
    return card


def slide(page: Page, locator: str, position: int) -> None:
    page.locator(locator).first.evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true}));"
        " e.dispatchEvent(new Event('change', {bubbles: true})); }",
        str(position),
    )


def test_first_view_has_four_paths_from_one_start_that_end_apart(page: Page) -> None:
    drawn(page)
    found = paths(page)
    assert len(found) == 4
    starts = {path.split("L")[0] for path in found}
    ends = {path.split("L")[-1] for path in found}
    assert len(starts) == 1
    assert len(ends) >= 3
    titles = page.locator(".runner .runner-head option:checked").all_inner_texts()
    assert titles == ["SGD+L2", "Adam+L2", "AdamW", "AdamW-LH"]
    assert page.locator(".chart .scatterlayer .trace").count() >= 12


def test_dragging_a_slider_changes_the_paths_and_the_address(page: Page) -> None:
    drawn(page)
    before = paths(page)
    after(page, lambda: slide(page, ".runner input[type=range]", 400))
    assert paths(page)[0] != before[0]
    assert paths(page)[1:] == before[1:], "only the changed runner moves"
    page.wait_for_url(re.compile("run=sgd_l2,lr:"))


def test_click_sets_the_start_and_undo_brings_it_back(page: Page) -> None:
    drawn(page)
    before = paths(page)
    box = page.locator(".scene-marks").bounding_box()
    assert box
    after(page, lambda: page.mouse.click(box["x"] + 120, box["y"] + 100))
    moved = paths(page)
    assert moved[0].split("L")[0] != before[0].split("L")[0]
    after(page, lambda: page.keyboard.press("Control+z"))
    assert paths(page) == before


def test_a_start_can_be_dragged_and_a_second_one_added(page: Page) -> None:
    drawn(page)
    handle = page.locator(".start .handle").bounding_box()
    box = page.locator(".scene-marks").bounding_box()
    assert handle
    assert box

    def drag() -> None:
        page.mouse.move(handle["x"] + 7, handle["y"] + 7)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 300, steps=5)
        page.mouse.up()

    after(page, drag)
    page.wait_for_url(re.compile("starts="))
    page.keyboard.down("Shift")
    after(page, lambda: page.mouse.click(box["x"] + 420, box["y"] + 60))
    page.keyboard.up("Shift")
    assert len(paths(page)) == 8
    assert page.locator(".start").count() == 2


def test_scrubbing_moves_all_cursors_and_the_numbers(page: Page) -> None:
    drawn(page)
    open_numbers(page)

    def cursors() -> list[str]:
        found: list[str] = page.eval_on_selector_all(
            ".chart-cursor", "all => all.map(e => e.style.transform).filter(Boolean)"
        )
        return found

    page.locator("#explain").scroll_into_view_if_needed()
    before, total = cursors(), page.locator(".explained-run .total").first.inner_text()
    slide(page, ".scrub", 20)
    expect(page.locator(".where")).to_contain_text("step 20 /")
    moved = cursors()
    assert len(moved) >= 3
    assert len(set(moved)) == 1, "one cursor for all"
    assert set(moved) != set(before)
    expect(page.locator(".explained-run .total").first).not_to_have_text(total)


def test_hovering_a_chart_moves_the_cursor_everywhere_and_leaving_puts_it_back(page: Page) -> None:
    drawn(page)
    plot = page.locator(".chart-plot").first.bounding_box()
    assert plot
    where = page.locator(".where")
    before = where.inner_text()
    page.mouse.move(plot["x"] + 120, plot["y"] + 60)
    expect(where).not_to_have_text(before)
    page.mouse.move(5, 300)
    expect(where).to_have_text(before)


def test_a_permalink_opened_in_a_new_tab_shows_the_same_picture(page: Page) -> None:
    drawn(page)
    after(page, lambda: slide(page, ".runner:nth-child(3) input[type=range]", 500))
    slide(page, ".scrub", 40)
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy link to this view").click()
    expect(page.locator(".menu-status")).to_contain_text("clipboard")
    link = page.evaluate("navigator.clipboard.readText()")
    other = page.context.new_page()
    drawn(other, link)
    expect(other.locator(".where")).to_contain_text("step 40 /")
    assert paths(other) == paths(page)
    other.close()


def test_the_link_without_controls_hides_them(page: Page) -> None:
    drawn(page, "/?controls=0")
    expect(page.locator(".controls")).to_be_hidden()
    assert len(paths(page)) == 4


def test_the_player_plays_pauses_and_obeys_the_keyboard(page: Page) -> None:
    drawn(page)
    where = page.locator(".where")
    page.keyboard.press("Home")
    expect(where).to_contain_text("step 0 /")
    page.keyboard.press("ArrowRight")
    expect(where).to_contain_text("step 1 /")
    page.keyboard.press("Shift+ArrowRight")
    expect(where).to_contain_text("step 11 /")
    page.keyboard.press("Space")
    expect(page.locator(".play")).to_have_text("Pause")
    expect(where).not_to_contain_text("step 11 /")
    page.keyboard.press("Space")
    expect(page.locator(".play")).to_have_text("Play")


def test_keyboard_alone_reaches_every_control(page: Page) -> None:
    drawn(page)
    wanted = page.evaluate(REACHABLE)
    reached = set()
    page.locator("body").press("Tab")
    for _ in range(3 * wanted):
        name = page.evaluate("document.activeElement.dataset.reach ?? ''")
        reached.add(name)
        page.keyboard.press("Tab")
        if len(reached - {""}) == wanted:
            break
    missing = page.evaluate(UNREACHED, sorted(reached))
    assert not missing


def test_the_start_moves_by_arrow_keys(page: Page) -> None:
    drawn(page)
    before = paths(page)
    page.locator(".start").focus()
    after(page, lambda: page.keyboard.press("Shift+ArrowLeft"))
    assert paths(page)[0] != before[0]
    assert page.evaluate("document.activeElement.classList.contains('start')"), "the focus stays on the start"


def test_choosing_a_surface_by_its_picture_redraws(page: Page) -> None:
    drawn(page)
    before = paths(page)
    page.locator(".picker summary").click()
    after(page, lambda: page.locator(".surface-grid label", has_text="Rosenbrock").click())
    assert paths(page) != before
    expect(page.locator(".surface-name")).to_have_text("Rosenbrock's valley")
    page.wait_for_url(re.compile("surface=rosenbrock"))


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("x**2 +", "unfinished|ends|incomplete|finish"),
        ("__import__('os')", "allowed|know"),
        ("9**9**9**9", "large|big|exponent|overflow"),
        ("x*" * 300 + "x", "characters|parts"),
    ],
)
def test_a_bad_formula_gets_a_message_at_its_field_and_the_picture_stays(
    page: Page, formula: str, message: str
) -> None:
    drawn(page, "/?surface=own&formula=x**2%2B2*y**2&starts=-3,2")
    before = paths(page)
    page.locator(".own-formula").fill(formula)
    error = page.locator("#formula-error")
    expect(error).to_be_visible()
    expect(error).to_contain_text(re.compile(message, re.IGNORECASE))
    assert paths(page) == before
    after(page, lambda: page.locator(".own-formula").fill("x**2 + 3*y**2"))
    expect(error).to_be_hidden()


def test_a_formula_undefined_in_part_of_the_view_is_drawn_where_it_is_defined(page: Page) -> None:
    drawn(page, "/?surface=own&formula=log(x%2B4)%2By**2&starts=3,2&run=sgd,lr:0.5&steps=400")
    expect(page.locator(".runner .outcome")).to_contain_text(re.compile("step \\d+"))
    expect(page.locator(".scene-base .contourlayer")).to_have_count(1)


def test_a_wrong_number_gets_its_message_at_the_field(page: Page) -> None:
    drawn(page)
    before = paths(page)
    box = page.locator(".runner .number").first
    box.fill("-1")
    box.press("Enter")
    error = page.locator(".runner .field-error:visible").first
    expect(error).to_contain_text("-1")
    assert paths(page) == before
    box.fill("0.5")
    after(page, lambda: box.press("Enter"))
    expect(page.locator(".runner .field-error:visible")).to_have_count(0)


def test_a_diverging_run_says_at_which_step_and_why(page: Page) -> None:
    drawn(page, "/?surface=rosenbrock&starts=-1.2,1&run=sgd,lr:0.1&run=adamw,lr:0.1")
    expect(page.locator(".runner .outcome").first).to_contain_text(re.compile(r"Diverged at step \d+"))
    assert page.locator(".scene-marks g[stroke] title").count() == 1, "a cross where it stopped"
    assert len(paths(page)) == 2


def test_runners_can_be_added_duplicated_hidden_soloed_reset_and_removed(page: Page) -> None:
    drawn(page)
    after(page, lambda: page.get_by_label("Add an optimizer…").select_option("lion"))
    assert len(paths(page)) == 5
    card = opened_runner(page, -1)
    after(page, lambda: card.get_by_role("button", name="Duplicate").click())
    assert page.locator(".runner").count() == 6
    after(page, lambda: opened_runner(page, -1).get_by_role("button", name="Remove").click())
    page.locator(".runner").first.get_by_role("button", name="Hide").click()
    expect(page.locator(PATHS)).to_have_count(4)
    solo = opened_runner(page, 1).get_by_role("button", name="Solo")
    solo.click()
    expect(page.locator(PATHS)).to_have_count(1)
    solo.click()
    expect(page.locator(PATHS)).to_have_count(4)


def test_a_schedule_of_the_learning_rate_and_of_decay_can_be_chosen(page: Page) -> None:
    drawn(page)
    card = page.locator(".runner").nth(2)
    card.locator("summary").click()
    after(page, lambda: card.get_by_label("Learning-rate schedule").select_option("cosine"))
    after(page, lambda: card.get_by_label("Decay schedule").select_option("ramp"))
    page.wait_for_url(re.compile("schedule.id:cosine.*decay_schedule.id:ramp"))
    assert card.locator(".schedule .control").count() >= 4, "each schedule shows its own settings"


def test_three_dimensions_draw_a_surface(page: Page) -> None:
    drawn(page)
    page.get_by_text("3-D", exact=True).click()
    page.wait_for_selector(".scene-3d canvas")
    page.get_by_text("2-D", exact=True).click()
    expect(page.locator(".scene-3d")).to_be_hidden()


def test_charts_can_be_added_removed_and_put_on_a_log_axis(page: Page) -> None:
    drawn(page)
    page.get_by_label("Add a chart").select_option("sharpness")
    page.wait_for_selector("[data-chart=sharpness] .scatterlayer .trace", state="attached")
    chart = page.locator("[data-chart=sharpness]")
    chart.get_by_label("log").click()
    page.wait_for_url(re.compile("sharpness"))
    chart.locator(".menu summary").click()
    expect(chart.get_by_text("What is this?")).to_be_visible()
    chart.get_by_role("button", name="Remove").click()
    expect(page.locator("[data-chart=sharpness]")).to_have_count(0)


def test_the_state_chart_offers_the_states_of_the_runs(page: Page) -> None:
    drawn(page)
    page.get_by_label("Add a chart").select_option("state")
    page.wait_for_selector("[data-chart=state] .scatterlayer .trace", state="attached")
    options = page.locator("[data-chart=state] header select option").all_inner_texts()
    assert {"m", "v", "m_decay"} <= set(options)


def test_equations_show_the_numbers_of_the_step(page: Page) -> None:
    drawn(page)
    open_numbers(page)
    slide(page, ".scrub", 1)
    card = page.locator(".explained-run", has=page.locator("h4", has_text="AdamW")).first
    texts = card.locator(".with-numbers").all_inner_texts()
    assert any("0.9" in text and "=" in text for text in texts), "β₁ is put in"
    expect(card.locator(".total")).not_to_contain_text("–")  # until its columns are there
    total = card.locator(".total").inner_text().replace("−", "-")
    before, rate, direction, decay, end = map(number, re.fullmatch(TOTAL, total).groups())  # type: ignore[union-attr]
    assert before - rate * direction - decay == pytest.approx(end, abs=2e-3)


def test_beside_the_equations_stands_where_they_come_from_and_what_departs(page: Page) -> None:
    drawn(page, "/?run=sgdw,lr:0.1&run=adamw_lh,lr:0.1")
    open_numbers(page)
    for rule in ("sgdw", "adamw_lh"):
        card = page.locator(".explained-run", has=page.get_by_role("heading", name=rules()[rule].title))
        expect(card.locator(".notes")).to_have_text(rules()[rule].notes)


def test_the_csv_holds_every_row_of_every_run(page: Page) -> None:
    drawn(page, "/?steps=50")
    page.get_by_text("Share", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All numbers as CSV").click()
    rows = list(csv.reader(io.StringIO(waiting.value.path().read_text())))
    assert len(rows) == 1 + 4 * 51


@pytest.mark.parametrize(("kind", "magic"), [("PNG", b"\x89PNG"), ("SVG", b"<svg")])
def test_the_picture_is_saved(page: Page, kind: str, magic: bytes) -> None:
    drawn(page)
    page.get_by_text("Share", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Picture as {kind}").click()
    content = waiting.value.path().read_bytes()
    assert content.startswith(magic)
    assert len(content) > 20_000


def test_copy_as_pytorch_gives_a_script_that_python_can_read(page: Page) -> None:
    drawn(page)
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("group", name="Copy as PyTorch").get_by_role("button", name="AdamW", exact=True).click()
    expect(page.locator(".menu-status")).to_contain_text("in the clipboard")
    page.get_by_role("button", name="Show it").click()
    area = page.locator("dialog.script textarea")
    code = area.input_value()
    compile(code, "script", "exec")
    assert page.evaluate("() => navigator.clipboard.readText()") == code
    assert "torch.optim.AdamW" in code
    assert area.evaluate("e => e.scrollTop") == 0, "the first line is in sight"
    assert "mono" in area.evaluate("e => getComputedStyle(e).fontFamily")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1000, 1440])
def test_nothing_overflows_sideways(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 850})
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert (
        json.loads(page.evaluate("JSON.stringify(document.querySelector('.scene').getBoundingClientRect())"))[
            "height"
        ]
        >= 240
    )


def test_the_theme_switch_repaints_page_and_charts(page: Page) -> None:
    drawn(page)
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    stroke = page.locator(PATHS).first.get_attribute("stroke")
    page.get_by_label("Theme").select_option("dark")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
    assert page.locator(PATHS).first.get_attribute("stroke") != stroke


def test_a_word_in_a_number_box_is_refused_there_and_leaves_the_address_alone(page: Page) -> None:
    drawn(page)
    before = page.url
    box = page.locator(".runner .number").first
    box.fill("abc")
    box.press("Enter")
    expect(page.locator(".runner .field-error:visible").first).to_contain_text("“abc” is no number")
    assert page.url == before
    box.press("Escape")
    expect(page.locator(".runner .field-error:visible")).to_have_count(0)


def test_a_link_with_nonsense_opens_a_page_that_says_so(page: Page) -> None:
    page.goto("/?run=adamw,lr:NaN")
    expect(page.locator(".runner .field-error:visible").first).to_contain_text("NaN")
    expect(page.locator(".play")).to_be_visible()


def test_undo_never_leaves_the_page(page: Page) -> None:
    page.goto("/compare")
    drawn(page)
    page.keyboard.press("Control+z")
    expect(page.locator(".where")).to_contain_text("step")
    assert "/compare" not in page.url


def test_a_click_on_a_chart_sets_the_step(page: Page) -> None:
    drawn(page)
    plot = page.locator(".chart-plot").first.bounding_box()
    assert plot
    page.mouse.click(plot["x"] + 120, plot["y"] + 60)
    page.mouse.move(5, 300)
    expect(page.locator(".where")).not_to_contain_text("step 400 / 400")
    page.wait_for_url(re.compile("step="))


def test_the_share_menu_closes_without_moving_the_start(page: Page) -> None:
    drawn(page)
    before = paths(page)
    page.get_by_text("Share", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.locator("#share-items")).to_be_hidden()
    assert paths(page) == before


def test_a_clicked_start_walks_the_same_way_after_a_reload(page: Page) -> None:
    drawn(page, "/?surface=rastrigin&run=sgd,lr:0.05&run=momentum,lr:0.02")
    box = page.locator(".scene-marks").bounding_box()
    assert box
    after(page, lambda: page.mouse.click(box["x"] + 123, box["y"] + 101))
    losses = page.locator("#table td:nth-child(2)")
    expect(losses).to_have_count(2)
    clicked = losses.all_inner_texts()
    assert re.search(r"starts=-?\d+(\.\d{1,4})?,-?\d+(\.\d{1,4})?(&|$)", page.url), "few digits are enough"
    drawn(page, page.url)
    expect(losses).to_have_text(clicked)


def test_on_a_phone_nothing_is_cut_at_the_right_edge(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    drawn(page)
    open_numbers(page)
    for part in (".scrub", ".explain-head .segmented"):
        box = page.locator(part).bounding_box()
        assert box
        assert box["x"] + box["width"] <= 390 - 8, part
    assert page.evaluate(
        "(e => e.scrollWidth === e.clientWidth)(document.querySelector('.explain-head .segmented'))"
    )


def test_the_reference_of_the_api_is_linked_and_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    drawn(page)
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("link", name="HTTP API").click()
    expect(page.get_by_role("heading", name="HTTP API")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    left = page.get_by_role("heading", name="HTTP API").bounding_box()
    assert left
    assert left["x"] >= 8


def test_undo_in_a_number_field_undoes_the_change_and_the_field_follows(page: Page) -> None:
    drawn(page)
    before = paths(page)
    box = page.locator(".runner .number").first
    shown = box.input_value()
    box.fill("0.3")
    after(page, lambda: box.press("Enter"))
    changed = paths(page)
    after(page, lambda: box.press("Control+z"))
    expect(box).to_have_value(shown)
    assert paths(page) == before
    after(page, lambda: box.press("Control+y"))
    expect(box).to_have_value("0.3")
    assert paths(page) == changed


def test_undo_while_typing_belongs_to_the_field(page: Page) -> None:
    drawn(page)
    box = page.locator(".runner .number").first
    shown = box.input_value()
    box.fill("0.3")
    after(page, lambda: box.press("Enter"))
    box.press("End")
    box.press_sequentially("7")
    box.press("Control+z")
    expect(box).to_have_value("0.3")
    assert shown != "0.3"
    page.wait_for_url(re.compile("lr:0.3"))


def test_an_emptied_field_goes_back_to_what_the_page_opened_with(page: Page) -> None:
    drawn(page)
    rate = page.locator("input.number[aria-label='learning rate η']").nth(1)
    rate.fill("0.3")
    after(page, lambda: rate.press("Enter"))
    rate.fill("")
    after(page, lambda: rate.press("Enter"))
    expect(rate).to_have_value("0.05")
    steps = page.locator("#run-settings .number").first
    steps.fill("77")
    after(page, lambda: steps.press("Enter"))
    after(page, lambda: steps.dblclick())
    expect(steps).to_have_value("400")


def test_the_goal_is_the_number_that_its_field_shows(page: Page) -> None:
    drawn(page)
    goal = page.locator("#goal")
    steps = page.locator("#table td:nth-child(4)")
    automatic, reached = goal.input_value(), steps.all_inner_texts()
    assert any(text.isdigit() for text in reached), "the best runner reaches it"
    goal.fill(f"{automatic}0")
    goal.press("Enter")
    page.wait_for_url(re.compile(f"goal={automatic}"))
    expect(steps).to_have_text(reached)
    goal.fill("abc")
    goal.press("Enter")
    expect(page.locator("#goal-error")).to_contain_text("“abc” is no number")
    expect(goal).to_have_attribute("aria-invalid", "true")
    expect(steps).to_have_text(reached)
    goal.fill("")
    goal.press("Enter")
    expect(page.locator("#goal-error")).to_be_hidden()
    expect(goal).to_have_value(automatic)


def test_of_a_hundred_minima_the_picture_marks_the_global_one_and_those_that_a_path_comes_near(
    page: Page,
) -> None:
    drawn(page, "/?surface=rastrigin&starts=3.3,2.4&run=sgd,lr:0.002")
    titles = page.locator(".minimum.loss title")
    expect(titles.filter(has_text="Global minimum of the loss")).to_have_count(1)
    near = titles.filter(has_text="Local minimum")
    expect(near).to_have_count(1)
    expect(near).to_contain_text("(2.98, 1.99)")  # where plain descent from (3.3, 2.4) ends
    expect(page.locator("#table thead")).to_contain_text("distance to global minimum")


def test_the_banner_names_runner_and_setting_until_the_field_tells_otherwise(page: Page) -> None:
    drawn(page)
    box = page.locator(".runner").nth(2).locator(".number").first
    box.fill("-1")
    box.press("Enter")
    expect(page.locator("#status")).to_contain_text("AdamW, learning rate η: got -1")
    box.fill("abc")
    box.press("Enter")
    expect(page.locator("#status")).to_be_hidden()


def test_no_optimizer_is_offered_beyond_the_limit_of_runs(page: Page) -> None:
    runners = "&".join(["run=sgd"] * 6)
    drawn(page, f"/?starts=1,1;2,2;3,3;2,1&{runners}")
    add = page.get_by_label("Add an optimizer…")
    expect(add).to_be_disabled()
    expect(add).to_have_attribute("title", "24 runs at most: 6 runners from 4 starts.")
    card = opened_runner(page, 0)
    expect(card.get_by_role("button", name="Duplicate")).to_be_disabled()
    card.get_by_role("button", name="Remove").click()
    expect(add).to_be_enabled()


def test_starts_are_typed_added_and_removed_and_the_address_keeps_them(page: Page) -> None:
    drawn(page)
    first = page.get_by_label("Start 1, x")
    after(page, lambda: (first.fill("-1,25"), first.press("Enter")))
    page.get_by_role("button", name="Add a start").click()
    second = page.get_by_label("Start 2, y")
    after(page, lambda: (second.fill("2.5"), second.press("Enter")))
    page.wait_for_url(re.compile(r"starts=-1\.25,[^;]+;-1\.25,2\.5"))
    written = page.url
    second.fill("north")
    second.press("Enter")
    starts = page.get_by_role("group", name="Starting points")
    expect(starts.get_by_role("status")).to_contain_text("“north” is no number.")
    assert page.url == written
    page.locator(".menu.share summary").click()
    scripts = page.get_by_role("group", name="Copy as PyTorch")
    scripts.get_by_role("button", name=re.compile(r"AdamW from \(−1\.25, 2\.5\)")).click()
    page.get_by_role("button", name="Show it").click()
    assert "from (-1.25, 2.5)" in page.locator("dialog.script textarea").input_value().splitlines()[0]
    drawn(page, written)
    expect(page.get_by_label("Start 2, y")).to_have_value("2.5")
    after(page, lambda: page.get_by_role("button", name="Remove start 1").click())
    expect(page.get_by_label("Start 1, y")).to_have_value("2.5")
    expect(page.get_by_role("button", name="Remove start 1")).to_be_hidden()
