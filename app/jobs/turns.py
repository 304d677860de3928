"""Devices are lent: which runs are to give theirs back, and how long those that wait will wait."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.store import Run

NEVER = float("inf")  # of times; of spans: one that is not known
ANSWER_SECONDS = 10.0  # in which a run answers when it is asked for its device; else it has another turn


@dataclass(frozen=True)
class Turns:
    """How long a run keeps its device: in a pause, and while others wait for it."""

    pause_s: float
    turn_s: float


@dataclass
class Lent:
    """A device in the hands of a run, as far as its turn goes. Times are those of a monotonic clock."""

    device: str
    run: Run  # as it was heard of last
    since: float | None = None  # when its turn began: with its first word, not while it loads
    paused: float | None = None  # when it was paused, or steered last while it was
    asked: float | None = None  # when its device was asked for
    seen_version: int = -1  # of the control that it had then

    def heard(self, run: Run, now: float) -> None:
        """Takes notice of how the run stands."""
        if self.since is None and run.status != "starting":
            self.since = now
            self.paused = now if run.control.get("paused") else None
        elif run.control != self.run.control:
            self.paused = now if run.control.get("paused") else None
        self.run = run

    def ask(self, now: float) -> None:
        """Asks for its device."""
        self.asked, self.seen_version = now, int(self.run.control.get("version", 0))

    def stays(self, now: float) -> None:
        """It has not given its device back: it has another turn, or pause."""
        self.asked, self.since = None, now
        self.paused = None if self.paused is None else now

    def pause_ends(self, turns: Turns) -> float:
        """When the grace of its pause is over."""
        return NEVER if self.paused is None or self.since is None else self.paused + turns.pause_s

    def turn_ends(self, turns: Turns) -> float:
        """When it has to give way to others."""
        return NEVER if self.since is None else self.since + turns.turn_s

    def free_in(self, turns: Turns, speeds: Mapping[str, float], now: float) -> float:
        """In how many seconds the device is free, if others wait for it; infinite where nothing is known."""
        left = seconds_of(self.run, speeds) if self.paused is None else self.pause_ends(turns) - now
        turn = turns.turn_s if self.since is None else self.turn_ends(turns) - now
        return max(min(left, turn), 0.0) if left < NEVER else NEVER


@dataclass
class _Slot:
    """A place on a device."""

    device: str
    free_in: float


def to_ask(
    lent: Sequence[Lent], waiting: Iterable[Collection[str]], turns: Turns, now: float
) -> tuple[list[Lent], float]:
    """Those whose device is to be asked for now, and when the next may be.

    ``waiting`` holds, for each run that waits, the devices on which it may run; for each of them, one device
    is enough. ``lent`` are those that have not been asked, and those that have.
    """
    chosen = [one for one in lent if one.asked is None and one.pause_ends(turns) <= now]
    coming = [one for one in lent if one.asked is not None] + chosen
    free = [one for one in lent if one not in coming]
    following = min((one.pause_ends(turns) for one in free), default=NEVER)
    for devices in waiting:
        served = next((one for one in coming if one.device in devices), None)
        if served:
            coming.remove(served)
            continue
        oldest = min(
            (one for one in free if one.device in devices), key=lambda one: one.turn_ends(turns), default=None
        )
        if oldest is None:
            continue
        free.remove(oldest)
        if oldest.turn_ends(turns) <= now:
            chosen.append(oldest)
        else:
            following = min(following, oldest.turn_ends(turns))
    return chosen, following


@dataclass(frozen=True)
class Place:
    """Where a run stands in the queue: behind how many, and about how long it will wait, if that is known."""

    run: str
    position: int
    seconds: float | None


def places(
    free_in: Mapping[str, Sequence[float]],
    waiting: Sequence[tuple[Run, Collection[str]]],
    speeds: Mapping[str, float],
    turns: Turns,
) -> list[Place]:
    """The queue as it will be worked off, each run for its turn at most.

    ``free_in`` tells by device in how many seconds each of its slots is free, ``waiting`` the runs in their
    order with their devices, ``speeds`` the speed by task where such a run has been heard of; what is not
    known is infinite.
    """
    slots = [_Slot(device, seconds) for device, each in free_in.items() for seconds in each]
    nowhere = _Slot("", NEVER)
    found = []
    for position, (run, devices) in enumerate(waiting):
        own = [slot for slot in slots if slot.device in devices]
        slot = min(own, key=lambda each: each.free_in, default=nowhere)
        begins = slot.free_in
        found.append(Place(run.id, position, begins if begins < NEVER else None))
        left = seconds_of(run, speeds)
        slot.free_in = begins + (min(left, turns.turn_s) if left < NEVER else NEVER)
    return found


def seconds_of(run: Run, speeds: Mapping[str, float]) -> float:
    """About how long the rest of a run takes; infinite where nothing is known."""
    speed = run.speed or speeds.get(run.task)
    return max(run.steps - run.step, 0) / speed if run.steps and speed else NEVER
