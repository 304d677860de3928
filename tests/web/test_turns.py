"""A device is lent: runs that pause, or have had their turn, give it back and go on to the same numbers."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic, time
from typing import Any

import pytest
from processes import ask, free_port, process, until_status
from running import PATIENCE_S, Running, running

from app.jobs.checkpoints import Checkpoints
from app.jobs.local import TARGET
from app.jobs.turns import Lent, Turns, places, to_ask
from app.routes.schemas.train import TrainRequest
from app.runs.requests import config_of
from app.store import NewRun, Run, Status, Window, open_store
from optim_core.recording import Recording

# Steps as fast as they come, measured seldom; each takes most of a millisecond.
SHORT: dict[str, Any] = {
    "task": "moons_mlp", "settings": {"hidden": 4, "depth": 1}, "optimizer": "adamw", "batch_size": 8,
    "device": "cpu", "trace": {"every": 50}, "steps": 60,
}  # fmt: skip
LONG = SHORT | {"steps": 2_000, "validate_every": 500}
ENDLESS = SHORT | {"steps": 2_000_000, "validate_every": 1_000_000}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """Turns and pauses of fractions of a second; real training."""
    with running(tmp_path, target=TARGET, turn_seconds=0.3, pause_seconds=0.2) as server:
        yield server


def queue(server: Running, run: str, config: dict[str, Any], owner: str = "") -> str:
    """Queues a run of this owner, complete as a request would make it."""
    complete = config_of(TrainRequest.model_validate(config), server.manager._settings.limits)
    new = NewRun(
        run,
        "train",
        run,
        "moons_mlp",
        "adamw",
        config=complete,
        steps=complete["steps"],
        owner=owner,
        local=True,
    )
    server.manager.store.create(new).result()
    return run


def control(server: Running, run: str, **what: Any) -> dict[str, Any]:
    answer = server.client.post(f"/api/runs/{run}/control", json=what)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def recorded(server: Running, run: str) -> Recording:
    store = server.manager.store
    found, kept = store.find(run), []
    while part := store.frames(run, len(kept), lambda name: True, 10**7):
        kept += part
    assert [frame.seq for frame in kept] == list(range(found.next_seq))
    return Recording.of_frames({}, kept)


def check_same(server: Running, run: str, undisturbed: str) -> None:
    """The same columns to the bit, and no event but those of giving way."""
    found, wanted = recorded(server, run), recorded(server, undisturbed)
    assert found.series.keys() == wanted.series.keys()
    for name in wanted.series.keys() - {"steps_per_second"}:
        assert found.steps(name).tolist() == wanted.steps(name).tolist(), name
        assert found[name].tobytes() == wanted[name].tobytes(), name
    kinds = {event["kind"] for event in found.events}
    assert kinds <= {"give_way", "pause", "resume", "outcome"}, kinds


def until(condition: Callable[[], object]) -> None:
    pause, limit = Event(), monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < limit
        pause.wait(0.01)


def files(server: Running) -> list[str]:
    return sorted(path.name for path in server.manager.checkpoints._folder.glob("*"))


def away(server: Running, run: str, status: str) -> Run:
    """The run, once it has given its device back and has this status."""
    until(lambda: (found := server.manager.store.find(run)).away and found.status == status)
    return server.manager.store.find(run)


# --- A server --------------------------------------------------------------------------------------


def test_a_long_run_gives_way_to_a_short_one_and_ends_with_the_same_numbers(server: Running) -> None:
    queue(server, "long", LONG, "one")
    server.wait_for("long", "running")
    queue(server, "short", SHORT, "two")
    short = server.wait_for("short", "finished", "failed")
    assert short.status == "finished", short.reason
    assert server.manager.store.find("long").status != "finished"
    long = server.wait_for("long", "finished", "failed")
    assert (long.status, long.step) == ("finished", 2_000), long.reason
    assert (short.finished or 0.0) < (long.finished or 0.0)
    told = [event["text"] for event in recorded(server, "long").events if event["kind"] == "give_way"]
    assert told
    assert told[0].startswith("Gives way after step ")
    assert long.started
    assert short.started
    assert long.started < short.started  # when it began, not when it began again
    assert files(server) == []
    queue(server, "alone", LONG, "one")
    server.wait_for("alone", "finished")
    check_same(server, "long", "alone")


def test_a_run_alone_never_gives_way(server: Running) -> None:
    queue(server, "alone", LONG)
    server.wait_for("alone", "finished")
    assert {event["kind"] for event in recorded(server, "alone").events} == {"outcome"}


def test_a_pause_gives_its_device_back_and_goes_on_when_it_is_resumed(server: Running) -> None:
    queue(server, "paused", LONG, "one")
    server.wait_for("paused", "running")
    control(server, "paused", paused=True)
    queue(server, "short", SHORT, "two")
    server.wait_for("short", "finished")
    found = away(server, "paused", "paused")
    assert found.step < 2_000
    detail = server.client.get("/api/runs/paused").json()
    assert (detail["status"], detail["paused"], detail["away"]) == ("paused", True, True)
    assert (detail["queue_position"], detail["queue_seconds"]) == (None, None)
    assert control(server, "paused", paused=False)["status"] == "queued"
    ended = server.wait_for("paused", "finished", "failed")
    assert ended.status == "finished", ended.reason
    queue(server, "alone", LONG, "one")
    server.wait_for("alone", "finished")
    check_same(server, "paused", "alone")
    kinds = [event["kind"] for event in recorded(server, "paused").events]
    assert [kind for kind in kinds if kind != "give_way"] == ["pause", "resume", "outcome"]


def test_a_step_asked_of_a_paused_run_without_a_process_is_taken(server: Running) -> None:
    queue(server, "steps", ENDLESS)
    server.wait_for("steps", "running")
    control(server, "steps", paused=True)
    before = away(server, "steps", "paused").step
    for more in (1, 3):
        assert control(server, "steps", steps=more)["status"] == "queued"
        until(lambda: server.manager.store.find("steps").step == before + more)  # noqa: B023
        before = away(server, "steps", "paused").step
    control(server, "steps", hyper={"lr": 0.5})
    assert away(server, "steps", "paused").step == before  # a setting alone needs no device
    control(server, "steps", steps=1)
    until(lambda: server.manager.store.find("steps").latest.get("lr") == 0.5)
    assert server.client.post("/api/runs/steps/cancel").status_code == 200
    server.wait_for("steps", "cancelled")


def test_a_run_that_waits_for_another_turn_can_be_paused(server: Running) -> None:
    queue(server, "waits", ENDLESS, "one")
    server.wait_for("waits", "running")
    queue(server, "other", ENDLESS, "two")
    away(server, "waits", "queued")
    answer = control(server, "waits", paused=True)
    assert (answer["status"], answer["paused"], answer["away"]) == ("paused", True, True)
    until(lambda: "waits" not in server.manager.jobs.waiting())
    for run in ("waits", "other"):
        server.client.post(f"/api/runs/{run}/cancel")
        server.wait_for(run, "cancelled")


@pytest.mark.parametrize("status", ["paused", "queued"])
@pytest.mark.parametrize("how", ["cancel", "delete"])
def test_a_run_that_is_away_is_cancelled_or_deleted_at_once(server: Running, status: str, how: str) -> None:
    queue(server, "gone", ENDLESS, "one")
    server.wait_for("gone", "running")
    if status == "paused":
        control(server, "gone", paused=True)
    else:
        queue(server, "other", ENDLESS | {"steps": 100_000}, "two")
    away(server, "gone", status)
    assert files(server)[0] == "gone.pt"
    if how == "cancel":
        answer = server.client.post("/api/runs/gone/cancel").json()
        assert (answer["status"], answer["away"]) == ("cancelled", False)
        assert answer["finished"]
    else:
        assert server.client.delete("/api/runs/gone").status_code == 204
    until(lambda: "gone.pt" not in files(server))
    assert "gone" not in server.manager.jobs.waiting()


def test_three_owners_have_their_turns_one_after_the_other(server: Running) -> None:
    names = [queue(server, f"{owner}-long", LONG | {"steps": 1_200}, owner) for owner in "abc"]
    began: list[str] = []
    server.manager.listeners.append(
        lambda changes: began.extend(c.run.id for c in changes if c.run.status == Status.STARTING)
    )
    for name in names:
        ended = server.wait_for(name, "finished", "failed")
        assert ended.status == "finished", ended.reason
    order = [name[0] for name in began]
    assert order[:3] in (list("abc"), list("bca"))  # the first may have begun before somebody listened
    whose = [a for i, a in enumerate(order) if i == 0 or a != order[i - 1]]
    # A fast machine may be done with one of them in its first turns.
    assert len(whose) > 3
    assert whose[:5] == [*whose[:3], *whose[:2]][: len(whose)]
    check_same(server, "a-long", "b-long")


def test_who_waits_is_told_the_place_and_about_how_long(tmp_path: Path) -> None:
    with running(tmp_path, target=TARGET, turn_seconds=100.0) as server:
        queue(server, "ahead", ENDLESS, "one")
        server.wait_for("ahead", "running")
        until(lambda: server.manager.store.find("ahead").speed)
        for run in ("first", "second"):
            queue(server, run, SHORT, "two")
        server.waiting(2)
        first, second = (server.client.get(f"/api/runs/{run}").json() for run in ("first", "second"))
        assert [each["queue_position"] for each in (first, second)] == [0, 1]
        assert 0.0 < first["queue_seconds"] <= 100.0  # the rest of a turn, not of two million steps
        assert first["queue_seconds"] - 1.0 < second["queue_seconds"] < first["queue_seconds"] + 20.0
        listed = {run["id"]: run for run in server.client.get("/api/runs").json()["runs"]}
        places = {run: listed[run]["queue_position"] for run in ("ahead", "first", "second")}
        assert places == {"ahead": None, "first": 0, "second": 1}
        assert listed["second"]["queue_seconds"] > 0.0
        server.client.post("/api/runs/ahead/cancel")
        server.wait_for("second", "finished")


def test_waiting_is_not_counted_as_slow(server: Running) -> None:
    """Speed is measured from when a run last progressed: that is set anew before its first step."""
    queue(server, "speed", ENDLESS, "one")
    server.wait_for("speed", "running")
    control(server, "speed", paused=True)
    before = away(server, "speed", "paused")
    seen: list[Run] = []
    server.manager.listeners.append(lambda changes: seen.extend(change.run for change in changes))
    asked = time()
    control(server, "speed", steps=1)
    until(lambda: server.manager.store.find("speed").step > before.step)
    greeted = next(run for run in seen if run.status == Status.PAUSED)
    assert greeted.step == before.step
    assert (greeted.progressed or 0.0) >= asked > (before.progressed or 0.0)
    server.client.post("/api/runs/speed/cancel")


def test_a_worker_that_does_not_answer_keeps_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.supervisor.ANSWER_SECONDS", 0.2)
    with running(tmp_path, turn_seconds=0.2) as server:
        for run in ("deaf", "waits"):
            config = {"device": "cpu", "fake": {"end": "hang"}}
            server.manager.store.create(NewRun(run, "train", run, config=config, local=True)).result()
        server.wait_for("deaf", "running")
        asked: list[bool] = []

        def look() -> bool:
            asked.append(server.manager.jobs.wants_back("deaf"))
            return [a for i, a in enumerate(asked) if i == 0 or a != asked[i - 1]][-5:].count(True) >= 2

        until(look)
        assert server.manager.store.find("deaf").status == "running"
        assert server.manager.jobs.waiting() == ["waits"]


def test_a_step_that_was_asked_for_while_the_run_was_leaving_brings_it_back(tmp_path: Path) -> None:
    with running(tmp_path, pause_seconds=0.1) as server:
        config = {"device": "cpu", "fake": {"end": "lends"}}
        server.manager.store.create(NewRun("leaves", "train", "leaves", config=config, local=True)).result()
        server.wait_for("leaves", "running")
        control(server, "leaves", paused=True)
        until(lambda: server.manager.jobs.wants_back("leaves"))
        control(server, "leaves", steps=1)
        server.wait_for("leaves", "finished")


def test_a_checkpoint_that_has_gone_is_told_and_nothing_begins_anew(server: Running) -> None:
    queue(server, "lost", ENDLESS)
    server.wait_for("lost", "running")
    control(server, "lost", paused=True)
    found = away(server, "lost", "paused")
    server.manager.checkpoints.remove("lost")
    control(server, "lost", paused=False)
    ended = server.wait_for("lost", "failed")
    assert "the checkpoint lost.pt cannot be read (No such file or directory)" in ended.reason
    assert ended.next_seq == found.next_seq


def test_a_checkpoint_that_cannot_be_written_keeps_the_run_and_says_why(server: Running) -> None:
    server.manager.checkpoints._folder.write_text("a file in the way of the folder")
    queue(server, "stays", ENDLESS)
    server.wait_for("stays", "running")
    control(server, "stays", paused=True)
    until(lambda: len(recorded(server, "stays").events) >= 3)
    told = [event["text"] for event in recorded(server, "stays").events]
    assert told[-1] == "Keeps its device: its checkpoint cannot be written: File exists."
    assert server.manager.store.find("stays").status == "paused"
    assert not server.manager.store.find("stays").away
    server.client.post("/api/runs/stays/cancel")
    server.wait_for("stays", "cancelled")


# --- A server that dies ----------------------------------------------------------------------------


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_away_goes_on_with_the_next_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setenv("OPTIMSCOPE_TURN_SECONDS", "0.5")
    monkeypatch.setenv("OPTIMSCOPE_PAUSE_SECONDS", "0.2")
    port, pause = free_port(), Event()
    with process(tmp_path, port, target=TARGET) as served:
        rests = ask(port, "/api/runs", ENDLESS)["id"]
        until_status(port, rests, "running")
        ask(port, f"/api/runs/{rests}/control", {"paused": True})
        limit = monotonic() + PATIENCE_S
        while not ask(port, f"/api/runs/{rests}")["away"]:
            assert monotonic() < limit
            pause.wait(0.02)
        others = [ask(port, "/api/runs", ENDLESS | {"steps": 8_000})["id"] for _ in range(3)]
        while not (left := [run for run in others if ask(port, f"/api/runs/{run}")["away"]]):
            assert monotonic() < limit
            pause.wait(0.005)
        (waits,) = left
        served.send_signal(how)
        served.wait(PATIENCE_S)
    folder = tmp_path / "checkpoints"
    (folder / "stray.pt").write_bytes(b"of a run that is not there")
    (folder / f"{waits}.pt.part").write_bytes(b"of a worker that was killed")
    with process(tmp_path, port, target=TARGET):
        found = ask(port, f"/api/runs/{rests}")
        assert (found["status"], found["away"], found["paused"]) == ("paused", True, True)
        assert until_status(port, waits, "finished", "failed")["status"] == "finished"
        until(lambda: f"{waits}.pt" not in {path.name for path in folder.iterdir()})
        assert not list(folder.glob("stray*")) + list(folder.glob("*.part"))
        assert (folder / f"{rests}.pt").exists()
    store = open_store(tmp_path)
    kinds = [event["kind"] for event in store.series(waits, lambda name: False, Window())[2]]
    store.close()
    assert "restart" not in kinds


# --- Whose turn it is, and how long that takes -------------------------------------------------------

TURNS = Turns(pause_s=60.0, turn_s=300.0)


def a_run(name: str, **known: Any) -> Run:
    given: dict[str, Any] = {
        "key": 1, "outcome": None, "reason": "", "step": 0, "first_step": 1, "created": 0.0, "started": None,
        "finished": None, "heard": None, "progressed": None, "speed": None, "latest": {}, "sparkline": {},
        "control": {}, "next_seq": 0, "waiting_frames": 0, "waiting_bytes": 0, "bytes": 0,
    }  # fmt: skip
    return Run(**given | {"id": name, "kind": "train", "name": name, "task": "t", "steps": 1000} | known)


def lent(device: str, since: float | None = 0.0, **more: Any) -> Lent:
    return Lent(device, a_run(device), since=since, **more)


def test_only_as_many_are_asked_as_wait_for_their_devices_the_longest_first() -> None:
    first, second, other = lent("cuda:0", 0.0), lent("cuda:1", 5.0), lent("cpu", 0.0)
    gpus = ("cuda:0", "cuda:1")
    everyone = [second, first, other]
    assert to_ask(everyone, [], TURNS, 1e6) == ([], math.inf)
    assert to_ask(everyone, [gpus], TURNS, 299.0) == ([], 300.0)
    assert to_ask(everyone, [gpus], TURNS, 400.0)[0] == [first]
    assert to_ask(everyone, [gpus, gpus], TURNS, 400.0)[0] == [first, second]
    assert to_ask(everyone, [("cuda:1",)], TURNS, 400.0)[0] == [second]
    first.ask(400.0)
    assert to_ask(everyone, [gpus], TURNS, 401.0)[0] == []
    assert to_ask(everyone, [gpus, gpus, gpus], TURNS, 401.0)[0] == [second]
    first.stays(410.0)
    assert to_ask(everyone, [("cuda:0",)], TURNS, 420.0) == ([], 710.0)


def test_a_pause_is_asked_after_its_grace_and_steering_begins_it_anew() -> None:
    one = lent("cpu", None)
    one.heard(a_run("a", status=Status.STARTING), 0.0)
    assert one.turn_ends(TURNS) == math.inf  # while it loads
    one.heard(a_run("a", status=Status.RUNNING), 10.0)
    assert (one.turn_ends(TURNS), one.pause_ends(TURNS)) == (310.0, math.inf)
    paused = a_run("a", status=Status.PAUSED, control={"paused": True, "version": 1})
    one.heard(paused, 20.0)
    one.heard(replace(paused, step=3), 50.0)  # a frame that was under way
    assert to_ask([one], [], TURNS, 79.0) == ([], 80.0)
    one.heard(replace(paused, control={"paused": True, "version": 2, "steps": 1}), 70.0)
    assert to_ask([one], [], TURNS, 81.0) == ([], 130.0)
    assert to_ask([one], [], TURNS, 130.0)[0] == [one]
    one.ask(130.0)
    assert one.seen_version == 2
    one.stays(140.0)
    assert to_ask([one], [], TURNS, 199.0) == ([], 200.0)
    one.heard(a_run("a", status=Status.RUNNING, control={"version": 3}), 150.0)
    assert one.pause_ends(TURNS) == math.inf


def test_places_tell_how_long_the_wait_is_as_far_as_speeds_are_known() -> None:
    slow, short, new = a_run("slow", speed=1.0), a_run("short", speed=20.0, step=400), a_run("new", task="?")
    cpu = ("cpu",)
    found = places({"cpu": [30.0]}, [(slow, cpu), (short, cpu), (new, cpu), (slow, cpu)], {}, TURNS)
    assert [(p.run, p.position, p.seconds) for p in found] == [
        ("slow", 0, 30.0),
        ("short", 1, 330.0),  # after a turn of the slow one
        ("new", 2, 360.0),
        ("slow", 3, None),  # behind one of which nothing is known
    ]
    known = places({"cpu": [30.0]}, [(new, cpu), (slow, cpu)], {"?": 100.0}, TURNS)
    assert [p.seconds for p in known] == [30.0, 40.0]
    two = places({"cuda:0": [50.0, 10.0], "cpu": [0.0]}, [(short, ("cuda:0",))] * 3, {}, TURNS)
    assert [p.seconds for p in two] == [10.0, 40.0, 50.0]
    assert places({"cpu": [math.inf]}, [(short, cpu)], {}, TURNS)[0].seconds is None


def test_a_device_is_free_when_its_run_ends_pauses_long_enough_or_has_had_its_turn() -> None:
    one = lent("cpu", 100.0)
    assert one.free_in(TURNS, {}, 110.0) == math.inf
    assert one.free_in(TURNS, {"t": 100.0}, 110.0) == 10.0
    assert one.free_in(TURNS, {"t": 1.0}, 110.0) == 290.0
    assert lent("cpu", None).free_in(TURNS, {"t": 1.0}, 110.0) == 300.0
    assert lent("cpu", 100.0, paused=105.0).free_in(TURNS, {}, 110.0) == 55.0
    assert one.free_in(TURNS, {"t": 1.0}, 1000.0) == 0.0


def test_of_the_folder_nothing_is_removed_but_what_is_meant(tmp_path: Path) -> None:
    folder = Checkpoints(tmp_path / "checkpoints")
    folder.remove("a")
    folder.keep([])
    folder.path("a").parent.mkdir()
    for name in ("a", "ab", "b"):
        folder.path(name).write_bytes(b"")
    folder.path("a").with_name("a.pt.part").write_bytes(b"")
    folder.remove("a")
    assert sorted(path.name for path in folder.path("a").parent.iterdir()) == ["ab.pt", "b.pt"]
    folder.keep(["b"])
    assert folder.has("b")
    assert not folder.has("ab")
