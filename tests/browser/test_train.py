"""What a user does with training runs: start them, watch them, steer them, compare them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from fake_producer import frame
from playwright.sync_api import Browser, Page, TimeoutError, expect

import optim_core as oc

LINE = ".chart .scatterlayer .js-line"


def start(page: Page, *, steps: int, preset: str = "Adam+L2 | AdamW on digits") -> None:
    """Starts the preset's runs from the form."""
    page.goto("/train")
    page.get_by_role("button", name=f"{preset}: Change").click()
    box = page.get_by_label("steps", exact=True).and_(page.locator("input[type=text]"))
    box.fill(str(steps))
    box.press("Enter")
    page.get_by_role("button", name=re.compile("^Start")).click()


DRAWN = "all => all.reduce((sum, line) => sum + (line.getAttribute('d') ?? '').length, 0)"


def points(page: Page) -> int:
    """How much of all lines is drawn."""
    return int(page.eval_on_selector_all(LINE, DRAWN))


def wait_for_more(page: Page, before: int) -> None:
    """Returns when more is drawn than that."""
    page.wait_for_function(
        f"before => ({DRAWN})([...document.querySelectorAll({LINE!r})]) > before", arg=before
    )


@pytest.fixture
def one_run(page: Page) -> Iterator[Page]:
    """A page that watches one long run; it is cancelled at the end."""
    page.goto("/train")
    page.get_by_role("button", name="Adam+L2 | AdamW on digits: Change").click()
    page.locator(".runner > details > summary").first.click()
    page.locator(".runner").first.get_by_role("button", name="Remove").click()
    box = page.get_by_label("steps", exact=True).and_(page.locator("input[type=text]"))
    box.fill("20000")
    box.press("Enter")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/"))
    yield page
    cancel = page.get_by_role("button", name="Cancel")
    if cancel.is_visible():
        cancel.click()
    expect(page.locator(".run-status")).to_contain_text(re.compile("cancelled|finished"))


def test_the_preset_trains_two_runs_whose_curves_move_and_which_are_compared_in_a_sentence(
    page: Page,
) -> None:
    start(page, steps=400)
    page.wait_for_url(re.compile(r"/runs\?compare="))
    page.wait_for_selector(LINE, state="attached")
    first = points(page)
    wait_for_more(page, first)
    expect(page.locator("#verdict")).to_contain_text(re.compile("Adam\\+L2.*AdamW", re.DOTALL))
    expect(page.locator("#legend")).to_contain_text(
        re.compile("finished.*finished", re.DOTALL),
    )
    expect(page.locator("#differences")).to_contain_text("optimizer")


def test_a_run_can_be_paused_stepped_resumed_changed_and_cancelled(one_run: Page) -> None:
    page = one_run
    status = page.locator(".run-status")
    expect(status).to_have_text("running")
    page.get_by_role("button", name="Pause").click()
    expect(status).to_have_text("paused")
    page.get_by_role("button", name="Step", exact=True).click()
    setting = page.get_by_label("Change η while it runs")
    setting.fill("0.0005")
    setting.press("Enter")
    page.get_by_role("button", name="Resume").click()
    expect(status).to_have_text("running")
    page.get_by_role("button", name="Cancel").click()
    expect(status).to_contain_text("cancelled")


def test_a_box_of_a_running_job_that_holds_no_number_changes_nothing(one_run: Page) -> None:
    page = one_run
    setting = page.get_by_label("Change η while it runs")
    expect(setting).to_have_value("0.001")
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.url.endswith("/control") else None)
    for text, key in (("", "Enter"), ("", "Tab"), ("abc", "Enter"), ("0.5", "Escape"), ("abc", "Escape")):
        setting.fill(text)
        setting.press(key)
        expect(setting).to_have_value("0.001")
        told = page.locator("#run-controls .field-error")
        expect(told).to_have_text(
            re.compile("“abc” is no number.*η stays" if (text, key) == ("abc", "Enter") else "^$")
        )
    setting.blur()
    assert not sent
    setting.fill("-1")
    setting.press("Enter")
    expect(told).to_contain_text("η: ")
    expect(setting).to_have_value("0.001")
    setting.press("Escape")
    expect(told).to_be_empty()
    assert len(sent) == 1


