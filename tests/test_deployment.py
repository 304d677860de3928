"""What Dockerfile, compose.yaml and the locks promise, as far as it shows without building."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from app.commands.server import SHUTDOWN_SECONDS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
NEEDED = {
    "cpu": PROJECT["project"]["dependencies"],
    "gpu": PROJECT["project"]["dependencies"],
    "build": PROJECT["build-system"]["requires"],
}


def locked(name: str) -> dict[str, list[tuple[Requirement, int]]]:
    """The lines of a lock by package: a requirement, and the number of its hashes."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text().replace("\\\n", "")
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            requirement, *hashes = line.split("--hash=sha256:")
            parsed = Requirement(requirement)
            found.setdefault(parsed.name, []).append((parsed, len(hashes)))
    return found


@pytest.mark.parametrize("name", NEEDED)
def test_every_dependency_is_locked_to_one_version_with_hashes(name: str) -> None:
    packages = locked(name)
    for lines in packages.values():
        for requirement, hashes in lines:
            assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
            assert hashes > 0, requirement
    for needed in map(Requirement, NEEDED[name]):
        versions = [str(line.specifier).removeprefix("==") for line, _ in packages[needed.name]]
        assert all(needed.specifier.contains(version) for version in versions), (needed, versions)


def test_both_images_have_the_same_torch_each_for_its_device() -> None:
    [[cpu, _]], [[gpu, _]] = locked("cpu")["torch"], locked("gpu")["torch"]
    assert str(cpu.specifier) == f"{gpu.specifier}+cpu"
    assert not [name for name in locked("cpu") if name.startswith(("nvidia", "cuda", "triton"))]
    assert [name for name in locked("gpu") if name.startswith("nvidia")]


def test_the_image_installs_from_the_locks_alone() -> None:
    installs = re.findall(r"pip install(.*?)(?=&&|\n[A-Z])", DOCKERFILE.replace("\\\n", ""), re.DOTALL)
    installs += re.findall(r"python install(.*?)(?=&&|\n[A-Z])", DOCKERFILE.replace("\\\n", ""), re.DOTALL)
    assert len(installs) == 3
    for options in installs:
        assert "--require-hashes" in options or ("--no-index" in options and "--no-deps" in options)


def test_only_what_the_image_needs_is_sent_to_its_build() -> None:
    """What the wheel is built from, and the locks: no tests, no history, nobody's data."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    project, hatch = PROJECT["project"], PROJECT["tool"]["hatch"]["build"]["targets"]
    needed = {"pyproject.toml", project["readme"], *project["license-files"]}
    needed |= {*hatch["wheel"]["packages"], *hatch["wheel"]["force-include"]}
    needed |= {name.strip("/") for name in hatch["sdist"]["include"]}
    needed |= set(re.findall(r"^COPY (\w+) ", DOCKERFILE, re.MULTILINE))
    assert {rule[1:] for rule in rules if rule.startswith("!")} == needed
    assert all((ROOT / name).exists() for name in needed)


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_a_service_may_do_no_more_than_it_must(service: str) -> None:
    settings = COMPOSE["services"][service]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", settings["user"]), "numeric, and not root"
    assert f"USER {settings['user']}" in DOCKERFILE
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in settings
    assert [entry.split(":")[0] for entry in settings["tmpfs"]] == ["/tmp"]
    assert settings["volumes"] == ["data:/data"]
    assert "VOLUME /data" in DOCKERFILE
    [published] = settings["ports"]
    assert published.endswith(f":{settings['environment']['OPTIMSCOPE_PORT']}")
    assert settings["healthcheck"]["test"][0] == "CMD"
    assert float(settings["stop_grace_period"].removesuffix("s")) > SHUTDOWN_SECONDS + 2


def test_one_command_serves_on_the_cpu_and_a_profile_on_the_gpu() -> None:
    lab, gpu = COMPOSE["services"]["lab"], COMPOSE["services"]["gpu"]
    assert "profiles" not in lab
    assert gpu["profiles"] == ["gpu"]
    [device] = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert gpu["build"]["args"] == {"TORCH": "gpu"}
    assert "ARG TORCH=cpu" in DOCKERFILE
    assert list(COMPOSE["volumes"]) == ["data"]
