"""Tokens of one's own, and who somebody without one is: nobody takes another's place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_producer import frame
from running import PATIENCE_S, Running, Stream, alone
from test_visitors import INSTRUCTORS, PAGE, TOKEN, browser, deliver, me, shared

from app.access.personal import MOST_OF_ONE
from app.access.visitors import AS_MANY_VISITORS, BURST_SECONDS, NEWCOMERS, Visitors, share_of_address
from app.settings import Limits, Settings
from app.store import NewRun, open_store
from optim_core.transport.http_sink import HttpSink

ROOM = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with shared(tmp_path) as server:
        yield server


def script(server: Running, token: str = TOKEN) -> httpx.Client:
    """A client that keeps no cookies, as curl."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=PATIENCE_S)


def made(client: httpx.Client, name: str = "") -> dict[str, Any]:
    answer = client.post("/api/tokens", json={"name": name})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


# --- Tokens -----------------------------------------------------------------------------------------


def test_a_token_of_ones_own_lets_a_script_in_as_oneself(server: Running) -> None:
    with browser(server) as one, browser(server) as other:
        token = made(one, "laptop")
        assert token["owner"] == me(one)["id"]
        with script(server, token["token"]) as laptop:
            assert me(laptop) == me(one)
            assert deliver(laptop, "of-the-script").status_code == 200
            assert one.get("/api/runs/of-the-script").json()["owner"] == me(one)["id"]
            assert other.delete("/api/runs/of-the-script").status_code == 403
            assert one.patch("/api/runs/of-the-script", json={"name": "renamed"}).status_code == 200
            assert laptop.delete("/api/runs/of-the-script").status_code == 204


def test_a_token_is_shown_once_and_kept_as_a_digest(server: Running, tmp_path: Path) -> None:
    with browser(server) as one:
        token = made(one, "laptop")
        listed = one.get("/api/tokens").json()["tokens"]
        assert [(each["id"], each["name"]) for each in listed] == [(token["id"], "laptop")]
        assert "token" not in listed[0]
        answer = one.post("/api/tokens", json={})
        assert answer.headers["cache-control"] == "no-store"
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("optimscope.db*"))
    assert token["id"].encode() in kept
    assert token["token"].encode() not in kept


