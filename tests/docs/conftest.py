"""What the tests of the docs share: a shell with a warm `preftree`, a server of made answers, trained tiny models."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


@pytest.fixture
def graded(shell: dict[str, str], tmp_path: Path) -> Callable[..., None]:
    """Directories of graded answers to three made rows, one a model: `graded(folder, "sft", "dpo")`."""

    def made(folder: Path, *names: str) -> None:
        asked = {"Body": "There are some pens", "Question": "How many?", "Type": "Addition"}
        test = tmp_path / "SVAMP.json"
        test.write_text(json.dumps([asked | {"ID": f"made-{n}", "Answer": n + 1} for n in range(3)]))
        for wrong, name in enumerate(names):
            answers = [{"id": f"made-{n}", "response": f"\\boxed{{{n + 1 + (n < wrong)}}}"} for n in range(3)]
            given = tmp_path / f"answers-{name}.jsonl"
            given.write_text("".join(json.dumps(row) + "\n" for row in answers))
            words = ["svamp", "--predictions", str(given), f"data={test}", f"out={folder / name}", f"model={name}"]
            subprocess.run(["preftree", "score", *words], env=shell, check=True, capture_output=True)

    return made


@pytest.fixture(scope="session")
def grown(shell: dict[str, str], tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forest that knows its references: each correct action is a problem's own program."""
    folder = tmp_path_factory.mktemp("grown")
    rows = [{"problem": f"What is {n} + 7?", "reference": str(n + 7), "program": f"{n} + 7"} for n in range(2)]
    (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [
        f"problems={folder / 'mine.jsonl'}",
        f"actors.a.model={tiny_model}",
        "ladder=[a]",
        f"out={folder / 'forest'}",
    ]
    small = ["policy.max_tokens=8", "policy.max_turns=1", "policy.batches=[1]"]
    subprocess.run(["preftree", "grow", *words, *small], env=shell, check=True, capture_output=True)
    return folder / "forest"


class _Made(ThreadingHTTPServer):
    """Speaks OpenAI's protocol; every other answer adds what the problem asks to be added, rightly."""

    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = re.findall(
            r"What is (\d+) \+ (\d+)\?", body["messages"][-1]["content"] + body["messages"][0]["content"]
        )
        total = sum(map(int, asked[-1])) if asked else 0
        text = f"```python\n{total + body.get('seed', 0) % 2}\n```"
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 5}
        content = json.dumps({"choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def made_server() -> Iterator[_Made]:
    server = _Made(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
