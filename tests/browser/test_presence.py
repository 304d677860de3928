"""A class: a student's browser and the instructor's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from serving import serving

TOKEN, INSTRUCTORS = "the-token-of-all", "the-token-of-the-desk"
STEPS = 1_000_000  # of a run that ends only when it is stopped


@pytest.fixture
def visitors(browser: Browser, tmp_path: Path) -> Iterator[tuple[Page, Page]]:
    """A student and the instructor, who came in by their links; an exception in a page fails the test."""
    with serving(tmp_path, token=TOKEN, instructor_token=INSTRUCTORS, processes=1) as address:
        contexts = [browser.new_context(base_url=address) for _ in range(2)]
        problems: list[str] = []
        pages = []
        for context, path in zip(
            contexts, (f"/runs?token={TOKEN}", f"/instructor?token={INSTRUCTORS}"), strict=True
        ):
            page = context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(path)
            page.wait_for_url(re.compile("/(runs|instructor)$"))
            pages.append(page)
        yield pages[0], pages[1]
        for context in contexts:
            context.close()
        assert not problems, problems


def start(page: Page, name: str) -> str:
    run: str = page.evaluate(
        """async body => (await (await fetch('/api/runs', {method: 'POST', body: JSON.stringify(body),
             headers: {'Content-Type': 'application/json'}})).json()).id""",
        {"task": "moons_mlp", "optimizer": "adamw", "steps": STEPS, "name": name},
    )
    return run


def test_the_instructor_sees_what_runs_and_stops_it(visitors: tuple[Page, Page]) -> None:
    student, desk = visitors
    run = start(student, "of a student")
    row = desk.locator("#active tr", has_text="of a student")
    expect(row).to_contain_text("running")
    who = re.search(r"You are (\w+) here", student.inner_text(".you"))
    assert who
    expect(row).to_contain_text(who[1])
    expect(desk.locator("#guests tr", has_text=who[1])).to_have_count(1)
    row.get_by_role("button", name="Stop").click()
    expect(row).to_have_count(0)
    expect(student.locator("#runs tr", has_text="of a student")).to_contain_text("cancelled")
    student.goto(f"/runs/{run}")
    expect(student.locator("#events")).to_contain_text("Stopped by the instructor after step")


def test_a_view_is_shown_to_everybody_and_can_be_put_away(visitors: tuple[Page, Page]) -> None:
    student, desk = visitors
    desk.goto("/compare?steps=77")
    desk.get_by_role("button", name="Show to all").click()
    note = student.locator("#announcement")
    expect(note).to_contain_text("The instructor shows")
    note.get_by_role("link", name="Look").click()
    student.wait_for_url(re.compile(r"/compare\?.*steps=77"))
    expect(student.locator("#announcement")).to_be_hidden()


def test_everybody_follows_the_instructor_once_for_each_view(visitors: tuple[Page, Page]) -> None:
    student, desk = visitors
    desk.goto("/compare?steps=77")
    button = desk.get_by_role("button", name="Show to all")
    button.click()
    on = desk.get_by_role("button", name="Shown to all: on")
    expect(on).to_have_attribute("aria-pressed", "true")
    on.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    desk.get_by_label("Follow").check()
    student.wait_for_url(re.compile(r"/compare\?steps=77"))
    student.goto("/train")  # may go away on their own
    desk.goto("/compare?steps=88")
    student.wait_for_url(re.compile(r"/compare\?steps=88"))
    desk.get_by_label("Follow").uncheck()
    expect(button).to_be_visible()


def test_a_student_is_called_as_they_like_and_a_reset_takes_all_back(visitors: tuple[Page, Page]) -> None:
    student, desk = visitors
    student.get_by_label("Name for the instructor").fill("Ada")
    student.get_by_label("Name for the instructor").press("Enter")
    expect(desk.locator("#guests tr", has_text="Ada")).to_have_count(1)
    run = start(student, "of Ada")
    expect(desk.locator("#active tr", has_text="of Ada")).to_contain_text("running")
    desk.get_by_role("button", name="Reset the class").click()
    desk.get_by_role("dialog").get_by_role("button", name="Reset").click()
    student.wait_for_url(re.compile(r"//[^/]+/(\?.*)?$"))
    expect(desk.locator("#active tr")).to_have_count(0)
    expect(student.get_by_label("Name for the instructor")).to_have_value("Ada")
    student.goto(f"/runs/{run}")
    expect(student.locator("#events")).to_contain_text("by the instructor")


def test_what_belongs_to_others_offers_no_change(visitors: tuple[Page, Page]) -> None:
    student, desk = visitors
    run = start(desk, "of the desk")
    row = student.locator("#runs tr", has_text="of the desk")
    expect(row).to_be_visible()
    expect(row.get_by_role("button", name="Delete")).to_be_hidden()
    student.goto(f"/runs/{run}")
    expect(student.get_by_role("link", name="Clone with changes")).to_be_visible()
    expect(student.get_by_role("button", name="Cancel")).to_be_hidden()
    desk.goto(f"/runs/{run}")
    desk.get_by_role("button", name="Cancel").click()
    expect(student.locator("main")).to_contain_text("cancelled")


def test_the_list_tells_whose_runs_they_are_and_is_narrowed_to_ones_own(visitors: tuple[Page, Page]) -> None:
    student, desk = visitors
    start(student, "of a student")
    run = start(desk, "of the desk")
    rows = student.locator("#runs tr")
    own, other = rows.filter(has_text="of a student"), rows.filter(has_text="of the desk")
    expect(own.get_by_role("cell", name="you", exact=True)).to_be_visible()
    who = str(desk.locator("body").get_attribute("data-visitor"))
    expect(other.get_by_role("cell", name=who, exact=True)).to_be_visible()
    student.get_by_label("mine").check()
    expect(other).to_have_count(0)
    expect(own).to_have_count(1)
    student.goto(f"/runs/{run}")
    why = f"This run belongs to {who}: you can watch it, and clone it."
    expect(student.locator("#header")).to_contain_text(why)
    desk.goto(f"/runs/{run}")
    expect(desk.locator("#header h1")).to_have_text("of the desk")
    expect(desk.locator("#header")).not_to_contain_text("belongs to")


def test_a_wrong_token_does_not_let_in_and_the_right_one_does(
    visitors: tuple[Page, Page], browser: Browser
) -> None:
    address = visitors[0].url.rsplit("/", 1)[0]
    page = browser.new_context(base_url=address).new_page()
    page.goto("/train")
    page.get_by_label("Token").fill("something else")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/train"))
    page.context.close()


def test_a_student_makes_a_token_for_a_script_and_revokes_it(visitors: tuple[Page, Page]) -> None:
    student, _ = visitors
    student.get_by_role("button", name="Tokens for scripts…").click()
    dialog = student.get_by_role("dialog", name="Tokens for scripts")
    dialog.get_by_label("What the token is for").fill("laptop")
    dialog.get_by_role("button", name="Make a token").click()
    header = dialog.locator("code").inner_text()
    assert header.startswith("Authorization: Bearer osp_")
    me = student.evaluate("document.body.dataset.visitor")
    ask = """async header => (await fetch('/api/room', {credentials: 'omit',
             headers: {Authorization: header.replace('Authorization: ', '')}})).json()"""
    assert student.evaluate(ask, header)["you"]["id"] == me
    dialog.get_by_role("button", name="Revoke laptop").click()
    expect(dialog.locator("li")).to_have_count(0)
    expect(dialog.locator("code")).to_be_hidden()
    assert student.evaluate(ask, header)["error"]["code"] == "unauthorized"
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
