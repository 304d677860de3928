"""Settings of the server: environment variables OPTIMSCOPE_…, overridden by command-line flags."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.processes import cores

SHORTEST_TOKEN, SHORTEST_INSTRUCTORS_TOKEN = 8, 16
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


# With one of these before all paths nobody could tell whether a proxy has taken it off.
OWN_FOLDERS = frozenset(
    [
        "api",
        "static",
        "runs",
        "compare",
        "train",
        "instructor",
        "docs",
        "login",
        "logout",
        "metrics",
        "healthz",
        "readyz",
        "openapi.json",
    ]
)


class Limits(BaseSettings):
    """What one request may ask for; the variable OPTIMSCOPE_MAX_STEPS raises ``steps``, and so on."""

    model_config = SettingsConfigDict(env_prefix="OPTIMSCOPE_MAX_", frozen=True)

    runs: int = Field(default=24, ge=1, description="Runs in one request.")
    compared: int = Field(
        default=64, ge=1, description="Runs that are kept, side by side: in one stream, or one question."
    )
    steps: int = Field(default=20_000, ge=1, description="Steps of one run.")
    rows: int = Field(default=200_000, ge=2, description="Steps of all runs of one request together.")
    grid: int = Field(default=256, ge=2, description="Points along one side of a surface's grid.")
    body_bytes: int = Field(default=1_000_000, ge=1_000, description="Bytes in the body of one request.")
    train_steps: int = Field(default=2_000_000, ge=1, description="Steps of one training run.")
    queued: int = Field(default=50, ge=1, description="Training runs of one client that wait or run.")
    queue: int = Field(default=500, ge=1, description="Training runs of all clients that wait or run.")
    streams: int = Field(default=1_000, ge=1, description="Streams that are open at the same time.")
    client_streams: int = Field(
        default=12, ge=1, description="Streams of one client that are open at the same time."
    )
    requests: int = Field(
        default=50, ge=1, description="Requests of one client in a second, on average over ten seconds."
    )
    ingest_bytes: int = Field(
        default=32_000_000, ge=1_000, description="Bytes in one request that delivers frames."
    )
    held_bytes: int = Field(
        default=256_000_000, ge=1_000, description="Bytes of all bodies that are read at the same time."
    )
    columns: int = Field(default=20_000, ge=1, description="Columns of one run.")
    points: int = Field(default=20_000, ge=2, description="Points of one column in one answer.")
    numbers: int = Field(default=8_000_000, ge=2, description="Numbers in one answer.")
    cells: int = Field(default=3_000_000, ge=2, description="Cells of the table of runs on a surface.")
    elements: int = Field(
        default=5_000, ge=10, description="Values, lists and objects in the body of one request."
    )
    ingest_elements: int = Field(
        default=1_000_000, ge=10, description="The same in one request that delivers frames."
    )
    store_bytes: int = Field(
        default=10_000_000_000,
        ge=100_000,
        description="Bytes of all runs; beyond that, those that ended longest ago are removed.",
    )
    owner_runs: int = Field(
        default=1_000, ge=1, description="Runs of one visitor of many; beyond that, the oldest are removed."
    )
    owner_bytes: int = Field(
        default=2_000_000_000, ge=1_000, description="Bytes of the runs of one visitor of many, likewise."
    )

    def check(self, name: str, value: int, field: str, what: str) -> None:
        """Raises InvalidInput if ``value`` is above the limit ``name``."""
        from optim_core.declare.errors import InvalidInput  # with it comes torch: settings are read before

        limit = getattr(self, name)
        if value > limit:
            raise InvalidInput(
                f"got {value if value < 10**15 else 'far too many'} {what}, allowed are at most {limit}.",
                code="limit",
                field=field,
                hint=f"Ask for less, or start the server with OPTIMSCOPE_MAX_{name.upper()} set higher.",
            )


class Settings(BaseSettings):
    """How and where to serve. Pass one to `create_app`; nothing imports a global."""

    model_config = SettingsConfigDict(env_prefix="OPTIMSCOPE_", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    data_dir: Path = Field(default=Path("optimscope-data"), description="Folder for what the server keeps.")
    token: str = Field(
        default="", description="What visitors must show; needed unless the host is this machine's own."
    )
    instructor_token: str = Field(
        default="", description="What the instructor shows instead, who may change every run."
    )
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Host names under which browsers may reach the server, separated by commas."
    )
    url: str = Field(
        default="",
        description="Where others reach the server, as http://lab.example:8000, for the printed link.",
    )
    root_path: str = Field(
        default="", description="Path under which a proxy serves it, as /lab; whether or not it takes it off."
    )
    proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses or networks of proxies whose X-Forwarded-For and -Proto count, with commas.",
    )
    published_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of a container from outside, for the printed link."
    )
    frame_ancestors: str = Field(default="'none'", description="Pages that may embed this one, as in a CSP.")
    cache_bytes: int = Field(
        default=64_000_000, ge=0, description="Memory for answers that were computed before."
    )
    processes: int | None = Field(
        default=None,
        ge=0,
        description="Processes that compute answers; None: as many as cores on a server for many, else 0.",
    )
    jobs_per_device: int = Field(default=1, ge=1, description="Training runs at the same time on one device.")
    pause_seconds: float = Field(
        default=60.0, ge=0, description="For so long a run that pauses keeps its device."
    )
    turn_seconds: float = Field(
        default=300.0, gt=0, description="For so long a run keeps its device while others wait for it."
    )
    preload: bool = Field(
        default=False,
        description="Load torch for training runs when the server starts, not with the first run.",
    )
    silent_seconds: float = Field(
        default=120.0,
        gt=0,
        description="After so long without a word from its producer a run counts as interrupted.",
    )
    keep_days: float | None = Field(
        default=None, gt=0, description="Runs that ended longer ago are removed; None keeps them."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="How the log is written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged: this and worse."
    )
    log_requests: bool = Field(default=False, description="Log every request, without its query.")
    reload: bool = Field(
        default=False, description="Pick up edits of templates/ and static/ without a restart."
    )
    limits: Limits = Field(default_factory=lambda: Limits())

    @field_validator("hosts", "proxies", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        """Names from a text with commas between them."""
        if not isinstance(names, str):
            return names
        return tuple(filter(None, (name.strip().lower() for name in names.split(","))))

    @field_validator("token", "instructor_token")
    @classmethod
    def _long_enough(cls, token: str, info: ValidationInfo) -> str:
        least = SHORTEST_TOKEN if info.field_name == "token" else SHORTEST_INSTRUCTORS_TOKEN
        if token and not (len(token) >= least and token.isascii() and token.isprintable()):
            raise ValueError(
                f"got {len(token)} characters, expected at least {least}, letters, digits and signs of ASCII;"
                " leave it out to have one made up"
            )
        return token

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for each in proxies:
            try:
                ip_network(each)
            except ValueError:
                raise ValueError(
                    f"{each[:60]!r} is neither an address nor a network, as 10.0.0.2 or 10.0.0.0/24"
                ) from None
        return proxies

    @field_validator("root_path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        path = path.rstrip("/")
        if path and not re.fullmatch(r"(/[A-Za-z0-9][A-Za-z0-9._~-]*)+", path):
            raise ValueError(f"got {path[:60]!r}, expected a path as /lab: plain letters, digits, - . _ ~")
        if path.split("/")[1:2] and path.split("/")[1] in OWN_FOLDERS:
            raise ValueError(f"{path[:60]!r} is what addresses of the server's own begin with: take another")
        return path

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and not (parts.scheme in ("http", "https") and parts.hostname and not parts.query):
            raise ValueError("expected an address as http://lab.example:8000")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _one_path(self) -> Settings:
        path = urlsplit(self.url).path.rstrip("/")
        if path and path != self.root_path:
            raise ValueError(
                f"expected an address as http://lab.example:8000; set {path} as OPTIMSCOPE_ROOT_PATH too"
            )
        return self

    @model_validator(mode="after")
    def _instructors_own(self) -> Settings:
        if self.instructor_token and self.instructor_token == self.token:
            raise ValueError("the instructor needs a token that the others do not have")
        if self.instructor_token and not self.token and self.is_local:
            raise ValueError("an instructor's token makes sense beside a token for the others only")
        return self

    @property
    def computing(self) -> int:
        """How many processes compute answers; 0: threads do."""
        if self.processes is not None:
            return self.processes
        return cores() if self.token else 0

    def trusts(self, address: str) -> bool:
        """Whether the address is that of a proxy whose word counts."""
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in ip_network(proxy) for proxy in self.proxies)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this machine's own loopback interface."""
    name = host.strip("[]").lower()
    if name in LOOPBACK_NAMES or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def url_of(host: str, port: int) -> str:
    """The address of a server."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def local_url(host: str, port: int) -> str:
    """Where this machine itself reaches a server that listens on ``host``."""
    return url_of(LOOPBACK_OF.get(host, host), port)
