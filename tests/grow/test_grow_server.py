"""Growing over a real server in another process: `transformers serve` with the embedded model, killed and resumed.

Where the embedded model was never fetched, the server has the tests' random model instead.
"""

import importlib.util
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest

from preftree.actors.embedded import cached_model
from preftree.recipe import run_single

NEEDED = ("fastapi", "uvicorn", "openai")


@pytest.fixture(scope="module")
def served(tiny_model, tmp_path_factory):
    """(address, model) of a server that answers."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"`transformers serve` needs {', '.join(missing)}")
    model = str(cached_model() or tiny_model)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path_factory.mktemp("server") / "log").open("w+")
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", model]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    # One thread: two that wait for each other on a busy machine take minutes.
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=offline) as server:
        try:
            _await(server, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1", model
        finally:
            server.kill()
            log.close()


def _await(server, url, log):
    until = time.monotonic() + 150
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    log.seek(0)
    pytest.fail(f"the server did not start: {log.read()[-2000:]}")


def _answers(forest):
    """The answers committed so far, by key; none before the forest is there."""
    if not (forest / "forest.sqlite").exists():
        return {}
    reader = sqlite3.connect(f"file:{forest / 'forest.sqlite'}?mode=ro", uri=True)
    try:
        return dict(reader.execute("SELECT key, digest || answer FROM calls WHERE answer IS NOT NULL"))
    except sqlite3.OperationalError:  # its tables are being made
        return {}
    finally:
        reader.close()


def test_growing_over_a_served_model_goes_on_after_a_kill(tmp_path, served):
    address, model = served
    rows = [{"problem": f"What is {i} + 7?", "reference": str(i + 7), "program": f"{i} + 7"} for i in range(3)]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    forest = tmp_path / "forest"
    section = {
        "problems": str(tmp_path / "p.jsonl"),
        "actors": {"far": {"kind": "endpoint", "base_url": address, "model": model, "max_connections": 2}},
        "ladder": ["far"],
        "policy": {"batches": [1, 1], "max_turns": 1, "max_tokens": 8},
        "environment": {"workers": 1, "preload": []},
        "out": str(forest),
    }
    (tmp_path / "grow.json").write_text(json.dumps(section))
    command = [sys.executable, "-m", "preftree", "grow", str(tmp_path / "grow.json")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        until = time.monotonic() + 100
        while len(_answers(forest)) < 2 and time.monotonic() < until and first.poll() is None:
            time.sleep(0.1)
        first.kill()
    before = _answers(forest)
    assert first.returncode == -signal.SIGKILL
    assert len(before) >= 2

    report = run_single("grow", section)["report"]
    after = _answers(forest)
    assert before.items() <= after.items()
    assert (report["trees"], report["new_calls"]) == (3, len(after) - len(before))
    assert report["new_calls"] > 0
    assert report["account"]["calls"] == len(after)
    # Each prompt holds the rules and the problem: dozens of tokens, counted by the server.
    assert report["account"]["input_tokens"] > 20 * len(after)
