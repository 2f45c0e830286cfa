"""The loopback world of `mtasts demo --serve`, for the tests that need a network."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from host import Host, Start

ROOT = Path(__file__).resolve().parents[2]


class World:
    """A running world; its control socket takes one line of JSON a command."""

    def __init__(self, folder: Path) -> None:
        self.about: dict[str, Any] = json.loads((folder / "world.json").read_text("utf-8"))
        self.options: dict[str, Any] = {
            "dns": self.about["dns"],
            "ca_file": self.about["ca_file"],
            "https_port": self.about["https_port"],
        }

    def command(self, **command: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.about["control"])
            control.sendall(json.dumps(command).encode() + b"\n")
            with control.makefile("rb") as answers:
                answer = json.loads(answers.readline())
        assert "error" not in answer, answer
        return answer


def program() -> Path:
    """`mtasts`: named by MTASTS, or built."""
    if named := os.environ.get("MTASTS"):
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    subprocess.run(
        ["cargo", "build", "--quiet", "--package", "mtasts", "--bin", "mtasts"], cwd=ROOT, check=True
    )
    return target / "debug" / "mtasts"


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program()), "demo", "--serve", "--dir", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
            assert running.stdin is not None and running.stdout is not None
            assert running.stdout.readline() == b"ready\n"
            yield World(Path(folder))
            running.stdin.close()
            assert running.wait(30) == 0


@pytest.fixture
def start() -> Iterator[Start]:
    # Not all tests need it, nor what it needs.
    from host import Host

    hosts: list[Host] = []

    def start(answer: Callable[[ssl.SSLSocket], None], names: str = "mta-sts.example.test", **options: Any) -> Host:
        hosts.append(Host([names], answer, **options))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()
