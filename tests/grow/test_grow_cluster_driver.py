"""The command on a cluster: interrupted, then killed, then run to its end, against an endpoint that counts."""

import collections
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import world

from preftree.export import export
from preftree.forest import Forest
from preftree.recipe import run_single
from preftree.records import Message

pytest.importorskip("ray", reason="Ray is not installed: pip install 'preftree[ray]'")

FLIGHTS = 2 * 4 * 2  # two workers at a time, with four trees each, that draw up to two samples


class Counting(BaseHTTPRequestHandler):
    """Answers some sums right, by the request alone; keeps what was asked and what was answered."""

    asked, answered = collections.Counter(), collections.Counter()

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        type(self).asked[text] += 1
        time.sleep(0.05)
        body = json.loads(text)
        messages = [Message(message["role"], message["content"]) for message in body["messages"]]
        message = {"role": "assistant", "content": world.answer(0.3)(messages, body["seed"])}
        reply = json.dumps(
            {
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 50, "completion_tokens": 12},
            }
        ).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)
        except OSError:
            return  # who asked was killed
        type(self).answered[text] += 1

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def address():
    Counting.asked.clear()
    Counting.answered.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def _start(section, log):
    settings = [f"{key}={json.dumps(value)}" for key, value in section.items()]
    command = [sys.executable, "-m", "preftree", "grow", *settings]
    with log.open("a") as errors:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)


def _signal_when(process, number, count):
    """Send the signal once so many answers were given in all."""
    while process.poll() is None and sum(Counting.answered.values()) < count:
        time.sleep(0.01)
    os.kill(process.pid, number)
    return process.wait(timeout=100)


@pytest.mark.slow  # Ray is started three times
def test_interrupted_killed_and_ended(tmp_path, address):
    rows = [{"problem": f"What is {10 + i} + {3 * i + 1}?", "reference": str(4 * i + 11)} for i in range(24)]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    section = {
        "problems": str(tmp_path / "p.jsonl"),
        "actors": {"far": {"kind": "endpoint", "base_url": address, "model": "m", "input_usd": 1.0}},
        "ladder": ["far"],
        "policy": {"batches": [1, 2], "max_turns": 3, "concurrency": 4, "hints": False},
        "environment": {"workers": 1, "preload": []},
    }
    cluster = section | {"engine": "ray", "cluster": {"shards": 4}, "out": str(tmp_path / "many")}
    log = tmp_path / "log"

    assert _signal_when(_start(cluster, log), signal.SIGINT, 10) == 3
    assert "interrupted; run the same command again to go on" in log.read_text()
    interrupted = collections.Counter(Counting.answered)
    assert interrupted == Counting.asked, "what was in flight was awaited"
    with Forest(tmp_path / "many", readonly=True) as forest:
        assert forest.account().calls == sum(interrupted.values())
        assert forest.account().unanswered_calls == 0

    assert _signal_when(_start(cluster, log), signal.SIGKILL, sum(interrupted.values()) + 20) == -signal.SIGKILL
    assert _start(cluster, log).wait(timeout=100) == 0, log.read_text()
    twice = [text for text, times in Counting.asked.items() if times > 1]
    assert not set(twice) & set(interrupted), "a committed call was made again"
    assert len(twice) <= FLIGHTS
    assert max(Counting.asked.values()) <= 2
    with Forest(tmp_path / "many", readonly=True) as forest:
        account = forest.account()
    assert account.calls == len(Counting.asked)
    assert account.unanswered_calls <= FLIGHTS
    assert account.price_usd == pytest.approx(account.calls * 50e-6)

    run_single("grow", section | {"out": str(tmp_path / "one")})
    for out in ("many", "one"):
        export(tmp_path / out, tmp_path / f"{out}-rows")
    for name in ("sft.jsonl", "pairs.jsonl"):
        assert (tmp_path / "many-rows" / name).read_bytes() == (tmp_path / "one-rows" / name).read_bytes()
