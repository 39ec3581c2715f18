"""An endpoint as the stronger actor: a real HTTP server that speaks the protocol, asked through the command line."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Adder(BaseHTTPRequestHandler):
    """Answers sums by a program; counts what it is asked."""

    asked = 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked += 1
        a, b = re.findall(r"What is (\d+) \+ (\d+)", body["messages"][0]["content"])[-1]
        message = {"role": "assistant", "content": f"```python\n# Step 1: add.\n{a} + {b}\n```"}
        reply = {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 50, "completion_tokens": 12},
        }
        text = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def address():
    Adder.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Adder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_is_escalated_to_and_paid_once(tmp_path, tiny_model, address):
    rows = [{"problem": f"What is {i} + 7?", "reference": str(i + 7)} for i in range(5)]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = [
        *(sys.executable, "-m", "preftree", "grow", f"problems={tmp_path / 'p.jsonl'}"),
        f"actors.small.model={tiny_model}",
        f"actors.far={{kind: endpoint, base_url: '{address}', model: m, input_usd: 1.0, output_usd: 2.0}}",
        *("ladder=[small, far]", "policy.batches=[1]", "policy.max_turns=1", "policy.max_tokens=16"),
        *(f"out={tmp_path / 'forest'}", "--json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["stages"] == {"escalation-1": 5}
    assert report["pairs_by_actors"] == {"far over small": 5}
    assert report["account"]["price_usd"] == pytest.approx(5 * (50 * 1.0 + 12 * 2.0) / 1e6)
    assert Adder.asked == 5
    again = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert json.loads(again.stdout) == report
    assert Adder.asked == 5
