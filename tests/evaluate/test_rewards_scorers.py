"""Rewards of a model and of a policy against its reference: equal to plain transformers, kept as they come."""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, LlamaConfig

from preftree.errors import InputError
from preftree.evaluate.kept import Kept
from preftree.evaluate.rewards import ScorerSettings, score_groups
from preftree.records import Message
from preftree.tries import LogpModel, RewardModel
from preftree.tries.asking import Asked

GROUPS = [
    [(Message("user", "one and one"), Message("assistant", text)) for text in ("2", "3", "it is 2")],
    [(Message("user", "why"), Message("assistant", "because"))],
    [],
    [(Message("user", "one and one"), Message("assistant", "2"))],  # equal to one above
]


def flat(rewards: list[list[float]]) -> list[float]:
    return [reward for members in rewards for reward in members]


@pytest.fixture(scope="module")
def reward_model(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The tiny model with a random head."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.3, num_labels=1, pad_token_id=tokenizer.pad_token_id,
        max_position_embeddings=512,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("reward")
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The tiny model, moved a little."""
    folder = tmp_path_factory.mktemp("policy")
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn_like(weight)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


@functools.cache
def plain_logps(folder: Path) -> list[list[tuple[float, int]]]:
    """Of each answer with the end of its turn, token by token, a conversation at a time."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def one(talk: tuple[Message, ...]) -> tuple[float, int]:
        turns = [{"role": message.role, "content": message.content} for message in talk]
        whole = tokenizer.apply_chat_template(turns, return_dict=False)
        start = len(tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, return_dict=False))
        with torch.no_grad():
            logps = model(torch.tensor([whole])).logits[0].log_softmax(-1)
        return sum(float(logps[at - 1, whole[at]]) for at in range(start, len(whole))), len(whole) - start

    return [[one(talk) for talk in members] for members in GROUPS]