def test_with_a_schedule_the_box_holds_what_it_multiplies_and_the_present_value_stands_beside(
    page: Page,
) -> None:
    page.goto("/train")
    page.get_by_role("button", name="Adam+L2 | AdamW on digits: Change").click()
    page.locator(".runner > details > summary").first.click()
    page.locator(".runner").first.get_by_role("button", name="Remove").click()
    page.get_by_label("Learning-rate schedule").select_option("cosine")
    steps = page.get_by_label("steps", exact=True).and_(page.locator("input[type=text]"))
    steps.fill("20000")
    steps.press("Enter")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/"))
    setting = page.get_by_label("Change η while it runs")
    expect(setting).to_have_value("0.001")
    now = page.locator(".live-setting", has_text="η").locator(".hint")
    expect(now).to_have_text(re.compile("now "))
    expect(page.locator(".live-setting", has_text="λ").locator(".hint")).to_be_hidden()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".run-status")).to_have_text("paused")
    setting.fill("0.02")
    setting.press("Tab")
    page.get_by_role("button", name="Step", exact=True).click()
    expect(now).to_have_text(re.compile(r"now 0\.0[12]"))
    expect(setting).to_have_value("0.02")
    page.reload()
    expect(setting).to_have_value("0.02")
    page.get_by_role("button", name="Cancel").click()


def test_changes_by_hand_are_marked_on_every_chart_and_listed_in_words_live_and_from_the_store(
    one_run: Page,
) -> None:
    page = one_run
    expect(page.locator(".run-status")).to_have_text("running")
    setting = page.get_by_label("Change η while it runs")
    setting.fill("0.0005")
    setting.press("Enter")
    change = page.get_by_role(
        "button", name=re.compile("learning rate η changed by hand from 0.001 to 5×10⁻⁴")
    )
    expect(change).to_be_visible()
    charts = page.locator("#charts .chart")
    assert charts.count() > 1
    for chart in charts.all():
        chart.scroll_into_view_if_needed()
        expect(chart.locator(".event-line").first).to_be_attached()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#events")).to_contain_text("Stopped by hand")
    page.reload()
    expect(change).to_be_visible()
    charts.first.scroll_into_view_if_needed()
    expect(charts.first.locator(".event-words").first).to_contain_text("η 0.001 → 5×10⁻⁴")
    change.click()  # the cursor goes there, and what stands beside it tells all of it
    expect(charts.first.locator(".chart-readout")).to_contain_text("changed by hand")


def test_log_axis_smoothing_cursor_and_zoom_work_on_every_chart(page: Page) -> None:
    start(page, steps=120)
    page.wait_for_url(re.compile(r"/runs\?compare="))
    expect(page.locator("#legend")).to_contain_text(
        re.compile("finished.*finished", re.DOTALL),
    )
    loss = page.locator("[data-chart=run_loss]")
    line = loss.locator(".js-line").first
    line.wait_for(state="attached")
    kind = "chart => chart.querySelector('.chart-plot').layout"
    assert loss.evaluate(f"{kind}.yaxis.type") == "log"
    loss.get_by_label("log").uncheck()
    page.wait_for_function(
        "() => document.querySelector('[data-chart=run_loss] .chart-plot').layout.yaxis.type == 'linear'"
    )
    rough = line.get_attribute("d")
    page.get_by_label("Smoothing").fill("0.9")
    page.wait_for_function(
        "before => document.querySelector('[data-chart=run_loss] .js-line').getAttribute('d') != before",
        arg=rough,
    )
    box = loss.locator(".nsewdrag").first.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    for chart in page.locator(".chart:visible").all():  # one cursor on all
        expect(chart.locator(".chart-cursor")).to_be_visible()
    with page.expect_response(re.compile(r"/frames\?.*from=\d+&to=\d+")) as closer:
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=4)
        page.mouse.up()
    assert closer.value.ok
    starts = """limit => [...document.querySelectorAll('.chart-plot')].filter(plot => plot.layout)
        .map(plot => plot.layout.xaxis.range[0]).every(from => limit ? from > limit : from === 0)"""
    page.wait_for_function(starts, arg=30)
    for seconds in (10, 20, 60):  # a page that draws may see two clicks where one was double
        loss.locator(".nsewdrag").first.dblclick()
        with suppress(TimeoutError):
            page.wait_for_function(starts, arg=0, timeout=1000 * seconds)
            break
    assert page.evaluate(starts, 0)


