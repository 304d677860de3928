"""A server for many: everybody is known by a cookie, changes their own runs, and has their share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_producer import frame
from running import PATIENCE_S, Running, Stream, running

from app.access.visitors import BURST_SECONDS, Visitor, Visitors
from app.settings import Limits, Settings
from app.store import NewRun

TOKEN, INSTRUCTORS = "the-token-of-the-room", "the-token-of-the-desk"
PAGE = {"Accept": "text/html"}


@contextmanager
def shared(folder: Path, **given: Any) -> Iterator[Running]:
    with running(folder, token=TOKEN, instructor_token=INSTRUCTORS, **{"processes": 0} | given) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with shared(tmp_path) as server:
        yield server


@contextmanager
def browser(server: Running, token: str = TOKEN) -> Iterator[httpx.Client]:
    """One that came in by the link."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE_S) as client:
        assert client.get(f"/?token={token}", headers=PAGE).status_code == 200
        yield client


def me(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/room").json()["you"]
    return found


def deliver(client: httpx.Client, run: str) -> httpx.Response:
    client.post("/api/ingest/runs", json={"run": {"id": run, "kind": "watch"}})
    return client.post(f"/api/ingest/runs/{run}/frames", json={"frames": [frame(run, 0).to_json()]})


# --- Who is who -----------------------------------------------------------------------------------


def test_every_browser_is_somebody_else_and_stays_the_same(server: Running) -> None:
    with browser(server) as one, browser(server) as two:
        assert me(one) == me(one)
        assert me(one)["id"] != me(two)["id"]
        assert not me(one)["instructor"]
    with browser(server, INSTRUCTORS) as desk:
        assert me(desk)["instructor"]


def test_the_cookie_is_kept_from_scripts_and_other_sites(server: Running) -> None:
    headers = PAGE | {"Authorization": f"Bearer {TOKEN}"}
    given = server.client.get("/", headers=headers).headers["set-cookie"]
    assert given.startswith("optimscope_visitor_")
    for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in given
    assert "Secure" not in given  # this one came without TLS


def test_a_cookie_that_this_server_did_not_write_is_not_believed(server: Running) -> None:
    with browser(server) as one:
        (name,) = (name for name in one.cookies if name.startswith("optimscope_visitor_"))
        real = one.cookies[name]
        mine = me(one)["id"]
        known, _, proof = real.partition(".")
        for forged in (
            f"{known}.{'0' * len(proof)}",
            f"other.{proof}",
            known,
            f"{known}.",
            mine,
            f"{mine}.{proof}",
        ):
            one.cookies.set(name, forged, domain="127.0.0.1")
            assert me(one)["id"] != mine, forged


def test_on_ones_own_machine_whoever_asks_may_do_everything(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert me(server.client)["instructor"]
        assert "set-cookie" not in server.client.get("/", headers=PAGE).headers
        page = server.client.get("/instructor", headers=PAGE).text
        assert "This server is for one person" in page
        assert "Who is here" not in page


@pytest.mark.parametrize(("token", "instructors"), [("", INSTRUCTORS), (TOKEN, TOKEN), (TOKEN, "short")])
def test_an_instructors_token_that_means_nothing_is_refused(token: str, instructors: str) -> None:
    with pytest.raises(ValueError, match="token"):
        Settings(token=token, instructor_token=instructors)


# --- Whose run ------------------------------------------------------------------------------------

CHANGES: dict[str, Any] = {
    "rename": lambda client: client.patch("/api/runs/theirs", json={"name": "mine now"}),
    "delete": lambda client: client.delete("/api/runs/theirs"),
    "cancel": lambda client: client.post("/api/runs/theirs/cancel"),
    "steer": lambda client: client.post("/api/runs/theirs/control", json={"paused": True}),
    "frames": lambda client: client.post(
        "/api/ingest/runs/theirs/frames", json={"frames": [frame("theirs", 1).to_json()]}
    ),
    "greet": lambda client: client.post("/api/ingest/runs", json={"run": {"id": "theirs", "kind": "watch"}}),
    "finish": lambda client: client.post(
        "/api/ingest/runs/theirs/finish", json={"outcome": "finished", "reason": "So there."}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_is_changed_by_its_owner_and_the_instructor_alone(server: Running, change: str) -> None:
    with browser(server) as owner, browser(server) as other, browser(server, INSTRUCTORS) as desk:
        assert deliver(owner, "theirs").status_code == 200
        before = other.get("/api/runs/theirs").json()
        assert before["owner"] == me(owner)["id"]
        refused = CHANGES[change](other)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_yours")
        after = server.client.get("/api/runs/theirs", headers={"Authorization": f"Bearer {TOKEN}"}).json()
        assert after == before
        assert CHANGES[change](owner).status_code < 300
    with browser(server) as owner, browser(server, INSTRUCTORS) as desk:
        if change == "delete":
            deliver(owner, "theirs")
        assert CHANGES[change](desk).status_code < 300 or change in ("steer", "frames")


def test_a_run_that_the_instructor_stops_says_so(server: Running) -> None:
    with browser(server) as owner, browser(server, INSTRUCTORS) as desk:
        for client, by in ((owner, ""), (desk, "the instructor")):
            run = f"stopped-by-{by[4:] or 'owner'}"
            deliver(owner, run)
            client.post(f"/api/runs/{run}/cancel")
            control = owner.get(f"/api/runs/{run}").json()["control"]
            assert (control["cancel"], control["by"]) == (True, by)
        config = {"device": "cpu", "fake": {"frames": 0, "end": "hang"}}  # what is started after it waits
        server.manager.store.create(NewRun("holder", "train", "holder", config=config, local=True)).result()
        server.wait_for("holder", "running")
        body = {"task": "moons_mlp", "optimizer": "adamw", "steps": 50, "device": "cpu"}
        waiting = owner.post("/api/runs", json=body).json()["id"]
        reason = desk.post(f"/api/runs/{waiting}/cancel").json()["reason"]
        assert reason == "Cancelled by the instructor before it ran to its end."


def test_the_list_can_be_narrowed_to_ones_own(server: Running) -> None:
    with browser(server) as one, browser(server) as other:
        deliver(one, "of-one")
        deliver(other, "of-other")
        assert one.get("/api/runs").json()["total"] == 2
        mine = one.get("/api/runs", params={"owner": me(one)["id"]}).json()
        assert ([run["id"] for run in mine["runs"]], mine["total"]) == (["of-one"], 1)


def test_workers_deliver_whoever_started_the_run(tmp_path: Path) -> None:
    with shared(tmp_path) as server, browser(server) as one, browser(server) as other:
        body = {"task": "moons_mlp", "optimizer": "adamw", "steps": 50}
        run = one.post("/api/runs", json=body).json()["id"]
        assert server.wait_for(run, "finished").next_seq > 0
        assert other.post(f"/api/runs/{run}/clone", json={}).status_code == 201


# --- Everybody's share ----------------------------------------------------------------------------


def test_who_asks_too_much_too_fast_has_to_wait(tmp_path: Path) -> None:
    with (
        shared(tmp_path, limits=Limits(requests=1)) as server,
        browser(server) as one,
        browser(server) as two,
    ):
        answers = [one.get("/api/room") for _ in range(2 * BURST_SECONDS)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["retry-after"] == "1"
        error = refused.json()["error"]
        assert "at most 1 a second" in error["message"]
        assert "OPTIMSCOPE_MAX_REQUESTS" in error["hint"]
        assert two.get("/api/room").status_code == 200
        with browser(server, INSTRUCTORS) as desk:
            assert {desk.get("/api/room").status_code for _ in range(2 * BURST_SECONDS)} == {200}


def test_a_pace_is_kept_for_ever_and_a_burst_for_a_while() -> None:
    visitors = Visitors(Settings(token=TOKEN, limits=Limits(requests=5)))
    visitor = Visitor("a")
    assert not any(visitors.too_fast(visitor, now=i / 5) for i in range(1000))
    late = 1000.0
    spent = [visitors.too_fast(visitor, now=late) for _ in range(5 * BURST_SECONDS + 1)]
    assert spent == [False] * (5 * BURST_SECONDS) + [True]
    assert not visitors.too_fast(visitor, now=late + 0.3)


def test_one_visitor_cannot_take_all_streams(tmp_path: Path) -> None:
    with shared(tmp_path, limits=Limits(client_streams=2)) as server:
        headers = {"Authorization": f"Bearer {TOKEN}"}  # a script, known by its address
        streams = [Stream(server.port, "runs=*", headers=headers) for _ in range(2)]
        for stream in streams:
            stream.response.readline()
        refused = server.client.get("/api/stream?runs=*", headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_streams")
        assert "OPTIMSCOPE_MAX_CLIENT_STREAMS" in refused.json()["error"]["hint"]
        with browser(server) as other, other.stream("GET", "/api/stream?runs=*") as answer:
            assert answer.status_code == 200
        for stream in streams:
            stream.close()


# --- The room -------------------------------------------------------------------------------------


def test_the_instructor_sees_who_is_here_and_others_do_not(server: Running) -> None:
    with browser(server) as one, browser(server, INSTRUCTORS) as desk:
        assert one.get("/api/room", params={"page": "/compare?x=1"}).json()["here"] == 1
        assert one.get("/api/room/guests").status_code == 403
        (guest,) = desk.get("/api/room/guests").json()["guests"]
        assert (guest["id"], guest["page"]) == (me(one)["id"], "/compare?x=1")
        assert one.get("/instructor", headers=PAGE).headers["location"] == "/login?next=/instructor"
        assert "Who is here" in desk.get("/instructor", headers=PAGE).text


def test_whoever_comes_to_the_instructors_page_is_told_which_token_it_needs(server: Running) -> None:
    told = "needs the instructor's token"
    with browser(server) as one:
        asked = one.get("/instructor", headers=PAGE, follow_redirects=True)
        assert told in asked.text
        form = {"token": TOKEN, "next": "/instructor"}
        assert "url=/instructor" in one.post("/login", data=form).text  # which leads back to the form
        wrong = one.post("/login", data=form | {"token": "something else"})
        assert (wrong.status_code, told in wrong.text) == (401, True)
        assert told not in one.get("/login?next=/runs", headers=PAGE).text


def test_what_the_instructor_shows_is_offered_to_everybody(server: Running) -> None:
    with browser(server) as one, browser(server, INSTRUCTORS) as desk:
        view = {"path": "/compare?steps=50", "title": "Compare"}
        assert one.post("/api/room/shown", json=view).status_code == 403
        assert desk.post("/api/room/shown", json=view).status_code == 201
        shown = one.get("/api/room").json()["shown"]
        assert (shown["path"], shown["title"]) == (view["path"], view["title"])
        assert one.delete("/api/room/shown").status_code == 403
        assert desk.delete("/api/room/shown").status_code == 204
        assert one.get("/api/room").json()["shown"] is None


def test_a_class_follows_has_names_and_is_reset_by_the_instructor_alone(server: Running) -> None:
    with browser(server) as one, browser(server, INSTRUCTORS) as desk:
        one.get("/api/room", params={"page": "/train", "name": "Ada \u202eL."})
        (guest,) = [
            each for each in desk.get("/api/room/guests").json()["guests"] if each["page"] == "/train"
        ]
        assert guest["name"] == "Ada L.", "and turns no text around"
        assert one.get("/api/room", params={"page": "/", "name": "x" * 61}).status_code == 422
        desk.post("/api/room/shown", json={"path": "/train", "follow": True})
        assert one.get("/api/room").json()["shown"]["follow"] is True
        deliver(one, "watched")
        assert one.post("/api/room/reset").status_code == 403
        assert desk.post("/api/room/reset").json()["stopped"] == 1
        shown = one.get("/api/room").json()["shown"]
        assert (shown["path"], shown["follow"]) == ("/", True)
        control = one.get("/api/runs/watched").json()["control"]
        assert (control["cancel"], control["by"]) == (True, "the instructor")
        desk.delete("/api/room/shown")


@pytest.mark.parametrize(
    "path", ["https://example.com/", "//example.com", "/\\example.com", "javascript:0", ""]
)
def test_only_pages_of_this_server_can_be_shown(server: Running, path: str) -> None:
    with browser(server, INSTRUCTORS) as desk:
        refused = desk.post("/api/room/shown", json={"path": path})
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, "path")
