"""An endpoint as the stronger actor: a real HTTP server that speaks the protocol, asked through the command line."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from preftree.errors import ActorError, InputError, Stopped
from preftree.forest import Forest
from preftree.recipe import run_single


class Adder(BaseHTTPRequestHandler):
    """Answers sums by a program; counts what it is asked."""

    asked = 0
    last = None  # the last message of the last request
    refuse = staticmethod(lambda body: None)  # the message of a 400, or None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked += 1
        type(self).last = body["messages"][-1]
        refused = self.refuse(body)
        if refused is not None:
            self.send(400, {"object": "error", "message": refused, "type": "BadRequestError", "code": 400})
            return
        a, b = [("0", "0"), *re.findall(r"What is (\d+) \+ (\d+)", body["messages"][0]["content"])][-1]
        message = {"role": "assistant", "content": f"```python\n# Step 1: add.\n{a} + {b}\n```"}
        reply = {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 50, "completion_tokens": 12},
        }
        self.send(200, reply)

    def send(self, status, reply):
        text = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def address():
    Adder.asked, Adder.refuse = 0, staticmethod(lambda body: None)
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


def _section(tmp_path, address, **more):
    """The settings of a stage that asks the endpoint of five sums, the last of them in many words."""
    rows = [{"problem": f"What is {i} + 7?", "reference": str(i + 7)} for i in range(4)]
    rows.append({"problem": f"{'Well then. ' * 99}What is 4 + 7?", "reference": "11"})
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    jail = {"workers": 1, "preload": []}
    return {"problems": str(tmp_path / "p.jsonl"), "environment": jail, "out": str(tmp_path / "out")} | more


def _far(address):
    return {"far": {"kind": "endpoint", "base_url": address, "model": "m"}}


def _too_long(body):
    return "the prompt is too long" if "Well then." in body["messages"][0]["content"] else None


def test_a_refused_problem_is_set_aside_in_growing_and_wrong_in_evaluation(tmp_path, address):
    Adder.refuse = staticmethod(_too_long)
    section = _section(tmp_path, address, out=str(tmp_path / "forest"), actors=_far(address), ladder=["far"])
    grown = run_single("grow", section | {"policy": {"batches": [1], "max_turns": 1}})["report"]
    assert (grown["trees"], grown["correct"]) == (4, 4)
    (refused,) = grown["refused"]
    assert refused.endswith("answered 400: the prompt is too long")
    # The refused one, and once the same settings with harmless words.
    assert Adder.asked == 5 + 1
    evaluated = run_single("evaluate", _section(tmp_path, address, models=_far(address)))["report"]
    assert [group["value"] for group in evaluated["groups"]] == [0.8]


def test_a_refusal_of_every_request_ends_the_run_in_one_sentence(tmp_path, address):
    Adder.refuse = staticmethod(lambda body: "seed is not permitted")
    section = _section(tmp_path, address, actors=_far(address), ladder=["far"])
    with pytest.raises(ActorError, match=r"answered 400: seed is not permitted; a harmless prompt is refused too"):
        run_single("grow", section)


@pytest.mark.parametrize("takes", [False, True], ids=["endpoint-without", "endpoint-with"])
def test_a_prefill_is_sent_only_where_the_endpoint_takes_one(tmp_path, address, takes):
    far = {"far": _far(address)["far"] | {"prefill": takes}}
    section = _section(tmp_path, address, actors=far, ladder=["far"])
    run_single("grow", section | {"policy": {"batches": [1], "max_turns": 1, "prefill": "```python\n"}})
    assert (Adder.last == {"role": "assistant", "content": "```python\n"}) is takes
    with Forest(tmp_path / "out", readonly=True) as forest:
        requests = [json.loads(row) for (row,) in forest._reader.execute("SELECT request FROM calls")]
        texts = [action.text for tree in forest.trees() for action in tree.turns[0].correct]
    assert {request["prefill"] for request in requests} == {"```python\n" if takes else ""}
    # The server gave the whole block both times: no start stands there twice, none is missing.
    assert texts[0] == "```python\n# Step 1: add.\n0 + 7\n```"


def test_a_budget_for_one_call_at_a_time_is_enough_at_any_concurrency(tmp_path, address):
    """A call costs 62 tokens and may cost a thousand and more: others wait for what those in flight give back."""
    section = _section(tmp_path, address, actors=_far(address), ladder=["far"])
    section["policy"] = {"batches": [1], "max_turns": 1, "schemata": []}
    with pytest.raises(Stopped, match=r"the budget of 1600 tokens has \d+ left, and the next call may take 2137"):
        run_single("grow", section | {"budget": {"tokens": 1600}})
    assert Adder.asked == 4
    report = run_single("grow", section | {"budget": {"tokens": 2800}})["report"]
    assert (report["trees"], report["account"]["output_tokens"]) == (5, 5 * 12)


@pytest.mark.parametrize(
    "free",
    [
        pytest.param({"timeout_s": 9, "attempts": 2, "max_connections": 3}, id="how"),
        pytest.param({"input_usd": 1.0, "cached_input_usd": 0.5, "output_usd": 2.0}, id="prices"),
        pytest.param({"max_batch": 4}, id="batch"),
    ],
)
def test_settings_that_decide_no_answer_may_change_before_a_run_goes_on(tmp_path, address, free):
    section = _section(tmp_path, address, actors=_far(address), ladder=["far"])
    section["policy"] = {"batches": [1], "max_turns": 1}
    with pytest.raises(Stopped):
        run_single("grow", section | {"budget": {"calls": 2}})
    far = _far(address)["far"]
    with pytest.raises(InputError, match=r'other settings \(actors\.far\.model: was "m", is "n"\)'):
        run_single("grow", section | {"actors": {"far": far | {"model": "n"}}})
    report = run_single("grow", section | {"actors": {"far": far | free}})["report"]
    assert (report["trees"], Adder.asked) == (5, 5)