def test_the_table_tells_shape_and_decay_of_tensors_that_became_known_while_it_was_open(
    page: Page, server: str
) -> None:
    ingest, run = f"{server}/api/ingest/runs", "known-later"
    httpx.post(ingest, json={"run": {"id": run}})
    page.goto(f"/runs/{run}")
    expect(page.locator(".run-status")).to_have_text("running")
    tensors = [{"name": "layer.0", "shape": [3, 4], "decayed": True, "reason": "a matrix"}]
    httpx.post(ingest, json={"run": {"id": run, "tensors": tensors}})
    httpx.post(f"{ingest}/{run}/frames", json={"frames": [frame(run, 0).to_json()]})
    row = page.locator(".tensors tbody tr", has_text="layer.0")
    expect(row).to_contain_text("3×4")
    expect(row.locator(".word")).to_have_text("a matrix")


def test_runs_that_are_not_there_are_named_and_the_others_drawn(browser: Browser, server: str) -> None:
    ingest, run = f"{server}/api/ingest/runs", "still-there"
    httpx.post(ingest, json={"run": {"id": run}})
    httpx.post(f"{ingest}/{run}/frames", json={"frames": [frame(run, 0).to_json()]})
    page = browser.new_page(base_url=server)
    page.goto(f"/compare?runs=gone,{run},never")
    status = page.locator("#status")
    expect(status).to_contain_text("There is no run gone or never here")
    expect(page.locator("#legend a")).to_have_attribute("href", f"/runs/{run}")
    page.wait_for_selector(LINE, state="attached")
    drawn = points(page)
    httpx.post(f"{ingest}/{run}/frames", json={"frames": [frame(run, 1).to_json()]})
    wait_for_more(page, drawn)
    page.get_by_label("Layout").select_option("side")
    expect(page.locator(".side-by-side .column:visible")).to_have_count(1)
    page.wait_for_url("**layout=side*")
    page.reload()
    expect(page.locator(".side-by-side .column:visible")).to_have_count(1)

    page.goto("/compare?runs=gone,never")
    expect(status).to_contain_text("There is no run gone or never here")
    status.get_by_role("link", name="See all runs").click()
    page.wait_for_url("**/runs")
    page.context.close()


def test_choosing_a_tensor_opens_its_own_charts(one_run: Page) -> None:
    page = one_run
    page.locator(".tensors tbody button").first.click()
    expect(page.locator("#chosen")).to_be_visible()
    page.wait_for_selector("[data-chart=run_parts] .js-line", state="attached")
    page.wait_for_url(re.compile("tensor="))


def test_the_experiment_that_the_form_still_is_looks_chosen(page: Page) -> None:
    page.goto("/train")
    chosen = page.locator("#presets .card[data-chosen] h2")
    expect(chosen).to_have_text("Adam+L2 | AdamW on digits")
    page.get_by_role("button", name="λ against overfitting, on noisy labels: Change").click()
    expect(chosen).to_have_text("λ against overfitting, on noisy labels")
    page.locator(".runner > details > summary").first.click()
    page.locator(".runner").first.get_by_role("button", name="Remove").click()
    expect(chosen).to_have_count(0)


def test_an_experiment_is_started_from_its_card_and_its_time_is_told_from_what_was_measured(
    page: Page,
) -> None:
    page.goto("/train")
    card = page.locator(".card[data-preset=digits]")
    expect(card.locator(".question")).to_have_text(re.compile(r"\?$"))
    expect(page.locator("#form")).not_to_have_attribute("open", "")
    quick = {"task": "digits_mlp", "optimizer": "adamw", "steps": 20, "batch_size": 64}
    (run,) = page.request.post("/api/runs", data=quick).json()["ids"]
    page.goto(f"/runs/{run}")
    expect(page.locator(".run-status")).to_have_text("finished")
    page.goto("/train")
    expect(card.locator(".time")).to_have_text(re.compile(r"^about \d+ (s|min) on this machine$"))
    card.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("compare="))
    expect(page.locator("#legend a")).to_have_count(2)
    for one in page.url.split("compare=")[1].split(","):
        page.request.post(f"/api/runs/{one}/cancel")