def test_a_reward_model_is_read_once_and_kept(reward_model: Path, tmp_path: Path) -> None:
    settings = ScorerSettings(str(reward_model), precision="fp32")
    plain = RewardModel(str(reward_model), precision="fp32").score(GROUPS)
    scores = Kept(tmp_path / "scores.jsonl")
    got = score_groups(settings, GROUPS, scores)
    assert [len(members) for members in got] == [3, 1, 0, 1]
    assert flat(got) == pytest.approx(flat(plain), rel=1e-5)
    assert got[3][0] == got[0][0]
    # Four of the five conversations differ.
    assert len((tmp_path / "scores.jsonl").read_text().splitlines()) == 4
    assert score_groups(settings, GROUPS, Kept(tmp_path / "scores.jsonl")) == got
    assert len((tmp_path / "scores.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize("max_tokens", [40, 4096])
def test_rows_give_what_tries_give(reward_model: Path, max_tokens: int) -> None:
    tries = RewardModel(str(reward_model), precision="fp32").score(GROUPS)
    rows = RewardModel(str(reward_model), precision="fp32", layout="rows", max_tokens=max_tokens).score(GROUPS)
    assert flat(rows) == pytest.approx(flat(tries), rel=1e-5)


@pytest.mark.parametrize("normalise", ["sum", "mean"])
@pytest.mark.parametrize("with_reference", [True, False], ids=["reference", "reference-free"])
def test_the_implicit_reward_by_hand(
    policy: Path, tiny_model: Path, tmp_path: Path, normalise: Any, with_reference: bool
) -> None:
    settings = ScorerSettings(
        str(policy), kind="implicit", reference_model=str(tiny_model) if with_reference else "", beta=0.5,
        normalise=normalise, precision="fp32",
    )  # fmt: skip
    got = score_groups(settings, GROUPS, Kept(tmp_path / "scores.jsonl"))
    reference = plain_logps(tiny_model)
    for g, members in enumerate(plain_logps(policy)):
        for p, (logp, tokens) in enumerate(members):
            gain = logp - (reference[g][p][0] if with_reference else 0.0)
            assert got[g][p] == pytest.approx(
                0.5 * (gain / tokens if normalise == "mean" else gain), rel=1e-4, abs=1e-5
            )


def test_a_reference_is_scored_once_for_several_policies(
    policy: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ScorerSettings(str(policy), kind="implicit", reference_model=str(tiny_model), precision="fp32")
    first = score_groups(settings, GROUPS, Kept(tmp_path / "scores.jsonl"))
    monkeypatch.setattr(Asked, "passes", lambda *_: pytest.fail("scored again"))
    again = ScorerSettings(str(tiny_model), kind="implicit", reference_model=str(policy), beta=0.2, precision="fp32")
    swapped = score_groups(again, GROUPS, Kept(tmp_path / "scores.jsonl"))
    assert flat(swapped) == pytest.approx([-2 * reward for reward in flat(first)])


def test_what_cannot_be_read_is_kept_as_such(reward_model: Path, tmp_path: Path, capsys: Any) -> None:
    groups = [[(Message("user", "why"), Message("assistant", text)) for text in ("so", "b" * 600)]]
    settings = ScorerSettings(str(reward_model), precision="fp32")
    got = score_groups(settings, groups, Kept(tmp_path / "scores.jsonl"))
    assert math.isfinite(got[0][0])
    assert got[0][1] == -math.inf
    assert "1 answers set aside with a reward of -inf: longer than the limit of 512 tokens" in capsys.readouterr().err
    lines = (tmp_path / "scores.jsonl").read_text().splitlines()
    assert [json.loads(line)[1][0] is None for line in lines] == [False, True]
    assert score_groups(settings, groups, Kept(tmp_path / "scores.jsonl")) == got


# A model that takes no time to load: a pass a group, a reward by the last letters; it dies when it is told to.
FAKE = """
import os, signal
from collections import Counter
import preftree.tries
from preftree.tries.asking import Answered

class Fake:
    dies_after, passed = None, []

    def __init__(self, path, **settings):
        self.set_aside = Counter()

    def passes(self, conversations):
        for group, members in enumerate(conversations):
            if Fake.dies_after == group:
                with open(FILE, "a") as stream:
                    stream.write('["half a line')
                os.kill(os.getpid(), signal.SIGKILL)
            Fake.passed.append(group)
            yield [Answered(group, place, len(talk[-1].content) / 3) for place, talk in enumerate(members)]
"""


def test_a_killed_scoring_goes_on(reward_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL between two passes, within a line: what was on disk is not computed again, and the rewards are right."""
    file, go = tmp_path / "scores.jsonl", """
        from preftree.evaluate.rewards import ScorerSettings, score_groups
        from preftree.evaluate.kept import Kept
        from preftree.records import Message
        from pathlib import Path
        groups = [[(Message("user", f"why {n}"), Message("assistant", t)) for t in ("a", "bb")] for n in range(12)]
        rewards = score_groups(ScorerSettings(MODEL, precision="fp32"), groups, Kept(Path(FILE)))
    """  # fmt: skip
    names: dict[str, Any] = {"FILE": str(file), "MODEL": str(reward_model)}
    code = "\n".join(f"{name} = {value!r}" for name, value in names.items()) + FAKE
    code += "preftree.tries.RewardModel = Fake\nFake.dies_after = 5\n" + textwrap.dedent(go)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert file.read_text().endswith('\n["half a line')
    exec(FAKE, names)
    monkeypatch.setattr("preftree.tries.RewardModel", names["Fake"])
    exec(textwrap.dedent(go), names)
    assert len(names["Fake"].passed) == 12 - 5
    assert names["rewards"] == [[1 / 3, 2 / 3]] * 12
    assert len(file.read_text().splitlines()) == 24


def test_other_weights_get_no_stored_reward(reward_model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    model = AutoModelForSequenceClassification.from_pretrained(reward_model)
    with torch.no_grad():
        model.score.weight += 1
    model.save_pretrained(other)
    AutoTokenizer.from_pretrained(reward_model).save_pretrained(other)
    scores = Kept(tmp_path / "scores.jsonl")
    first = score_groups(ScorerSettings(str(reward_model), precision="fp32"), GROUPS, scores)
    second = score_groups(ScorerSettings(str(other), precision="fp32"), GROUPS, scores)
    assert first != second
    assert len(scores) == 8


def test_a_broken_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "scores.jsonl").write_text('["a", [1.0, 0]]\n{}\n')
    with pytest.raises(InputError, match=r"scores\.jsonl row 2: no kept value"):
        Kept(tmp_path / "scores.jsonl")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"model": ""}, "model: expected embedded", id="no model"),
        pytest.param({"model": "a", "reference_model": "b"}, "did you mean kind=implicit", id="reference"),
        pytest.param({"model": "a", "beta": 0.0}, "beta: expected more than 0", id="beta"),
        pytest.param({"model": "a", "max_tokens": 0}, "max_tokens: expected 1 or more", id="tokens"),
        pytest.param({"model": "a", "precision": "fp8"}, "precision: expected", id="precision"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ScorerSettings(**settings)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model \./gone: no such folder"):
        score_groups(ScorerSettings("./gone"), GROUPS, Kept(tmp_path / "scores.jsonl"))
    with pytest.raises(InputError, match="model nowhere: no model directory there"):
        LogpModel("nowhere")


@pytest.mark.parametrize("max_tokens", [1, 30, 80, 4096])
def test_groups_stay_together_where_they_fit(
    tiny_model: Path, max_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pass is over the budget unless one conversation is, and no group that fits is torn."""
    model = LogpModel(str(tiny_model), precision="fp32", max_tokens=max_tokens)
    passes = [{(one.group, one.place) for one in answered} for answered in model.passes(GROUPS)]
    assert sorted(place for each in passes for place in each) == [(0, 0), (0, 1), (0, 2), (1, 0), (3, 0)]
    if max_tokens >= 80:
        assert all(len({(0, 0), (0, 1), (0, 2)} & each) in (0, 3) for each in passes)
    if max_tokens == 1:
        assert len(passes) == 5
    if max_tokens == 4096:
        assert len(passes) == 1
