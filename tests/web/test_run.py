"""``optimscope run``: the same training without a page, into the same store."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from running import running

from app.commands.main import main
from app.store import Query, Window, open_store
from optim_core.transport.sinks import read_file

SHORT = ("run", "digits_mlp", "--steps", "20", "--task-hidden", "8", "--trace-every", "5")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_run_goes_into_the_folder_of_a_server(tmp_path: Path) -> None:
    done = call(
        *SHORT, "--data-dir", str(tmp_path), "--name", "mine", "--tag", "a", "--tag", "b", "--lr", "0.01"
    )
    assert done.exit_code == 0, done.output
    assert "outcome    finished: All steps were taken." in done.output
    store = open_store(tmp_path)
    (run,), _ = store.select(Query())
    assert f"kept as    {run.id}" in done.output
    assert (run.name, run.tags, run.status, run.outcome) == ("mine", ["a", "b"], "finished", "finished")
    assert (run.task, run.optimizer, run.step, run.steps) == ("digits_mlp", "adamw", 20, 20)
    assert (run.config["hyper"]["lr"], run.config["settings"]["hidden"]) == (0.01, 8)
    _, series, events = store.series(run.id, lambda name: name in ("loss", "0.bias/weight_norm"), Window())
    assert series["loss"].steps.tolist() == list(range(1, 21))
    assert series["0.bias/weight_norm"].steps.tolist() == [1, 5, 10, 15, 20]
    assert events[-1]["outcome"] == "finished"
    assert {tensor["name"] for tensor in store.description(run)["tensors"]} >= {"0.weight", "0.bias"}
    store.close()


def test_a_run_goes_to_a_running_server(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        address = f"http://127.0.0.1:{server.port}"
        done = call(*SHORT, "--to", address, "--optimizer", "sgd", "--momentum", "0.5")
        assert done.exit_code == 2  # sgd has no momentum
        done = call(*SHORT, "--to", address, "--optimizer=momentum", "--momentum", "0.5")
        assert done.exit_code == 0, done.output
        (run,) = server.client.get("/api/runs").json()["runs"]
        assert (run["optimizer"], run["config"]["hyper"]["momentum"]) == ("momentum", 0.5)
        assert (run["status"], run["step"], run["kind"]) == ("finished", 20, "train")
        locked = call(*SHORT, "--data-dir", str(tmp_path))
        assert locked.exit_code == 1
        assert "--to http://" in locked.output


def test_a_run_goes_into_a_file_but_never_over_one(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    arguments = (*SHORT, "--file", str(file))
    assert call(*arguments, "--clip", "-1").exit_code == 2
    assert not file.exists()
    assert call(*arguments, "--clip", "1", "--watch", "0.bias", "3").exit_code == 0
    recording = read_file(file)
    assert recording.outcome == "finished"
    assert "0.bias[3]/value" in recording
    again = call(*arguments)
    assert again.exit_code == 1
    assert "cannot be written" in again.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "there is no task 'nothing'; known: "),
        (("digits_mlp", "--optimizer", "adamz"), "there is no optimizer 'adamz'"),
        (("digits_mlp", "--lr", "-1"), "hyper.lr: got -1.0"),
        (("digits_mlp", "--task-hidden", "0"), "hidden"),
        (("digits_mlp", "--schedule", "moon"), "there is no schedule 'moon'"),
        (("digits_mlp", "--trace", "nobody*"), "no tensor is named"),
        (("digits_mlp", "--to", "ftp://x"), "expected an address"),
        (("digits_mlp", "--to", "http://x", "--file", "y"), "exclude each other"),
    ],
)
def test_what_cannot_be_trained_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("run", *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output


def test_the_flags_are_those_of_the_optimizer_and_the_task() -> None:
    lion, sgd = (call("run", "digits_mlp", "--optimizer", name, "--help").output for name in ("lion", "sgd"))
    assert "--beta1" in lion
    assert "--beta1" not in sgd
    assert "--task-hidden" in sgd
    assert "digits_mlp" in call("run", "--help").output