def test_runs_that_are_compared_are_steered_from_the_strip_and_the_telling_chart_stands_first(
    page: Page,
) -> None:
    common = {"task": "digits_mlp", "optimizer": "adamw", "steps": 100_000, "batch_size": 64}
    requests = [{**common, "hyper": {"weight_decay": decay}, "name": f"AdamW, λ {decay}"} for decay in (0, 1)]
    ids = page.request.post("/api/runs", data=requests).json()["ids"]
    page.goto(f"/runs?compare={','.join(ids)}")
    first = page.locator(".strip-run").first
    expect(first.locator("a")).to_have_text(re.compile(r"λ 0 \(running\)"))
    expect(first.locator(".facts")).to_contain_text(re.compile(r"step [\d ]+ / 100 000"))
    expect(page.locator("#place .chart").first).to_have_attribute("data-chart", "run_loss")
    expect(page.locator("#place .chart.hero")).to_have_count(1)
    page.get_by_role("button", name="Pause λ 0").click()
    expect(page.get_by_role("button", name="Resume λ 0")).to_be_visible()
    expect(first.locator("a")).to_contain_text("(paused)")
    for name in ("λ 0", "λ 1"):
        page.get_by_role("button", name=f"Cancel {name}").click()
        expect(page.locator(".strip-run a", has_text=name)).to_contain_text("(cancelled)")
    expect(first.get_by_role("button")).to_have_count(0)


