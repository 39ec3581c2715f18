"""Uploading, against a small server on this machine that speaks the hub's routes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from preftree.errors import InputError, TrainingError
from preftree.train.publish import check_push, push, uploaded

MODEL = [
    "README.md", "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "chat_template.jinja",
    "config.json", "generation_config.json", "metrics.jsonl", "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors", "model.safetensors.index.json", "settings.json", "tokenizer.json",
    "tokenizer_config.json",
]  # fmt: skip
KEPT = [
    "adapter/README.md", "best/model.safetensors", "begun.json", "checkpoint-3/model.safetensors",
    "checkpoint-3/optimizer.pt", "checkpoint-3/config.json", "prepared/train/tokens.bin", "prepared/train/store.json",
    "reference/abc.safetensors", "report.json", "rows_set_aside.json", "stage.json", ".env", "training_args.bin",
]  # fmt: skip


class Hub(ThreadingHTTPServer):
    """Keeps what is committed. `status` is what a creation is answered with."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Routes)
        self.files: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.status = 200

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Routes(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.add(self.headers["Authorization"])
        if self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self.answer({"url": f"{self.server.address}/me/model"}, self.server.status)
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif self.path == "/api/models/me/model/preupload/main":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self.answer({"files": files})
        elif self.path == "/api/models/me/model/commit/main":
            lines = [json.loads(line) for line in body.splitlines()]
            for line in lines:
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer({"commitUrl": f"{self.server.address}/me/model/commit/abc", "commitOid": "abc"})
        else:
            self.answer({"error": f"no such route: {self.path}"}, 404)

    def answer(self, content: Any, status: int = 200) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for name in (*MODEL, *KEPT):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")
    return tmp_path


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    return "hf_of_the_environment"


def test_what_belongs_to_the_model_is_uploaded(hub: Hub, out: Path, token: str) -> None:
    address = push(out, "me/model", private=True, endpoint=hub.address)
    assert address == f"{hub.address}/me/model/commit/abc"
    assert hub.files == {name: f"content of {name}".encode() for name in MODEL}
    assert [(made["name"], made["organization"]) for made in hub.created] == [("model", "me")]
    assert hub.tokens == {f"Bearer {token}"}


@pytest.mark.parametrize("private", [True, False])
def test_the_repository_is_private_or_not(hub: Hub, out: Path, token: str, private: bool) -> None:
    push(out, "me/model", private=private, endpoint=hub.address)
    assert hub.created[0]["visibility"] == ("private" if private else "public")


def test_uploading_again_is_no_fault(hub: Hub, out: Path, token: str) -> None:
    push(out, "me/model", private=True, endpoint=hub.address)
    hub.status = 409
    (out / "README.md").write_text("changed")
    push(out, "me/model", private=True, endpoint=hub.address)
    assert hub.files["README.md"] == b"changed"


def test_a_refusal_is_one_sentence(hub: Hub, out: Path, token: str) -> None:
    hub.status = 403
    with pytest.raises(TrainingError, match=r"is finished, but me/model could not be uploaded: .*403"):
        push(out, "me/model", private=True, endpoint=hub.address)
    assert uploaded(out) == MODEL


def test_no_hub_is_one_sentence(out: Path, token: str) -> None:
    with Hub() as closed:
        address = closed.address
    with pytest.raises(TrainingError, match="is finished, but me/model could not be uploaded: "):
        push(out, "me/model", private=True, endpoint=address)


@pytest.mark.parametrize(
    ("repo_id", "value", "says"),
    [
        pytest.param("me/model", None, "no token; set HF_TOKEN", id="no-token"),
        pytest.param("me/model", " ", "no token; set HF_TOKEN", id="blank-token"),
        pytest.param("not an id", "hf_x", "expected a hub id such as me/model", id="no-id"),
        pytest.param("a/b/c", "hf_x", "expected a hub id such as me/model", id="too-deep"),
    ],
)
def test_what_is_wrong_is_said_before_training(
    monkeypatch: pytest.MonkeyPatch, repo_id: str, value: str | None, says: str
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("HF_TOKEN", value)
    with pytest.raises(InputError, match=says):
        check_push(repo_id)