def test_a_revoked_token_lets_nobody_in(server: Running) -> None:
    with browser(server) as one, browser(server) as other:
        token = made(one)
        with script(server, token["token"]) as laptop:
            assert laptop.get("/api/room").status_code == 200
            refused = other.delete(f"/api/tokens/{token['id']}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (404, "no_token")
            assert one.delete(f"/api/tokens/{token['id']}").status_code == 204
            assert laptop.get("/api/room").status_code == 401
        assert one.get("/api/tokens").json()["tokens"] == []


def test_the_instructor_sees_and_revokes_all(server: Running) -> None:
    with browser(server) as one, browser(server, INSTRUCTORS) as desk:
        token = made(one)
        assert [each["id"] for each in desk.get("/api/tokens").json()["tokens"]] == [token["id"]]
        assert desk.delete(f"/api/tokens/{token['id']}").status_code == 204
        with script(server, token["token"]) as laptop:
            assert laptop.get("/api/room").status_code == 401


def test_a_token_outlives_the_server_but_not_the_rooms_token(tmp_path: Path) -> None:
    with shared(tmp_path) as server, browser(server) as one:
        token = made(one)["token"]
    with shared(tmp_path) as server, script(server, token) as laptop:
        assert laptop.get("/api/room").status_code == 200
    store = open_store(tmp_path)
    kept = store.tokens()
    store.close()
    for room, found in ((TOKEN, True), ("another-token", False)):
        visitors = Visitors(Settings(token=room))
        visitors.personal.load(kept)
        assert bool(visitors.personal.find(token)) is found


def test_an_instructors_own_token_does_not_instruct(server: Running) -> None:
    with browser(server, INSTRUCTORS) as desk, script(server, made(desk)["token"]) as laptop:
        assert me(laptop) == me(desk) | {"instructor": False}


def test_a_script_that_only_knows_the_room_gets_a_name_of_its_own(server: Running) -> None:
    with script(server) as one, script(server) as other:
        assert me(one)["id"] == me(other)["id"]
        first, second = made(one), made(other)
        assert len({first["owner"], second["owner"], me(one)["id"]}) == 3


def test_nobody_has_more_tokens_than_they_need(server: Running) -> None:
    with browser(server) as one:
        for _ in range(MOST_OF_ONE):
            made(one)
        refused = one.post("/api/tokens", json={})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_tokens")


def test_a_server_without_a_token_has_none(tmp_path: Path) -> None:
    from running import running

    with running(tmp_path) as server:
        refused = server.client.post("/api/tokens", json={})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_tokens")


@pytest.mark.parametrize("body", [{"name": "x" * 81}, {"name": 5}, {"other": "x"}, []])
def test_a_wrong_request_for_a_token_is_refused(server: Running, body: Any) -> None:
    with browser(server) as one:
        assert one.post("/api/tokens", json=body).status_code == 422


def test_guessing_a_personal_token_counts_as_guessing(server: Running) -> None:
    answers = []
    for i in range(30):
        with script(server, f"osp_{i}") as guess:
            answers.append(guess.get("/api/room").status_code)
    assert answers == [401] * 20 + [429] * 10


# --- Those without ----------------------------------------------------------------------------------


def test_a_client_that_returns_no_cookie_is_its_address_whatever_it_accepts(server: Running) -> None:
    with script(server) as plain, script(server) as page:
        pages = [page.get("/api/room", headers=PAGE) for _ in range(3) if not page.cookies.clear()]
    assert {answer.json()["you"]["id"] for answer in pages} == {me_of_address(server)}
    assert all("set-cookie" in answer.headers for answer in pages)
    with script(server) as plain:
        assert "set-cookie" not in plain.get("/api/room").headers


def me_of_address(server: Running) -> str:
    with script(server) as plain:
        found: str = me(plain)["id"]
    return found


def test_the_page_knows_the_name_that_its_scripts_will_have(server: Running) -> None:
    with script(server) as fresh:
        page = fresh.get("/", headers=PAGE).text
        assert f'data-visitor="{me(fresh)["id"]}"' in page
        assert me(fresh)["id"] != me_of_address(server)


def test_without_cookies_the_pace_of_one_holds(tmp_path: Path) -> None:
    with shared(tmp_path, limits=Limits(requests=1)) as server, script(server) as attack:
        answers = []
        for _ in range(3 * BURST_SECONDS):
            answers.append(attack.get("/api/room", headers=PAGE).status_code)
            attack.cookies.clear()
        assert answers.count(429) >= BURST_SECONDS
        with browser(server) as innocent:
            assert innocent.get("/api/room").status_code == 200


def test_many_cookies_of_one_address_have_a_pace_together(tmp_path: Path) -> None:
    visitors = Visitors(Settings(token=TOKEN, limits=Limits(requests=1)))
    from app.access.visitors import Visitor

    asked = [Visitor(f"v{i}", place="there") for i in range(AS_MANY_VISITORS * BURST_SECONDS)]
    assert not any(visitors.too_fast(each, now=0.0) for each in asked)
    assert visitors.too_fast(Visitor("one more", place="there"), now=0.0)
    assert not visitors.too_fast(Visitor("one more", place="elsewhere"), now=0.0)
    assert not visitors.too_fast(Visitor("desk", instructor=True, place="there"), now=0.0)


def test_one_address_gets_so_many_names_a_minute() -> None:
    from app.access.visitors import Visitor

    visitors = Visitors(Settings(token=TOKEN))
    there = Visitor("x", known=False, place="there")
    welcomed = [visitors.welcomes(there) for _ in range(NEWCOMERS + 5)]
    assert welcomed == [True] * NEWCOMERS + [False] * 5
    assert visitors.welcomes(Visitor("y", known=False, place="elsewhere"))


def test_what_an_address_made_the_instructor_alone_may_change(server: Running) -> None:
    with script(server) as one, browser(server) as other, browser(server, INSTRUCTORS) as desk:
        assert deliver(one, "plain").status_code == 200
        more = {"frames": [frame("plain", 1).to_json()]}
        assert (
            one.post("/api/ingest/runs/plain/frames", json=more).status_code == 200
        )  # its own producer goes on
        for client, code in ((one, "nobodys"), (other, "not_yours")):
            refused = client.delete("/api/runs/plain")
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)
        assert "POST /api/tokens" in one.delete("/api/runs/plain").json()["error"]["hint"]
        assert other.post("/api/ingest/runs/plain/frames", json=more).status_code == 403
        assert desk.delete("/api/runs/plain").status_code == 204


def test_a_sink_delivers_with_a_token_of_ones_own(server: Running) -> None:
    with browser(server) as one:
        sink = HttpSink(f"http://127.0.0.1:{server.port}", "delivered", made(one)["token"])
        sink.open({"kind": "watch"})
        sink.write(frame("delivered", 0))
        sink.close("finished", "That was all.")
        assert (sink.refused, sink.undelivered) == ("", 0)
        assert one.get("/api/runs/delivered").json()["owner"] == me(one)["id"]


