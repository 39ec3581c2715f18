"""What the tests of the docs share: a shell with a warm `preftree`, a server of made answers, trained tiny models."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from pages import Block, environment_of, play
from warm import write_client

Player = Callable[..., str]


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a shell in which `preftree` is this checkout's, and quick to start."""
    folder = tmp_path_factory.mktemp("bin")
    environment = environment_of(folder, tmp_path_factory.mktemp("cache"))
    address = str(folder / "socket")
    write_client(folder, address)
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "warm.py"), address],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    assert server.stdout.readline() == b"ready\n"
    yield environment
    server.stdin.close()
    server.wait(timeout=30)
    server.stdout.close()


@pytest.fixture
def read(shell: dict[str, str]) -> Player:
    """Play a group of blocks as a reader would: `read(group(PAGE, NAME), directory, {what: what instead})`."""

    def played(found: Sequence[Block], directory: Path, changes: Mapping[str, str] | None = None) -> str:
        return play(found, directory, shell, changes)

    return played
