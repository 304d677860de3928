"""What a worker does: one training run, delivered to the server that started it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import zeros
from torch.nn import Parameter

from app.jobs.executor import GAVE_WAY
from optim_core.catalogue import tasks
from optim_core.experiment import task_experiment
from optim_core.optimizer.torch_optimizer import make_optimizer
from optim_core.train import checkpoint
from optim_core.train.loop import GaveWay, Loop
from optim_core.transport.http_sink import HttpSink

NICENESS = 10  # below the server, which shares the processor


# What all runs need and what takes seconds to load, here and not in the first of them.
tasks()
make_optimizer("sgd", [Parameter(zeros(1))])


def train_job(job: dict[str, Any]) -> int:
    """Trains as the job's config says, from a checkpoint if it ``resumes``; 0 if all was delivered."""
    os.nice(NICENESS)
    experiment = task_experiment({**job["config"], "device": job["device"]})
    known = {"id": job["id"], "existing": True}  # somebody may have deleted it meanwhile
    sink = HttpSink(job["url"], known, job["token"] or None)
    place = Path(job["checkpoint"])
    loop = Loop(experiment, sink, job["id"], leave_at=place)
    if job["resumes"]:
        loop.load_state_dict(checkpoint.load(place))
    try:
        loop.run()
    except GaveWay:
        return GAVE_WAY
    if sink.refused or sink.undelivered:
        print(sink.refused or sink.trouble or "not everything was delivered", flush=True)
        return 1
    return 0