# --- One address' share -----------------------------------------------------------------------------


def test_one_address_cannot_take_all_streams(tmp_path: Path) -> None:
    limits = Limits(streams=8, client_streams=2)
    with shared(tmp_path, limits=limits) as server, ExitStack() as held:
        most, opened = share_of_address(limits.streams), 0
        for _ in range(most // 2 + 1):
            one = held.enter_context(browser(server))
            cookie = "; ".join(f"{name}={value}" for name, value in one.cookies.items())
            for _ in range(2):
                stream = Stream(server.port, "runs=*", headers={"Cookie": cookie})
                held.callback(stream.close)
                if stream.response.status == 200:
                    stream.response.readline()
                    opened += 1
        assert opened == most
        desk = held.enter_context(browser(server, INSTRUCTORS))
        with desk.stream("GET", "/api/stream?runs=*") as answer:
            assert answer.status_code == 200


def test_streams_that_are_opened_at_once_are_counted(tmp_path: Path) -> None:
    with shared(tmp_path, limits=Limits(client_streams=2)) as server:
        server.manager.store.create(NewRun("one", "watch", "one")).result()

        async def many() -> list[int]:
            base = f"http://127.0.0.1:{server.port}"
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(
                base_url=base, headers=ROOM, timeout=PATIENCE_S, limits=limits
            ) as client:

                async def one() -> int:
                    async with client.stream("GET", "/api/stream?runs=one") as answer:
                        statuses.append(answer.status_code)
                        if len(statuses) == 12:
                            all_there.set()
                        await asyncio.wait_for(all_there.wait(), PATIENCE_S)
                        return answer.status_code

                statuses: list[int] = []
                all_there = asyncio.Event()
                return await asyncio.gather(*(one() for _ in range(12)))

        assert alone(many()).count(200) == 2


def test_one_address_cannot_fill_the_queue(tmp_path: Path) -> None:
    with shared(tmp_path, limits=Limits(queue=8, queued=4)) as server, ExitStack() as held:
        hang = {"device": "cpu", "fake": {"frames": 0, "end": "hang"}}
        server.manager.store.create(NewRun("holder", "train", "holder", config=hang, local=True)).result()
        server.wait_for("holder", "running")
        body = {"task": "moons_mlp", "optimizer": "adamw", "steps": 50, "device": "cpu"}
        answers = [
            held.enter_context(browser(server)).post("/api/runs", json=body).status_code for _ in range(8)
        ]
        assert answers == [201] * 6 + [429] * 2
        desk = held.enter_context(browser(server, INSTRUCTORS))
        assert desk.post("/api/runs", json=body).status_code == 201


def test_runs_that_are_started_at_once_are_counted(tmp_path: Path) -> None:
    with shared(tmp_path, limits=Limits(queued=3)) as server:
        hang = {"device": "cpu", "fake": {"frames": 0, "end": "hang"}}
        server.manager.store.create(NewRun("holder", "train", "holder", config=hang, local=True)).result()
        server.wait_for("holder", "running")
        body = {"task": "moons_mlp", "optimizer": "adamw", "steps": 50, "device": "cpu"}

        async def many() -> list[int]:
            base = f"http://127.0.0.1:{server.port}"
            async with httpx.AsyncClient(base_url=base, headers=ROOM, timeout=PATIENCE_S) as client:
                answers = await asyncio.gather(*(client.post("/api/runs", json=body) for _ in range(12)))
            return [answer.status_code for answer in answers]

        assert alone(many()).count(201) == 3


def test_a_body_of_many_visitors_of_one_address_is_counted_together(tmp_path: Path) -> None:
    limits = Limits(held_bytes=100_000, ingest_bytes=30_000, body_bytes=30_000)
    with shared(tmp_path, limits=limits) as server, ExitStack() as held:
        for _ in range(2):  # 28 000 bytes each: three are above three quarters of all, though not above all
            connection = unfinished(held.enter_context(browser(server)), server.port)
            held.callback(connection.close)
        third = unfinished(held.enter_context(browser(server)), server.port)
        held.callback(third.close)
        answer = third.getresponse()
        assert answer.status == 429
        assert b"OPTIMSCOPE_MAX_HELD_BYTES" in answer.read()


def unfinished(one: httpx.Client, port: int) -> HTTPConnection:
    """A body of which the end does not come."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.putrequest("POST", "/api/trajectories")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in one.cookies.items()))
    connection.putheader("Content-Length", "29000")
    connection.endheaders()
    connection.send(b" " * 28_000)
    return connection
