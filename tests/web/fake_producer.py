"""Frames without training, and a worker that does as its run's config says."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np

from optim_core.transport.frames import Frame

JSON = {"Content-Type": "application/json"}


def frame(run: str, seq: int, rows: int = 4, tensors: int = 2, **more: Any) -> Frame:
    """A frame whose numbers tell where they belong: column k, step t holds t + k/100."""
    first = 1 + seq * rows
    offsets = np.arange(rows, dtype=np.float32)
    names = ["loss", "lr", *(f"layer.{i}/weight_norm" for i in range(tensors))]
    columns = {name: (first + offsets + k / 100).astype(np.float32) for k, name in enumerate(names)}
    return Frame(run, seq, first, {"step": offsets, **columns}, **more)


def sparse_frame(run: str, seq: int, step: int, bins: int = 8) -> Frame:
    """A frame of what is measured rarely: one row with a validation loss and a histogram."""
    histogram = np.full((1, bins), step, np.float32)
    columns = {
        "step": np.zeros(1, np.float32),
        "val_loss": np.array([step], np.float32),
        "layer.0/hist": histogram,
    }
    return Frame(run, seq, step, columns)


def same(one: Frame, other: Frame) -> bool:
    """Whether two frames are equal to the bit."""
    facts = [(f.run, f.seq, f.first_step, list(f.columns), [dict(e) for e in f.events]) for f in (one, other)]
    return facts[0] == facts[1] and all(
        np.array_equal(values, other.columns[name], equal_nan=True)
        and values.shape == other.columns[name].shape
        for name, values in one.columns.items()
    )


def post(url: str, body: object, token: str = "") -> dict[str, Any]:
    """The answer to a request, be it an error."""
    headers = JSON | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=60) as answer:
            found = json.load(answer)
    except HTTPError as error:
        with error:
            found = json.load(error)
    assert isinstance(found, dict)
    return found


def echo(job: dict[str, Any]) -> int:
    """Says its device, its threads and its code, and ends with that."""
    from torch import get_num_threads

    print(job["device"], get_num_threads(), job["code"])
    return int(job["code"])


def sleep(job: dict[str, Any]) -> int:
    """Writes who it is into a file, and never ends by itself."""
    Path(job["file"]).write_text(f"{os.getpid()}\n")
    threading.Event().wait()
    return 0


def work(job: dict[str, Any]) -> int:
    """A worker: ``frames`` of them, then the ``end``: finish, hang, raise, exit or a signal.

    One that ``lends`` leaves when it is asked for its device, though only after it was told to take a step,
    of which it takes no notice; when it begins again, it finishes.
    """
    settings, run, pause = job["config"].get("fake", {}), job["id"], threading.Event()
    address = f"{job['url']}/api/ingest/runs"
    answer = post(address, {"run": {"id": run}}, job["token"])
    print(f"worker {os.getpid()} begins", file=sys.stderr)
    for seq in range(answer["next_seq"], settings.get("frames", 3)):
        answer = post(f"{address}/{run}/frames", {"frames": [frame(run, seq).to_json()]}, job["token"])
        pause.wait(settings.get("pause", 0.0))
    end = settings.get("end", "finish")
    if end == "raise":
        raise RuntimeError("the weights are gone")
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "exit":
        return 3
    if end == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while end in ("hang", "deaf"):
        answer = post(f"{address}/{run}/frames", {"frames": []}, job["token"])
        if "control" not in answer or (answer["control"]["cancel"] and end == "hang"):
            break
        pause.wait(0.02)
    if end == "lends" and not job["resumes"]:
        asked = False
        while not (asked and answer["control"]["steps"]):
            pause.wait(0.02)
            answer = post(f"{address}/{run}/frames", {"frames": []}, job["token"])
            asked = asked or answer["control"]["give_way"]
        Path(job["checkpoint"]).parent.mkdir(exist_ok=True)
        Path(job["checkpoint"]).write_text("all that it knows")
        return 75
    outcome = "cancelled" if answer.get("control", {}).get("cancel") else "finished"
    post(f"{address}/{run}/finish", {"outcome": outcome, "reason": "That was all."}, job["token"])
    return 0