def test_the_chosen_theme_stands_before_any_page_is_painted(page: Page) -> None:
    page.goto("/docs")
    page.get_by_label("Theme").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.route("**/*.mjs", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.goto("/runs", wait_until="commit")
    page.wait_for_selector("body", state="attached")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_list_is_searched_and_used_by_keyboard(page: Page) -> None:
    start(page, steps=20)
    page.wait_for_url(re.compile(r"/runs\?compare="))
    page.goto("/runs")
    rows = page.locator("#runs tr")
    expect(rows.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("c")
    page.wait_for_url(re.compile(r"/runs\?compare=.+,.+"))
    page.goto("/runs")
    page.get_by_label("Search runs").fill("no such run")
    expect(rows).to_have_count(0)


def test_runs_are_renamed_and_deleted_in_dialogs_that_can_be_put_away(page: Page) -> None:
    start(page, steps=20)
    page.wait_for_url(re.compile(r"/runs\?compare="))
    runs = page.url.partition("compare=")[2].partition("&")[0].split(",")
    page.goto("/runs")
    first = page.locator(f"tr[data-id='{runs[0]}']")
    dialog = page.get_by_role("dialog")
    first.get_by_role("button", name="Rename").click()
    dialog.get_by_role("textbox").fill("the one")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    first.get_by_role("button", name="Rename").click()
    dialog.get_by_role("textbox").fill("the other")
    page.keyboard.press("Enter")
    expect(first).to_contain_text("the other")

    together = page.get_by_role("button", name="Delete selected")
    expect(together).to_be_disabled()
    for run in runs:
        page.locator(f"tr[data-id='{run}']").get_by_role("checkbox").check()
    together.click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(first).to_be_visible()
    together.click()
    expect(dialog).to_contain_text("Delete 2 runs?")
    dialog.get_by_role("button", name="Delete").click()
    for run in runs:
        expect(page.locator(f"tr[data-id='{run}']")).to_have_count(0)
        assert page.request.get(f"/api/runs/{run}").status == 404
    expect(together).to_be_disabled()


def test_any_field_can_be_varied_and_all_runs_start_together(page: Page) -> None:
    page.goto("/train")
    page.get_by_role("button", name="Adam+L2 | AdamW on digits: Change").click()
    box = page.get_by_label("steps", exact=True).and_(page.locator("input[type=text]"))
    box.fill("20")
    box.press("Enter")
    page.get_by_label("Vary", exact=True).select_option("seed")
    page.get_by_label("values", exact=True).fill("1, 2")
    expect(page.get_by_label("Runs that will start")).to_contain_text("AdamW, seed 2")
    page.get_by_role("button", name="Start 4 runs").click()
    page.wait_for_url(re.compile(r"/runs\?compare=(\w+,){3}\w+$"))
    expect(page.locator("#differences")).to_contain_text("seed")

    page.goto("/train")
    page.get_by_label("Vary", exact=True).select_option("precision")
    for word in ("bf16", "fp16"):
        page.locator("#vary").get_by_text(word, exact=True).click()
    will = page.get_by_label("Runs that will start")
    expect(will.locator("li")).to_have_count(4)
    expect(will).to_contain_text("Adam+L2, precision fp16_unscaled")


def test_a_task_brings_its_steps_its_schedule_and_learning_rates_for_each_kind_of_optimizer(
    page: Page,
) -> None:
    page.goto("/train")
    page.locator("#form > summary").click()
    page.get_by_label("Add an optimizer…").select_option("sgd")
    rates = page.get_by_label("learning rate η", exact=True).and_(page.locator(".runner input[type=text]"))
    expect(rates.nth(1)).to_have_value("0.001")
    expect(rates.nth(2)).to_have_value("0.2")
    page.locator("#task").get_by_role("combobox").first.select_option("moons_mlp")
    expect(rates.nth(1)).to_have_value("0.003")
    expect(rates.nth(2)).to_have_value("0.3")
    schedules = page.get_by_label("Learning-rate schedule")
    expect(schedules.first).to_have_value("")
    page.locator("#task").get_by_role("combobox").first.select_option("char_gpt")
    expect(schedules.first).to_be_visible()
    expect(schedules.first).to_have_value("cosine")


def test_another_optimizer_takes_what_the_task_suggests_to_it_and_what_was_chosen_by_hand(page: Page) -> None:
    page.goto("/train")
    page.locator("#form > summary").click()
    card = page.locator(".runner").last
    choice = card.get_by_label("Optimizer")
    rate, decay = (
        card.get_by_label(label, exact=True).and_(card.locator("input[type=text]"))
        for label in ("learning rate η", "decay strength λ")
    )
    expect(choice).to_have_value("adamw")
    expect(decay).to_have_value("0.1")
    task = oc.tasks()["digits_mlp"]
    for id in ("adamw_lh", "muon", "momentum"):
        choice.select_option(id)
        suggested = task.suits(oc.rules()[id])
        expect(rate).to_have_value(f"{suggested['lr']:g}")
        expect(decay).to_have_value(f"{suggested['weight_decay']:g}")
    decay.fill("0.02")
    decay.press("Enter")
    choice.select_option("sgdw")
    expect(decay).to_have_value("0.02")
    expect(rate).to_have_value("0.2")


def test_the_address_of_the_list_keeps_what_was_asked_for(page: Page) -> None:
    made = page.request.post("/api/ingest/runs", data={"run": {"id": "found-again", "name": "found again"}})
    assert made.ok
    page.goto("/runs")
    page.get_by_label("Search runs").fill("found again")
    page.get_by_label("Sort by").select_option("name")
    page.get_by_label("Status").select_option("running")
    page.wait_for_url("**/runs?text=found+again&status=running&sort=name")
    page.reload()
    expect(page.get_by_label("Search runs")).to_have_value("found again")
    expect(page.get_by_label("Status")).to_have_value("running")
    expect(page.get_by_label("Sort by")).to_have_value("name")
    expect(page.locator("#runs tr")).to_have_count(1)
    page.request.delete("/api/runs/found-again")


def test_a_wrong_setting_is_told_at_its_field_and_starts_nothing(page: Page) -> None:
    page.goto("/train")
    page.get_by_role("button", name="Adam+L2 | AdamW on digits: Change").click()
    box = page.locator(".runner .number").first
    box.fill("-1")
    box.press("Enter")
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.locator(".runner .field-error:visible").first).to_contain_text("-1")
    assert page.url.endswith("/train")


def test_what_is_no_number_starts_nothing_and_is_shown_at_its_field(page: Page) -> None:
    page.goto("/train")
    page.get_by_role("button", name="Adam+L2 | AdamW on digits: Change").click()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.method == "POST" else None)
    begin = page.get_by_role("button", name=re.compile("^Start"))
    errors = page.locator(".field-error:visible")

    steps = page.get_by_label("steps", exact=True).and_(page.locator("input[type=text]"))
    rate = page.locator(".runner .number").first
    steps.fill("abc")
    rate.fill("abc")
    begin.click()
    expect(steps).to_be_focused()
    expect(steps).to_have_value("abc")
    expect(rate).to_have_value("abc")
    expect(errors).to_have_count(2)
    steps.fill("20")
    expect(errors).to_have_count(1)
    begin.click()
    expect(rate).to_be_focused()
    rate.press("Escape")
    expect(rate).to_have_value("0.001")
    for text, message in (("0", "at least 1"), ("1.5", "no whole number"), ("99999999", "at most")):
        steps.fill(text)
        steps.press("Tab")
        expect(errors).to_contain_text(message)
        begin.click()
        expect(steps).to_be_focused()
    page.get_by_role("button", name="Adam+L2 | AdamW on digits: Change").click()
    expect(errors).to_have_count(0)

    page.get_by_label("Vary", exact=True).select_option("seed")
    values = page.get_by_label("values", exact=True)
    for text, message in (("0, abc, 1", "numbers"), ("0, -1", "at least 0")):
        values.fill(text)
        expect(errors).to_contain_text(message)
        begin.click()
        expect(values).to_be_focused()
        expect(values).to_have_value(text)
    values.fill("0, 1")
    expect(errors).to_have_count(0)
    assert not asked


def test_what_the_server_refuses_is_told_with_the_name_of_its_field(page: Page) -> None:
    page.goto("/train")
    page.get_by_role("button", name="Adam+L2 | AdamW on digits: Change").click()
    steps = page.get_by_label("steps", exact=True).and_(page.locator("input[type=text]"))
    steps.fill("9999999")  # more than this server takes, though not more than is declared
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page.locator("#status")).to_contain_text("steps: got 9999999")
    expect(steps).to_have_value("9999999")


def test_a_reload_and_the_way_back_bring_the_form_as_it_was(page: Page) -> None:
    page.goto("/train")
    page.locator("#form > summary").click()
    page.locator("#task").get_by_role("combobox").first.select_option("moons_mlp")
    page.locator(".runner > details > summary").first.click()
    page.locator(".runner").first.get_by_role("button", name="Remove").click()
    steps = page.get_by_label("steps", exact=True).and_(page.locator("input[type=text]"))
    steps.fill("20")
    rate = page.locator(".runner .number").first
    rate.fill("0.02")
    page.get_by_label("Vary", exact=True).select_option("seed")
    page.get_by_label("values", exact=True).fill("7, 8")

    def as_it_was() -> None:
        expect(page.locator("#task").get_by_role("combobox").first).to_have_value("moons_mlp")
        expect(page.locator(".runner")).to_have_count(1)
        expect(steps).to_have_value("20")
        expect(rate).to_have_value("0.02")
        expect(page.get_by_label("values", exact=True)).to_have_value("7, 8")

    page.reload()
    as_it_was()
    page.get_by_role("button", name="Start 2 runs").click()
    page.wait_for_url(re.compile(r"/runs\?compare="))
    run = page.url.split("compare=")[1].split(",")[0]
    page.go_back()
    as_it_was()
    expect(page.get_by_role("button", name="Start 2 runs")).to_be_enabled()

    page.goto(f"/train?clone={run}")
    steps.fill("30")
    steps.press("Tab")
    page.reload()
    expect(steps).to_have_value("30")
    page.goto("/runs")
    page.goto(f"/train?clone={run}")  # a link to a clone brings the run
    expect(steps).to_have_value("20")


@pytest.mark.parametrize("path", ["/train", "/runs"])
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_overflows_sideways(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 850})
    page.goto(path)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
